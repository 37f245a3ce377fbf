//! Clients that begin what is no request with an answer: an upgrade, a tunnel, a stream.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use h2::client::SendRequest;
use h2::ext::Protocol;
use h2::{RecvStream, SendStream};
use http::{Method, Request, Response};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;

use crate::in_time;

/// What makes a GET over HTTP/1 the handshake of a WebSocket (RFC 6455 section 4.1).
pub const HANDSHAKE: &str = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

/// Sends these bytes over HTTP/1, and reads the head of the answer: its status, and its fields in lower case.
pub async fn ask(gateway: SocketAddr, request: &[u8]) -> Result<(String, Vec<String>, BufReader<TcpStream>)> {
    let mut stream = BufReader::new(TcpStream::connect(gateway).await.context("connect")?);
    stream.write_all(request).await.context("send")?;
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        in_time("an answer", stream.read_line(&mut line)).await??;
        let line = line.trim_end().to_ascii_lowercase();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    ensure!(!lines.is_empty(), "the connection ends without an answer");
    let status = lines.remove(0).split(' ').nth(1).unwrap_or_default().to_owned();
    Ok((status, lines, stream))
}

/// A handshake over HTTP/1 with more fields.
pub fn get(path: &str, more: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nHost: api.example.com\r\n{HANDSHAKE}{more}\r\n").into_bytes()
}

/// A connection of HTTP/2 whose settings have been exchanged.
pub async fn connect(gateway: SocketAddr) -> Result<SendRequest<Bytes>> {
    let stream = TcpStream::connect(gateway).await.context("connect")?;
    let (client, mut connection) = h2::client::handshake(stream).await?;
    let mut pings = connection.ping_pong().context("no pings")?;
    // It ends with the client.
    tokio::spawn(connection);
    // Envoy's settings come before its pong.
    in_time("a pong", pings.ping(h2::Ping::opaque())).await??;
    ensure!(client.is_extended_connect_protocol_enabled(), "Envoy does not offer extended CONNECT");
    Ok(client)
}

/// An extended CONNECT (RFC 8441), from a page of an origin or from no page.
pub fn extended(path: &str, origin: Option<&str>) -> Result<Request<()>> {
    let target = format!("http://api.example.com{path}");
    let mut request =
        Request::builder().method(Method::CONNECT).uri(target).header("sec-websocket-version", "13");
    if let Some(origin) = origin {
        request = request.header("origin", origin);
    }
    Ok(request.extension(Protocol::from_static("websocket")).body(())?)
}

/// Sends a head, and reads that of the answer; both bodies are still to come.
pub async fn open(
    client: SendRequest<Bytes>,
    request: Request<()>,
) -> Result<(SendStream<Bytes>, Response<RecvStream>)> {
    let mut client = client.ready().await?;
    let (response, send) = client.send_request(request, false)?;
    Ok((send, in_time("an answer", response).await??))
}

/// Reads as many bytes.
pub async fn hear(body: &mut RecvStream, length: usize) -> Result<Vec<u8>> {
    let mut heard = Vec::new();
    while heard.len() < length {
        let data = in_time("what was said", body.data()).await?.context("the stream ends early")??;
        body.flow_control().release_capacity(data.len())?;
        heard.extend_from_slice(&data);
    }
    Ok(heard)
}

/// A request over HTTP/2 with a body in one piece, whatever its fields are: no library sends them all. The type of the
/// frame that answers, HEADERS, RST_STREAM or GOAWAY (RFC 9113 section 6); `None` where the connection ends without.
pub async fn send_frames(gateway: SocketAddr, fields: &[(&str, &str)], body: &[u8]) -> Result<Option<u8>> {
    let mut block = Vec::new();
    for (name, value) in fields {
        // A literal with a new name, never indexed (RFC 7541 section 6.2.3), in texts whose length is a byte.
        block.extend([0x10, u8::try_from(name.len())?]);
        block.extend_from_slice(name.as_bytes());
        block.push(u8::try_from(value.len())?);
        block.extend_from_slice(value.as_bytes());
    }
    let mut stream = TcpStream::connect(gateway).await.context("connect")?;
    stream.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await?;
    // SETTINGS without any, HEADERS with END_HEADERS, DATA with END_STREAM.
    for (kind, flags, id, payload) in [(4, 0, 0, [].as_slice()), (1, 4, 1, &block), (0, 1, 1, body)] {
        let [_, a, b, c] = u32::try_from(payload.len())?.to_be_bytes();
        // Envoy may have closed the connection already.
        let _ = stream.write_all(&[&[a, b, c, kind, flags, 0, 0, 0, id], payload].concat()).await;
    }
    loop {
        let mut head = [0; 9];
        if in_time("an answer", stream.read_exact(&mut head)).await?.is_err() {
            return Ok(None);
        }
        let [a, b, c, kind, ..] = head;
        let mut payload = vec![0; usize::try_from(u32::from_be_bytes([0, a, b, c]))?];
        in_time("an answer", stream.read_exact(&mut payload)).await??;
        if matches!(kind, 1 | 3 | 7) {
            return Ok(Some(kind));
        }
    }
}
