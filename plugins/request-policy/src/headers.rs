//! What every answer carries (R9) and loses (R10).

use crate::config::{Preset, SecurityHeaders};
use filter_core::config::At;
use filter_core::effect::HeaderOp;
use filter_core::http::header::STRICT_TRANSPORT_SECURITY;
use filter_core::http::{HeaderName, HeaderValue};
use filter_core::message::Headers;

/// When a header of the list is set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    Always,
    /// RFC 6797 section 7.2: HSTS is not sent over plain HTTP.
    OverTls,
    /// Where the upstream knows better.
    IfAbsent,
}

/// For a JSON API: nothing may be rendered, framed, sniffed or kept.
const API: &[(&str, &str, When)] = &[
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'", When::Always),
    ("x-content-type-options", "nosniff", When::Always),
    ("x-frame-options", "DENY", When::Always),
    ("referrer-policy", "no-referrer", When::Always),
    ("strict-transport-security", "max-age=31536000; includeSubDomains", When::OverTls),
    ("cache-control", "no-store", When::IfAbsent),
];

/// Headers that name the software behind the gateway, sorted.
const LEAKS: &[&str] = &[
    "liferay-portal",
    "powered-by",
    "server",
    "x-aspnet-version",
    "x-aspnetmvc-version",
    "x-backend-server",
    "x-debug-token",
    "x-debug-token-link",
    "x-drupal-cache",
    "x-drupal-dynamic-cache",
    "x-generator",
    "x-php-version",
    "x-powered-by",
    "x-powered-by-plesk",
    "x-powered-cms",
    "x-runtime",
    "x-server-powered-by",
    "x-sourcefiles",
    "x-turbo-charged-by",
    "x-version",
];

/// The compiled lists.
#[derive(Debug)]
pub(crate) struct Decoration {
    set: Vec<(HeaderName, HeaderValue, When)>,
    /// Sorted.
    remove: Vec<HeaderName>,
    /// The first letters of `remove`, a bit each: most headers of a response are done with here.
    initials: u32,
}

impl Decoration {
    /// `None`: a header is both set and removed, which was reported at `at`.
    pub(crate) fn compile(config: SecurityHeaders, at: &At<'_>) -> Option<Self> {
        let mut clash = false;
        for (name, _) in config.set.0.iter().filter(|(name, _)| is_framing(name)) {
            at.key("set").key(name.as_str()).error("the header frames the message; Envoy owns it");
            clash = true;
        }
        for (i, name) in config.remove.iter().enumerate() {
            if is_framing(name) {
                at.key("remove").index(i).error("the header frames the message; Envoy owns it");
                clash = true;
            } else if config.set.0.iter().any(|(set, _)| set == name) {
                at.key("remove").index(i).error("the header is also in `set`");
                clash = true;
            }
        }
        let (preset, leaks) = match config.preset {
            Preset::Api => (API, LEAKS),
            Preset::None => (&[][..], &[][..]),
        };
        let mut set: Vec<_> = preset
            .iter()
            .map(|(name, value, when)| {
                (HeaderName::from_static(name), HeaderValue::from_static(value), *when)
            })
            .filter(|(name, ..)| {
                !config.remove.contains(name) && !config.set.0.iter().any(|(own, _)| own == name)
            })
            .collect();
        let mut remove: Vec<HeaderName> = leaks
            .iter()
            .map(|name| HeaderName::from_static(name))
            .filter(|name| !config.set.0.iter().any(|(own, _)| own == name))
            .chain(config.remove)
            .collect();
        set.extend(config.set.0.into_iter().map(|(name, value)| {
            let when = if name == STRICT_TRANSPORT_SECURITY { When::OverTls } else { When::Always };
            (name, value, when)
        }));
        remove.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        remove.dedup();
        let initials = remove.iter().fold(0, |bits, name| bits | initial(name.as_str().as_bytes()));
        (!clash).then_some(Self { set, remove, initials })
    }

    /// The operations for one response. `headers` is empty where the host could not hand them over: then
    /// everything is done unseen.
    pub(crate) fn operations(&self, headers: &Headers, tls: bool) -> Vec<HeaderOp> {
        let unseen = headers.is_empty();
        let mut operations = Vec::with_capacity(self.set.len());
        if unseen {
            operations.extend(self.remove.iter().cloned().map(HeaderOp::Remove));
        }
        for (name, _) in headers.iter() {
            if self.initials & initial(name) != 0
                && let Ok(found) = self.remove.binary_search_by(|own| own.as_str().as_bytes().cmp(name))
                && let Some(own) = self.remove.get(found)
            {
                let removal = HeaderOp::Remove(own.clone());
                if !operations.contains(&removal) {
                    operations.push(removal);
                }
            }
        }
        for (name, value, when) in &self.set {
            // Envoy adds a header faster than it replaces one.
            let absent = !unseen && headers.first(name.as_str()).is_none();
            let wanted = match when {
                When::Always => true,
                When::OverTls => tls,
                When::IfAbsent => unseen || absent,
            };
            if wanted {
                let (name, value) = (name.clone(), value.clone());
                operations.push(if absent { HeaderOp::Add(name, value) } else { HeaderOp::Set(name, value) });
            }
        }
        operations
    }
}

/// Headers that say where a message ends or what becomes of the connection (RFC 9110 section 7.6.1, RFC 9112
/// section 6): changing them desynchronises client and gateway.
fn is_framing(name: &HeaderName) -> bool {
    const FRAMING: &[&str] = &[
        "connection",
        "content-length",
        "keep-alive",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    FRAMING.contains(&name.as_str())
}

/// One of 32 bits for the first byte of a name.
fn initial(name: &[u8]) -> u32 {
    name.first().map_or(0, |byte| 1 << (byte & 31))
}
