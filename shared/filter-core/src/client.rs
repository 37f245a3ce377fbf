//! What stands for a client where others may read: in Redis, and in log lines.

use crate::address::{network, number};
use crate::config::{At, Secret};
use crate::policy::hex;
use crate::{config_enum, redact};
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::net::{IpAddr, Ipv6Addr};

/// How much of a masked address is shown, in bits.
const SHOWN: (u32, u32) = (24, 48);
/// Shortest secret, in bytes.
const LEAST: usize = 16;

config_enum! {
    /// How much of a client a log line shows.
    pub enum LogClient {
        /// The key as it is.
        Full = "full",
        /// Addresses without the last 8 bits (IPv6: 80 bits), of other values two characters and never more than a third.
        Masked = "masked",
        /// 16 digits of an HMAC by `key_secret`: the same client is the same digits.
        Hmac = "hmac",
    }
}

/// HMAC-SHA-256 (RFC 2104) by the operator's secret.
pub struct KeySecret(Hmac<Sha256>);

impl KeySecret {
    /// `None`: an error was reported.
    #[must_use]
    pub fn new(secret: &Secret<String>, at: &At<'_>) -> Option<Self> {
        let secret = secret.expose().as_bytes();
        let keyed = Hmac::new_from_slice(secret).ok().filter(|_| secret.len() >= LEAST);
        if keyed.is_none() {
            at.error(format!("the secret must have at least {LEAST} bytes"));
        }
        keyed.map(Self)
    }

    /// The first 128 bits of the code, as 32 hexadecimal digits.
    #[must_use]
    pub fn digits(&self, bytes: &[u8]) -> String {
        let code = self.0.clone().chain_update(bytes).finalize().into_bytes();
        hex(code.get(..16).unwrap_or_default())
    }
}

/// How clients are shown.
#[derive(Clone, Copy)]
pub struct Shown<'s> {
    /// How much of them.
    pub how: LogClient,
    /// What codes are made with. Without it `hmac` shows as `masked`.
    pub secret: Option<&'s KeySecret>,
}

impl Shown<'_> {
    /// An address.
    #[must_use]
    pub fn address(&self, client: IpAddr) -> String {
        match (self.how, self.secret) {
            (LogClient::Full, _) => client.to_canonical().to_string(),
            (LogClient::Hmac, Some(secret)) => digits(secret, &number(client).to_be_bytes()),
            _ => displayed(network(client, SHOWN.0, SHOWN.1)),
        }
    }

    /// Something that the client said.
    #[must_use]
    pub fn value(&self, value: &[u8]) -> String {
        match (self.how, self.secret) {
            (LogClient::Full, _) => redact::field(value),
            (LogClient::Hmac, Some(secret)) => digits(secret, value),
            _ => masked(value),
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
