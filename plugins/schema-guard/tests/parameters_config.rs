//! What is wrong with the configuration of parameters is said at its place.

use filter_core::config::load;
use schema_guard::SchemaGuard;
use serde_json::{Value, json};

/// The errors of a configuration with these parameters of `GET /items/{id}`, without the path of the list.
fn errors(parameters: Value) -> Vec<String> {
    let config = json!({
        "version": 1,
        "rules": [{
            "name": "items",
            "match": { "path": { "template": "/items/{id}" } },
            "operations": { "GET": { "parameters": parameters } }
        }]
    });
    let list = "rules[0].operations.GET.parameters";
    match load::<SchemaGuard>(config.to_string().as_bytes(), &()) {
        Ok(_) => Vec::new(),
        Err(errors) => {
            errors.as_slice().iter().map(|error| error.to_string().replacen(list, "", 1)).collect()
        }
    }
}

fn refused(parameters: Value, expected: &[&str]) {
    assert_eq!(errors(parameters.clone()), expected, "{parameters}");
}

/// One parameter with these keys beside `name`, `in: query` and a schema of a string.
fn one(more: Value) -> Value {
    let mut one = json!({ "name": "p", "in": "query", "schema": { "type": "string" } });
    if let (Value::Object(one), Value::Object(more)) = (&mut one, more) {
        for (key, value) in more {
            if value.is_null() {
                one.remove(&key);
            } else {
                one.insert(key, value);
            }
        }
    }
    json!([one])
}

#[test]
fn names_and_places() {
    refused(one(json!({})), &[]);
    refused(one(json!({ "in": "cookie" })), &["[0].in: unknown value; expected one of path, query, header"]);
    refused(one(json!({ "in": null })), &["[0].in: is required"]);
    refused(
        one(json!({ "in": "path" })),
        &["[0].name: no parameter of the path: `match.path.template` of the rule has no {p}"],
    );
    refused(one(json!({ "in": "path", "name": "id" })), &[]);
    refused(
        one(json!({ "in": "path", "name": "id", "required": false })),
        &["[0].required: a parameter of the path is always there; leave the key out"],
    );
    refused(
        one(json!({ "in": "header", "name": "a b" })),
        &["[0].name: not a header name (RFC 9110 section 5.1: letters, digits and !#$%&'*+-.^_`|~)"],
    );
    for (name, why) in [
        (
            "Accept",
            "OpenAPI ignores a parameter of this name: what an answer may be is not asked of `Accept`",
        ),
        ("CONTENT-TYPE", "OpenAPI ignores a parameter of this name: `body.content` says what it may be"),
        ("authorization", "OpenAPI ignores a parameter of this name: it is about security, as of jwt-auth"),
        ("Host", "Envoy hands `Host` over as `:authority`: `match.hosts` of the rule is about it"),
    ] {
        refused(one(json!({ "in": "header", "name": name })), &[&format!("[0].name: {why}")]);
    }
    refused(
        json!([
            { "name": "X-A", "in": "header", "schema": true },
            { "name": "x-a", "in": "header", "schema": true }
        ]),
        &["[1].name: the same parameter as rules[0].operations.GET.parameters[0]"],
    );
    refused(one(json!({ "requierd": true })), &["[0].requierd: unknown key; did you mean \"required\"?"]);
    refused(
        one(json!({ "allowEmptyValue": true })),
        &["[0].allowEmptyValue: unknown key; did you mean \"allow_empty_value\"?"],
    );
}

#[test]
fn a_rule_without_a_template_has_no_parameters_of_the_path() {
    let config = json!({
        "version": 1,
        "rules": [{
            "name": "items",
            "match": { "path": { "prefix": "/items" } },
            "parameters": [{ "name": "id", "in": "path", "schema": { "type": "integer" } }],
            "operations": { "GET": {}, "PUT": {} }
        }]
    });
    let errors =
        load::<SchemaGuard>(config.to_string().as_bytes(), &()).err().map(|errors| errors.to_string());
    assert_eq!(
        errors.as_deref(),
        Some(
            "rules[0].parameters[0].name: no parameter of the path: `match.path.template` of the rule has no {id}"
        )
    );
}

