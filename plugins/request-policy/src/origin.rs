//! Origins (RFC 6454, HTML standard "Origins"): what a browser sends in `Origin`, and patterns of it.

use filter_core::config::{At, FromTree, Shape, Tree};
use filter_core::config_struct;
use filter_core::matcher::FullMatch;
use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

/// Longest origin that is looked at, in bytes: a domain name has at most 253. It bounds what a regular expression
/// costs.
const MAX_ORIGIN: usize = 512;

/// A pattern of origins as configured.
#[derive(Debug, Clone)]
pub struct OriginPattern(Pattern);

#[derive(Debug, Clone)]
enum Pattern {
    Any,
    Null,
    /// As browsers write it.
    Exact(String),
    Hosts(Hosts),
    Regex(FullMatch),
}

/// Many hosts or many ports of one scheme.
#[derive(Debug, Clone)]
struct Hosts {
    scheme: String,
    labels: Labels,
    /// Without the wildcard and its dot.
    domain: String,
    port: Port,
}

/// What stands in front of the domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Labels {
    None,
    One,
    OneOrMore,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Port {
    Any,
    /// `None`: the default of the scheme.
    This(Option<u16>),
}

config_struct! {
    /// A pattern that is a regular expression.
    pub struct OriginRegex {
        /// For the whole origin, in linear time (no look-around, no back-references).
        regex: String,
    }
}

impl OriginPattern {
    /// `*`
    pub(crate) fn is_any(&self) -> bool {
        matches!(self.0, Pattern::Any)
    }

    /// `null`: sandboxed frames, `data:` and `file:` pages, some redirects.
    pub(crate) fn is_null(&self) -> bool {
        matches!(self.0, Pattern::Null)
    }
}

impl FromTree for OriginPattern {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        match tree {
            Tree::String(text) => match pattern(text) {
                Ok(pattern) => Some(Self(pattern)),
                Err(message) => {
                    at.error(message);
                    None
                }
            },
            Tree::Object(_) => {
                let config = OriginRegex::read(tree, at)?;
                FullMatch::compile(&config.regex, &at.key("regex")).map(|regex| Self(Pattern::Regex(regex)))
            }
            _ => at.expected("an origin", tree),
        }
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "origin, or `{\"regex\": \"…\"}`",
            schema: r#"{"oneOf": [{"type": "string", "pattern": "^(\\*|null|[A-Za-z][0-9A-Za-z+.-]*://(\\[[0-9A-Fa-f:.]+\\]|(\\*{1,2}\\.)?[0-9A-Za-z_-]+(\\.[0-9A-Za-z_-]+)*)(:(\\*|[0-9]{1,5}))?)$"}, {"type": "object", "properties": {"regex": {"type": "string", "minLength": 1}}, "required": ["regex"], "additionalProperties": false}]}"#,
        }
    }
}

/// In the spelling of browsers: two patterns that mean the same read the same.
impl fmt::Display for OriginPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Pattern::Any => f.write_str("*"),
            Pattern::Null => f.write_str("null"),
            Pattern::Exact(origin) => f.write_str(origin),
            Pattern::Hosts(hosts) => hosts.fmt(f),
            Pattern::Regex(regex) => write!(f, "regex {regex}"),
        }
    }
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let labels = match self.labels {
            Labels::None => "",
            Labels::One => "*.",
            Labels::OneOrMore => "**.",
        };
        write!(f, "{}://{labels}{}", self.scheme, self.domain)?;
        match self.port {
            Port::Any => f.write_str(":*"),
            Port::This(Some(port)) => write!(f, ":{port}"),
            Port::This(None) => Ok(()),
        }
    }
}

impl Hosts {
    fn matches(&self, origin: &Serialised<'_>) -> bool {
        // The dot is taken off on its own: `example.com` never ends in the middle of a label.
        let in_front = || origin.host.strip_suffix(self.domain.as_str())?.strip_suffix('.');
        let host = match self.labels {
            Labels::None => origin.host == self.domain,
            Labels::One => in_front().is_some_and(is_label),
            Labels::OneOrMore => in_front().is_some_and(|labels| labels.split('.').all(is_label)),
        };
        host && origin.scheme == self.scheme
            && match self.port {
                Port::Any => true,
                Port::This(port) => origin.port == port,
            }
    }
}

