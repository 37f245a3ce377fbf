//! Which headers a client may send (R18, R19).

use crate::config::{OnDuplicate, OnHeader, RequestHeaders};
use crate::name_set::NameSet;
use crate::seen::Seen;
use crate::untrusted;
use filter_core::address::last_entries;
use filter_core::config::At;
use filter_core::denial::{Denial, Reason};
use filter_core::effect::{Effects, HeaderOp, sanitized};
use filter_core::http::HeaderName;
use filter_core::message::Headers;
use filter_core::policy::Mode;
use std::borrow::Cow;

/// The compiled lists.
#[derive(Debug)]
pub(crate) struct FieldRules {
    pub(crate) duplicates: OnDuplicate,
    untrusted: OnHeader,
    underscores: OnHeader,
    /// Names that are removed, the untrusted ones included where they are.
    strip: NameSet,
    refuse: NameSet,
    keep: NameSet,
    /// How many entries of `x-forwarded-for` are not the client's word.
    trusted_entries: u64,
}

/// Envoy and every filter need them, or they have a setting of their own.
const NEEDED: &[&str] = &[
    "connection",
    "content-length",
    "content-type",
    "host",
    "te",
    "transfer-encoding",
    "upgrade",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-request-id",
];

impl FieldRules {
    /// `None`: an error was reported below `at`.
    pub(crate) fn compile(config: RequestHeaders, trusted_hops: Option<u64>, at: &At<'_>) -> Option<Self> {
        let mut clean = true;
        for (key, list) in [("strip", &config.strip), ("refuse", &config.refuse)] {
            for (i, name) in list.iter().enumerate() {
                let mut error = |message: &str| {
                    at.key(key).index(i).error(message);
                    clean = false;
                };
                if NEEDED.contains(&name.as_str()) {
                    error("the gateway needs this header");
                } else if config.keep.contains(name) {
                    error("the header is also in `keep`");
                } else if key == "refuse" && config.strip.contains(name) {
                    error("the header is also in `strip`");
                }
            }
        }
        let untrusted = |action: OnHeader| {
            let listed = |name: &HeaderName| {
                config.keep.contains(name) || config.strip.contains(name) || config.refuse.contains(name)
            };
            let names = untrusted::names().map(HeaderName::from_static).filter(move |name| !listed(name));
            names.filter(move |_| config.untrusted == action).collect::<Vec<_>>()
        };
        clean.then(|| Self {
            duplicates: config.duplicates,
            untrusted: config.untrusted,
            underscores: config.underscores,
            strip: NameSet::new([untrusted(OnHeader::Strip), config.strip.clone()].concat()),
            refuse: NameSet::new([untrusted(OnHeader::Refuse), config.refuse.clone()].concat()),
            keep: NameSet::new(config.keep.clone()),
            trusted_entries: trusted_hops.unwrap_or(1),
        })
    }

    /// Removals go to `effects`; what is refused comes back, or is noted there in shadow.
    pub(crate) fn apply(
        &self,
        headers: &Headers,
        seen: &Seen<'_>,
        mode: Mode,
        effects: &mut Effects,
    ) -> Option<Denial> {
        let mut refused = Vec::new();
        for (name, _) in headers.iter() {
            match self.action(name) {
                None => {}
                Some(Err(reason)) => refused.push(reason),
                Some(Ok(())) if mode == Mode::Enforce => {
                    if let Ok(name) = HeaderName::from_bytes(name) {
                        effects.headers.push(HeaderOp::Remove(name));
                    }
                }
                Some(Ok(())) => {}
            }
        }
        // R18 before R19, in whatever order the fields come.
        refused.sort_by_key(|reason| *reason != Reason::HeaderRefused);
        for reason in refused {
            if let Some(denial) = effects.refuse(mode, Denial::new(reason)) {
                return Some(denial);
            }
        }
        if let Some(forwarded_for) = seen.forwarded_for.as_deref()
            && self.untrusted != OnHeader::Allow
            && mode == Mode::Enforce
            && self.keep.get(X_FORWARDED_FOR.as_str().as_bytes()).is_none()
            && let Some(trusted) = last_entries(forwarded_for, self.trusted_entries)
        {
            effects.headers.push(HeaderOp::Set(X_FORWARDED_FOR, sanitized(trusted)));
        }
        None
    }

    /// What is done with a name: nothing, a removal, or a refusal with its reason.
    fn action(&self, name: &[u8]) -> Option<Result<(), Reason>> {
        let underscore = name.contains(&b'_');
        // Nearly every name: in no list.
        if !underscore && self.strip.get(name).is_none() && self.refuse.get(name).is_none() {
            return None;
        }
        if self.keep.get(name).is_some() {
            return None;
        }
        if underscore {
            match self.underscores {
                OnHeader::Strip => return Some(Ok(())),
                OnHeader::Refuse => return Some(Err(Reason::HeaderUnderscore)),
                OnHeader::Allow => {}
            }
        }
        // Where underscores pass, a name with them still is what a CGI upstream takes it for. Who is trusted to write a
        // kept name writes hyphens.
        let twin = if underscore { Cow::Owned(hyphened(name)) } else { Cow::Borrowed(name) };
        let forged = underscore
            && (self.keep.get(&twin).is_some()
                || NEEDED.iter().any(|needed| needed.as_bytes() == twin.as_ref()));
        if self.strip.get(&twin).is_some() || (forged && self.untrusted == OnHeader::Strip) {
            Some(Ok(()))
        } else if self.refuse.get(&twin).is_some() || (forged && self.untrusted == OnHeader::Refuse) {
            Some(Err(Reason::HeaderRefused))
        } else {
            None
        }
    }
}

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

fn hyphened(name: &[u8]) -> Vec<u8> {
    name.iter().map(|&b| if b == b'_' { b'-' } else { b }).collect()
}
