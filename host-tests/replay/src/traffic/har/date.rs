//! `startedDateTime`.

use std::time::Duration;

use anyhow::{Result, anyhow};
use chrono::{DateTime, FixedOffset};
use serde::Deserialize;

use super::place;
use crate::traffic::document::{Document, Piece};

pub(super) type Date = DateTime<FixedOffset>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Started {
    started_date_time: String,
}

/// The date of an entry, `None` where it is empty.
///
/// # Errors
/// There is none, or it is no date with a zone.
pub(super) fn of(document: &Document, piece: &Piece, number: usize) -> Result<Option<Date>> {
    let Started { started_date_time: text } = document.parse(piece, &place(number))?;
    if text.is_empty() {
        return Ok(None);
    }
    parse(&text).map(Some).ok_or_else(|| {
        let place = format!("{}: {}.startedDateTime", document.origin(piece), place(number));
        anyhow!("{place}: {text:?} is no date with a zone, like 2024-05-06T07:08:09.123Z")
    })
}

/// RFC 3339, and its zone without a colon.
pub(super) fn parse(text: &str) -> Option<Date> {
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .ok()
}

/// From one date to a later one.
pub(super) fn between(first: Date, then: Date) -> Duration {
    then.signed_duration_since(first).to_std().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::{between, parse};

    #[test]
    fn dates_of_all_exporters() {
        let first = parse("2024-05-06T07:08:09.123Z").unwrap();
        for (text, millis) in [
            ("2024-05-06T07:08:09.123456+00:00", 0),
            ("2024-05-06T09:08:09.1234567+02:00", 0),
            ("2024-05-06T09:08:10.123+0200", 1000),
            ("2024-05-06T01:38:10.123-05:30", 1000),
            ("2024-05-06T07:08:10Z", 877),
        ] {
            let date = parse(text).unwrap();
            assert_eq!(between(first, date).as_millis(), millis, "{text}");
        }
        for text in ["", "2024-05-06", "2024-05-06T07:08:09.123", "1715000000", "2024-13-06T07:08:09Z"] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