#[test]
fn styles() {
    for style in ["matrix", "label", "spaceDelimited", "pipeDelimited"] {
        refused(
            one(json!({ "style": style })),
            &[
                "[0].style: a style of OpenAPI that is not read here; expected one of simple, form, deepObject",
            ],
        );
    }
    refused(
        one(json!({ "style": "deepobject" })),
        &["[0].style: unknown value; expected one of simple, form, deepObject"],
    );
    refused(
        one(json!({ "style": "simple" })),
        &["[0].style: not for this place; expected form or deepObject"],
    );
    refused(
        one(json!({ "in": "header", "style": "form" })),
        &["[0].style: not for this place; expected simple"],
    );
    refused(
        one(json!({ "style": "deepObject", "explode": false, "schema": { "type": "object" } })),
        &["[0].explode: deepObject is always exploded; leave the key out"],
    );
    for schema in [json!({ "type": "string" }), json!({ "type": "array", "items": { "type": "string" } })] {
        refused(
            one(json!({ "style": "deepObject", "schema": schema })),
            &["[0].schema: deepObject is for `type: object`"],
        );
    }
    for key in ["allow_empty_value", "allow_reserved"] {
        refused(
            one(json!({ "in": "header", key: true })),
            &[&format!("[0].{key}: for a parameter of the query alone")],
        );
    }
}

#[test]
fn types_that_no_text_tells_apart() {
    let apart = "[0].schema: whether a text is an array, an object or neither cannot be told; expected one of them as `type`";
    for schema in [
        json!({ "type": ["array", "string"] }),
        json!({ "anyOf": [{ "type": "array" }, { "type": "integer" }] }),
        json!({ "type": ["array", "object"] }),
    ] {
        refused(one(json!({ "schema": schema })), &[apart]);
    }
    let inside = "[0].schema: arrays and objects inside of one have no form in a parameter; use `content`";
    for schema in [
        json!({ "type": "array", "items": { "type": "array" } }),
        json!({ "type": "object", "properties": { "a": { "type": "object" } } }),
        json!({ "type": "object", "properties": { "a": {} }, "additionalProperties": { "type": ["string", "array"] } }),
    ] {
        refused(one(json!({ "schema": schema })), &[inside]);
    }
    refused(
        one(json!({ "schema": { "minimum": 1 } })),
        &["[0].schema: without `type` the value is a string, of which `minimum` says nothing"],
    );
    refused(
        one(json!({ "schema": { "type": "object" } })),
        &["[0].schema: each member is a parameter of its own, and `properties` names none"],
    );
    refused(
        json!([
            { "name": "a", "in": "query", "schema": { "type": "object", "properties": { "x": true } } },
            { "name": "x", "in": "query", "schema": true }
        ]),
        &[": two parameters are read from the query parameter \"x\""],
    );
}

#[test]
fn references_are_followed() {
    let mut definitions = serde_json::Map::new();
    for index in 0..40 {
        definitions.insert(index.to_string(), json!({ "$ref": format!("#/$defs/{}", index + 1) }));
    }
    definitions.insert("40".to_owned(), json!({ "type": "array", "items": { "type": "integer" } }));
    let schema = json!({ "$ref": "#/$defs/0", "minItems": 1, "$defs": definitions });
    refused(one(json!({ "schema": schema })), &[]);
    refused(
        one(json!({ "schema": schema, "style": "deepObject" })),
        &["[0].schema: deepObject is for `type: object`"],
    );
    // One that is in itself has no form in a parameter.
    refused(
        one(json!({ "schema": { "type": "array", "items": { "$ref": "#" } } })),
        &["[0].schema: arrays and objects inside of one have no form in a parameter; use `content`"],
    );
}

#[test]
fn schema_and_content() {
    let neither = "[0]: expected exactly one of schema, content";
    refused(one(json!({ "schema": null })), &[neither]);
    let json = json!({ "application/json": { "schema": true } });
    refused(one(json!({ "content": json })), &[neither]);
    refused(one(json!({ "schema": null, "content": json })), &[]);
    refused(
        one(json!({ "schema": null, "content": json, "explode": true })),
        &["[0]: `style` and `explode` are for `schema`: a JSON text is one value"],
    );
    refused(one(json!({ "schema": null, "content": {} })), &["[0].content: expected exactly one media type"]);
    refused(
        one(json!({ "schema": null, "content": { "text/csv": { "schema": true } } })),
        &["[0].content[\"text/csv\"]: only JSON is read in a parameter: application/json"],
    );
    let errors = errors(one(json!({ "schema": { "type": "strin" } })));
    assert!(
        errors.iter().all(|error| error.starts_with("[0].schema.type: ")) && !errors.is_empty(),
        "{errors:?}"
    );
}
