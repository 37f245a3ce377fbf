//! A README's tables and whole files, generated from the code they describe, and the check that they still are.

use filter_core::config::{FieldShape, Shape};
use filter_core::denial::Reason;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

/// A configuration as a table: one row per key, nested keys as `rules[].match.path.exact`.
#[must_use]
pub fn config_table(shape: &Shape) -> String {
    let mut out = "| key | type | default | meaning |\n|---|---|---|---|\n".to_owned();
    rows(shape, "", &mut out);
    out
}

fn rows(shape: &Shape, path: &str, out: &mut String) {
    match shape {
        Shape::Scalar { .. } | Shape::Enum(_) => {}
        Shape::List { item, .. } => rows(item, &format!("{path}[]"), out),
        Shape::Map { value, .. } => rows(value, &format!("{path}.*"), out),
        Shape::Object(fields) | Shape::OneOf(fields) => {
            for field in fields {
                let dot = if path.is_empty() { "" } else { "." };
                let path = format!("{path}{dot}{}", field.key);
                let cells = [format!("`{path}`"), kind(&field.shape), default(field), meaning(field)];
                row(&cells, out);
                rows(&field.shape, &path, out);
            }
        }
    }
}

fn kind(shape: &Shape) -> String {
    match shape {
        Shape::Scalar { phrase, .. } => (*phrase).to_owned(),
        Shape::Enum(values) => {
            let texts: Vec<String> = values.iter().map(|(text, _)| format!("`{text}`")).collect();
            texts.join(" | ")
        }
        Shape::List { item, .. } => format!("list of: {}", kind(item)),
        Shape::Map { value, .. } => format!("object, each value: {}", kind(value)),
        Shape::Object(_) | Shape::OneOf(_) => "object".to_owned(),
    }
}

fn default(field: &FieldShape) -> String {
    match field.default {
        // What `stringify!` made of the tokens may break lines.
        Some(json) => format!("`{}`", json.split_whitespace().collect::<Vec<_>>().join(" ")),
        None if field.required => "required".to_owned(),
        None => "–".to_owned(),
    }
}

/// The key's own documentation, then that of each value it may have.
pub(crate) fn meaning(field: &FieldShape) -> String {
    let mut text = field.doc.to_owned();
    for (value, doc) in values(&field.shape) {
        let _ = write!(text, " `{value}`: {doc}");
    }
    text
}

fn values(shape: &Shape) -> &[(&'static str, &'static str)] {
    match shape {
        Shape::Enum(values) => values,
        Shape::List { item, .. } => values(item),
        Shape::Map { value, .. } => values(value),
        Shape::Scalar { .. } | Shape::Object(_) | Shape::OneOf(_) => &[],
    }
}

/// The reasons with one of these prefixes (`"path."`), in the order of the enum.
///
/// # Panics
/// If no reason has one of the prefixes: it is misspelt.
#[must_use]
pub fn reason_table(prefixes: &[&str]) -> String {
    let mut out = "| reason | code | status | gRPC status | meaning |\n|---|---|---|---|---|\n".to_owned();
    for prefix in prefixes {
        if !Reason::ALL.iter().any(|reason| reason.as_str().starts_with(prefix)) {
            panic!("no reason begins with {prefix:?}");
        }
    }
    for reason in Reason::ALL {
        if prefixes.iter().any(|prefix| reason.as_str().starts_with(prefix)) {
            let (grpc, name) = (reason.grpc_status(), grpc_name(reason.grpc_status()));
            row(
                &[
                    format!("`{}`", reason.as_str()),
                    format!("`{}`", reason.code()),
                    reason.status().to_string(),
                    format!("{grpc} {name}"),
                    reason.doc().to_owned(),
                ],
                &mut out,
            );
        }
    }
    out
}

/// Names of `google.rpc.Code`.
fn grpc_name(code: u8) -> &'static str {
    const NAMES: [&str; 17] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES.get(usize::from(code)).copied().unwrap_or("?")
}

fn row<const N: usize>(cells: &[String; N], out: &mut String) {
    for cell in cells {
        // A bar ends a cell even inside a code span.
        let _ = write!(out, "| {} ", cell.replace('|', "\\|"));
    }
    out.push_str("|\n");
}

/// Blocks of one README are rewritten by tests that run at the same time.
static UPDATING: Mutex<()> = Mutex::new(());

/// Compares the text between `<!-- generated: NAME -->` and `<!-- end -->` with what is generated. With
/// `UPDATE_DOCS=1` in the environment the block is rewritten instead.
///
/// # Panics
/// With a difference and the command that removes it, or if the file or the block is not there.
pub fn assert_block(readme: &str, block: &str, expected: &str) {
    let _one_at_a_time = UPDATING.lock().unwrap_or_else(PoisonError::into_inner);
    let text = std::fs::read_to_string(readme).unwrap_or_else(|error| panic!("{readme}: {error}"));
    let Err(stale) = check_block(&text, block, expected) else { return };
    update(readme, &stale, with_block(&text, block, expected));
}

