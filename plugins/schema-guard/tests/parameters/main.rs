//! Parameters of path, query and header: which values pass, and what the answer says of those that do not.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test, or a helper of one, may stop at the first surprise"
)]

mod places;

use filter_core::filter::Flow;
use proptest::prelude::*;
use schema_guard::SchemaGuard;
use serde_json::{Value, json};
use testkit::{Exchange, request};

/// A filter with one operation, `GET /items/{id}`, with these parameters and further keys.
struct Api(Exchange<SchemaGuard>);

impl Api {
    fn new(parameters: Value) -> Self {
        Self::with(parameters, json!({}))
    }

    fn with(parameters: Value, operation: Value) -> Self {
        Self::whole(parameters, operation, json!({}))
    }

    fn whole(parameters: Value, mut operation: Value, limits: Value) -> Self {
        operation.as_object_mut().unwrap().insert("parameters".to_owned(), parameters);
        let config = json!({
            "version": 1,
            "limits": limits,
            "schemas": { "https://example.com/types.json": { "$defs": { "count": { "type": "integer" } } } },
            "rules": [{
                "name": "items",
                "match": { "path": { "template": "/items/{id}" } },
                "operations": { "GET": operation }
            }]
        });
        Self(Exchange::new(&config.to_string()))
    }

    /// `pass`, or what the answer says: `query page: type`, several separated by commas.
    fn get(&mut self, path: &str) -> String {
        self.with_headers(path, &[])
    }

    fn with_headers(&mut self, path: &str, headers: &[(&str, &[u8])]) -> String {
        self.0.next_stream();
        let mut head = request("GET", path);
        for (name, value) in headers {
            head = head.header(name, value);
        }
        let reply = match self.0.request(head).flow {
            Flow::Continue => return "pass".to_owned(),
            Flow::Pause => panic!("waits"),
            Flow::Reply(reply) => reply,
        };
        assert_eq!((reply.status, reply.details.as_str()), (400, "portcullis_schema.parameter"), "{path}");
        let problem: Value = serde_json::from_slice(&reply.body).unwrap();
        let errors = problem.get("errors").and_then(Value::as_array).cloned().unwrap_or_default();
        let text = |error: &Value, key: &str| error[key].as_str().unwrap_or_default().to_owned();
        let said: Vec<String> = errors
            .iter()
            .map(|error| {
                let [place, name, keyword] = ["in", "parameter", "keyword"].map(|key| text(error, key));
                format!("{place} {name}{}: {keyword}", text(error, "pointer").trim_start_matches('#'))
            })
            .collect();
        said.join(", ")
    }

    fn queries(&mut self, cases: &[(&str, &str)]) {
        for (query, expected) in cases {
            assert_eq!(self.get(&format!("/items/1?{query}")), *expected, "{query}");
        }
    }
}

/// One parameter of the query, `p`, of this schema.
fn query(schema: Value) -> Api {
    Api::new(json!([{ "name": "p", "in": "query", "schema": schema }]))
}

#[test]
fn text_is_read_as_the_type_that_the_schema_names() {
    query(json!({ "type": "integer", "minimum": 1, "maximum": 9_007_199_254_740_993_u64 })).queries(&[
        ("p=1", "pass"),
        ("p=%31%30", "pass"),
        ("p=9007199254740993", "pass"),
        ("p=9007199254740994", "query p: maximum"),
        ("p=0", "query p: minimum"),
        ("p=-0", "query p: minimum"),
        ("p=-1", "query p: minimum"),
        ("p=01", "query p: type"),
        ("p=1.0", "query p: type"),
        ("p=1e3", "query p: type"),
        ("p=%2B1", "query p: type"),
        ("p=+1", "query p: type"),
        ("p=%201", "query p: type"),
        ("p=1%20", "query p: type"),
        ("p=0x1", "query p: type"),
        ("p=1_000", "query p: type"),
        ("p=%D9%A1", "query p: type"),
        ("p=", "query p: type"),
        ("p", "query p: type"),
        ("p=true", "query p: type"),
    ]);
    query(json!({ "type": "number", "multipleOf": 0.01 })).queries(&[
        ("p=19.99", "pass"),
        ("p=1e3", "pass"),
        ("p=-1.0E-2", "pass"),
        ("p=1e400", "pass"),
        ("p=0.001", "query p: multipleOf"),
        ("p=.5", "query p: type"),
        ("p=1.", "query p: type"),
        ("p=NaN", "query p: type"),
        ("p=Infinity", "query p: type"),
    ]);
    query(json!({ "type": "boolean" })).queries(&[
        ("p=true", "pass"),
        ("p=false", "pass"),
        ("p=True", "query p: type"),
        ("p=1", "query p: type"),
    ]);
    query(json!({ "type": "string", "maxLength": 3 })).queries(&[
        ("p=123", "pass"),
        ("p=", "pass"),
        ("p=null", "query p: maxLength"),
        ("p=%C3%A4%C3%B6%C3%BC", "pass"),
        ("p=%C3%A4%C3%B6%C3%BC1", "query p: maxLength"),
    ]);
    query(json!({ "type": ["integer", "null", "boolean"] })).queries(&[
        ("p=null", "pass"),
        ("p=12", "pass"),
        ("p=true", "pass"),
        ("p=nil", "query p: type"),
    ]);
    query(json!({ "type": ["integer", "string"], "pattern": "^[a-z]+$", "maximum": 5 })).queries(&[
        ("p=5", "pass"),
        ("p=6", "query p: maximum"),
        ("p=abc", "pass"),
        ("p=1.5", "query p: pattern"),
    ]);
}

