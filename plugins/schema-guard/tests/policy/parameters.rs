//! R7: parameters come before the body, those of the rule and those of the operation.

use super::{GOOD, asked, sent, user};
use serde_json::{Value, json};
use testkit::request;

fn config(whole: Value) -> String {
    let mut all = json!({
        "version": 1,
        "rules": [{
            "name": "user",
            "match": { "path": { "template": "/users/{id}" } },
            "parameters": [{ "name": "id", "in": "path", "schema": { "type": "integer", "minimum": 1 } }],
            "operations": {
                "GET": { "parameters": [{ "name": "page", "in": "query", "schema": { "type": "integer" } }] },
                "PUT": {
                    "parameters": [{ "name": "If-Match", "in": "header", "required": true, "schema": { "minLength": 3 } }],
                    "body": { "content": { "application/json": { "schema": user() } } }
                },
                "DELETE": { "other_query": "deny" }
            }
        }]
    });
    super::merge(&mut all, whole);
    all.to_string()
}

#[test]
fn r7_a_parameter_breaks_its_schema_before_the_body_is_looked_at() {
    let plain = config(json!({}));
    for (method, path, expected) in [
        ("GET", "/users/1", "pass"),
        ("GET", "/users/%31?page=2", "pass"),
        ("GET", "/users/0", "400 schema.parameter"),
        ("GET", "/users/x", "400 schema.parameter"),
        ("GET", "/users/1?page=b", "400 schema.parameter"),
        ("GET", "/users/1?page=1&page=2", "400 schema.parameter"),
        ("GET", "/users/1?other=1", "400 schema.parameter"),
        ("DELETE", "/users/1?other=1", "400 schema.parameter"),
        ("PUT", "/users/1", "400 schema.parameter"),
    ] {
        assert_eq!(asked(&plain, request(method, path)).verdict(), expected, "{method} {path}");
    }
    let put = request("PUT", "/users/1?any=1").header("content-type", "application/json");
    assert_eq!(sent(&plain, put.clone(), GOOD).verdict(), "400 schema.parameter");
    assert_eq!(
        sent(&plain, put.clone().header("content-encoding", "gzip"), GOOD).verdict(),
        "400 schema.parameter"
    );
    assert_eq!(sent(&plain, put.clone().header("if-match", "\"1\""), GOOD).verdict(), "pass");
    assert_eq!(sent(&plain, put.header("if-match", "\"1\""), "1").verdict(), "422 schema.invalid");
}

#[test]
fn r15_a_parameter_is_named_and_an_unknown_one_is_not() {
    let seen = asked(&config(json!({})), request("GET", "/users/0?page=geheim&geheim=1"));
    let mut errors: Vec<String> =
        seen.problem()["errors"].as_array().unwrap().iter().map(Value::to_string).collect();
    errors.sort();
    assert_eq!(
        errors,
        [
            json!({"in": "path", "parameter": "id", "keyword": "minimum"}).to_string(),
            json!({"in": "query", "parameter": "page", "keyword": "type"}).to_string(),
            json!({"in": "query", "parameter": "*", "keyword": "unknown"}).to_string(),
        ]
    );
    assert!(!seen.body().contains("geheim"));
    let terse = asked(&config(json!({"verbose": false})), request("GET", "/users/0"));
    assert_eq!(terse.problem()["errors"], Value::Null);
    assert_eq!(terse.line()["violations"], json!(["path id: minimum"]));
}