/// Reports every pattern that says the same as an earlier one.
pub(crate) fn unique(patterns: &[OriginPattern], at: &At<'_>) -> bool {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut unique = true;
    for (i, pattern) in patterns.iter().enumerate() {
        let text = pattern.to_string();
        if let Some(earlier) = seen.get(&text) {
            at.index(i).error(format!("the same origin as {}[{earlier}]", at.label()));
            unique = false;
        } else {
            seen.insert(text, i);
        }
    }
    unique
}

/// A compiled list of patterns.
#[derive(Debug)]
pub(crate) struct Origins {
    any: bool,
    null: bool,
    /// Sorted.
    exact: Vec<String>,
    hosts: Vec<Hosts>,
    regexes: Vec<FullMatch>,
}

impl Origins {
    pub(crate) fn new(patterns: Vec<OriginPattern>) -> Self {
        let mut origins =
            Self { any: false, null: false, exact: Vec::new(), hosts: Vec::new(), regexes: Vec::new() };
        for pattern in patterns {
            match pattern.0 {
                Pattern::Any => origins.any = true,
                Pattern::Null => origins.null = true,
                Pattern::Exact(origin) => origins.exact.push(origin),
                Pattern::Hosts(hosts) => origins.hosts.push(hosts),
                Pattern::Regex(regex) => origins.regexes.push(regex),
            }
        }
        origins.exact.sort_unstable();
        origins
    }

    /// Whether a page of this origin may call. `*` allows whatever is sent, even what is no origin: nothing of it gets
    /// into the answer, and who sends it could as well send none. All else allows only what a browser would write.
    pub(crate) fn allows(&self, origin: &[u8]) -> bool {
        if self.any {
            return true;
        }
        if origin == b"null" {
            return self.null;
        }
        if self.exact.binary_search_by(|own| own.as_bytes().cmp(origin)).is_ok() {
            return true;
        }
        Serialised::parse(origin).is_some_and(|origin| {
            self.hosts.iter().any(|hosts| hosts.matches(&origin))
                || self.regexes.iter().any(|regex| regex.is_match(origin.text))
        })
    }

    /// Whether `*` is listed.
    pub(crate) fn is_any(&self) -> bool {
        self.any
    }
}

/// Whether `origin` is the origin of the request itself: scheme by `tls`, host and port of `authority`.
pub(crate) fn is_same(origin: &[u8], tls: bool, authority: &[u8]) -> bool {
    let scheme = if tls { "https" } else { "http" };
    if !origin.strip_prefix(scheme.as_bytes()).is_some_and(|rest| rest.starts_with(b"://")) {
        return false;
    }
    Serialised::parse(origin).is_some_and(|origin| {
        let own = std::str::from_utf8(authority).ok().and_then(host_and_port);
        own.is_some_and(|(host, port)| {
            origin.scheme == scheme
                && origin.host.eq_ignore_ascii_case(host)
                && port.map_or(Some(None), |port| explicit(scheme, port)) == Some(origin.port)
        })
    })
}

/// An origin as browsers write it (RFC 6454 section 6.2; HTML standard, "serialization of an origin"): in lower case,
/// without the scheme's default port. What differs in case or names that port was written by somebody else, and does
/// not count as the origin it resembles.
struct Serialised<'a> {
    text: &'a str,
    scheme: &'a str,
    host: &'a str,
    /// `None`: the default of the scheme.
    port: Option<u16>,
}

impl<'a> Serialised<'a> {
    fn parse(origin: &'a [u8]) -> Option<Self> {
        let text = std::str::from_utf8(origin).ok().filter(|text| text.len() <= MAX_ORIGIN)?;
        let (scheme, rest) = text.split_once("://")?;
        let (host, port) = host_and_port(rest)?;
        let port = match port {
            Some(digits) => Some(explicit(scheme, digits)??),
            None => None,
        };
        let plain = match host.strip_prefix('[') {
            Some(address) => {
                address.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f' | b':' | b'.' | b']'))
            }
            None => !host.is_empty() && host.bytes().all(|b| b == b'.' || is_label_byte(b)),
        };
        (plain && is_scheme(scheme)).then_some(Self { text, scheme, host, port })
    }
}

/// The host, brackets included, and what follows its colon.
fn host_and_port(text: &str) -> Option<(&str, Option<&str>)> {
    let end = match text.strip_prefix('[') {
        Some(_) => text.find(']')?.checked_add(1)?,
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, rest) = text.split_at_checked(end)?;
    match rest.strip_prefix(':') {
        Some(port) => Some((host, Some(port))),
        None => rest.is_empty().then_some((host, None)),
    }
}

