//! Claims as header values for the upstream.

use super::{ClaimPath, ClaimTree};
use filter_core::config::Tree;
use filter_core::http::HeaderValue;
use std::fmt::Write as _;

/// Longest value, in bytes.
pub const MAX_HEADER: usize = 4096;

/// From here on not every integer is a float.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// How a claim is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// A string, number or boolean as it is; an array of such joined with commas.
    Csv,
    /// JSON, a string with its quotes, in ASCII: other characters as `\uXXXX`.
    Json,
}

/// The claim at `path` as the value of a header. `None` where there is no such claim, or none that the upstream would
/// read as what it is; a value is never altered to fit:
/// - a control character anywhere, in JSON too, where it would come back when decoded;
/// - as CSV: anything but visible ASCII and spaces between it, nothing at all, an object, `null`, and in an array
///   another array, or an item that is empty or has a comma or a quote;
/// - a number that was rounded when it was read: from 2^53 on, unless it is an integer of 64 bits;
/// - more than [`MAX_HEADER`] bytes.
#[must_use]
pub fn header_value(claims: &ClaimTree<'_>, path: &ClaimPath, format: Format) -> Option<HeaderValue> {
    let claim = path.find(claims)?;
    let mut out = String::new();
    match (format, claim) {
        (Format::Json, claim) => json(claim, &mut out)?,
        (Format::Csv, Tree::Array(items)) => {
            for item in items {
                let start = out.len();
                plain(item, &mut out)?;
                let written = out.get(start..)?;
                if !is_visible(written) || written.contains([',', '"']) {
                    return None;
                }
                out.push(',');
            }
            out.pop();
        }
        (Format::Csv, claim) => plain(claim, &mut out)?,
    }
    is_visible(&out).then(|| HeaderValue::from_str(&out).ok()).flatten()
}

/// Something, of visible ASCII, with no space at its ends, which would be lost on the way.
fn is_visible(text: &str) -> bool {
    !text.is_empty()
        && text.trim_ascii().len() == text.len()
        && text.bytes().all(|b| (b' '..=b'~').contains(&b))
}

/// Appends a string, number or boolean, up to [`MAX_HEADER`] bytes in all.
fn plain(tree: &ClaimTree<'_>, out: &mut String) -> Option<()> {
    match tree {
        Tree::String(text) => out.push_str(text),
        Tree::Number(_) | Tree::Bool(_) => json(tree, out)?,
        Tree::Null | Tree::Array(_) | Tree::Object(_) => return None,
    }
    (out.len() <= MAX_HEADER).then_some(())
}

/// Appends JSON in ASCII, without white space, up to [`MAX_HEADER`] bytes in all. It nests as deep as the tree, which is
/// bounded.
fn json(tree: &ClaimTree<'_>, out: &mut String) -> Option<()> {
    match tree {
        Tree::Null => out.push_str("null"),
        Tree::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
        Tree::Number(number) => {
            let exact =
                number.is_i64() || number.is_u64() || number.as_f64().is_some_and(|f| f.abs() < EXACT);
            if !exact {
                return None;
            }
            // Writing to a String cannot fail.
            let _ = write!(out, "{number}");
        }
        Tree::String(text) => string(text, out)?,
        Tree::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                json(item, out)?;
            }
            out.push(']');
        }
        Tree::Object(members) => {
            out.push('{');
            for (i, (name, value)) in members.iter().enumerate() {
                if i > 0 {
                    out.push(',');
                }
                string(name, out)?;
                out.push(':');
                json(value, out)?;
            }
            out.push('}');
        }
    }
    (out.len() <= MAX_HEADER).then_some(())
}

fn string(text: &str, out: &mut String) -> Option<()> {
    out.push('"');
    for c in text.chars() {
        match c {
            c if c.is_control() => return None,
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_ascii() => out.push(c),
            c => {
                for unit in c.encode_utf16(&mut [0; 2]) {
                    let _ = write!(out, "\\u{unit:04x}");
                }
            }
        }
    }
    out.push('"');
    Some(())
}
