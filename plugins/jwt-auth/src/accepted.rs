//! A token that was verified, as far as it is needed after that.

use crate::claims::{ClaimTree, Times};
use crate::provider::Provider;
use crate::revocation::Subject;
use crate::token::Token;
use filter_core::base64url;
use filter_core::config::Tree;
use filter_core::effect::HeaderOp;
use filter_core::http::HeaderValue;
use std::borrow::Cow;
use std::cell::Cell;

/// A token that was verified as one of a provider's.
#[derive(Debug)]
pub struct Accepted {
    /// Index of the provider.
    pub provider: usize,
    /// When it is valid.
    pub times: Times,
    /// What a deny-list could say of it.
    pub subject: Subject,
    /// The client certificate that it is bound to.
    pub binding: Binding,
    /// Headers for the upstream.
    pub headers: Vec<HeaderOp>,
    /// Filter state.
    pub exports: Vec<(String, Vec<u8>)>,
    /// The claims that some rule asks for, and `iss`.
    pub claims: ClaimTree<'static>,
    /// Bytes that it takes, about.
    pub bytes: usize,
    /// What the deny-list last said, and when (µs).
    pub checked: Cell<Option<(u64, bool)>>,
}

impl Accepted {
    /// What is needed of a token, of its claims those that are `asked`. They have been checked.
    #[must_use]
    pub fn new(index: usize, provider: &Provider, token: &Token<'_>, times: Times, asked: &[String]) -> Self {
        let Token { jws, claims } = token;
        let mut headers: Vec<HeaderOp> = Vec::new();
        if let Some((name, padding)) = &provider.payload_header {
            let mut payload = jws.payload.to_vec();
            while *padding && payload.len() % 4 != 0 {
                payload.push(b'=');
            }
            headers.extend(HeaderValue::from_bytes(&payload).map(|value| HeaderOp::Set(name.clone(), value)));
        }
        headers.extend(provider.claim_headers(claims));
        let kept = |name: &String| Some((Cow::Owned(name.clone()), claims.member(name)?.to_static()));
        let accepted = Self {
            provider: index,
            times,
            subject: provider.subject(claims, times),
            binding: binding(claims),
            headers,
            exports: provider.claim_state(claims),
            claims: Tree::Object(asked.iter().filter_map(kept).collect()),
            bytes: 0,
            checked: Cell::new(None),
        };
        let carried = accepted.headers.iter().map(|op| match op {
            HeaderOp::Set(_, value) | HeaderOp::Add(_, value) => value.len(),
            HeaderOp::Remove(_) | HeaderOp::SetPath(_) => 0,
        });
        let exported = accepted.exports.iter().map(|(key, value)| key.len().saturating_add(value.len()));
        let bytes = size(&accepted.claims).saturating_add(carried.chain(exported).sum());
        Self { bytes, ..accepted }
    }
}

/// What a token says of the certificate of whoever may use it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binding {
    /// Nothing.
    None,
    /// That it is this one, by its SHA-256.
    To([u8; 32]),
    /// Something that is none: no client has that certificate.
    Malformed,
}

/// `cnf.x5t#S256` (RFC 8705 section 3.1).
fn binding(claims: &ClaimTree<'_>) -> Binding {
    let Some(confirmation) = claims.member("cnf") else { return Binding::None };
    let Tree::Object(_) = confirmation else { return Binding::Malformed };
    let text = match confirmation.member("x5t#S256") {
        None => return Binding::None,
        Some(Tree::String(text)) => text,
        Some(_) => return Binding::Malformed,
    };
    let digest = base64url::decode(text.as_bytes());
    digest.and_then(|digest| digest.try_into().ok()).map_or(Binding::Malformed, Binding::To)
}

/// Bytes of a tree in memory, about.
fn size(tree: &ClaimTree<'_>) -> usize {
    const NODE: usize = size_of::<ClaimTree<'_>>();
    match tree {
        Tree::Null | Tree::Bool(_) | Tree::Number(_) => NODE,
        Tree::String(text) => NODE.saturating_add(text.len()),
        Tree::Array(items) => items.iter().map(size).fold(NODE, usize::saturating_add),
        Tree::Object(members) => members
            .iter()
            .map(|(name, value)| {
                size_of::<Cow<'_, str>>().saturating_add(name.len()).saturating_add(size(value))
            })
            .fold(NODE, usize::saturating_add),
    }
}
