//! The numbered decision rules of the README, through the phase machine that Envoy drives.

#![allow(
    clippy::panic,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test, or a helper of one, may stop at the first surprise"
)]

mod answers;
mod bodies;
mod config;
mod forms;
mod media;
mod parameters;
mod routes;

use filter_core::filter::{Flow, Outcome};
use filter_core::message::Headers;
use schema_guard::SchemaGuard;
use serde_json::{Value, json};
use testkit::{Exchange, RequestBuilder, request};

/// The schema of the checklist.
fn user() -> Value {
    serde_json::from_str(include_str!("../shared/user.schema.json")).unwrap()
}

const GOOD: &str = r#"{"user_id": 1, "email": "a@example.com"}"#;
const BAD: &str = r#"{"user_id": 0, "email": "a@example.com"}"#;

/// One rule for `/users`, with POST for JSON of that schema, and GET. Members of `whole` and `post` are over it; null
/// removes one.
fn config(whole: Value, post: Value) -> String {
    let mut operation = json!({ "body": { "content": { "application/json": { "schema": user() } } } });
    merge(&mut operation, post);
    let mut all = json!({
        "version": 1,
        "rules": [{
            "name": "users",
            "match": { "path": { "exact": "/users" } },
            "operations": { "GET": {}, "POST": operation }
        }]
    });
    merge(&mut all, whole);
    all.to_string()
}

fn merge(into: &mut Value, from: Value) {
    let (Value::Object(into), Value::Object(from)) = (into, from) else { panic!("objects") };
    for (name, value) in from {
        if value.is_null() {
            into.remove(&name);
        } else {
            into.insert(name, value);
        }
    }
}

/// The configuration as it is without a word more.
fn plain() -> String {
    config(json!({}), json!({}))
}

/// A request with a body of JSON.
fn post() -> RequestBuilder {
    request("POST", "/users").header("content-type", "application/json")
}

/// What became of a request, and all outcomes on the way.
struct Seen {
    outcomes: Vec<Outcome>,
}

impl Seen {
    /// `pass`, `pass, shadow REASON`, or status and reason of the answer.
    fn verdict(&self) -> String {
        for outcome in &self.outcomes {
            if let Flow::Reply(reply) = &outcome.flow {
                return format!("{} {}", reply.status, reply.details.strip_prefix("portcullis_").unwrap());
            }
        }
        match self.outcomes.last().map(|outcome| &outcome.flow) {
            Some(Flow::Continue) => {}
            other => panic!("neither passed nor answered: {other:?}"),
        }
        match self.state("shadow") {
            Some(shadow) => format!("pass, shadow {shadow}"),
            None => "pass".to_owned(),
        }
    }

    fn state(&self, what: &str) -> Option<String> {
        let name = format!("portcullis.schema-guard.{what}");
        let mut exports = self.outcomes.iter().flat_map(|outcome| &outcome.exports);
        let found = exports.rfind(|(key, _)| key.ends_with(&name))?;
        Some(String::from_utf8(found.1.clone()).unwrap())
    }

    fn header(&self, name: &str) -> Option<String> {
        self.outcomes.iter().find_map(|outcome| {
            let Flow::Reply(reply) = &outcome.flow else { return None };
            let found = reply.headers.iter().find(|(other, _)| other == name)?;
            Some(found.1.to_str().unwrap().to_owned())
        })
    }

    /// The body of the answer.
    fn body(&self) -> String {
        let body = self.outcomes.iter().find_map(|outcome| match &outcome.flow {
            Flow::Reply(reply) => Some(reply.body.clone()),
            _ => None,
        });
        String::from_utf8(body.unwrap()).unwrap()
    }

    /// The answer as JSON.
    fn problem(&self) -> Value {
        serde_json::from_str(&self.body()).unwrap()
    }

    /// The last line of the audit log.
    fn line(&self) -> Value {
        let line = self.outcomes.iter().flat_map(|outcome| &outcome.logs).last().unwrap();
        serde_json::from_str(&line.text).unwrap()
    }
}

/// A request without a body.
fn asked(config: &str, head: impl Into<Headers>) -> Seen {
    Seen { outcomes: vec![Exchange::<SchemaGuard>::new(config).request(head)] }
}

/// A request whose body comes whole, its end with it.
fn sent(config: &str, head: impl Into<Headers>, body: impl AsRef<[u8]>) -> Seen {
    in_parts(config, head, body.as_ref(), body.as_ref().len().max(1), false)
}

/// A request whose body comes in parts of so many bytes, and ends with trailers or without.
fn in_parts(config: &str, head: impl Into<Headers>, body: &[u8], part: usize, trailers: bool) -> Seen {
    let mut exchange = Exchange::<SchemaGuard>::new(config);
    let mut outcomes = vec![exchange.request_head(head)];
    // Held, the host counts what is buffered; let go, what is new.
    let mut buffered = Vec::new();
    let parts = body.chunks(part).collect::<Vec<_>>();
    let parts = if parts.is_empty() && !trailers { vec![&[][..]] } else { parts };
    for (index, bytes) in parts.iter().enumerate() {
        if matches!(outcomes.last().unwrap().flow, Flow::Reply(_)) {
            return Seen { outcomes };
        }
        buffered.extend_from_slice(bytes);
        let end = index + 1 == parts.len() && !trailers;
        let outcome = exchange.data(buffered.len(), end, Some(&buffered));
        if outcome.flow == Flow::Continue {
            buffered.clear();
        }
        outcomes.push(outcome);
    }
    if trailers && !matches!(outcomes.last().unwrap().flow, Flow::Reply(_)) {
        outcomes.push(exchange.trailers(Some(&buffered)));
    }
    Seen { outcomes }
}