#[test]
fn the_type_is_found_where_the_schema_says_it() {
    for schema in [
        json!({ "$ref": "https://example.com/types.json#/$defs/count" }),
        json!({ "$ref": "#/$defs/a~1b", "$defs": { "a/b": { "type": "integer" } } }),
        json!({ "allOf": [{ "minimum": 0 }, { "type": ["integer", "string"] }, { "type": ["integer", "null"] }] }),
        json!({ "anyOf": [{ "type": "integer" }, { "type": "boolean" }] }),
        json!({ "enum": [12, 13] }),
        json!({ "const": 12 }),
    ] {
        let mut api = query(schema.clone());
        assert_eq!(api.get("/items/1?p=12"), "pass", "{schema}");
        assert_ne!(api.get("/items/1?p=x"), "pass", "{schema}");
    }
    // Nothing says a type: the value is a string.
    query(json!({ "enum": ["12"] })).queries(&[("p=12", "pass"), ("p=13", "query p: enum")]);
    query(json!({ "pattern": "^1" })).queries(&[("p=12", "pass"), ("p=2", "query p: pattern")]);
}

#[test]
fn what_is_missing_given_twice_or_unknown_is_refused() {
    let mut api = Api::new(json!([
        { "name": "p", "in": "query", "required": true, "schema": { "type": "string" } },
        { "name": "a b", "in": "query", "schema": { "type": "string" } }
    ]));
    api.queries(&[
        ("p=1", "pass"),
        ("&&p=1&", "pass"),
        ("p=1&a%20b=2", "pass"),
        ("p=1&a+b=2", "pass"),
        ("", "query p: required"),
        ("p=1&p=1", "query p: duplicate"),
        ("p=1&%70=2", "query p: duplicate"),
        ("p=1&P=2", "query *: unknown"),
        ("p=1&secret=2&other=3", "query *: unknown"),
        ("p=1&=2", "query *: unknown"),
        ("p=1&p[]=2", "query *: unknown"),
        ("secret=1", "query *: unknown, query p: required"),
    ]);
    assert_eq!(api.get("/items/1"), "query p: required");
}

#[test]
fn others_pass_where_none_is_named_or_the_operation_says_so() {
    assert_eq!(Api::new(json!([])).get("/items/1?x=1&x=%zz"), "pass");
    let mut none = Api::with(json!([]), json!({ "other_query": "deny" }));
    none.queries(&[("", "pass"), ("x=1", "query *: unknown")]);
    let named = json!([{ "name": "p", "in": "query", "schema": { "type": "integer" } }]);
    Api::with(named, json!({ "other_query": "allow" })).queries(&[
        ("x=1&x=%zz", "pass"),
        ("x=1&p=a", "query p: type"),
        // What is one parameter here may be two elsewhere.
        ("x=1;p=a", "query *: encoding"),
        ("x;p=a", "query *: encoding"),
        ("%zz=1", "query *: encoding"),
    ]);
}

#[test]
fn text_is_decoded_once_and_strictly() {
    query(json!({ "type": "string", "enum": ["a b", "%41", "a;b", "a&b=c", "+"] })).queries(&[
        ("p=a+b", "pass"),
        ("p=a%20b", "pass"),
        ("p=%2541", "pass"),
        ("p=a%3Bb", "pass"),
        ("p=a%26b%3dc", "pass"),
        ("p=%2b", "pass"),
        ("p=a;b", "query p: encoding"),
        ("p=%", "query p: encoding"),
        ("p=%4", "query p: encoding"),
        ("p=%zz", "query p: encoding"),
        ("p=%+1", "query p: encoding"),
        ("p=%C0%80", "query p: encoding"),
        ("p=%ED%A0%80", "query p: encoding"),
        ("p=%FF", "query p: encoding"),
    ]);
    let reserved =
        json!([{ "name": "p", "in": "query", "schema": { "const": "a;b" }, "allow_reserved": true }]);
    Api::new(reserved).queries(&[("p=a;b", "pass"), ("p;=a", "query *: encoding")]);
}

