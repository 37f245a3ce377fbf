//! URLs, kept as they were sent: no library reads one without changing its path.

use http::uri::Authority;
use percent_encoding::{AsciiSet, CONTROLS, percent_encode};

use crate::step::Scheme;

/// Bytes that no request target holds.
const NOT_IN_A_TARGET: &AsciiSet = &CONTROLS.add(b' ');

/// An absolute URL.
pub(super) struct Url {
    pub(super) scheme: Scheme,
    /// Without the scheme's own port.
    pub(super) authority: String,
    /// Path and query.
    pub(super) path: Vec<u8>,
    /// User info was dropped.
    pub(super) userinfo: bool,
    /// Bytes of the path had to be percent-encoded.
    pub(super) encoded: bool,
}

/// Why a URL is not read.
#[derive(Debug)]
pub(super) enum NoUrl {
    /// Nothing that goes through a gateway as HTTP.
    Scheme(String),
    Invalid,
}

pub(super) fn parse(url: &str) -> Result<Url, NoUrl> {
    let (scheme, rest) = url.split_once(':').ok_or(NoUrl::Invalid)?;
    let name = scheme.to_ascii_lowercase();
    let (scheme, port) = match name.as_str() {
        "http" => (Scheme::Http, ":80"),
        "https" => (Scheme::Https, ":443"),
        _ if is_scheme(&name) => return Err(NoUrl::Scheme(name)),
        _ => return Err(NoUrl::Invalid),
    };
    let rest = rest.strip_prefix("//").ok_or(NoUrl::Invalid)?;
    let rest = rest.split_once('#').map_or(rest, |(before, _)| before);
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).ok_or(NoUrl::Invalid)?;
    let (userinfo, host) = authority.rsplit_once('@').map_or((false, authority), |(_, host)| (true, host));
    let host = host.strip_suffix(port).or_else(|| host.strip_suffix(':')).unwrap_or(host);
    if host.is_empty() || host.parse::<Authority>().is_err() {
        return Err(NoUrl::Invalid);
    }
    let slash = if path.starts_with('/') { "" } else { "/" };
    let plain = format!("{slash}{path}");
    let path: String = percent_encode(plain.as_bytes(), NOT_IN_A_TARGET).collect();
    let encoded = path != plain;
    Ok(Url { scheme, authority: host.to_owned(), path: path.into_bytes(), userinfo, encoded })
}

/// RFC 3986 section 3.1.
fn is_scheme(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::{NoUrl, Scheme, parse};

    #[test]
    fn a_url_is_taken_apart_and_kept_as_it_is() {
        for (url, scheme, authority, path) in [
            ("http://a.example/x?y=1", Scheme::Http, "a.example", "/x?y=1"),
            ("https://a.example:443/x#frag?no", Scheme::Https, "a.example", "/x"),
            ("HTTPS://a.example:80", Scheme::Https, "a.example:80", "/"),
            ("http://a.example:80?x=1", Scheme::Http, "a.example", "/?x=1"),
            (
                "https://[2001:db8::1]:8443/a/../b/%2e%2E/%00//",
                Scheme::Https,
                "[2001:db8::1]:8443",
                "/a/../b/%2e%2E/%00//",
            ),
            ("http://[::1]:80/", Scheme::Http, "[::1]", "/"),
            ("http://a:/x@y", Scheme::Http, "a", "/x@y"),
            ("http://u:p@a/é ?q=\"<>{}|", Scheme::Http, "a", "/%C3%A9%20?q=\"<>{}|"),
        ] {
            let Ok(read) = parse(url) else { panic!("{url}") };
            assert_eq!(format!("{:?}", read.scheme), format!("{scheme:?}"), "{url}");
            assert_eq!(
                (read.authority.as_str(), read.path.as_slice()),
                (authority, path.as_bytes()),
                "{url}"
            );
            assert_eq!((read.userinfo, read.encoded), (url.contains("u:p@"), url.contains('é')), "{url}");
        }
    }

    #[test]
    fn what_is_no_http_url() {
        for url in [
            "",
            "/x",
            "a.example/x",
            "http:/a",
            "http://",
            "http:///x",
            "http://a b/",
            "http://[::1/",
            "1x:y",
        ] {
            assert!(matches!(parse(url), Err(NoUrl::Invalid)), "{url}");
        }
        for url in
            ["data:text/plain,x", "blob:https://a/1", "chrome-extension://a/b.js", "wss://a/", "about:blank"]
        {
            assert!(matches!(parse(url), Err(NoUrl::Scheme(_))), "{url}");
        }
    }
}
