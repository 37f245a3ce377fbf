//! What a log line shows of a key.

use crate::config::KeySource;
use crate::key::{Key, Part};
use filter_core::client::Shown;
use filter_core::redact;
use std::net::{IpAddr, Ipv6Addr};

/// The parts of a key.
pub(crate) fn key(shown: Shown<'_>, sources: &[KeySource], key: &[u8]) -> String {
    let parts: Vec<String> = sources
        .iter()
        .zip(Key::parts(key))
        .map(|(source, found)| match found {
            Part::Missing => "-".to_owned(),
            Part::Ambiguous => "?".to_owned(),
            Part::Value(value) => part(shown, source, &value),
        })
        .collect();
    parts.join(" ")
}

fn part(shown: Shown<'_>, source: &KeySource, value: &[u8]) -> String {
    match source {
        KeySource::Address { .. } => match value.try_into().map(u128::from_be_bytes) {
            Ok(number) => shown.address(IpAddr::V6(Ipv6Addr::from_bits(number))),
            Err(_) => "?".to_owned(),
        },
        KeySource::Header(_) | KeySource::Cookie(_) | KeySource::Query(_) | KeySource::Claim(_) => {
            shown.value(value)
        }
        KeySource::Path => redact::path(value),
        KeySource::Method | KeySource::Host | KeySource::Route | KeySource::Constant(_) => {
            redact::field(value)
        }
    }
}
