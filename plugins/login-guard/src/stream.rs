//! What a request holds.

use crate::rule::Rule;
use crate::who::Who;
use filter_core::redis::Query;
use std::net::IpAddr;
use std::sync::Arc;

/// How far an attempt has come.
#[derive(Default)]
pub enum Stream {
    /// It is none, or over.
    #[default]
    Nothing,
    /// Its body is awaited.
    Reading(Attempt),
    /// Redis is asked.
    Asking(Login, Query),
    /// It was charged, and its answer is awaited.
    Charged(Login, Charged),
}

/// An attempt whose user is not known yet.
pub struct Attempt {
    pub(crate) rule: Arc<Rule>,
    pub(crate) address: Option<IpAddr>,
}

/// An attempt.
pub struct Login {
    pub(crate) rule: Arc<Rule>,
    pub(crate) who: Who,
}

/// Where an attempt was charged.
#[derive(Clone, Copy)]
pub struct Charged {
    pub(crate) by: By,
    /// The pair had succeeded before, and the user was not charged.
    pub(crate) known: bool,
}

/// Who counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// This gateway, all of the limits.
    Table,
    /// This gateway, its part of them: Redis cannot be asked.
    Alone,
    /// All gateways, through Redis.
    Redis,
    /// Nobody: Redis cannot be asked, and the configuration says `allow`.
    Nobody,
}
