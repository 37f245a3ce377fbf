//! Points in time, as an operator gives them.

use std::cell::RefCell;
use std::str::FromStr;
use std::time::Duration;

use anyhow::{Context as _, Error, Result, bail};
use chrono::{DateTime, Utc};
use filter_core::config::{At, FromTree as _, Tree};

/// Unix seconds, a time as of RFC 3339, or a span from now on: `1795341000`, `2026-11-22T10:30:00Z`, `+1h`. The
/// spans are those of the configurations: `ms`, `s`, `m` and `h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Moment {
    /// Unix seconds.
    At(u64),
    /// So many seconds after now.
    In(u64),
}

impl Moment {
    /// Unix seconds. What "now" is says Redis, whose clock ends its keys.
    #[must_use]
    pub fn resolve(self, now: u64) -> u64 {
        match self {
            Self::At(seconds) => seconds,
            Self::In(seconds) => now.saturating_add(seconds),
        }
    }
}

/// Fractions of a second are rounded up: what is revoked is so for longer, not for less.
impl FromStr for Moment {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if let Some(span) = text.strip_prefix('+') {
            let errors = RefCell::default();
            let span = Duration::read(&Tree::String(span.to_owned()), &At::root(&errors));
            let Some(span) = span else { bail!("not a span; expected an integer and s, m or h, as +1h") };
            return Ok(Self::In(span.as_secs().saturating_add(u64::from(span.subsec_nanos() > 0))));
        }
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            return Ok(Self::At(text.parse().context("too large")?));
        }
        let time = DateTime::parse_from_rfc3339(text).context(
            "expected Unix seconds, a time as 2026-11-22T10:30:00Z (RFC 3339), or a span from now on as +1h",
        )?;
        let seconds = u64::try_from(time.timestamp()).context("before 1970")?;
        Ok(Self::At(seconds.saturating_add(u64::from(time.timestamp_subsec_nanos() > 0))))
    }
}

/// Unix seconds as a person reads them, in UTC.
#[must_use]
pub fn shown(seconds: u64) -> String {
    let time = i64::try_from(seconds).ok().and_then(|seconds| DateTime::<Utc>::from_timestamp(seconds, 0));
    time.map_or_else(|| seconds.to_string(), |time| format!("{time:?}"))
}

#[cfg(test)]
mod tests {
    use super::{Moment, shown};

    #[test]
    fn every_form_and_what_is_none() {
        for (text, moment) in [
            ("1795341000", Moment::At(1_795_341_000)),
            ("1970-01-01T00:00:00.5Z", Moment::At(1)),
            ("2026-11-22T11:30:00+01:00", Moment::At(1_795_343_400)),
            ("+1h", Moment::In(3600)),
            ("+90s", Moment::In(90)),
            ("+1ms", Moment::In(1)),
        ] {
            assert_eq!(text.parse::<Moment>().unwrap(), moment, "{text}");
        }
        for text in [
            "",
            "-1",
            "+",
            "+1d",
            "+0s",
            "1h",
            "1.5",
            "tomorrow",
            "1969-12-31T23:59:59Z",
            "99999999999999999999",
        ] {
            assert!(text.parse::<Moment>().is_err(), "{text}");
        }
        assert_eq!(Moment::In(u64::MAX).resolve(7), u64::MAX);
    }

    #[test]
    fn times_are_shown_in_utc() {
        assert_eq!(shown(1_795_343_400), "2026-11-22T10:30:00Z");
        assert_eq!(shown(u64::MAX), u64::MAX.to_string());
    }
}
