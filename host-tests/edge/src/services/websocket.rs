//! WebSockets (RFC 6455) that say back what they hear.

use anyhow::{Context as _, Result};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::{SinkExt as _, StreamExt as _};
use http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Incoming;
use hyper::ext::Protocol;
use hyper_util::rt::TokioIo;
use sha1::{Digest as _, Sha1};
use tokio_websockets::ServerBuilder;

use super::Answer;

/// What the key of a handshake is joined with (RFC 6455 section 1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// Whether a request is a handshake: over HTTP/1.1, or over HTTP/2 (RFC 8441).
pub(super) fn is_handshake<B>(request: &Request<B>) -> bool {
    let extended = request.extensions().get::<Protocol>().is_some_and(|name| name.as_str() == "websocket");
    let upgrade = request.headers().get(UPGRADE).and_then(|value| value.to_str().ok());
    extended || upgrade.is_some_and(|name| name.eq_ignore_ascii_case("websocket"))
}

/// Takes the connection over once the answer is sent.
///
/// # Errors
/// A handshake over HTTP/1.1 has no key.
pub(super) fn answer(mut request: Request<Incoming>) -> Result<Answer> {
    let mut answer = Response::new(Empty::new().boxed_unsync());
    if request.extensions().get::<Protocol>().is_none() {
        let key = request.headers().get(SEC_WEBSOCKET_KEY).context("a handshake without a key")?;
        let accept = STANDARD.encode(Sha1::new().chain_update(key).chain_update(GUID).finalize());
        *answer.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = answer.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, HeaderValue::try_from(accept)?);
    }
    let upgraded = hyper::upgrade::on(&mut request);
    // It ends with the connection: the server's or the client's end.
    tokio::spawn(async move {
        let Ok(upgraded) = upgraded.await else { return };
        let mut socket = ServerBuilder::new().serve(TokioIo::new(upgraded));
        while let Some(Ok(message)) = socket.next().await {
            let is_data = message.is_text() || message.is_binary();
            if is_data && socket.send(message).await.is_err() {
                return;
            }
        }
    });
    Ok(answer)
}
