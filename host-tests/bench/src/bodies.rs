//! schema-guard beside what only gathers a body: the same valid document, again and again.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::load::body_script;
use crate::variants::{Chain, Guest, Kind, Sent, Variant, module, wasm_filter};

/// The path that takes the documents.
pub const PATH: &str = "/users";
/// Largest body that any of the filters takes, in bytes.
const LIMIT: u64 = 1_048_576;

/// All variants, with a document of about so many bytes; what wrk sends is written into `folder`.
///
/// # Errors
/// A module is missing, or the folder cannot be written.
pub fn all(dist: &Path, folder: &Path, bytes: usize) -> Result<Vec<Variant>> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let body = document(bytes);
    let script = folder.join(format!("body-{bytes}.lua"));
    std::fs::write(&script, body_script(&body)).with_context(|| script.display().to_string())?;
    // Nothing is known of what the others take: only schema-guard refuses another document.
    let chains = [
        ("no filter", Kind::NoFilter, Chain::default()),
        ("no-op wasm", Kind::NoOp, Guest { call: "none", repeated: 0 }.filter(dist)?),
        ("Envoy's buffer filter", Kind::Bodies { refuses: None }, buffer()),
        ("a policy that awaits the body", Kind::Bodies { refuses: None }, awaits(dist)?),
        ("schema-guard", Kind::Bodies { refuses: Some(422) }, ours(dist)?),
    ];
    let variant = |(name, kind, chain): (&str, Kind, Chain)| Variant {
        sent: Sent::Body(body.clone()),
        script: Some(script.clone()),
        ..Variant::new(name.to_owned(), kind, true, chain)
    };
    Ok(chains.into_iter().map(variant).collect())
}

/// An object of `user_id` and `email`, or as many in an array as there is room for.
fn document(bytes: usize) -> String {
    let user =
        |number: usize| json!({ "user_id": number, "email": format!("somebody.{number}@example.com") });
    let mut users = vec![user(1)];
    while Value::from(users.clone()).to_string().len() < bytes {
        users.push(user(users.len().saturating_add(1)));
    }
    if users.len() > 2 { Value::from(users) } else { padded(bytes) }.to_string()
}

/// One object with an address as long as need be.
fn padded(bytes: usize) -> Value {
    let with = |name: &str| json!({ "user_id": 4_711, "email": format!("{name}@example.com") });
    let short = with("").to_string().len();
    // A name has 64 characters at most (RFC 5321 section 4.5.3.1.1).
    with(&"a".repeat(bytes.saturating_sub(short).clamp(1, 64)))
}

/// The checklist's object, or an array of them.
fn ours(dist: &Path) -> Result<Chain> {
    let object = json!({
        "type": "object",
        "properties": { "user_id": { "type": "integer", "minimum": 1 }, "email": { "type": "string", "format": "email" } },
        "required": ["user_id", "email"],
        "additionalProperties": false,
    });
    let schema = json!({ "$defs": { "user": object }, "anyOf": [
        { "$ref": "#/$defs/user" },
        { "type": "array", "items": { "$ref": "#/$defs/user" } },
    ] });
    let content = json!({ "application/json": { "schema": schema } });
    let configuration = json!({
        "version": 1,
        "hold_headers": true,
        "rules": [{
            "name": "users",
            "match": { "path": { "exact": PATH } },
            "operations": { "POST": { "body": { "content": content } } },
        }],
    });
    held("schema-guard", dist, &configuration)
}

/// A policy that does nothing but that.
pub(crate) fn awaits(dist: &Path) -> Result<Chain> {
    held("probe", dist, &json!({ "version": 1, "body": "await", "limit": LIMIT, "hold_headers": true }))
}

/// A wasm filter that holds the head until it has seen the body.
fn held(name: &str, dist: &Path, configuration: &Value) -> Result<Chain> {
    let module = module(dist, Path::new(&format!("{name}.wasm")))?;
    let settings = json!({ "allow_on_headers_stop_iteration": true });
    wasm_filter(name, &module, &configuration.to_string(), &settings)
}

fn buffer() -> Chain {
    let kind = "type.googleapis.com/envoy.extensions.filters.http.buffer.v3.Buffer";
    let filter = json!({
        "name": "envoy.filters.http.buffer",
        "typed_config": { "@type": kind, "max_request_bytes": LIMIT },
    });
    Chain { http_filters: vec![filter], ..Chain::default() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_about_the_size_that_was_asked_for() {
        for bytes in [60, 98, 10_240] {
            let length = document(bytes).len();
            assert!((bytes..bytes + 60).contains(&length), "{length} for {bytes}");
        }
    }
}
