//! Parameters of path and header, those that are JSON texts, and what bounds all of them.

use super::Api;
use filter_core::filter::Flow;
use schema_guard::SchemaGuard;
use serde_json::json;
use testkit::{Exchange, request};

#[test]
fn parameters_of_the_path() {
    let mut api =
        Api::new(json!([{ "name": "id", "in": "path", "schema": { "type": "integer", "minimum": 1 } }]));
    for (path, expected) in [
        ("/items/1", "pass"),
        ("/items/%31", "pass"),
        ("/items/1?x=y", "pass"),
        ("/items/0", "path id: minimum"),
        ("/items/x", "path id: type"),
        ("/items/+1", "path id: type"),
        ("/items/1e3", "path id: type"),
    ] {
        assert_eq!(api.get(path), expected, "{path}");
    }
    let list = json!({ "type": "array", "items": { "type": "integer" } });
    let mut api = Api::new(json!([{ "name": "id", "in": "path", "schema": list }]));
    assert_eq!(api.get("/items/1,2"), "pass");
    assert_eq!(api.get("/items/1,x"), "path id/1: type");
    let point = json!({ "type": "object", "properties": { "x": { "type": "integer" } }, "required": ["x"] });
    for (explode, good) in [(false, "/items/x,1"), (true, "/items/x=1")] {
        let mut api = Api::new(
            json!([{ "name": "id", "in": "path", "required": true, "schema": point, "explode": explode }]),
        );
        assert_eq!(api.get(good), "pass");
        assert_eq!(api.get("/items/x"), "path id: type");
    }
}

#[test]
fn parameters_of_the_header() {
    let list = json!({ "type": "array", "items": { "type": "integer" } });
    let mut api = Api::new(json!([
        { "name": "X-Page", "in": "header", "required": true, "schema": { "type": "integer" } },
        { "name": "X-List", "in": "header", "schema": list }
    ]));
    type Case = (&'static [(&'static str, &'static [u8])], &'static str);
    let cases: [Case; 9] = [
        (&[("x-page", b"1")], "pass"),
        (&[("X-PAGE", b"1")], "pass"),
        (&[], "header X-Page: required"),
        (&[("x-page", b"1"), ("x-page", b"1")], "header X-Page: duplicate"),
        (&[("x-page", b"1,1")], "header X-Page: type"),
        (&[("x-page", b"%31")], "header X-Page: type"),
        (&[("x-page", b"\xff")], "header X-Page: encoding"),
        (&[("x-page", b"1"), ("x-list", b"1, 2"), ("x-list", b"3")], "pass"),
        (&[("x-page", b"1"), ("x-list", b"1, 2"), ("x-list", b"x")], "header X-List/2: type"),
    ];
    for (headers, expected) in cases {
        assert_eq!(api.with_headers("/items/1", headers), expected, "{headers:?}");
    }
}

#[test]
fn a_json_text_is_a_value_of_its_own() {
    let schema = json!({ "type": "object", "properties": { "a": { "type": "integer" } }, "additionalProperties": false });
    let content =
        json!([{ "name": "p", "in": "query", "content": { "application/json": { "schema": schema } } }]);
    Api::whole(content, json!({}), json!({ "depth": 3 })).queries(&[
        ("p=%7B%22a%22:1%7D", "pass"),
        ("p=%7B%22a%22:%221%22%7D", "query p/a: type"),
        ("p=%7B%22secret%22:1%7D", "query p: additionalProperties"),
        ("p=%7B", "query p: malformed"),
        ("p=", "query p: malformed"),
        ("p=%7B%22a%22:1,%22%5Cu0061%22:1%7D", "query p: duplicate"),
        ("p=[[[[", "query p: limit"),
        ("p={}&p={}", "query p: duplicate"),
    ]);
}

#[test]
fn more_than_the_limits_allow_is_refused() {
    let parameters = json!([
        { "name": "p", "in": "query", "schema": { "type": "string" } },
        { "name": "n", "in": "query", "schema": { "type": "integer" } },
        { "name": "l", "in": "query", "schema": { "type": "array", "items": { "type": "string" } } }
    ]);
    let limits = json!({ "members": 5, "string": 8, "number": 4, "items": 3, "name": 10 });
    Api::whole(parameters, json!({}), limits).queries(&[
        ("p=12345678", "pass"),
        ("p=123456789", "query p: limit"),
        ("p=%31%31%31%31%31%31%31%31", "pass"),
        ("n=1234", "pass"),
        ("n=12345", "query n: limit"),
        ("l=1&l=2&l=3", "pass"),
        ("l=1&l=2&l=3&l=4", "query l: limit"),
        ("l=1&l=1&l=1&p=1&n=1", "pass"),
        ("l=1&l=1&l=1&p=1&n=1&p=1", "query *: limit"),
    ]);
}

#[test]
fn an_operation_overrides_its_rule() {
    let config = json!({
        "version": 1,
        "rules": [{
            "name": "items",
            "match": { "path": { "template": "/items/{id}" } },
            "parameters": [
                { "name": "id", "in": "path", "schema": { "type": "integer" } },
                { "name": "p", "in": "query", "schema": { "type": "integer" } }
            ],
            "operations": {
                "GET": {},
                "DELETE": { "parameters": [{ "name": "p", "in": "query", "required": true, "schema": { "const": "yes" } }] }
            }
        }]
    });
    let mut exchange = Exchange::<SchemaGuard>::new(&config.to_string());
    let mut passes = |method: &str, path: &str| {
        exchange.next_stream();
        exchange.request(request(method, path)).flow == Flow::Continue
    };
    assert!(passes("GET", "/items/1"));
    assert!(passes("GET", "/items/1?p=2"));
    assert!(!passes("GET", "/items/x"));
    assert!(!passes("GET", "/items/1?p=yes"));
    assert!(passes("DELETE", "/items/1?p=yes"));
    assert!(!passes("DELETE", "/items/x?p=yes"));
    assert!(!passes("DELETE", "/items/1"));
}
