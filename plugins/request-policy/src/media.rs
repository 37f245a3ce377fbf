//! Media types: which bodies a request may have (R27).

use crate::config::ContentTypes;
use filter_core::config::At;
use filter_core::denial::{Denial, Reason};
use filter_core::effect::sanitized;
use filter_core::http::header::ACCEPT;
use filter_core::http::{HeaderValue, Method};
use filter_core::media::{MediaRange, MediaType};

/// The media types that bodies may have, by method.
#[derive(Debug)]
pub(crate) struct MediaTypes(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    /// Empty: those that no other entry names.
    methods: Vec<Method>,
    types: Vec<MediaRange>,
    /// What a 415 says (RFC 9110 section 15.5.16).
    accept: HeaderValue,
}

impl MediaTypes {
    /// `None`: a method is in two entries, or two entries are without methods, which was reported below `at`.
    pub(crate) fn compile(config: Vec<ContentTypes>, at: &At<'_>) -> Option<Self> {
        let mut entries: Vec<Entry> = Vec::with_capacity(config.len());
        let mut clean = true;
        for (i, entry) in config.into_iter().enumerate() {
            let (at_entry, methods) =
                (at.index(i), entry.methods.map(|methods| methods.0).unwrap_or_default());
            if methods.is_empty()
                && let Some(other) = entries.iter().position(|other| other.methods.is_empty())
            {
                at_entry.error(format!("without `methods`, as {}", at.index(other).label()));
                clean = false;
            }
            for (j, method) in methods.iter().enumerate() {
                if let Some(other) = entries.iter().position(|other| other.methods.contains(method)) {
                    let message = format!("the same method as in {}", at.index(other).label());
                    at_entry.key("methods").index(j).error(message);
                    clean = false;
                }
            }
            let types = entry.types.0;
            let texts: Vec<String> = types.iter().map(MediaRange::to_string).collect();
            entries.push(Entry { methods, types, accept: sanitized(texts.join(", ").as_bytes()) });
        }
        clean.then_some(Self(entries))
    }

    /// Whether the body of a request with this method may have this `Content-Type`.
    ///
    /// # Errors
    /// 415 with an `accept` that names what the method takes.
    pub(crate) fn check(&self, method: &[u8], content_type: Option<&[u8]>) -> Result<(), Denial> {
        let named = |entry: &&Entry| entry.methods.iter().any(|own| own.as_str().as_bytes() == method);
        let entry =
            self.0.iter().find(named).or_else(|| self.0.iter().find(|entry| entry.methods.is_empty()));
        let Some(entry) = entry else { return Ok(()) };
        let reason = match content_type.map(MediaType::parse) {
            None => Reason::MediaMissing,
            Some(Some(given)) if entry.types.iter().any(|range| range.matches(&given.essence)) => {
                return Ok(());
            }
            Some(_) => Reason::MediaType,
        };
        Err(Denial::new(reason).header(ACCEPT, entry.accept.clone()))
    }
}
