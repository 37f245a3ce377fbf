//! What a request is about, read so that rules cannot be passed by spelling it differently.

use crate::denial::{Denial, Reason};
use crate::matcher::canonical_host;
use crate::message::RequestHead;
use crate::path::CanonicalPath;
use std::borrow::Cow;

/// Host and path of a request. There is none of one that can be read in two ways: it could be one rule's here and
/// another's at the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target<'a> {
    /// Canonical, without port.
    pub host: Cow<'a, str>,
    /// `None` for CONNECT.
    pub path: Option<CanonicalPath<'a>>,
}

impl<'a> Target<'a> {
    /// Reads it.
    ///
    /// # Errors
    /// [`Reason::PathMalformed`], [`Reason::PathAmbiguous`], [`Reason::HeaderHost`].
    pub fn of(head: &RequestHead<'a>) -> Result<Self, Box<Denial>> {
        let path = match head.path().map(CanonicalPath::parse) {
            Some(Err(_)) => return Err(Box::new(Denial::new(Reason::PathMalformed))),
            Some(Ok(path)) => match path.ambiguity {
                Some(ambiguity) => {
                    let denial = Denial::new(Reason::PathAmbiguous).detail(ambiguity.detail());
                    return Err(Box::new(denial));
                }
                None => Some(path),
            },
            None => None,
        };
        let Some(host) = canonical_host(head.authority()) else {
            return Err(Box::new(Denial::new(Reason::HeaderHost)));
        };
        Ok(Self { host, path })
    }

    /// The path that rules match.
    #[must_use]
    pub fn matched(&self) -> Option<&str> {
        self.path.as_ref().map(|path| path.matched.as_ref())
    }

    /// The query without `?`.
    #[must_use]
    pub fn query(&self) -> Option<&'a [u8]> {
        self.path.as_ref().and_then(|path| path.query)
    }
}
