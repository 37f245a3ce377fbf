//! One trace becomes one step.

use std::fmt::Display;

use anyhow::{Error, Result, anyhow};

use super::model::{Body, Header, Message, Trace};
use crate::step::{Scheme, Step};
use crate::text::Text;
use crate::traffic::har::decode;
use crate::traffic::headers::{self, List};
use crate::traffic::reader::State;
use crate::traffic::{Origin, step};

/// What Envoy adds to a request and a replay's own Envoy adds again; the scheme says what `x-forwarded-proto`
/// does.
const ADDED_TO_REQUESTS: [&str; 2] = ["x-envoy-expected-rq-timeout-ms", "x-forwarded-proto"];
/// The same for a response.
const ADDED_TO_RESPONSES: [&str; 1] = ["x-envoy-upstream-service-time"];

pub(super) fn step(trace: Trace, origin: &Origin, state: &mut State) -> Result<Step> {
    let mut step = step::blank();
    step.src = trace.source();
    request(trace.request, &mut step, origin, state)?;
    match trace.response {
        Some(response) => self::response(response, &mut step, origin, state)?,
        None => state.warn(origin, "response: absent: the upstream answers 200".to_owned()),
    }
    Ok(step)
}

fn request(message: Message, step: &mut Step, origin: &Origin, state: &mut State) -> Result<()> {
    let mut list = decoded(&message.headers, "request.headers", origin)?;
    let mut pseudo = |name: &str| headers::remove(&mut list, name).into_iter().next();
    let method = pseudo(":method").ok_or_else(|| error(origin, "request.headers", "no :method"))?;
    step.method =
        String::from_utf8(method).map_err(|_| error(origin, "request.headers", ":method is not UTF-8"))?;
    // CONNECT has no path.
    step.path = Text(pseudo(":path").unwrap_or_default());
    step.authority = Text(pseudo(":authority").unwrap_or_default());
    if pseudo(":scheme").is_some_and(|scheme| scheme == b"https") {
        step.scheme = Scheme::Https;
    }
    list.retain(|(name, _)| !name.starts_with(':'));
    ADDED_TO_REQUESTS.iter().for_each(|name| drop(headers::remove(&mut list, name)));
    step.trailers = decoded(&message.trailers, "request.trailers", origin)?;
    let pieces = pieces(message, "request.body", origin, state)?;
    if let Some(pieces) = pieces {
        if pieces.len() > 1 {
            step.chunks = Some(pieces.iter().map(Vec::len).filter(|length| *length > 0).collect());
        }
        let body = pieces.concat();
        headers::set_length(&mut list, body.len());
        if headers::first(&list, "content-length").is_none() {
            // Envoy takes the coding off; a body of unknown length had it, or came over HTTP/2.
            list.push(("transfer-encoding".to_owned(), "chunked".into()));
        }
        step.body = Some(Text(body));
    }
    step.headers = list;
    Ok(())
}

fn response(message: Message, step: &mut Step, origin: &Origin, state: &mut State) -> Result<()> {
    let mut list = decoded(&message.headers, "response.headers", origin)?;
    let status = headers::remove(&mut list, ":status").into_iter().next();
    let status = status.and_then(|status| String::from_utf8(status).ok()?.parse().ok());
    step.response.status = status.ok_or_else(|| error(origin, "response.headers", "no :status"))?;
    ADDED_TO_RESPONSES.iter().for_each(|name| drop(headers::remove(&mut list, name)));
    step.response.trailers = decoded(&message.trailers, "response.trailers", origin)?;
    let truncated = message.body.iter().chain(&message.more).any(|body| body.truncated);
    let body = pieces(message, "response.body", origin, state)?.unwrap_or_default().concat();
    // The length of an answer to HEAD stays.
    if truncated || !body.is_empty() {
        headers::set_length(&mut list, body.len());
    }
    step.response.body = Text(body);
    for part in [&mut list, &mut step.response.trailers] {
        part.retain(|(name, value)| headers::sendable(name, &value.0));
    }
    step.response.headers = list;
    Ok(())
}

fn decoded(list: &[Header], place: &str, origin: &Origin) -> Result<List> {
    let value = |header: &Header| match header.raw_value.as_str() {
        "" => Ok(header.value.clone().into_bytes()),
        raw => {
            decode(raw.as_bytes()).map_err(|error| self::error(origin, place, format!("bad base64: {error}")))
        }
    };
    list.iter().map(|header| Ok((header.key.clone(), Text(value(header)?)))).collect()
}

/// The pieces of a body, `None` where there is none.
fn pieces(message: Message, place: &str, origin: &Origin, state: &mut State) -> Result<Option<Vec<Vec<u8>>>> {
    let bodies: Vec<Body> = message.body.into_iter().chain(message.more).collect();
    if bodies.iter().any(|body| body.truncated) {
        state.warn(
            origin,
            format!("{place}: truncated by Envoy (max_buffered_rx_bytes, max_buffered_tx_bytes)"),
        );
    }
    let bytes = |body: Body| match (body.as_bytes, body.as_string) {
        (Some(encoded), _) => decode(encoded.as_bytes())
            .map_err(|error| self::error(origin, place, format!("as_bytes: bad base64: {error}"))),
        (None, text) => Ok(text.unwrap_or_default().into_bytes()),
    };
    let pieces = bodies.into_iter().map(bytes).collect::<Result<Vec<_>>>()?;
    Ok((!pieces.is_empty()).then_some(pieces))
}

fn error(origin: &Origin, place: &str, what: impl Display) -> Error {
    anyhow!("{origin}: {place}: {what}")
}
