//! WebSockets and gRPC pass request-policy untouched, and nothing else passes for one: a real Envoy in front of
//! upstreams that answer while they read.

mod client;
mod world;

use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use client::{HANDSHAKE, ask, connect, extended, get, hear, open, send_frames};
use http::{Method, Request};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use world::World;

/// `max_body` of the configuration, for all but gRPC.
const MAX_BODY: usize = 10;
/// A body, or what is said over a WebSocket: far beyond that, well within a window of HTTP/2, and of a byte that
/// no head has.
const LONG: [u8; 4096] = [b'#'; 4096];
const DEADLINE: Duration = Duration::from_secs(20);
const EVIL: &str = "https://evil.example";

/// What the future yields; an error where it does not come to that.
async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> Result<T> {
    tokio::time::timeout(DEADLINE, future).await.with_context(|| format!("{what}: nothing happens"))
}

#[tokio::test]
async fn a_websocket_over_http1_carries_more_than_a_body_may() -> Result<()> {
    let world = World::start().await?;
    for more in ["", "Origin: https://app.example.com\r\n", "Origin: http://api.example.com\r\n"] {
        let (status, lines, mut stream) = ask(world.gateway, &get("/ws", more)).await?;
        ensure!(status == "101", "{more:?}: {status} {lines:#?}");
        ensure!(lines.contains(&"x-content-type-options: nosniff".to_owned()), "{more:?}: {lines:#?}");
        ensure!(!lines.iter().any(|line| line.starts_with("x-powered-by")), "{more:?}: {lines:#?}");
        ensure!(lines.contains(&"upgrade: websocket".to_owned()), "{more:?}: {lines:#?}");
        stream.write_all(&LONG).await?;
        let mut heard = vec![0; LONG.len()];
        in_time("what was said", stream.read_exact(&mut heard)).await??;
        ensure!(heard == LONG, "{more:?}: something else came back");
    }
    ensure!(world.end().await?.len() == 3, "a handshake each");
    Ok(())
}

#[tokio::test]
async fn a_websocket_over_http2_carries_more_than_a_body_may() -> Result<()> {
    let world = World::start().await?;
    for origin in [None, Some("https://app.example.com"), Some("http://api.example.com")] {
        let (mut send, response) = open(connect(world.gateway).await?, extended("/ws", origin)?).await?;
        ensure!(response.status() == 200, "{origin:?}: {response:?}");
        ensure!(response.headers().get("x-content-type-options").is_some(), "{origin:?}: {response:?}");
        ensure!(response.headers().get("x-powered-by").is_none(), "{origin:?}: {response:?}");
        send.send_data(Bytes::from_static(&LONG), false)?;
        let heard = hear(&mut response.into_body(), LONG.len()).await?;
        ensure!(heard == LONG, "{origin:?}: something else came back");
    }
    ensure!(world.end().await?.len() == 3, "a handshake each");
    Ok(())
}

/// A page of any origin may open a WebSocket: browsers ask nobody, so the handshake is the place to say no.
#[tokio::test]
async fn a_handshake_is_refused_by_origin_and_by_method_before_the_upgrade() -> Result<()> {
    let world = World::start().await?;
    for (path, origin, expected) in
        [("/ws", Some(EVIL), "403"), ("/ws", Some("null"), "403"), ("/writes", None, "405")]
    {
        let more = origin.map_or_else(String::new, |origin| format!("Origin: {origin}\r\n"));
        let (status, lines, _) = ask(world.gateway, &get(path, &more)).await?;
        ensure!(status == expected, "{path} {origin:?}: {status} {lines:#?}");
        ensure!(expected != "405" || lines.contains(&"allow: post".to_owned()), "{lines:#?}");
        let (_, response) = open(connect(world.gateway).await?, extended(path, origin)?).await?;
        ensure!(response.status().as_str() == expected, "{path} {origin:?}: {response:?}");
    }
    let seen = world.end().await?;
    ensure!(seen.is_empty(), "the upstream got {seen:#?}");
    Ok(())
}

/// Whether a connection to the upstream brought a body that was to be refused. A handshake has none: what follows is
/// said over the WebSocket.
fn escaped(connection: &str) -> bool {
    let (head, rest) = connection.split_once("\r\n\r\n").unwrap_or((connection, ""));
    let head = head.to_ascii_lowercase();
    let framed = ["\r\ncontent-length:", "\r\ntransfer-encoding:"].iter().any(|name| head.contains(name));
    let handshake = head.starts_with("get ") && head.contains("\r\nupgrade: websocket") && !framed;
    !handshake && rest.matches('#').count() > MAX_BODY
}

