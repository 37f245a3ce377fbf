//! The lists of headers that are put in and taken away.

use super::fate::{Fate, Found};
use crate::name_set::NameSet;
use crate::presets::How;
use filter_core::config::{At, HeaderFields};
use filter_core::effect::HeaderOp;
use filter_core::http::header::{STRICT_TRANSPORT_SECURITY, VARY};
use filter_core::http::{HeaderName, HeaderValue};
use filter_core::message::Headers;

/// A header that is put into an answer.
#[derive(Debug)]
pub(super) struct Put {
    pub(super) name: HeaderName,
    pub(super) value: HeaderValue,
    pub(super) how: How,
    /// RFC 6797 section 7.2: HSTS is not sent over plain HTTP.
    pub(super) tls_only: bool,
}

impl Put {
    pub(super) fn new(name: HeaderName, value: HeaderValue, how: How) -> Self {
        let tls_only = name == STRICT_TRANSPORT_SECURITY;
        Self { name, value, how, tls_only }
    }
}

/// What is done to headers: the lists of one place in the configuration.
#[derive(Debug)]
pub(super) struct Changes {
    /// Each name once, and none that is removed.
    pub(super) puts: Vec<Put>,
    pub(super) remove: NameSet,
}

impl Changes {
    /// `fields`: `set`, `if_absent` and `append`. `None`: a header that is not the operator's to change, or one in two
    /// of the lists, which was reported below `at`.
    pub(super) fn read(fields: [HeaderFields; 3], remove: Vec<HeaderName>, at: &At<'_>) -> Option<Self> {
        let mut puts: Vec<Put> = Vec::new();
        let mut clean = true;
        for (how, fields) in [How::Set, How::IfAbsent, How::Append].into_iter().zip(fields) {
            for (name, value) in fields.0 {
                let wrong = owner(&name, how == How::Append).or_else(|| also_in(&name, &puts));
                if let Some(message) = wrong {
                    at.key(key(how)).key(name.as_str()).error(message);
                    clean = false;
                }
                puts.push(Put::new(name, value, how));
            }
        }
        for (i, name) in remove.iter().enumerate() {
            if let Some(message) = owner(name, false).or_else(|| also_in(name, &puts)) {
                at.key("remove").index(i).error(message);
                clean = false;
            }
        }
        clean.then(|| Self { puts, remove: NameSet::new(remove) })
    }

    fn put(&self, name: &HeaderName) -> Option<&Put> {
        self.puts.iter().find(|put| put.name == *name)
    }

    /// Whether these lists have a say in this header.
    pub(super) fn mentions(&self, name: &HeaderName) -> bool {
        self.put(name).is_some() || self.remove.get(name.as_str().as_bytes()).is_some()
    }

    /// The headers they have a say in, each once.
    pub(super) fn names(&self) -> impl Iterator<Item = &HeaderName> {
        self.puts.iter().map(|put| &put.name).chain(self.remove.iter())
    }

    /// Takes away what the answer has of `remove`, each name once.
    pub(super) fn removals(&self, headers: &Headers, operations: &mut Vec<HeaderOp>) {
        if headers.is_empty() {
            operations.extend(self.remove.iter().cloned().map(HeaderOp::Remove));
            return;
        }
        let start = operations.len();
        for name in headers.iter().filter_map(|(name, _)| self.remove.get(name)) {
            // Bounded by the list: however many copies an answer has, there is one operation a name.
            let same = |op: &HeaderOp| matches!(op, HeaderOp::Remove(other) if other == name);
            if !operations.iter().skip(start).any(same) {
                operations.push(HeaderOp::Remove(name.clone()));
            }
        }
    }

    /// What these lists make of one header.
    pub(super) fn apply<'a>(&'a self, name: &HeaderName, found: &Found<'_>, tls: bool, fate: &mut Fate<'a>) {
        if let Some(put) = self.put(name) {
            fate.put(put, found, tls);
        } else if self.remove.get(name.as_str().as_bytes()).is_some() {
            *fate = Fate::REMOVED;
        }
    }
}

/// The key of a list.
fn key(how: How) -> &'static str {
    match how {
        How::Set => "set",
        How::IfAbsent => "if_absent",
        How::Append => "append",
    }
}

fn also_in(name: &HeaderName, puts: &[Put]) -> Option<String> {
    let other = puts.iter().find(|put| put.name == *name)?;
    Some(format!("the header is also in `{}`", key(other.how)))
}

/// Why a header is nobody's to change here.
fn owner(name: &HeaderName, append: bool) -> Option<String> {
    if is_framing(name.as_str().as_bytes()) {
        return Some("the header frames the message; Envoy owns it".to_owned());
    }
    // Two writers of these make answers that one of them did not mean; a further reason to vary harms nobody.
    let cors = name.as_str().starts_with("access-control-") || (name == VARY && !append);
    cors.then(|| "CORS owns the header".to_owned())
}

/// Headers that say where a message ends or what becomes of the connection (RFC 9110 section 7.6.1, RFC 9112
/// section 6): changing them desynchronises client and gateway.
pub(crate) fn is_framing(name: &[u8]) -> bool {
    const FRAMING: &[&[u8]] = &[
        b"connection",
        b"content-length",
        b"keep-alive",
        b"proxy-connection",
        b"te",
        b"trailer",
        b"transfer-encoding",
        b"upgrade",
    ];
    FRAMING.contains(&name)
}
