//! What is generated from the configuration types is what they say: the README's tables, and the JSON Schema that
//! editors read.

use filter_core::config::FromTree as _;
use filter_core::policy::Policy as _;
use schema_guard::Config;
use schema_guard::SchemaGuard;
use testkit::docs::{assert_block, assert_file, config_table, reason_table};
use testkit::schema::{json_schema, text};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

#[test]
fn the_configuration_table_is_up_to_date() {
    assert_block(README, "config", &config_table(&Config::shape()));
}

#[test]
fn the_reason_table_is_up_to_date() {
    assert_block(
        README,
        "reasons",
        &reason_table(&[
            "policy.",
            "path.",
            "method.not_allowed",
            "header.host",
            "header.duplicate",
            "size.body",
            "body.timeout",
            "media.",
            "schema.",
        ]),
    );
}

#[test]
fn the_schema_for_editors_is_up_to_date() {
    let schema = json_schema(SchemaGuard::NAME, &Config::shape());
    assert_file(concat!(env!("CARGO_MANIFEST_DIR"), "/config.schema.json"), &text(&schema));
}
