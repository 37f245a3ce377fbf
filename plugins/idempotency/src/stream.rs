//! What a request with a key holds.

use crate::claim::{Asked, Claim};
use crate::fingerprint::Fingerprint;
use crate::rule::Rule;
use std::sync::Arc;

/// What a request holds.
#[derive(Default)]
pub struct Stream(pub(crate) Phase);

/// How far a request has come.
#[derive(Default)]
pub(crate) enum Phase {
    /// It has no key, or there is nothing more to be said of it.
    #[default]
    Untouched,
    /// Its body is awaited.
    Body(Box<Head>),
    /// Redis is asked.
    Asking(Box<Asked>),
    /// It is on its way, and its answer decides about the key.
    Passed(Box<Claim>),
}

/// A request whose body is awaited.
pub(crate) struct Head {
    pub(crate) rule: Arc<Rule>,
    /// As the client wrote it.
    pub(crate) key: Vec<u8>,
    /// Where it is remembered.
    pub(crate) place: String,
    pub(crate) fingerprint: Fingerprint,
}
