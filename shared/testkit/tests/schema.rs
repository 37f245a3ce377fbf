//! What a configuration type becomes as JSON Schema.

use filter_core::config::{FromTree as _, HeaderFields, NonEmpty, Shape};
use filter_core::matcher::PathPattern;
use filter_core::{config_enum, config_struct};
use serde_json::{Value, json};
use std::panic::catch_unwind;
use testkit::schema::{json_schema, text};

config_enum! {
    /// Colours.
    enum Colour {
        /// As blood.
        Red = "red",
        /// As the sky.
        Blue = "blue",
    }
}

config_struct! {
    /// Everything a shape can be.
    struct Example {
        /// Its name.
        name: String,
        /// Its colour.
        colour: Colour = "red",
        /// More of them,
        /// on two lines.
        parts: Vec<Part> = [],
        /// Fields.
        fields: HeaderFields = {},
        /// Where it is.
        path: Option<PathPattern>,
    }
}

config_struct! {
    /// A part.
    struct Part {
        /// Whether it is small.
        small: Option<bool>,
        /// Its colours.
        colours: NonEmpty<Colour> = ["red", "blue"],
    }
}

#[test]
fn every_key_says_what_it_takes_and_what_it_means() {
    let text = json!({"type": "string", "minLength": 1});
    let with = |description: &str| {
        let mut schema = text.clone();
        schema["description"] = json!(description);
        schema
    };
    let expected = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Configuration of example",
        "type": "object",
        "additionalProperties": false,
        "required": ["name"],
        "properties": {
            "name": with("Its name."),
            "colour": {
                "description": "Its colour. `red`: As blood. `blue`: As the sky.",
                "type": "string",
                "enum": ["red", "blue"],
                "enumDescriptions": ["As blood.", "As the sky."],
                "default": "red",
            },
            "parts": {
                "description": "More of them, on two lines.",
                "type": "array",
                "items": {
                    "type": "object",
                    "additionalProperties": false,
                    "properties": {
                        "small": {"description": "Whether it is small.", "type": "boolean"},
                        "colours": {
                            "description": "Its colours. `red`: As blood. `blue`: As the sky.",
                            "type": "array",
                            "minItems": 1,
                            "items": {
                                "type": "string",
                                "enum": ["red", "blue"],
                                "enumDescriptions": ["As blood.", "As the sky."],
                            },
                            "default": ["red", "blue"],
                        },
                    },
                },
                "default": [],
            },
            "fields": {
                "description": "Fields.",
                "type": "object",
                "propertyNames": {"type": "string", "pattern": "^[!#$%&'*+.^_`|~0-9A-Za-z-]+$"},
                "additionalProperties": {"type": "string", "pattern": "^[\\t -~]*$"},
                "default": {},
            },
            "path": {
                "description": "Where it is.",
                "type": "object",
                "additionalProperties": false,
                "minProperties": 1,
                "maxProperties": 1,
                "properties": {
                    "exact": with("The whole path."),
                    "prefix": with("The path or what is below it: `/admin` matches `/admin` and `/admin/users`, not `/administrator`."),
                    "template": with("The whole path, where `{name}` stands for one segment that is not empty: `/orders/{id}`."),
                    "regex": with("A regular expression for the whole path, in linear time (no look-around, no back-references)."),
                },
            },
        },
    });
    let mut schema = json_schema("example", &Example::shape());
    let description = schema.as_object_mut().unwrap().remove("description").unwrap();
    assert!(description.as_str().unwrap().starts_with("What the filter loads. "), "{description}");
    assert_eq!(schema, expected);
}

#[test]
fn the_text_has_its_keys_in_order_and_ends_its_last_line() {
    let text = text(&json_schema("part", &Part::shape()));
    let keys = ["$schema", "additionalProperties", "description", "properties", "title", "type"];
    let places: Vec<Option<usize>> = keys.iter().map(|key| text.find(&format!("\n  \"{key}\": "))).collect();
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{text}");
    assert!(text.ends_with("\n}\n"), "{text}");
    assert!(serde_json::from_str::<Value>(&text).is_ok(), "{text}");
}

#[test]
fn a_schema_text_that_is_none_is_noticed() {
    for schema in ["{", "[]"] {
        let shape = Shape::Scalar { phrase: "x", schema };
        assert!(catch_unwind(|| json_schema("x", &shape)).is_err(), "{schema}");
    }
}
