//! One JSON line per refusal, so that every decision can be found in a log, and never so many that an attack
//! fills the disk.

use crate::denial::{Denial, Members};
use crate::message::RequestHead;
use crate::policy::Timestamp;
use crate::redact;
use serde_json::json;

/// What a log says about a request. Taken only when a request is refused or its body is awaited.
#[derive(Debug, Clone, Default)]
pub struct Facts {
    method: String,
    authority: String,
    path: String,
    request_id: String,
}

impl Facts {
    /// Copies, caps and masks.
    #[must_use]
    pub fn of(head: &RequestHead<'_>) -> Self {
        Self {
            method: redact::field(head.method()),
            authority: redact::authority(head.authority()),
            path: redact::path(head.path().unwrap_or_default()),
            request_id: redact::field(head.headers.first("x-request-id").unwrap_or_default()),
        }
    }
}

/// Most violations of a schema that a line shows.
const SHOWN: usize = 5;

/// The audit line of one refusal. `event` is `deny` or `shadow`.
#[must_use]
pub fn line(event: &str, instance: &str, denial: &Denial, facts: &Facts, suppressed: u64) -> String {
    let mut object = json!({
        "event": event,
        "instance": redact::field(instance.as_bytes()),
        "reason": denial.reason.as_str(),
        "status": denial.reason.status(),
        "method": facts.method,
        "authority": facts.authority,
        "path": facts.path,
        "request_id": facts.request_id,
    });
    if let Some(object) = object.as_object_mut() {
        if let Some(rule) = &denial.rule {
            object.insert("rule".to_owned(), json!(redact::field(rule.as_bytes())));
        }
        if let Some(note) = &denial.note {
            object.insert("note".to_owned(), json!(note));
        }
        if let Members::Violations { list, .. } = &denial.members
            && !list.is_empty()
        {
            let shown = list.iter().take(SHOWN).map(|violation| json!(violation.to_string()));
            object.insert("violations".to_owned(), shown.collect());
        }
        if suppressed > 0 {
            object.insert("suppressed".to_owned(), json!(suppressed));
        }
    }
    object.to_string()
}

/// A token bucket over audit lines, one per worker: [`LineLimiter::BURST`] at once, then
/// [`LineLimiter::PER_SECOND`]. Counters and filter state are written for every refusal all the same.
#[derive(Debug, Default)]
pub struct LineLimiter {
    /// Time, in µs, at which the bucket is full again (the "theoretical arrival time" of GCRA).
    full_at: u64,
    suppressed: u64,
}

impl LineLimiter {
    /// Lines at once.
    pub const BURST: u64 = 50;
    /// Lines per second for long.
    pub const PER_SECOND: u64 = 10;

    /// Whether one more line may be written, with the number of lines suppressed before it.
    pub fn admit(&mut self, now: Timestamp) -> Option<u64> {
        const INTERVAL: u64 = 1_000_000 / LineLimiter::PER_SECOND;
        const SPAN: u64 = INTERVAL * LineLimiter::BURST;
        let now = now.0;
        // A clock that stepped back would leave the bucket empty for as long as the step: at most empty it is.
        self.full_at = self.full_at.clamp(now, now.saturating_add(SPAN));
        let next = self.full_at.saturating_add(INTERVAL);
        if next.saturating_sub(now) > SPAN {
            self.suppressed = self.suppressed.saturating_add(1);
            return None;
        }
        self.full_at = next;
        Some(std::mem::take(&mut self.suppressed))
    }
}
