//! Taking a token out of a request before it goes to the upstream.

use super::{Place, cookie, query};
use filter_core::effect::HeaderOp;
use filter_core::http::HeaderValue;
use filter_core::http::header::COOKIE;
use filter_core::message::RequestHead;

/// The operations after which nothing is left at this place; all else stays byte for byte. A header goes with all its
/// fields, a cookie or parameter however often it is there.
#[must_use]
pub fn strip(place: &Place<'_>, head: &RequestHead<'_>) -> Vec<HeaderOp> {
    match place {
        Place::Header(name) => vec![HeaderOp::Remove((*name).clone())],
        Place::Cookie(name) => cookies(name, head),
        Place::Query(name) => {
            let path = head.path().and_then(|path| query::without(path, name));
            path.map(HeaderOp::SetPath).into_iter().collect()
        }
    }
}

/// Several `Cookie` fields stay several (RFC 9113 section 8.2.3).
fn cookies(name: &str, head: &RequestHead<'_>) -> Vec<HeaderOp> {
    let lines = || head.headers.all("cookie");
    if !lines().any(|line| cookie::without(line, name).is_some()) {
        return Vec::new();
    }
    let kept = lines().map(|line| cookie::without(line, name).unwrap_or_else(|| line.to_vec()));
    let kept = kept.filter(|line| !line.trim_ascii().is_empty());
    // What is no header value, control bytes in it, is dropped: the host would not send it either.
    let mut values = kept.filter_map(|line| HeaderValue::from_bytes(&line).ok());
    match values.next() {
        None => vec![HeaderOp::Remove(COOKIE)],
        Some(first) => {
            let first = HeaderOp::Set(COOKIE, first);
            std::iter::once(first).chain(values.map(|value| HeaderOp::Add(COOKIE, value))).collect()
        }
    }
}
