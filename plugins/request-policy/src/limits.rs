//! Limits on the head of a request (R13, R14).

use crate::config;
use crate::seen::Seen;
use filter_core::denial::{Denial, Reason};

/// The limits, in bytes but for the count.
#[derive(Debug)]
pub(crate) struct Limits {
    uri: usize,
    header_count: usize,
    header: usize,
    headers: usize,
}

impl From<config::Limits> for Limits {
    fn from(config: config::Limits) -> Self {
        let size = |limit: std::num::NonZeroU64| usize::try_from(limit.get()).unwrap_or(usize::MAX);
        Self {
            uri: size(config.uri),
            header_count: size(config.header_count),
            header: size(config.header),
            headers: size(config.headers),
        }
    }
}

impl Limits {
    /// What is too large, the path first.
    pub(crate) fn check(&self, path: Option<&[u8]>, seen: &Seen<'_>) -> Result<(), Denial> {
        let reason = if path.is_some_and(|path| path.len() > self.uri) {
            Reason::SizeUri
        } else if seen.count > self.header_count {
            Reason::SizeHeaderCount
        } else if seen.largest > self.header {
            Reason::SizeHeader
        } else if seen.total > self.headers {
            Reason::SizeHeaders
        } else {
            return Ok(());
        };
        Err(Denial::new(reason))
    }
}
