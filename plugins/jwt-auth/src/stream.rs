//! What a request holds while its tokens are looked at.

use crate::accepted::Accepted;
use crate::rule::Rule;
use filter_core::effect::HeaderOp;
use filter_core::policy::Mode;
use filter_core::redis::{BackendError, Query};
use std::rc::Rc;
use std::sync::Arc;

/// What a request holds.
#[derive(Default)]
pub struct Stream(pub Option<Case>);

/// A request with tokens that are not all judged.
pub struct Case {
    /// The rule that applies.
    pub rule: Arc<Rule>,
    /// Whether its refusals are carried out.
    pub mode: Mode,
    /// Its tokens.
    pub tokens: Vec<Presented>,
    /// SHA-256 of the client's certificate, once it was needed.
    pub certificate: Option<Option<[u8; 32]>>,
    /// What it waits for.
    pub waits: Waits,
}

/// A token of a request.
pub struct Presented {
    /// As it came.
    pub text: Vec<u8>,
    /// Providers whose it may be.
    pub providers: Vec<usize>,
    /// What takes it out of the request.
    pub strip: Vec<HeaderOp>,
    /// What it proved to be.
    pub accepted: Option<Rc<Accepted>>,
    /// What the deny-list said of it, where it was asked.
    pub revoked: Option<Result<bool, BackendError>>,
    /// Whether it passed although nothing could be learnt of it.
    pub skipped: bool,
}

/// What a request waits for.
#[derive(Default)]
pub enum Waits {
    /// Nothing.
    #[default]
    Nothing,
    /// Keys.
    Keys,
    /// What the deny-list says of a token, by its index.
    Revocation(usize, Query),
}
