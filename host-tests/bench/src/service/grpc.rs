//! gRPC over HTTP/2: one method, one message each way.

use std::net::TcpListener;

use anyhow::{Context as _, Result, ensure};
use bytes::{BufMut as _, Bytes, BytesMut};
use h2::server::SendResponse;
use h2::{RecvStream, server};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response};
use prost::Message as _;
use tokio::net::TcpStream;

use super::counter::Counter;
use super::proto::RateLimitRequest;

/// The path of the method.
pub(super) const METHOD: &str = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit";
/// Compression flag and length before a message.
const PREFIX: usize = 5;
/// A request of Envoy's has some hundred bytes.
const MOST: usize = 16 * 1024;
const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// UNAVAILABLE.
const FAILED: HeaderValue = HeaderValue::from_static("14");

/// Answers calls on this listener, which does not block, for ever.
pub(super) async fn serve(listener: TcpListener, counter: Counter) {
    let Ok(listener) = tokio::net::TcpListener::from_std(listener) else { return };
    while let Ok((stream, _)) = listener.accept().await {
        // A connection that breaks is Envoy's to report: it refuses what it cannot ask about.
        tokio::spawn(connection(stream, counter.clone()));
    }
}

async fn connection(stream: TcpStream, counter: Counter) -> Result<()> {
    stream.set_nodelay(true)?;
    let mut connection = server::handshake(stream).await?;
    while let Some(call) = connection.accept().await {
        let (request, respond) = call?;
        tokio::spawn(call_of(request, respond, counter.clone()));
    }
    Ok(())
}

/// One call. That its stream is reset meanwhile is no error of ours.
async fn call_of(
    request: Request<RecvStream>,
    mut respond: SendResponse<Bytes>,
    counter: Counter,
) -> Result<()> {
    let head = || {
        let mut head = Response::new(());
        head.headers_mut().insert(CONTENT_TYPE, GRPC);
        head
    };
    let Ok(answer) = answer(request, &counter).await else {
        let mut head = head();
        head.headers_mut().insert(STATUS, FAILED);
        respond.send_response(head, true)?;
        return Ok(());
    };
    let mut stream = respond.send_response(head(), false)?;
    stream.send_data(answer, false)?;
    stream.send_trailers(HeaderMap::from_iter([(STATUS, HeaderValue::from_static("0"))]))?;
    Ok(())
}

/// The answer to a call, with its prefix.
async fn answer(request: Request<RecvStream>, counter: &Counter) -> Result<Bytes> {
    ensure!(request.uri().path() == METHOD, "no such method");
    let bytes = whole(request.into_body()).await?;
    let message = unprefixed(&bytes)?;
    let answer = super::decide(RateLimitRequest::decode(message)?, counter).await?;
    prefixed(&answer)
}

/// All that is sent in a stream.
async fn whole(mut body: RecvStream) -> Result<BytesMut> {
    let mut bytes = BytesMut::new();
    while let Some(part) = body.data().await {
        let part = part?;
        ensure!(bytes.len().saturating_add(part.len()) <= MOST, "a message that is too long");
        body.flow_control().release_capacity(part.len())?;
        bytes.extend_from_slice(&part);
    }
    Ok(bytes)
}

/// The message that a body is.
pub(super) fn unprefixed(body: &[u8]) -> Result<&[u8]> {
    let (prefix, message) = body.split_at_checked(PREFIX).context("no prefix")?;
    let (flag, length) = prefix.split_first().context("no prefix")?;
    let length = u32::from_be_bytes(length.try_into()?);
    ensure!(*flag == 0, "a compressed message");
    ensure!(usize::try_from(length)? == message.len(), "not one message");
    Ok(message)
}

/// A message as a body.
pub(super) fn prefixed(message: &impl prost::Message) -> Result<Bytes> {
    let length = message.encoded_len();
    let mut bytes = BytesMut::with_capacity(PREFIX.saturating_add(length));
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(length)?);
    message.encode(&mut bytes)?;
    Ok(bytes.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_one_message() {
        assert_eq!(unprefixed(b"\0\0\0\0\x02ab").unwrap(), b"ab");
        for body in [&b"\0\0\0\0"[..], b"\x01\0\0\0\x02ab", b"\0\0\0\0\x03ab", b"\0\0\0\0\x01ab"] {
            assert!(unprefixed(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn a_message_has_its_length_before_it() {
        let request = RateLimitRequest { domain: "d".to_owned(), ..RateLimitRequest::default() };
        assert_eq!(*prefixed(&request).unwrap(), *b"\0\0\0\0\x03\x0a\x01d");
    }
}
