//! Whose attempt it is: what its counters are told apart by.

use crate::limits::Limits;
use filter_core::address::network;
use std::net::IpAddr;

/// Whose attempt it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Who {
    /// `None`: the host does not say; all such attempts have one address.
    pub address: Option<IpAddr>,
    /// As it is counted ([`crate::username::normalized`]). `None`: there is none, and the rule counts by address.
    pub user: Option<String>,
}

/// What is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The address.
    Address,
    /// The user.
    Username,
    /// The user at the address.
    Pair,
}

impl Kind {
    /// As the configuration and log lines name it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Username => "username",
            Self::Pair => "pair",
        }
    }
}

impl Who {
    /// The key of a kind, which no other kind has. What is of the address has a fixed length, so that no two pairs read the
    /// same.
    #[must_use]
    pub fn key(&self, kind: Kind, limits: &Limits) -> Vec<u8> {
        let mut key = kind.as_str().as_bytes().to_vec();
        key.push(0);
        if kind != Kind::Username {
            let number = self.address.map(|address| network(address, limits.ipv4_prefix, limits.ipv6_prefix));
            key.push(u8::from(number.is_some()));
            // Other prefixes are other networks, also where their first address is the same.
            key.extend_from_slice(&limits.ipv4_prefix.to_le_bytes());
            key.extend_from_slice(&limits.ipv6_prefix.to_le_bytes());
            key.extend_from_slice(&number.unwrap_or_default().to_be_bytes());
        }
        if kind != Kind::Address {
            key.extend_from_slice(self.user.as_deref().unwrap_or_default().as_bytes());
        }
        key
    }

    /// Whether a success is remembered: nobody knows an address that the host does not say.
    #[must_use]
    pub fn can_be_known(&self) -> bool {
        self.address.is_some() && self.user.is_some()
    }
}
