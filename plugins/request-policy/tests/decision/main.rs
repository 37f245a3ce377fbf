//! The numbered decision rules of the README: R1 to R8 and R12 on the request, R9 and R10 on the answer, R11 on
//! both.

#![allow(clippy::panic, reason = "a helper of a test may stop at the first surprise")]

mod answer;
mod cors;
mod csrf;
mod lists;
mod mask;
mod media;
mod presets;
mod properties;
mod request;
mod shadow;

use filter_core::effect::HeaderOp;
use filter_core::filter::{Flow, Outcome};
use filter_core::message::Headers;

/// `pass`, or status and reason of a refusal.
fn verdict(outcome: &Outcome) -> String {
    match &outcome.flow {
        Flow::Continue => "pass".to_owned(),
        Flow::Pause => panic!("request-policy never waits"),
        Flow::Reply(reply) => {
            format!("{} {}", reply.status, reply.details.strip_prefix("portcullis_").unwrap_or("?"))
        }
    }
}

/// A header of the answer that a refusal gives.
fn answered(outcome: &Outcome, name: &str) -> Option<String> {
    let Flow::Reply(reply) = &outcome.flow else { return None };
    let found = reply.headers.iter().find(|(other, _)| other == name)?;
    found.1.to_str().ok().map(str::to_owned)
}

/// The message after the operations, as text.
fn after(headers: &Headers, operations: &[HeaderOp]) -> Vec<(String, String)> {
    let mut headers = headers.clone();
    operations.iter().for_each(|op| headers.apply(op));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    headers.iter().map(|(name, value)| (text(name), text(value))).collect()
}
