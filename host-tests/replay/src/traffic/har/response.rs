//! The response of an entry: what the upstream answers in the replay.

use anyhow::Result;

use super::entry::Place;
use super::{body, model};
use crate::step::Step;
use crate::text::Text;
use crate::traffic::headers;

pub(super) fn read(response: model::Response, step: &mut Step, place: &mut Place<'_>) -> Result<()> {
    // Checked before: it is between 200 and 999.
    let status = u16::try_from(response.status).unwrap_or_default();
    let head = step.method == "HEAD";
    let answer = &mut step.response;
    answer.status = status;
    for (index, header) in response.headers.into_iter().enumerate() {
        let name = header.name;
        // Bodies are recorded without transfer or content coding.
        let gone = ["content-encoding", "transfer-encoding"];
        let gone =
            gone.iter().any(|gone| name.eq_ignore_ascii_case(gone) && !(head && *gone == "content-encoding"));
        if gone || name.starts_with(':') {
            continue;
        }
        for value in body::lines(header.value.unwrap_or_default().0) {
            if headers::sendable(&name, &value) {
                answer.headers.push((name.clone(), Text(value)));
            } else {
                place.warn(&format!("response.headers[{index}]"), "left out: no response can hold it");
            }
        }
    }
    if headers::first(&answer.headers, "set-cookie").is_none() {
        let cookies = response.cookies.iter().map(set_cookie);
        let sendable = cookies.filter(|value| headers::sendable("set-cookie", value));
        answer.headers.extend(sendable.map(|value| ("set-cookie".to_owned(), Text(value))));
    }
    let body = body::received(response.content, place)?;
    if matches!(status, 204 | 304) {
        headers::remove(&mut answer.headers, "content-length");
    } else if !head {
        answer.body = Text(body);
        headers::set_length(&mut answer.headers, answer.body.0.len());
        return Ok(());
    }
    answer.body = Text::default();
    Ok(())
}

/// The header of a cookie, without its expiry: a replay keeps no cookies.
fn set_cookie(cookie: &model::Cookie) -> Vec<u8> {
    let mut value = format!("{}={}", cookie.name, cookie.value);
    for (name, text) in [("Path", &cookie.path), ("Domain", &cookie.domain), ("SameSite", &cookie.same_site)]
    {
        if let Some(text) = text.as_ref().filter(|text| !text.is_empty()) {
            value.push_str(&format!("; {name}={text}"));
        }
    }
    for (name, set) in [("Secure", cookie.secure), ("HttpOnly", cookie.http_only)] {
        if set == Some(true) {
            value.push_str(&format!("; {name}"));
        }
    }
    value.into_bytes()
}
