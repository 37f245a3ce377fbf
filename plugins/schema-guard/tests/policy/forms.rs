//! R14: forms as objects.

use super::{config, sent};
use serde_json::json;
use testkit::request;

fn form(schema: serde_json::Value, limits: serde_json::Value) -> String {
    let body = json!({"body": {"content": {"application/x-www-form-urlencoded": {"schema": schema}}}});
    config(json!({ "limits": limits, "schemas": { "https://example.com/id": { "type": "integer" } } }), body)
}

fn head() -> testkit::RequestBuilder {
    request("POST", "/users").header("content-type", "application/x-www-form-urlencoded")
}

fn closed(properties: serde_json::Value) -> serde_json::Value {
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

fn verdict(schema: &serde_json::Value, body: &str) -> String {
    sent(&form(schema.clone(), json!({})), head(), body).verdict()
}

#[test]
fn r14_a_form_is_an_object_of_its_fields() {
    let seen = |body: &str| verdict(&super::user(), body);
    assert_eq!(seen("user_id=1&email=a%40example.com"), "pass");
    assert_eq!(seen("&email=a@example.com&&user%5Fid=1&"), "pass");
    for body in [
        "user_id=0&email=a@example.com",
        "user_id=1.5&email=a@example.com",
        "user_id=%2B1&email=a@example.com",
        "user_id=+1&email=a@example.com",
        "user_id=01&email=a@example.com",
        "user_id=0x1&email=a@example.com",
        "user_id=&email=a@example.com",
        "user_id=1&email=x",
        "user_id=1",
        "user_id=1&email=a@example.com&admin=true",
        "user_id=1&email=a@example.com&",
        "%20user_id=1&email=a@example.com",
        "{}",
    ] {
        let expected = if body.ends_with('&') { "pass" } else { "422 schema.invalid" };
        assert_eq!(seen(body), expected, "{body}");
    }
}

#[test]
fn r14_text_is_what_the_schema_says_it_is() {
    let values = |schema: serde_json::Value| closed(json!({ "a": schema }));
    for (schema, text, expected) in [
        (json!({"const": true, "type": "boolean"}), "true", "pass"),
        (json!({"type": "boolean"}), "1", "422 schema.invalid"),
        (json!({"type": "null"}), "null", "pass"),
        (json!({"type": "null"}), "", "422 schema.invalid"),
        (json!({"type": "number", "minimum": 9_007_199_254_740_993_u64}), "9007199254740993", "pass"),
        (
            json!({"type": "number", "minimum": 9_007_199_254_740_993_u64}),
            "9007199254740992",
            "422 schema.invalid",
        ),
        (json!({"type": "string"}), "1", "pass"),
        (json!({"type": ["integer", "string"]}), "1", "pass"),
        (json!({"type": ["integer", "string"], "maximum": 1}), "2", "422 schema.invalid"),
        (json!({"$ref": "https://example.com/id"}), "2", "pass"),
        (json!({"$ref": "https://example.com/id"}), "b", "422 schema.invalid"),
        (json!({"const": "a b+c&d=é"}), "a+b%2bc%26d%3D%C3%A9", "pass"),
        (json!({"const": "a=b"}), "a=b", "pass"),
        (json!({"minLength": 1}), "1", "pass"),
        (json!({"type": "object"}), "{}", "422 schema.invalid"),
    ] {
        assert_eq!(verdict(&values(schema.clone()), &format!("a={text}")), expected, "{schema} {text}");
    }
    // A name in brackets is a name.
    let brackets = closed(json!({"a[b]": {"const": "1"}}));
    assert_eq!(verdict(&brackets, "a%5Bb%5D=1"), "pass");
    assert_eq!(verdict(&brackets, "a[b]=1"), "pass");
}

#[test]
fn r14_a_name_twice_is_an_array_where_there_may_be_one() {
    let list = |schema: serde_json::Value| closed(json!({ "a": schema }));
    let numbers = list(json!({"type": "array", "items": {"type": "integer"}, "maxItems": 2}));
    for (body, expected) in [
        ("a=1&a=2", "pass"),
        ("a=1", "pass"),
        ("a=1&%61=2", "pass"),
        ("a=1&a=b", "422 schema.invalid"),
        ("a=1&a=2&a=3", "422 schema.invalid"),
        ("a=1,2", "422 schema.invalid"),
    ] {
        assert_eq!(verdict(&numbers, body), expected, "{body}");
    }
    let either = list(json!({"type": ["string", "array"], "items": {"type": "string"}}));
    assert_eq!(verdict(&either, "a=1"), "pass");
    assert_eq!(verdict(&either, "a=1&a=2"), "pass");
    for schema in [json!({"type": "string"}), json!({}), json!(true)] {
        for body in ["a=1&a=1", "a=1&b=2&%61=2", "a&a"] {
            assert_eq!(
                verdict(&json!({"properties": {"a": schema}}), body),
                "400 schema.duplicate",
                "{schema} {body}"
            );
        }
    }
}

#[test]
fn r14_text_without_one_reading_is_malformed() {
    let any = json!({});
    for body in ["a=%", "a=%4", "a=%zz", "%=1", "a=%ff", "a=%c3", "%ed%a0%80=1", "b=1&a=%C0%80"] {
        assert_eq!(verdict(&any, body), "400 schema.malformed", "{body}");
    }
    let seen = sent(&form(any, json!({})), head(), b"b=1&a=\xff");
    assert_eq!(seen.verdict(), "400 schema.malformed");
    assert_eq!(seen.line()["note"], "not percent-encoded UTF-8, at byte 4");
}

#[test]
fn r14_limits_hold_for_forms() {
    let limits = json!({"values": 6, "members": 3, "items": 3, "name": 3, "string": 4, "number": 3});
    let schema = json!({"properties": {"n": {"type": "number"}, "l": {"type": "array"}}});
    for (body, limit) in [
        ("a=1&b=2&c=3&d=4", "members"),
        ("l=1&l=2&l=3&l=4", "items"),
        ("l=1&l=2&l=3&a=1&b=1&a=1&b=2", "values"),
        ("abcd=1", "name"),
        ("a=abcde", "string"),
        ("n=1234", "number"),
    ] {
        let seen = sent(&form(schema.clone(), limits.clone()), head(), body);
        assert_eq!(seen.verdict(), "400 schema.limit", "{body}");
        assert_eq!(seen.line()["note"], format!("limits.{limit}"));
    }
    assert_eq!(sent(&form(schema, limits), head(), "l=1&l=2&l=3&abc=abcd&n=123").verdict(), "pass");
}
