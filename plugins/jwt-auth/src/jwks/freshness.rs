//! How long an answer of a key server serves, and what its clock says.

use filter_core::message::Headers;
use filter_core::policy::Timestamp;
use std::time::{Duration, UNIX_EPOCH};

/// Between which bounds `Cache-Control` may move the configured duration.
const BOUNDS: u32 = 10;

/// For how long keys are to serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Freshness {
    configured: Duration,
}

impl Freshness {
    /// Around what is configured.
    #[must_use]
    pub fn new(configured: Duration) -> Self {
        Self { configured }
    }

    /// What `Cache-Control` (RFC 9111 section 5.2.2) makes of it: `max-age` minus `Age` within a tenth and ten times the
    /// configured duration; `no-store` and `no-cache` are the least. Without one, what is configured. Malformed
    /// directives are ignored; of several `max-age` the least counts.
    #[must_use]
    pub fn of(&self, headers: &Headers) -> Duration {
        let (least, most) = (self.configured / BOUNDS, self.configured.saturating_mul(BOUNDS));
        let mut said: Option<u64> = None;
        for field in headers.all("cache-control") {
            for directive in field.split(|byte| *byte == b',') {
                let Ok(directive) = std::str::from_utf8(directive) else { continue };
                let directive = directive.trim().to_ascii_lowercase();
                let seconds = match directive.split_once('=') {
                    Some(("max-age", value)) => value.trim_matches('"').parse().ok(),
                    None if directive == "no-store" || directive == "no-cache" => Some(0),
                    _ => None,
                };
                said = seconds.into_iter().chain(said).min();
            }
        }
        let Some(seconds) = said else { return self.configured };
        let age = headers.first("age").and_then(|age| std::str::from_utf8(age).ok()?.trim().parse().ok());
        Duration::from_secs(seconds.saturating_sub(age.unwrap_or(0))).clamp(least, most)
    }
}

/// The clock here minus the one in `Date` (RFC 9110 section 5.6.7), in seconds.
#[must_use]
pub fn clock_difference(headers: &Headers, now: Timestamp) -> Option<i64> {
    let date = httpdate::parse_http_date(std::str::from_utf8(headers.first("date")?).ok()?).ok()?;
    let there = i64::try_from(date.duration_since(UNIX_EPOCH).ok()?.as_secs()).ok()?;
    i64::try_from(now.0 / 1_000_000).ok()?.checked_sub(there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_is_compared_in_seconds() {
        let now = Timestamp(1_795_338_007_900_000);
        for (date, seconds) in [
            ("Sun, 22 Nov 2026 09:00:00 GMT", Some(7)),
            ("Sun, 22 Nov 2026 09:01:00 GMT", Some(-53)),
            ("yesterday", None),
            ("Sun, 22 Nov 1926 09:00:00 GMT", None),
        ] {
            let headers = Headers::from_pairs([("date", date)]);
            assert_eq!(clock_difference(&headers, now), seconds, "{date}");
        }
        assert_eq!(clock_difference(&Headers::default(), now), None);
    }

    #[test]
    fn a_server_moves_the_duration_within_bounds() {
        let freshness = Freshness::new(Duration::from_secs(600));
        for (fields, seconds) in [
            (&[][..], 600),
            (&[("cache-control", "public, max-age=900")], 900),
            (&[("cache-control", "max-age=900"), ("age", "100")], 800),
            (&[("cache-control", "max-age=1")], 60),
            (&[("cache-control", "no-store")], 60),
            (&[("cache-control", "max-age=999999")], 6000),
            (&[("cache-control", "max-age=99999999999999999999")], 600),
            (&[("cache-control", "Max-Age=\"700\""), ("cache-control", "max-age=650")], 650),
            (&[("cache-control", "max-age")], 600),
        ] {
            let headers = Headers::from_pairs(fields.iter().copied());
            assert_eq!(freshness.of(&headers).as_secs(), seconds, "{fields:?}");
        }
    }
}
