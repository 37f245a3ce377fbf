//! The target and the host.

use crate::step::{Scheme, Step};
use crate::text::Text;
use crate::traffic::{Malformed, headers};

use super::body::Framing;
use super::{bad, refused};

/// Sets scheme, authority and path from the target (RFC 9112 section 3.2) and the `host` header.
pub(super) fn read(method: &str, target: &[u8], step: &mut Step) -> Result<(), Malformed> {
    if method == "CONNECT" {
        headers::remove(&mut step.headers, "host");
        let port = target.iter().rposition(|byte| *byte == b':').and_then(|at| target.get(at + 1..));
        if !port.is_some_and(is_port) || !target.iter().all(url_host) {
            return Err(bad("the target of CONNECT is not host:port"));
        }
        (step.authority, step.path) = (Text(target.to_vec()), Text::default());
        return Ok(());
    }
    match target {
        [b'/', ..] => {
            step.authority = Text(host(step)?);
            step.path = Text(target.to_vec());
        }
        b"*" if method == "OPTIONS" => {
            step.path = Text(target.to_vec());
            return Err(refused(404, "OPTIONS * is no path"));
        }
        _ => absolute(target, step)?,
    }
    Ok(())
}

/// A CONNECT has no body.
pub(super) fn check_connect(step: &Step, framing: &Framing) -> Result<(), Malformed> {
    match framing {
        _ if step.method != "CONNECT" => Ok(()),
        Framing::Length(1..) => Err(bad("CONNECT with a body")),
        Framing::Chunked => Err(refused(501, "CONNECT with transfer-encoding")),
        Framing::None | Framing::Length(_) => Ok(()),
    }
}

/// The first `host`; others stay in the list, to be joined as Envoy does.
fn host(step: &mut Step) -> Result<Vec<u8>, Malformed> {
    let at = step.headers.iter().position(|(name, _)| name.eq_ignore_ascii_case("host"));
    let Some(at) = at else { return Err(bad("no host")) };
    for (name, value) in &step.headers {
        if name.eq_ignore_ascii_case("host") && !value.0.iter().all(header_host) {
            return Err(bad("the host holds a byte that it may not"));
        }
    }
    Ok(step.headers.remove(at).1.0)
}

/// `http://authority/path`: the URL counts, not the `host` header.
fn absolute(target: &[u8], step: &mut Step) -> Result<(), Malformed> {
    let scheme = |prefix: &str| {
        let (start, rest) = target.split_at_checked(prefix.len())?;
        start.eq_ignore_ascii_case(prefix.as_bytes()).then_some(rest)
    };
    let (scheme, rest) = match (scheme("http://"), scheme("https://")) {
        (Some(rest), _) => (Scheme::Http, rest),
        (_, Some(rest)) => (Scheme::Https, rest),
        _ => return Err(bad("the target is neither a path nor an http or https URL")),
    };
    let end = rest.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or_default();
    let host = authority.splitn(2, |byte| *byte == b'@').last().unwrap_or_default();
    if !is_url_authority(host) {
        return Err(bad("the target's host is not valid"));
    }
    headers::remove(&mut step.headers, "host");
    step.scheme = scheme;
    step.authority = Text(host.to_vec());
    step.path = Text(if path.is_empty() { b"/".to_vec() } else { path.to_vec() });
    if path.starts_with(b"?") {
        return Err(refused(404, "the target has a query and no path"));
    }
    Ok(())
}

fn is_url_authority(host: &[u8]) -> bool {
    let bracket = host.iter().rposition(|byte| *byte == b']').unwrap_or(0);
    let colon = host.iter().rposition(|byte| *byte == b':').filter(|at| *at >= bracket);
    let (name, port) = host.split_at_checked(colon.unwrap_or(host.len())).unwrap_or_default();
    let name = match name {
        [b'[', name @ .., b']'] if name.contains(&b':') => name,
        _ if name.contains(&b':') => return false,
        _ => name,
    };
    !name.is_empty() && name.iter().all(url_host) && port.strip_prefix(b":").is_none_or(is_port)
}

fn is_port(port: &[u8]) -> bool {
    let port = std::str::from_utf8(port).ok().filter(|port| port.bytes().all(|byte| byte.is_ascii_digit()));
    port.is_some_and(|port| port.parse::<u16>().is_ok())
}

fn url_host(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b':' | b'[' | b']')
}

/// What Envoy accepts in a `host` header.
fn header_host(byte: &u8) -> bool {
    matches!(byte, b'!' | b'$'..=b'.' | b'0'..=b';' | b'=' | b'@'..=b'[' | b']' | b'_' | b'a'..=b'z' | b'~')
}
