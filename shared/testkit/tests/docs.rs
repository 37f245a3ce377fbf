//! The tables a README gets, and the check that it has them.

use filter_core::config::FromTree as _;
use filter_core::denial::Reason;
use filter_core::{config_enum, config_struct};
use std::panic::catch_unwind;
use testkit::docs::{assert_file, check_block, check_file, config_table, reason_table, with_block};

config_enum! {
    /// Colours.
    enum Colour {
        /// As blood.
        Red = "red",
        /// As the sky | the sea.
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
        fields: filter_core::config::HeaderFields = {},
    }
}

config_struct! {
    /// A part.
    struct Part {
        /// Whether it is small.
        small: Option<bool>,
        /// Its colours.
        colours: Vec<Colour> = ["red", "blue"],
    }
}

#[test]
fn every_key_has_a_row_and_every_value_its_meaning() {
    let expected = "\
| key | type | default | meaning |
|---|---|---|---|
| `name` | string | required | Its name. |
| `colour` | `red` \\| `blue` | `\"red\"` | Its colour. `red`: As blood. `blue`: As the sky \\| the sea. |
| `parts` | list of: object | `[]` | More of them, on two lines. |
| `parts[].small` | boolean | – | Whether it is small. |
| `parts[].colours` | list of: `red` \\| `blue` | `[\"red\", \"blue\"]` | Its colours. `red`: As blood. `blue`: As the sky \\| the sea. |
| `fields` | object, each value: header value | `{}` | Fields. |
";
    assert_eq!(config_table(&Example::shape()), expected);
}

#[test]
fn reasons_are_chosen_by_prefix_and_a_misspelt_prefix_is_noticed() {
    let table = reason_table(&["size."]);
    let meaning = Reason::SizeBody.doc();
    let row = format!("| `size.body` | `size.body` | 413 | 8 RESOURCE_EXHAUSTED | {meaning} |");
    assert!(table.lines().any(|line| line == row), "{table}");
    assert!(!table.contains("path."), "{table}");
    assert!(catch_unwind(|| reason_table(&["siez."])).is_err());
}

#[test]
fn a_stale_block_shows_its_difference_and_can_be_rewritten() {
    let readme = "# x\n<!-- generated: t -->\na\nold\nb\n<!-- end -->\n<!-- generated: u -->\n<!-- end -->\n";
    assert_eq!(check_block(readme, "t", "a\nold\nb\n"), Ok(()));
    assert_eq!(
        check_block(readme, "t", "a\nnew\nb\n"),
        Err("block \"t\" is not what the code says (- written, + generated)\n\n- old\n+ new\n".to_owned())
    );
    assert_eq!(
        check_block(readme, "v", "a\n"),
        Err("there is no block\n\n<!-- generated: v -->\n<!-- end -->\n".to_owned())
    );

    let updated = with_block(readme, "u", "a\n").unwrap();
    assert_eq!(check_block(&updated, "u", "a\n"), Ok(()));
    assert_eq!(check_block(&updated, "t", "a\nold\nb\n"), Ok(()), "the other block stays");
}

#[test]
fn a_stale_file_shows_its_difference() {
    assert_eq!(check_file("a\nb\n", "a\nb\n"), Ok(()));
    assert_eq!(
        check_file("a\nold\n", "a\nnew\n"),
        Err("the file is not what the code says (- written, + generated)\n\n- old\n+ new\n".to_owned())
    );
    assert_file(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/docs.rs"), include_str!("docs.rs"));
}
