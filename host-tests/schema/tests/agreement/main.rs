//! The JSON Schema for editors agrees with the loader. Whatever the loader accepts, the schema accepts; a mistake of
//! form (a key, a type, a listed value, a limit of a number) both refuse; what compares values or reads a text is the
//! loader's alone, and stands in [`only_the_loader_sees_these`].

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a helper of a test may stop at the first surprise"
)]

mod files;
mod places;
mod properties;
mod valid;

use filter_core::config::{FromTree as _, Shape, load};
use filter_core::policy::Policy as _;
use jsonschema::{PatternOptions, Validator};
use places::{Place, deformed, places};
use request_policy::{Config, RequestPolicy};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;
use testkit::schema::json_schema;
use valid::VALID;

static SHAPE: LazyLock<Shape> = LazyLock::new(Config::shape);

/// That the committed file is this one, a test of request-policy asserts.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| json_schema(RequestPolicy::NAME, &SHAPE));

static VALIDATOR: LazyLock<Validator> = LazyLock::new(|| {
    jsonschema::options().with_pattern_options(PatternOptions::regex()).build(&SCHEMA).unwrap()
});

fn loads(config: &Value) -> bool {
    load::<RequestPolicy>(config.to_string().as_bytes(), &()).is_ok()
}

fn fits(config: &Value) -> bool {
    VALIDATOR.is_valid(config)
}

#[test]
fn it_is_a_schema_of_draft_2020_12() {
    assert_eq!(SCHEMA["$schema"], "https://json-schema.org/draft/2020-12/schema");
    if let Err(error) = jsonschema::draft202012::meta::validate(&SCHEMA) {
        panic!("{}: {error}", error.instance_path());
    }
}

#[test]
fn every_default_is_one_the_schema_accepts() {
    let mut schemas = vec![&*SCHEMA];
    while let Some(schema) = schemas.pop() {
        if let Some(default) = schema.get("default") {
            assert!(jsonschema::draft202012::is_valid(schema, default), "{schema:#}");
        }
        schemas.extend(schema["properties"].as_object().into_iter().flat_map(|keys| keys.values()));
        schemas.extend(schema.get("items"));
    }
}

#[test]
fn the_valid_configurations_give_every_key() {
    fn keys(shape: &Shape, at: &str, found: &mut BTreeSet<String>) {
        match shape {
            Shape::Scalar { .. } | Shape::Enum(_) => {}
            Shape::List { item, .. } => keys(item, &format!("{at}[]"), found),
            Shape::Map { value, .. } => keys(value, &format!("{at}.*"), found),
            Shape::Object(fields) | Shape::OneOf(fields) => {
                for field in fields {
                    let dot = if at.is_empty() { "" } else { "." };
                    let at = format!("{at}{dot}{}", field.key);
                    keys(&field.shape, &at, found);
                    found.insert(at);
                }
            }
        }
    }
    let mut all = BTreeSet::new();
    keys(&SHAPE, "", &mut all);
    for config in &*VALID {
        if let Err(errors) = load::<RequestPolicy>(config.to_string().as_bytes(), &()) {
            panic!("{errors}");
        }
        let errors: Vec<String> = VALIDATOR
            .iter_errors(config)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert_eq!(errors, [""; 0]);
        for place in places(config) {
            all.remove(&place.key);
        }
    }
    assert_eq!(all, BTreeSet::new(), "no valid configuration here has these");
}

#[test]
fn a_mistake_of_form_is_one_to_both() {
    let (mut accepted, mut refused) = (0, 0);
    for config in &*VALID {
        for place in places(config) {
            for deformed in deformed(config, &place) {
                let loaded = load::<RequestPolicy>(deformed.to_string().as_bytes(), &());
                let Place { pointer, .. } = &place;
                let value = deformed.pointer(pointer);
                match &loaded {
                    Ok(_) => assert!(fits(&deformed), "{pointer}: the schema alone refuses {value:?}"),
                    Err(errors) => {
                        assert!(!fits(&deformed), "{pointer}: the schema accepts {value:?}\n{errors}");
                    }
                }
                *(if loaded.is_ok() { &mut accepted } else { &mut refused }) += 1;
            }
        }
    }
    assert!(accepted > 200 && refused > 2000, "{accepted} accepted, {refused} refused");
}

/// The list of what the schema cannot say.
#[test]
fn only_the_loader_sees_these() {
    let rule = |name: &str, path: &str| json!({"name": name, "match": {"path": {"exact": path}}});
    let cors = |cors: Value| json!({"version": 1, "default": {"cors": cors}});
    for (what, config) in [
        ("a float is an integer to a schema", json!({"version": 1, "limits": {"uri": 10.0}})),
        ("a name twice", json!({"version": 1, "rules": [rule("a", "/a"), rule("a", "/b")]})),
        ("a match twice", json!({"version": 1, "rules": [rule("a", "/a"), rule("b", "/a")]})),
        ("a path that is not canonical", json!({"version": 1, "rules": [rule("a", "/a/../b")]})),
        ("a regular expression", cors(json!({"allow_origins": [{"regex": "("}]}))),
        ("every origin with credentials", cors(json!({"allow_origins": ["*"], "allow_credentials": true}))),
        ("a duration of nothing", cors(json!({"allow_origins": ["*"], "max_age": "0s"}))),
        (
            "bits beyond the prefix",
            json!({"version": 1, "default": {"addresses": {"allow": ["192.0.2.1/24"]}}}),
        ),
        (
            "a known method as an extension",
            json!({"version": 1, "default": {"methods": [{"extension": "get"}]}}),
        ),
        ("a success masked", json!({"version": 1, "mask_errors": {"statuses": [200]}})),
        (
            "a header set and removed",
            json!({"version": 1, "security_headers": {"set": {"x-a": "1"}, "remove": ["x-a"]}}),
        ),
    ] {
        assert!(fits(&config) && !loads(&config), "{what}: {config}");
    }
}