#[test]
fn an_empty_value_passes_where_it_may() {
    let empty = json!([
        { "name": "p", "in": "query", "required": true, "schema": { "type": "integer" }, "allow_empty_value": true }
    ]);
    Api::new(empty).queries(&[
        ("p", "pass"),
        ("p=", "pass"),
        ("p=1", "pass"),
        ("p=x", "query p: type"),
        ("p=&p=", "query p: duplicate"),
        ("", "query p: required"),
    ]);
}

#[test]
fn arrays_in_the_query() {
    let list = json!({ "type": "array", "items": { "type": "integer" }, "maxItems": 3, "uniqueItems": true });
    query(list.clone()).queries(&[
        ("p=1", "pass"),
        ("p=1&p=2&p=%33", "pass"),
        ("p=1&p=2&p=3&p=4", "query p: maxItems"),
        ("p=1&p=1", "query p: uniqueItems"),
        ("p=1&p=x", "query p/1: type"),
        ("p=1,2", "query p/0: type"),
        ("p=", "query p/0: type"),
    ]);
    let joined = json!([{ "name": "p", "in": "query", "schema": list, "explode": false }]);
    Api::new(joined).queries(&[
        ("p=1", "pass"),
        ("p=1,2,3", "pass"),
        ("p=1,x", "query p/1: type"),
        ("p=1,", "query p/1: type"),
        // An encoded comma is part of an element.
        ("p=1%2C2", "query p/0: type"),
        ("p=1&p=2", "query p: duplicate"),
    ]);
    query(json!({ "type": "array", "prefixItems": [{ "type": "string" }, { "type": "integer" }], "items": false }))
        .queries(&[("p=1&p=2", "pass"), ("p=1&p=x", "query p/1: type")]);
}

#[test]
fn objects_in_the_query() {
    let color = json!({
        "type": "object",
        "properties": { "R": { "type": "integer" }, "name": { "type": "string" } },
        "required": ["R"],
        "additionalProperties": false
    });
    query(color.clone()).queries(&[
        ("R=100&name=7", "pass"),
        ("", "pass"),
        ("name=7", "query p/R: required"),
        ("R=x", "query p/R: type"),
        ("R=1&R=2", "query p: duplicate"),
        ("p=1", "query *: unknown"),
        ("G=1", "query *: unknown"),
    ]);
    let one = |more: Value| {
        let mut one = json!({ "name": "p", "in": "query", "required": true, "schema": color });
        one.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Api::new(json!([one]))
    };
    one(json!({ "explode": false })).queries(&[
        ("p=R,100,name,7", "pass"),
        ("p=R,100,name,a%2Cb", "pass"),
        ("p=R", "query p: type"),
        ("p=R,1,R,2", "query p: duplicate"),
        ("p=R,1,secret,2", "query p: additionalProperties"),
        ("", "query p: required"),
    ]);
    one(json!({ "style": "deepObject" })).queries(&[
        ("p[R]=100&p%5Bname%5D=7", "pass"),
        ("p[R]=x", "query p/R: type"),
        ("p[R]=1&p[R]=1", "query p: duplicate"),
        ("p[R]=1&p[secret]=1", "query p: additionalProperties"),
        ("p[R]=1&p[secret][x]=1", "query p: malformed"),
        ("p[R]=1&p[R", "query p: malformed"),
        ("p=1", "query p: type"),
        ("q[R]=1", "query *: unknown, query p: required"),
        ("", "query p: required"),
    ]);
}

#[test]
fn an_answer_never_has_what_the_client_sent() {
    let schema = json!({ "type": "object", "additionalProperties": { "type": "integer" } });
    let mut api = Api::new(json!([
        { "name": "p", "in": "query", "style": "deepObject", "schema": schema },
        { "name": "q", "in": "query", "schema": { "type": "integer" } }
    ]));
    let said = api.get("/items/1?secret=1&p[secret]=secret&q=secret");
    assert_eq!(said, "query *: unknown, query p/*: type, query q: type");
}

proptest! {
    /// Whatever the query is, it is judged, and by a value that stands for the very text.
    #[test]
    fn every_query_has_a_verdict(query in "[pq%0-9A-F&=+;,\\[\\]a-f.eE-]{0,40}") {
        let mut api = Api::new(json!([
            { "name": "p", "in": "query", "schema": { "type": "integer" } },
            { "name": "q", "in": "query", "style": "deepObject", "schema": { "type": "object" } }
        ]));
        api.get(&format!("/items/1?{query}"));
    }

    #[test]
    fn an_integer_is_what_is_written_as_one(text in "[-+0-9. eE]{0,6}") {
        let digits = text.strip_prefix('-').unwrap_or(&text);
        let integer = !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_digit())
            && (digits == "0" || !digits.starts_with('0'));
        let encoded: String = text.bytes().map(|b| format!("%{b:02X}")).collect();
        let verdict = query(json!({ "type": "integer" })).get(&format!("/items/1?p={encoded}"));
        prop_assert_eq!(verdict == "pass", integer, "{}", text);
    }
}
