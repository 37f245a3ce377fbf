//! What a log line shows of a client.

use crate::config::{KeySource, LogClient};
use crate::key::{Key, Part, network};
use crate::secret::KeySecret;
use filter_core::redact;
use std::net::{IpAddr, Ipv6Addr};

/// How much of a masked address is shown, in bits.
const SHOWN: (u32, u32) = (24, 48);

/// How clients are shown.
pub(crate) struct Shown<'s> {
    pub(crate) how: LogClient,
    pub(crate) secret: Option<&'s KeySecret>,
}

impl Shown<'_> {
    /// The parts of a key.
    pub(crate) fn key(&self, sources: &[KeySource], key: &[u8]) -> String {
        let shown: Vec<String> = sources
            .iter()
            .zip(Key::parts(key))
            .map(|(source, part)| match part {
                Part::Missing => "-".to_owned(),
                Part::Ambiguous => "?".to_owned(),
                Part::Value(value) => self.part(source, &value),
            })
            .collect();
        shown.join(" ")
    }

    /// An address.
    pub(crate) fn address(&self, client: IpAddr) -> String {
        match (self.how, self.secret) {
            (LogClient::Full, _) => client.to_canonical().to_string(),
            (LogClient::Hmac, Some(secret)) => {
                digits(secret, &filter_core::address::number(client).to_be_bytes())
            }
            _ => displayed(network(client, SHOWN.0, SHOWN.1)),
        }
    }

    fn part(&self, source: &KeySource, value: &[u8]) -> String {
        match source {
            KeySource::Address { .. } => match value.try_into().map(u128::from_be_bytes) {
                Ok(number) => self.address(IpAddr::V6(Ipv6Addr::from_bits(number))),
                Err(_) => "?".to_owned(),
            },
            KeySource::Header(_) | KeySource::Cookie(_) | KeySource::Query(_) | KeySource::Claim(_) => {
                match (self.how, self.secret) {
                    (LogClient::Full, _) => redact::field(value),
                    (LogClient::Hmac, Some(secret)) => digits(secret, value),
                    _ => masked(value),
                }
            }
            KeySource::Path => redact::path(value),
            KeySource::Method | KeySource::Host | KeySource::Route | KeySource::Constant(_) => {
                redact::field(value)
            }
        }
    }
}

fn digits(secret: &KeySecret, bytes: &[u8]) -> String {
    let mut digits = secret.digits(bytes);
    digits.truncate(16);
    digits
}

/// Of a number in the space of IPv6.
fn displayed(number: u128) -> String {
    IpAddr::V6(Ipv6Addr::from_bits(number)).to_canonical().to_string()
}

/// Two characters, never more than a third.
fn masked(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value.get(..8).unwrap_or(value));
    let shown: String = text.chars().take((value.len() / 3).min(2)).collect();
    redact::field(format!("{shown}***").as_bytes())
}
