//! What becomes of one header of an answer when several lists have a say.

use super::changes::Put;
use crate::presets::How;
use filter_core::effect::{HeaderOp, sanitized};
use filter_core::http::{HeaderName, HeaderValue};
use filter_core::message::Headers;

/// What an answer has of one header.
pub(super) struct Found<'a> {
    first: Option<&'a [u8]>,
    several: bool,
    /// It may have any of it.
    unseen: bool,
}

impl<'a> Found<'a> {
    pub(super) fn of(headers: &'a Headers, name: &'a HeaderName) -> Self {
        let mut copies = headers.all(name.as_str());
        let first = copies.next();
        Self { first, several: first.is_some() && copies.next().is_some(), unseen: headers.is_empty() }
    }
}

/// What becomes of one header: each list acts on what those before it left.
#[derive(Debug, Default)]
pub(super) struct Fate<'a> {
    kept: Kept<'a>,
    /// The policy's own further copies.
    appended: Vec<&'a HeaderValue>,
}

#[derive(Debug, Default)]
enum Kept<'a> {
    /// What the answer has.
    #[default]
    All,
    /// The first of what it has.
    First,
    Nothing,
    /// This instead.
    Value(&'a HeaderValue),
}

impl<'a> Fate<'a> {
    /// Gone, in every copy.
    pub(super) const REMOVED: Self = Self { kept: Kept::Nothing, appended: Vec::new() };

    /// One list puts the header in.
    pub(super) fn put(&mut self, put: &'a Put, found: &Found<'_>, tls: bool) {
        if put.tls_only && !tls {
            *self = Self::REMOVED;
            return;
        }
        match put.how {
            How::Set => *self = Self { kept: Kept::Value(&put.value), appended: Vec::new() },
            How::Append => self.appended.push(&put.value),
            How::IfAbsent => {
                let there = match self.kept {
                    Kept::All | Kept::First => found.first.is_some(),
                    Kept::Nothing => false,
                    Kept::Value(_) => true,
                };
                if there {
                    self.appended.clear();
                    if matches!(self.kept, Kept::All) {
                        self.kept = Kept::First;
                    }
                } else if self.appended.is_empty() {
                    self.kept = Kept::Value(&put.value);
                } else {
                    self.appended.truncate(1);
                }
            }
        }
    }

    /// Appends the operations that bring it about. Envoy adds a header faster than it replaces one, and what is
    /// right already is left alone.
    pub(super) fn settle(self, name: &HeaderName, found: &Found<'_>, operations: &mut Vec<HeaderOp>) {
        match (self.kept, found.first) {
            (Kept::First, Some(first)) if found.several => {
                operations.push(HeaderOp::Set(name.clone(), sanitized(first)));
            }
            (Kept::All | Kept::First, _) => {}
            (Kept::Nothing, first) => {
                if first.is_some() || found.unseen {
                    operations.push(HeaderOp::Remove(name.clone()));
                }
            }
            (Kept::Value(value), Some(first)) if first == value.as_bytes() && !found.several => {}
            (Kept::Value(value), None) if !found.unseen => {
                operations.push(HeaderOp::Add(name.clone(), value.clone()));
            }
            (Kept::Value(value), _) => operations.push(HeaderOp::Set(name.clone(), value.clone())),
        }
        let added = self.appended.into_iter().map(|value| HeaderOp::Add(name.clone(), value.clone()));
        operations.extend(added);
    }
}
