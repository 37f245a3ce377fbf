//! What `portcullis revoke` prints. An id is personal data: it is printed where it was asked for, in a list, and nowhere else.

use anyhow::Result;
use replay::operator::revocations::{Listed, Revocation};
use replay::operator::shown_time;
use serde_json::{Value, json};

use super::revoke::Output;

pub(super) fn revoked(revocation: &Revocation, output: Output) -> String {
    let until = until(revocation.expires);
    match (output, revocation.before) {
        (Output::Json, before) => {
            json!({ "revoked": true, "expires": revocation.expires, "before": before }).to_string()
        }
        (Output::Text, None) => format!("revoked until {until}"),
        (Output::Text, Some(before)) => {
            format!("revoked until {until}: what was issued before {}", shown_time(before))
        }
    }
}

pub(super) fn undone(done: bool, output: Output) -> String {
    match (output, done) {
        (Output::Json, done) => json!({ "undone": done }).to_string(),
        (Output::Text, true) => "undone".to_owned(),
        (Output::Text, false) => "nothing to undo: that is not revoked".to_owned(),
    }
}

pub(super) fn listed(provider: &str, listed: &Listed, output: Output) -> Result<String> {
    let Listed { revocations, more, odd } = listed;
    if output == Output::Json {
        let all: Vec<Value> = revocations
            .iter()
            .map(|one| {
                json!({ "claim": one.claim.as_str(), "id": one.id, "expires": one.expires, "before": one.before })
            })
            .collect();
        let all = json!({ "provider": provider, "revocations": all, "more": more, "odd": odd });
        return Ok(serde_json::to_string_pretty(&all)?);
    }
    // An id may be long and stands last, whole.
    let row = |claim: &str, until: &str, before: &str, id: &str| {
        format!("{claim:5}  {until:20}  {before:20}  {id}")
    };
    let mut lines = vec![row("claim", "revoked until", "if issued before", "id")];
    lines.extend(revocations.iter().map(|one| {
        let before = one.before.map_or("-".to_owned(), shown_time);
        row(one.claim.as_str(), &until(one.expires), &before, &format!("{:?}", one.id))
    }));
    let plural = if revocations.len() == 1 { "" } else { "s" };
    let there = if *more { ", and there are more: --most" } else { "" };
    lines.push(format!("{} revocation{plural}{there}", revocations.len()));
    if *odd > 0 {
        lines.push(format!("{odd} of the provider's keys are nothing that a filter looks up"));
    }
    Ok(lines.join("\n"))
}

fn until(expires: Option<u64>) -> String {
    expires.map_or("-".to_owned(), shown_time)
}