/// Compares a whole file with what is generated. With `UPDATE_DOCS=1` in the environment it is rewritten instead.
///
/// # Panics
/// With a difference and the command that removes it, or if the file is not there.
pub fn assert_file(path: &str, expected: &str) {
    let written = std::fs::read_to_string(path).map_err(|error| error.to_string());
    if let Err(stale) = written.and_then(|written| check_file(&written, expected)) {
        update(path, &stale, Some(expected.to_owned()));
    }
}

/// Whether a file's text is what is generated.
///
/// # Errors
/// What is different.
pub fn check_file(written: &str, expected: &str) -> Result<(), String> {
    if written == expected {
        return Ok(());
    }
    Err(format!(
        "the file is not what the code says (- written, + generated)\n\n{}",
        difference(written, expected)
    ))
}

/// Writes `updated` where `UPDATE_DOCS=1` asks for it, else stops the test.
fn update(path: &str, stale: &str, updated: Option<String>) {
    if std::env::var("UPDATE_DOCS").is_ok_and(|value| value == "1")
        && let Some(updated) = updated
    {
        std::fs::write(path, updated).unwrap_or_else(|error| panic!("{path}: {error}"));
        return;
    }
    let package = std::env::var("CARGO_PKG_NAME").unwrap_or_default();
    panic!("{path}: {stale}\nto rewrite it: UPDATE_DOCS=1 cargo test -p {package}\n");
}

/// Whether the block of a README's text is what is generated.
///
/// # Errors
/// What is missing or different.
pub fn check_block(text: &str, block: &str, expected: &str) -> Result<(), String> {
    match split(text, block) {
        Some((_, written, _)) if written == expected => Ok(()),
        Some((_, written, _)) => Err(format!(
            "block {block:?} is not what the code says (- written, + generated)\n\n{}",
            difference(written, expected)
        )),
        None => Err(format!("there is no block\n\n<!-- generated: {block} -->\n<!-- end -->\n")),
    }
}

/// A README's text with the block replaced; `None` where there is no such block.
#[must_use]
pub fn with_block(text: &str, block: &str, expected: &str) -> Option<String> {
    split(text, block).map(|(before, _, after)| [before, expected, after].concat())
}

/// The text before, inside and after a block; the markers stay outside.
fn split<'a>(text: &'a str, block: &str) -> Option<(&'a str, &'a str, &'a str)> {
    let marker = format!("<!-- generated: {block} -->\n");
    let start = text.find(&marker)?.checked_add(marker.len())?;
    let (before, rest) = text.split_at_checked(start)?;
    let (inside, after) = rest.split_at_checked(rest.find("<!-- end -->")?)?;
    Some((before, inside, after))
}

/// The lines that only one of the two has, in order.
fn difference(written: &str, expected: &str) -> String {
    let mut out = String::new();
    let (mut old, mut new) = (written.lines().peekable(), expected.lines().peekable());
    while old.peek().is_some() || new.peek().is_some() {
        if old.peek() == new.peek() {
            old.next();
            new.next();
        } else if let Some(line) = old.next_if(|line| !new.clone().any(|other| other == *line)) {
            let _ = writeln!(out, "- {line}");
        } else if let Some(line) = new.next() {
            let _ = writeln!(out, "+ {line}");
        } else if let Some(line) = old.next() {
            let _ = writeln!(out, "- {line}");
        }
    }
    out
}

/// The tests that every plugin has of what is generated from its configuration type: the README's table of keys, the one
/// of these reasons, and the JSON Schema that editors read.
#[macro_export]
macro_rules! generated_docs {
    ($plugin:ty, $config:ty, [$($reason:literal),* $(,)?]) => {
        const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");

        #[test]
        fn the_configuration_table_is_up_to_date() {
            let shape = <$config as filter_core::config::FromTree>::shape();
            $crate::docs::assert_block(README, "config", &$crate::docs::config_table(&shape));
        }

        #[test]
        fn the_reason_table_is_up_to_date() {
            $crate::docs::assert_block(README, "reasons", &$crate::docs::reason_table(&[$($reason),*]));
        }

        #[test]
        fn the_schema_for_editors_is_up_to_date() {
            let shape = <$config as filter_core::config::FromTree>::shape();
            let schema = $crate::schema::json_schema(<$plugin as filter_core::policy::Policy>::NAME, &shape);
            let file = concat!(env!("CARGO_MANIFEST_DIR"), "/config.schema.json");
            $crate::docs::assert_file(file, &$crate::schema::text(&schema));
        }
    };
}
