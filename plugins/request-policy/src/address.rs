//! Who may enter by address (R17).

use crate::config::Addresses;
use filter_core::address::Ranges;
use filter_core::denial::{Denial, Reason};
use std::net::IpAddr;

/// Who may enter.
#[derive(Debug)]
pub(crate) struct Access {
    allow: Ranges,
    deny: Ranges,
}

impl Access {
    pub(crate) fn new(config: Addresses) -> Self {
        Self { allow: Ranges::new(config.allow), deny: Ranges::new(config.deny) }
    }

    /// Whether there is nothing to check, and no address to be asked for.
    pub(crate) fn is_free(&self) -> bool {
        self.allow.is_empty() && self.deny.is_empty()
    }

    /// `client` is `None` where it cannot be told: nobody unknown enters past a list.
    pub(crate) fn check(&self, client: Option<IpAddr>) -> Result<(), Denial> {
        let Some(client) = client else { return Err(Denial::new(Reason::AddressUnknown)) };
        if self.deny.holds(client) {
            return Err(Denial::new(Reason::AddressDenied));
        }
        if self.allow.is_empty() || self.allow.holds(client) {
            return Ok(());
        }
        Err(Denial::new(Reason::AddressNotAllowed))
    }
}
