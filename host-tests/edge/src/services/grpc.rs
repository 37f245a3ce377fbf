//! gRPC without a schema: messages are bytes, and come back as they are (gRPC over HTTP/2, `PROTOCOL-HTTP2.md` of grpc/grpc).

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};

use super::Answer;
use crate::framing;

/// What calls that succeed end with, among the codes of gRPC.
const OK: &str = "0";
/// For a method that there is not.
const UNIMPLEMENTED: &str = "12";
/// The method that there is, in whatever service.
const ECHO: &str = "/Echo";

/// Whether a request says that it is a call of gRPC.
pub(super) fn is_call<B>(request: &Request<B>) -> bool {
    let media = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    media.is_some_and(|media| media == "application/grpc" || media.starts_with("application/grpc+"))
}

/// The message of a unary call comes back; the status follows as a trailer.
///
/// # Errors
/// The message is not framed as one, which ends the connection.
pub(super) fn answer(path: &str, body: &Bytes) -> Result<Answer> {
    let known = path.ends_with(ECHO);
    let message =
        if known { framing::framed(framing::message(body).context("a message")?)? } else { Bytes::new() };
    let mut trailers = HeaderMap::new();
    let status = if known { OK } else { UNIMPLEMENTED };
    trailers.insert(HeaderName::from_static("grpc-status"), HeaderValue::from_static(status));
    let body = Full::new(message).with_trailers(std::future::ready(Some(Ok(trailers))));
    let mut answer = Response::new(body.boxed_unsync());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    Ok(answer)
}