/// A port in decimal, `Some(None)` where it is the default of the scheme; `None` where it is none.
fn explicit(scheme: &str, digits: &str) -> Option<Option<u16>> {
    let plain = digits.bytes().all(|b| b.is_ascii_digit()) && !digits.starts_with('0');
    let port = digits.parse::<u16>().ok().filter(|_| plain)?;
    let default = matches!((scheme, port), ("http", 80) | ("https", 443));
    Some((!default).then_some(port))
}

/// RFC 3986 section 3.1, in lower case.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_lowercase())
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'+' | b'-' | b'.'))
}

fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_label_byte)
}

/// Letters, digits and hyphens, and the underscore that no registry allows and many internal names have.
fn is_label_byte(b: u8) -> bool {
    matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_')
}

/// A pattern as text. The error is a message.
fn pattern(text: &str) -> Result<Pattern, &'static str> {
    match text {
        "*" => return Ok(Pattern::Any),
        "null" => return Ok(Pattern::Null),
        _ => {}
    }
    let (scheme, rest) = text
        .split_once("://")
        .map(|(scheme, rest)| (scheme.to_ascii_lowercase(), rest))
        .filter(|(scheme, _)| is_scheme(scheme))
        .ok_or("an origin starts with its scheme; write https://app.example.com")?;
    if rest.contains('@') {
        return Err("an origin has no user information; write https://app.example.com");
    }
    match rest.find(['/', '\\', '?', '#']).and_then(|at| rest.get(at..)) {
        Some(path) if path.starts_with(['/', '\\']) => {
            return Err("an origin has no path; write https://app.example.com");
        }
        Some(_) => return Err("an origin has no query and no fragment; write https://app.example.com"),
        None => {}
    }
    let (labels, rest) = match (rest.strip_prefix("*."), rest.strip_prefix("**.")) {
        (Some(rest), _) => (Labels::One, rest),
        (_, Some(rest)) => (Labels::OneOrMore, rest),
        (None, None) => (Labels::None, rest),
    };
    let (domain, port) = host_and_port(rest).ok_or(NO_HOST)?;
    let port = match port {
        None => Port::This(None),
        Some("*") => Port::Any,
        Some(digits) => explicit(&scheme, digits).map(Port::This).ok_or("not a port: 1 to 65535, or `*`")?,
    };
    let hosts = Hosts { scheme, labels, domain: canonical_domain(labels, domain)?, port };
    Ok(match (labels, port) {
        (Labels::None, Port::This(_)) => Pattern::Exact(hosts.to_string()),
        _ => Pattern::Hosts(hosts),
    })
}

const NO_HOST: &str =
    "not a host; expected as app.example.com, *.example.com, **.example.com, 192.0.2.1 or [2001:db8::1]";

/// A domain or an address in the spelling of browsers (URL standard, "host serializing").
fn canonical_domain(labels: Labels, domain: &str) -> Result<String, &'static str> {
    if domain.contains('*') {
        return Err(
            "`*` stands for labels in front of a domain: https://*.example.com for one, https://**.example.com for \
             one or more; write {\"regex\": \"…\"} for anything else",
        );
    }
    if !domain.is_ascii() {
        return Err("browsers send a host in its ASCII form; write it so, as https://xn--bcher-kva.example");
    }
    if let Some(address) = domain.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        let address = address.parse().ok().filter(|_| labels == Labels::None);
        return address.map(serialised_v6).ok_or("not an IPv6 address");
    }
    let domain = domain.to_ascii_lowercase();
    if !domain.split('.').all(is_label) {
        return Err(NO_HOST);
    }
    // A host that ends in a number is an IPv4 address to a browser, which writes it in four decimal parts.
    let last = domain.rsplit('.').next().unwrap_or_default();
    let number = last.bytes().all(|b| b.is_ascii_digit())
        || last.strip_prefix("0x").is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()));
    if number && (labels != Labels::None || domain.parse::<Ipv4Addr>().is_err()) {
        return Err("not an IPv4 address as browsers write it");
    }
    Ok(domain)
}

/// With brackets. Rust writes an IPv4 address mapped into IPv6 with dots, browsers do not.
fn serialised_v6(address: Ipv6Addr) -> String {
    match (address.to_ipv4_mapped(), address.segments()) {
        (Some(_), [.., high, low]) => format!("[::ffff:{high:x}:{low:x}]"),
        _ => format!("[{address}]"),
    }
}
