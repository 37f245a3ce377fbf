//! The README's tables are what the code says.

use filter_core::config::FromTree as _;
use request_policy::Config;
use testkit::docs::{assert_block, config_table, reason_table};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

#[test]
fn the_configuration_table_is_up_to_date() {
    assert_block(README, "config", &config_table(&Config::shape()));
}

#[test]
fn the_reason_table_is_up_to_date() {
    assert_block(README, "reasons", &reason_table(&["policy.", "path.", "method.", "header."]));
}