/// Whatever Envoy makes of an `Upgrade` on it, a body is a body.
#[tokio::test]
async fn no_upgrade_lets_a_long_body_through() -> Result<()> {
    let chunked = [b"1000\r\n".as_slice(), &LONG, b"\r\n0\r\n\r\n"].concat();
    let (length, coding) = ("Content-Length: 4096\r\n", "Transfer-Encoding: chunked\r\n");
    let h2c = "Upgrade: h2c\r\nConnection: Upgrade\r\n";
    let world = World::start().await?;
    let mut answers = Vec::new();
    for (method, framing, upgrade, body) in [
        ("POST", length, HANDSHAKE, LONG.as_slice()),
        ("POST", coding, HANDSHAKE, &chunked),
        ("POST", "", HANDSHAKE, &LONG),
        ("GET", length, HANDSHAKE, &LONG),
        // Envoy takes the field away and sends a handshake.
        ("GET", coding, HANDSHAKE, &chunked),
        ("GET", length, h2c, &LONG),
        ("GET", coding, h2c, &chunked),
        ("GET", length, "Upgrade: websocket\r\n", &LONG),
        ("GET", coding, "Upgrade: websocket\r\n", &chunked),
    ] {
        let head = format!("{method} /ws HTTP/1.1\r\nHost: api.example.com\r\n{framing}{upgrade}\r\n");
        let (status, _, mut stream) = ask(world.gateway, &[head.as_bytes(), body].concat()).await?;
        // Until the connection ends, or as much has come as was sent.
        let mut heard = Vec::new();
        let mut end = false;
        while !end && heard.len() < LONG.len() {
            end = in_time("the end", stream.read_buf(&mut heard)).await?.map_or(true, |count| count == 0);
        }
        answers.push((head, status));
    }
    let seen = world.end().await?;
    ensure!(!seen.iter().any(|connection| escaped(connection)), "{answers:#?}: the upstream got {seen:#?}");
    for (head, status) in answers {
        let handshake = head.starts_with("GET") && head.contains(HANDSHAKE) && head.contains("chunked");
        ensure!(status == if handshake { "101" } else { "413" }, "{head:?} was answered {status}");
    }
    Ok(())
}

/// An upstream that knows no WebSockets would read it as the next request, which nobody has checked.
#[tokio::test]
async fn what_follows_a_handshake_waits_until_the_upstream_agrees() -> Result<()> {
    let world = World::start().await?;
    let request = [get("/none", "").as_slice(), b"DELETE /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"].concat();
    let (status, lines, _) = ask(world.gateway, &request).await?;
    ensure!(status == "200", "{status} {lines:#?}");
    let mut client = connect(world.gateway).await?.ready().await?;
    let (response, mut send) = client.send_request(extended("/none", None)?, false)?;
    send.send_data(Bytes::from_static(b"DELETE /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"), false)?;
    let _ = in_time("an answer", response).await?;
    let seen = world.end().await?;
    ensure!(seen.len() == 2 && !seen.iter().any(|connection| connection.contains("smuggled")), "{seen:#?}");
    Ok(())
}

/// HTTP/2 forbids the field (RFC 9113 section 8.2.2) and needs none: a client that sends it wants to be misread.
#[tokio::test]
async fn an_upgrade_over_http2_lets_no_long_body_through() -> Result<()> {
    let world = World::start().await?;
    let request =
        [(":method", "GET"), (":scheme", "http"), (":authority", "api.example.com"), (":path", "/ws")];
    let answer = send_frames(world.gateway, &request, &LONG).await?;
    ensure!(answer == Some(1), "without the field: {answer:?} is no answer of ours");
    let request = [request.as_slice(), &[("upgrade", "websocket")]].concat();
    let answer = send_frames(world.gateway, &request, &LONG).await?;
    let seen = world.end().await?;
    ensure!(
        seen.iter().all(|connection| !connection.contains("upgrade")),
        "{answer:?}: the upstream got {seen:#?}"
    );
    ensure!(!seen.iter().any(|connection| escaped(connection)), "{answer:?}: the upstream got {seen:#?}");
    Ok(())
}

#[tokio::test]
async fn connect_is_not_allowed_unless_listed() -> Result<()> {
    let world = World::start().await?;
    let tunnel = b"CONNECT api.example.com:443 HTTP/1.1\r\nHost: api.example.com:443\r\n\r\n";
    let (status, lines, _) = ask(world.gateway, tunnel).await?;
    ensure!(status == "405" && lines.contains(&"allow: get, head, post".to_owned()), "{status} {lines:#?}");
    let request = Request::builder().method(Method::CONNECT).uri("api.example.com:443").body(())?;
    let (_, response) = open(connect(world.gateway).await?, request).await?;
    ensure!(response.status() == 405, "{response:?}");
    let seen = world.end().await?;
    ensure!(seen.is_empty(), "the upstream got {seen:#?}");
    Ok(())
}

#[tokio::test]
async fn a_grpc_stream_flows_both_ways_and_its_status_arrives() -> Result<()> {
    let world = World::start().await?;
    let request = Request::builder()
        .method(Method::POST)
        .uri("http://api.example.com/echo.Echo/Chat")
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(())?;
    let (mut send, response) = open(connect(world.gateway).await?, request).await?;
    ensure!(response.status() == 200, "{response:?}");
    ensure!(
        response.headers().get("content-type").is_some_and(|kind| kind == "application/grpc"),
        "{response:?}"
    );
    ensure!(response.headers().get("x-content-type-options").is_some(), "{response:?}");
    let mut body = response.into_body();
    // Each answer comes before the next message is sent: nobody waits for the end of anything.
    for message in [b"\0\0\0\0\x05first".as_slice(), b"\0\0\0\0\x06second"] {
        send.send_data(Bytes::copy_from_slice(message), false)?;
        ensure!(hear(&mut body, message.len()).await? == message, "something else came back");
    }
    send.send_data(Bytes::new(), true)?;
    ensure!(in_time("the end", body.data()).await?.is_none(), "there is more than was said");
    let trailers = in_time("trailers", body.trailers()).await??.context("no trailers")?;
    for (name, value) in [("grpc-status", "5"), ("grpc-message", "no such order"), ("x-sum", "7")] {
        ensure!(trailers.get(name).is_some_and(|have| have == value), "{name}: {trailers:?}");
    }
    ensure!(world.end().await?.is_empty(), "the other upstream was asked");
    Ok(())
}
