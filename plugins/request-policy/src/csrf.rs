//! Requests that another site makes a browser send (R24).
//!
//! The algorithm is that of `net/http.CrossOriginProtection` in Go 1.25. It needs no token: browsers write
//! `Sec-Fetch-Site` (Fetch Metadata, section 2.4) and `Origin` themselves and let no page change them. A client that
//! forges or repeats them is no browser: nobody's cookies are in its hands but its own.

use crate::config::{CsrfCheck, CsrfConfig};
use crate::origin::{self, Origins};
use filter_core::config::At;
use filter_core::denial::{Denial, Reason};

/// What a request says about where it comes from.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CsrfRequest<'a> {
    pub(crate) method: &'a [u8],
    /// There is a `cookie`.
    pub(crate) cookie: bool,
    pub(crate) origin: Option<&'a [u8]>,
    /// `origin` is that of the request itself.
    pub(crate) same_origin: bool,
    /// `sec-fetch-site`
    pub(crate) fetch_site: Option<&'a [u8]>,
}

/// The compiled protection.
#[derive(Debug)]
pub(crate) struct Csrf {
    check: CsrfCheck,
    trusted: Origins,
    allow_unknown: bool,
}

impl Csrf {
    /// `None`: errors were reported below `at`.
    pub(crate) fn compile(config: CsrfConfig, at: &At<'_>) -> Option<Self> {
        let at = at.key("trusted_origins");
        let mut clean = origin::unique(&config.trusted_origins, &at);
        for (i, pattern) in config.trusted_origins.iter().enumerate() {
            if pattern.is_any() {
                at.index(i).error("every origin trusted is no protection; set check to \"never\"");
                clean = false;
            } else if pattern.is_null() {
                // Any page has that origin that puts itself into a sandboxed frame.
                at.index(i).error("every page can give itself the origin null: it cannot be trusted");
                clean = false;
            }
        }
        clean.then(|| Self {
            check: config.check,
            trusted: Origins::new(config.trusted_origins),
            allow_unknown: config.allow_unknown,
        })
    }

    /// The error is a refusal. Safe methods (RFC 9110 section 9.2.1) pass: they change nothing.
    pub(crate) fn check(&self, request: &CsrfRequest<'_>) -> Result<(), Denial> {
        let concerned = match self.check {
            CsrfCheck::Never => false,
            CsrfCheck::Cookies => request.cookie,
            CsrfCheck::Always => true,
        };
        if !concerned || matches!(request.method, b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE") {
            return Ok(());
        }
        let trusted = || request.origin.is_some_and(|origin| self.trusted.allows(origin));
        let passes = match (request.fetch_site, request.origin) {
            // `none`: the user typed or bookmarked it.
            (Some(b"same-origin" | b"none"), _) => true,
            // `same-site` is another host of the domain, which may be in other hands.
            (Some(_), _) => trusted(),
            // Browsers send `sec-fetch-site` to https and localhost only; old ones never do.
            (None, Some(_)) => request.same_origin || trusted(),
            (None, None) if self.allow_unknown => true,
            (None, None) => {
                let denial = Denial::new(Reason::CsrfUnknown);
                return Err(
                    denial.detail("neither Sec-Fetch-Site nor Origin says where the request comes from")
                );
            }
        };
        if passes {
            Ok(())
        } else {
            Err(Denial::new(Reason::CsrfCrossSite).detail("another site caused the request"))
        }
    }
}
