//! The JSON text that istiod makes of a `google.protobuf.Struct` (Go's `jsonpb`, which leaves scalars to
//! `encoding/json`): no white space, keys sorted, every number a double.

use std::fmt::Write as _;

use serde_json::Value;

/// The text of a value.
pub(super) fn text(value: &Value) -> String {
    let mut out = String::new();
    write(value, &mut out);
    out
}

fn write(value: &Value, out: &mut String) {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(flag) => out.push_str(if *flag { "true" } else { "false" }),
        Value::Number(number) => out.push_str(&double(number.as_f64().unwrap_or_default())),
        Value::String(text) => string(text, out),
        Value::Array(items) => list(['[', ']'], items, out, write),
        Value::Object(members) => list(['{', '}'], members, out, |(name, value), out| {
            string(name, out);
            out.push(':');
            write(value, out);
        }),
    }
}

fn list<T>(
    brackets: [char; 2],
    items: impl IntoIterator<Item = T>,
    out: &mut String,
    one: fn(T, &mut String),
) {
    let [open, close] = brackets;
    out.push(open);
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        one(item, out);
    }
    out.push(close);
}

/// The shortest text that reads as the same number; with an exponent where ECMAScript has one.
fn double(number: f64) -> String {
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        return if size < 1.0 { text } else { text.replacen('e', "e+", 1) };
    }
    number.to_string()
}

/// `encoding/json` also escapes what HTML and JavaScript would read otherwise.
fn string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\0'..='\u{1f}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                // Writing to a string cannot fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            _ => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::text;
    use serde_json::json;

    #[test]
    fn values_read_as_go_writes_them() {
        let value = json!({
            "b": [1, 1.5, -0.1, 9007199254740993_u64, 1e21, 123e-9, 1e20, 0.000001, true, null],
            "a": { "<&>": "\u{1}\n\t\"\\\u{2028}é\u{7f}" },
            "": {},
        });
        assert_eq!(
            text(&value),
            "{\"\":{},\"a\":{\"\\u003c\\u0026\\u003e\":\"\\u0001\\n\\t\\\"\\\\\\u2028é\u{7f}\"},\"b\":[1,1.5,-0.1,\
             9007199254740992,1e+21,1.23e-7,100000000000000000000,0.000001,true,null]}"
        );
    }
}
