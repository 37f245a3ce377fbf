//! The request of an entry.

use anyhow::Result;

use super::entry::Place;
use super::{body, model};
use crate::step::Step;
use crate::text::Text;
use crate::traffic::headers;

pub(super) fn read(request: model::Request, step: &mut Step, place: &mut Place<'_>) -> Result<()> {
    let pseudo = request.headers.iter().any(|header| header.name.starts_with(':'));
    step.http = if is_http_2(&request.http_version, pseudo) { 2 } else { 1 };
    for (index, header) in request.headers.into_iter().enumerate() {
        let value = header.value.unwrap_or_default().0;
        match header.name.as_str() {
            ":authority" => step.authority.0 = value,
            name if name.starts_with(':') => {}
            // As sent; a second one stays a header.
            name if name.eq_ignore_ascii_case("host") && !pseudo && !value.is_empty() => {
                step.authority.0 = value;
            }
            name if value.iter().any(|byte| matches!(byte, b'\r' | b'\0'))
                || name.contains(['\r', '\n', '\0']) =>
            {
                place.warn(&format!("request.headers[{index}]"), "left out: no request can hold it");
            }
            // Browsers join the values of one name by line feeds.
            name => step.headers.extend(body::lines(value).map(|value| (name.to_owned(), Text(value)))),
        }
    }
    if headers::first(&step.headers, "cookie").is_none() && !request.cookies.is_empty() {
        let pairs = request.cookies.iter().map(|cookie| format!("{}={}", cookie.name, cookie.value));
        let value = pairs.collect::<Vec<_>>().join("; ");
        step.headers.push(("cookie".to_owned(), Text(value.into_bytes())));
    }
    let size = body::size(request.body_size);
    step.body = body::posted(request.post_data, size, place)?.map(Text);
    frame(step, size, place);
    Ok(())
}

/// h2, HTTP/2, HTTP/2.0, http/2+quic/46, h3, h3-29, HTTP/3: h3 is replayed as HTTP/2.
fn is_http_2(version: &str, pseudo: bool) -> bool {
    let version = version.to_ascii_lowercase();
    let known = ["h2", "h3", "http/2", "http/3", "spdy"].iter().any(|start| version.starts_with(start));
    known || (pseudo && !version.starts_with("http/1"))
}

/// Makes the framing headers tell the truth about the body that is there.
fn frame(step: &mut Step, size: Option<u64>, place: &mut Place<'_>) {
    let claims = |value: Option<&[u8]>| value.is_some_and(|value| value != b"0");
    match &step.body {
        Some(body) => headers::set_length(&mut step.headers, body.0.len()),
        None => {
            let length = claims(headers::first(&step.headers, "content-length"));
            let coding = headers::first(&step.headers, "transfer-encoding").is_some();
            if length || coding || size.is_some_and(|size| size > 0) {
                place.warn("request", "its body was not recorded: sent without one");
            }
            if length {
                headers::remove(&mut step.headers, "content-length");
            }
            if coding {
                headers::remove(&mut step.headers, "transfer-encoding");
            }
        }
    }
    if step.http == 2 {
        headers::remove(&mut step.headers, "transfer-encoding");
    }
}
