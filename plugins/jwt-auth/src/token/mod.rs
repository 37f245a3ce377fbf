//! The strict layer: what a token must look like before any of it is believed (RFC 7515, RFC 7519, RFC 8725).
//!
//! Only the compact serialisation of a signature with its payload inside is read. Everything has one spelling: base64url
//! without padding and without bits to spare, JSON without duplicate members. Nothing here proves anything; who holds
//! a [`Token`] knows that a signature check of [`Jws::signing_input`] is about exactly these bytes.

mod error;
mod header;
mod json;
mod types;

pub use error::{JsonError, Part, TokenError};
pub use header::{Header, MAX_KID};
pub use json::{MAX_DEPTH, MAX_MEMBERS};
pub use types::AcceptedTypes;

use crate::claims::ClaimTree;
use filter_core::base64url;
use filter_core::config::Tree;
use memchr::memchr_iter;
use std::ops::Range;

/// How large a token may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The whole token as sent, in bytes.
    pub token: usize,
    /// Its header, decoded, in bytes.
    pub header: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { token: 8192, header: 2048 }
    }
}

/// A JSON Web Signature in compact serialisation (RFC 7515 section 3.1), its header read, its payload not.
#[derive(Debug, Clone, PartialEq)]
pub struct Jws<'a> {
    /// What its header says.
    pub header: Header,
    /// What is signed: header and payload as sent, with the dot between them (RFC 7515 section 5.2).
    pub signing_input: &'a [u8],
    /// The payload as sent, base64url.
    pub payload: &'a [u8],
    /// The signature, decoded. Its length is for the algorithm to judge.
    pub signature: Vec<u8>,
}

impl<'a> Jws<'a> {
    /// Reads all but the payload, of which no more is known than that it is not empty.
    ///
    /// # Errors
    /// The first thing found wrong, see [`TokenError`].
    pub fn parse(text: &'a [u8], limits: Limits) -> Result<Self, TokenError> {
        if text.len() > limits.token {
            return Err(TokenError::TooLong);
        }
        if text.trim_ascii_start().starts_with(b"{") {
            return Err(TokenError::JsonSerialization);
        }
        let mut dots = memchr_iter(b'.', text);
        let (Some(first), Some(second)) = (dots.next(), dots.next()) else {
            return Err(TokenError::Segments);
        };
        match dots.count() {
            0 => {}
            2 => return Err(TokenError::Encrypted),
            _ => return Err(TokenError::Segments),
        }
        let part = |range: Range<usize>| text.get(range).unwrap_or_default();
        let (header, payload) = (part(0..first), part(first.saturating_add(1)..second));
        let signature = part(second.saturating_add(1)..text.len());
        if header.is_empty() {
            return Err(TokenError::EmptyHeader);
        }
        if signature.is_empty() {
            return Err(TokenError::EmptySignature);
        }
        if payload.is_empty() {
            return Err(TokenError::Detached);
        }
        let decoded = decode(header, Part::Header)?;
        if decoded.len() > limits.header {
            return Err(TokenError::HeaderTooLong);
        }
        Ok(Self {
            header: Header::read(&decoded)?,
            signing_input: part(0..second),
            payload,
            signature: decode(signature, Part::Signature)?,
        })
    }
}

/// A JSON Web Token: a signature whose payload is a set of claims.
#[derive(Debug, Clone, PartialEq)]
pub struct Token<'a> {
    /// Header, signature and what is signed.
    pub jws: Jws<'a>,
    /// The claims: an object.
    pub claims: ClaimTree<'a>,
}

impl<'a> Token<'a> {
    /// Reads a token. Its payload is decoded into `payload`, where its claims are.
    ///
    /// # Errors
    /// The first thing found wrong, see [`TokenError`].
    pub fn parse(text: &'a [u8], payload: &'a mut Vec<u8>, limits: Limits) -> Result<Self, TokenError> {
        let jws = Jws::parse(text, limits)?;
        *payload = decode(jws.payload, Part::Payload)?;
        let claims = json::object(payload).map_err(|error| TokenError::Json(Part::Payload, error))?;
        Ok(Self { jws, claims: Tree::Object(claims) })
    }
}

/// The engine refuses padding, white space, the other alphabet and non-zero trailing bits: one text for each value,
/// so that no second spelling of a token passes a deny-list or a cache (RFC 4648 sections 3.2 to 3.5).
fn decode(segment: &[u8], part: Part) -> Result<Vec<u8>, TokenError> {
    base64url::decode(segment).ok_or(TokenError::Base64(part))
}
