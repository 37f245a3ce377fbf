//! What a client hears: that a limit is used up and when to come back, and by option how much is left.

use crate::config::LimitHeaders;
use crate::limit::Allowance;
use crate::quota::Decision;
use crate::stream::Asked;
use filter_core::denial::{Denial, Reason};
use filter_core::http::header::RETRY_AFTER;
use filter_core::http::{HeaderName, HeaderValue};
use filter_core::policy::Cx;
use std::time::Duration;

const LIMIT: HeaderName = HeaderName::from_static("x-ratelimit-limit");
const REMAINING: HeaderName = HeaderName::from_static("x-ratelimit-remaining");
const RESET: HeaderName = HeaderName::from_static("x-ratelimit-reset");
const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const STATE: HeaderName = HeaderName::from_static("ratelimit");

/// Longest time a client is told to wait, in seconds: the longest a rate is counted over.
const LONGEST: u64 = 31 * 86_400;

/// How answers are written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answers {
    pub(crate) headers: LimitHeaders,
    pub(crate) jitter: Duration,
}

/// A limit and what it decided.
pub(crate) type Said<'a> = (&'a Asked, Decision);

impl Answers {
    /// 429: these limits are used up.
    pub(crate) fn limited(&self, violated: &[Said<'_>], cx: &dyn Cx) -> Denial {
        let wait = violated.iter().map(|(_, decision)| seconds(decision)).max().unwrap_or(1);
        let mut denial = Denial::new(Reason::RateLimited)
            .header(RETRY_AFTER, self.retry_after(wait, cx))
            .policies(violated.iter().map(|(asked, _)| asked.limit.name.clone()).collect());
        denial.headers.extend(self.state(violated));
        denial
    }

    /// 503: nobody can count.
    pub(crate) fn unavailable(&self, cx: &dyn Cx) -> Denial {
        Denial::new(Reason::RateUnavailable).header(RETRY_AFTER, self.retry_after(1, cx))
    }

    /// Whole seconds, at least 1 (RFC 9110 section 10.2.3), and up to the jitter more.
    fn retry_after(&self, wait: u64, cx: &dyn Cx) -> HeaderValue {
        let mut random = [0; 8];
        let jitter = match self.jitter.as_secs().checked_add(1) {
            Some(choices) if choices > 1 && cx.random(&mut random) => {
                u64::from_le_bytes(random).checked_rem(choices).unwrap_or(0)
            }
            _ => 0,
        };
        HeaderValue::from(wait.max(1).saturating_add(jitter))
    }

    /// How much is left, in the headers that are wanted.
    pub(crate) fn state(&self, said: &[Said<'_>]) -> Vec<(HeaderName, HeaderValue)> {
        let mut fields = Vec::new();
        let (old, new) = match self.headers {
            LimitHeaders::None => return fields,
            LimitHeaders::XRatelimit => (true, false),
            LimitHeaders::Ietf => (false, true),
            LimitHeaders::Both => (true, true),
        };
        if old && let Some((asked, decision)) = said.iter().min_by(|a, b| left(a).total_cmp(&left(b))) {
            fields.push((LIMIT, HeaderValue::from(asked.local().0.capacity())));
            fields.push((REMAINING, HeaderValue::from(decision.remaining)));
            fields.push((RESET, HeaderValue::from(seconds(decision))));
        }
        if new {
            let list = |item: fn(&Said<'_>) -> String| {
                HeaderValue::from_str(&said.iter().map(item).collect::<Vec<_>>().join(", ")).ok()
            };
            let (policy, state) = (list(policy), list(state));
            if !said.is_empty() {
                fields.extend(policy.map(|value| (POLICY, value)));
                fields.extend(state.map(|value| (STATE, value)));
            }
        }
        fields
    }
}

/// The part of a limit that is left.
fn left((asked, decision): &Said<'_>) -> f64 {
    f64::from(decision.remaining) / f64::from(asked.local().0.capacity().max(1))
}

/// When there is more: of a request that passed when all is there again, of one that did not when it would pass.
fn seconds(decision: &Decision) -> u64 {
    let micros = if decision.retry_us > 0 { decision.retry_us } else { decision.reset_us };
    micros.div_ceil(1_000_000).min(LONGEST)
}

/// An item of `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers): how much in which time.
fn policy((asked, _): &Said<'_>) -> String {
    let quota = asked.local().0;
    let window = quota.per_millis().div_ceil(1000);
    format!("\"{}\";q={};w={window}", asked.limit.name, quota.requests())
}

/// An item of `RateLimit`: how much is left, and when there is more.
fn state((asked, decision): &Said<'_>) -> String {
    format!("\"{}\";r={};t={}", asked.limit.name, decision.remaining, seconds(decision))
}

/// What a log line says of a limit that is used up.
pub(crate) fn note((asked, decision): &Said<'_>, client: &str) -> String {
    let milli = decision.excess_milli;
    format!(
        "limiting requests, limit \"{}\", excess {}.{:03}, client {client}",
        asked.limit.name,
        milli / 1000,
        milli % 1000
    )
}

/// Whether so many requests can ever pass at once.
pub(crate) fn fits(allowance: &Allowance, cost: u32) -> Result<(), String> {
    let most = allowance.quota.capacity();
    if cost > most {
        return Err(format!("more than the {most} that can pass at once"));
    }
    match &allowance.alone {
        Some(alone) if cost > alone.quota.capacity() => {
            let most = alone.quota.capacity();
            Err(format!(
                "more than the {most} that one of the gateways lets pass at once while it counts alone"
            ))
        }
        _ => Ok(()),
    }
}
