//! Clients that are slow or say nothing: the gateway ends each of them by the timeout that is for it, says so, and no API hears.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use edge::gateway::{Addresses, EdgeGateway, Surroundings};
use edge::services::Api;
use edge::services::api::User;
use serde_json::{Value, json};
use suite::patience::in_time;
use tokio::io::AsyncReadExt as _;

use crate::wire::{Dialer, Heard, MANAGER, frame, http2, logged, preface, replace, tcp};
use crate::{Secrets, alone};

/// What the file has, and what takes its place here, so that nothing waits for minutes.
const TIMEOUTS: [(&str, &str, &str); 6] = [
    ("/request_headers_timeout", "10s", "2s"),
    ("/request_timeout", "30s", "3s"),
    ("/stream_idle_timeout", "30s", "4s"),
    ("/common_http_protocol_options/idle_timeout", "60s", "6s"),
    ("/drain_timeout", "5s", "1s"),
    ("/delayed_close_timeout", "1s", "1s"),
];
/// A login, whose body the gateway reads to its end before anybody hears of it.
const LOGIN: [(&[u8], &[u8]); 5] = [
    (b":method", b"POST"),
    (b":scheme", b"https"),
    (b":path", b"/login"),
    (b":authority", b"api.example.com"),
    (b"content-type", b"application/json"),
];
/// The name that it has at the API.
const CASE: (&[u8], &[u8]) = (b"x-case", b"slow");
/// More bytes than a slow client comes to say.
const MANY: usize = 2000;

fn shorter(tree: &mut Value) -> Result<()> {
    for (field, ships, here) in TIMEOUTS {
        replace(tree, &format!("{MANAGER}{field}"), json!(ships), json!(here))?;
    }
    let listener = "/static_resources/listeners";
    let handshake = format!("{listener}/0/filter_chains/0/transport_socket_connect_timeout");
    replace(tree, &handshake, json!("5s"), json!("4s"))?;
    // That of the PROXY protocol is short enough.
    replace(tree, &format!("{listener}/2/listener_filters_timeout"), json!("2s"), json!("2s"))
}

#[tokio::test]
async fn slow_clients_are_ended_by_the_timeouts() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let api = Api::start(0, User { name: "alice".to_owned(), password: "nobody's".to_owned() })?;
    let surroundings = Surroundings { api: api.addr(), ..Surroundings::default() };
    let gateway = EdgeGateway::start_changed(&secrets.authority, &surroundings, shorter).await?;
    let one = Dialer::new(&secrets.authority, b"http/1.1", None)?;
    let two = Dialer::new(&secrets.authority, b"h2", None)?;
    let Addresses { tls, proxied, .. } = gateway.addresses();

    // All of them at once: each waits for a timeout of its own.
    let _seen = tokio::try_join!(
        silent_before_tls(&gateway, tls),
        silent_before_the_proxy_protocol(proxied),
        silent(&gateway, &one),
        silent(&gateway, &two),
        slow_head(&gateway, &one),
        slow_body(&gateway, &one),
        kept_alive(&gateway, &one),
        endless_head(&gateway, &two),
        endless_stream(&gateway, &two, Vec::new()),
        endless_stream(&gateway, &two, frame(0, 0, 1, b" ").repeat(MANY)),
        unread_answer(&two, tls),
    )?;

    ensure!(api.arrived("slow").is_empty(), "the API has heard of a request that did not come to its end");
    println!("| who | timeout | ended by |\n|---|---|---|");
    for (who, timeout, counter, expected) in [
        (
            "silent before TLS",
            "transport_socket_connect_timeout: 5s",
            r"listener\..*\.downstream_cx_transport_socket_connect_timeout",
            1,
        ),
        (
            "silent before the PROXY protocol",
            "listener_filters_timeout: 2s",
            r"listener\..*\.downstream_pre_cx_timeout",
            1,
        ),
        (
            "head a byte at a time, HTTP/1.1 and HTTP/2",
            "request_headers_timeout: 10s",
            r"http\.ingress\.downstream_rq_header_timeout",
            2,
        ),
        (
            "body a byte at a time, stream that never ends",
            "request_timeout: 30s",
            r"http\.ingress\.downstream_rq_timeout",
            3,
        ),
        ("answer that is not read", "stream_idle_timeout: 30s", r"http2\.tx_flush_timeout", 1),
    ] {
        // Listeners are called by the port that they were asked for, which is 0 here for all of them.
        let counters = gateway.envoy().stats(&format!("^{counter}$")).await?;
        let count: u64 = counters.iter().map(|(_, count)| count).sum();
        ensure!(count == expected, "{who}: {counter} is {count}, not {expected}");
        println!("| {who} | {timeout} | {} |", counter.replace(r"\..*\.", ".*.").replace('\\', ""));
    }
    let idle = gateway.stat("http.ingress.downstream_cx_idle_timeout").await?;
    ensure!(idle >= 3, "only {idle} connections were ended for being idle");
    println!(
        "| nothing said after TLS, or after an answer | idle_timeout: 60s | http.ingress.downstream_cx_idle_timeout |"
    );
    let open = gateway.stat("http.ingress.downstream_cx_active").await?;
    ensure!(open == 0, "{open} connections are still there");
    gateway.end().await
}

async fn silent_before_tls(gateway: &EdgeGateway, addr: SocketAddr) -> Result<()> {
    let mut stream = tcp(addr).await?;
    let peer = stream.local_addr()?;
    ensure!(in_time("the end", stream.read(&mut [0; 16])).await?? == 0, "it is answered");
    let lines = logged(gateway, peer).await?;
    let [line] = &lines[..] else { anyhow::bail!("{lines:?}") };
    ensure!(line["log"] == "connection" && line["ended"] == "transport socket timeout was reached", "{line}");
    Ok(())
}

async fn silent_before_the_proxy_protocol(addr: SocketAddr) -> Result<()> {
    let mut stream = tcp(addr).await?;
    // Either way it is over.
    let count = in_time("the end", stream.read(&mut [0; 16])).await?.unwrap_or(0);
    ensure!(count == 0, "it is answered");
    Ok(())
}

async fn silent(gateway: &EdgeGateway, dialer: &Dialer) -> Result<()> {
    let heard = dialer.dial(gateway.addresses().tls).await?.hear_out().await?;
    // HTTP/2 says that it goes away; HTTP/1.1 has no word for it.
    ensure!(!heard.text().contains("HTTP/"), "it is answered: {}", heard.text());
    Ok(())
}

async fn slow_head(gateway: &EdgeGateway, dialer: &Dialer) -> Result<()> {
    let mut wire = dialer.dial(gateway.addresses().tls).await?;
    wire.say(b"POST /login HTTP/1.1\r\nHost: api.example.com\r\nX-Case: slow\r\nX-Long: ").await?;
    timed_out(gateway, wire.drip(vec![b'a'; MANY]).await?, "request_header_timeout").await
}

async fn slow_body(gateway: &EdgeGateway, dialer: &Dialer) -> Result<()> {
    let mut wire = dialer.dial(gateway.addresses().tls).await?;
    let head = format!(
        "POST /login HTTP/1.1\r\nHost: api.example.com\r\nX-Case: slow\r\nContent-Type: application/json\r\nContent-Length: {MANY}\r\n\r\n"
    );
    wire.say(head.as_bytes()).await?;
    timed_out(gateway, wire.drip(vec![b' '; MANY]).await?, "request_overall_timeout").await
}

/// 408, and the connection ends.
async fn timed_out(gateway: &EdgeGateway, heard: Heard, details: &str) -> Result<()> {
    ensure!(
        heard.status()? == 408 && heard.field("connection").as_deref() == Some("close"),
        "{}",
        heard.text()
    );
    said(gateway, heard.peer, details).await
}

/// The same over HTTP/2, where the status is a literal in the head of the answer.
async fn reset_with(gateway: &EdgeGateway, heard: &Heard, details: &str) -> Result<()> {
    ensure!(heard.text().contains("408"), "no 408 before the end: {:?}", heard.text());
    said(gateway, heard.peer, details).await
}

async fn said(gateway: &EdgeGateway, peer: SocketAddr, details: &str) -> Result<()> {
    let lines = logged(gateway, peer).await?;
    let [line] = &lines[..] else { anyhow::bail!("{lines:?}") };
    ensure!(line["status"] == 408 && line["details"] == details, "{line}");
    Ok(())
}

async fn kept_alive(gateway: &EdgeGateway, dialer: &Dialer) -> Result<()> {
    let mut wire = dialer.dial(gateway.addresses().tls).await?;
    wire.say(b"GET /catalogue HTTP/1.1\r\nHost: api.example.com\r\n\r\n").await?;
    let answer = wire.answer().await?;
    ensure!(answer.starts_with("HTTP/1.1 ") && !answer.contains("connection: close"), "{answer}");
    let heard = wire.hear_out().await?;
    ensure!(heard.bytes.is_empty(), "{}", heard.text());
    Ok(())
}

async fn endless_head(gateway: &EdgeGateway, dialer: &Dialer) -> Result<()> {
    let mut wire = dialer.dial(gateway.addresses().tls).await?;
    wire.say(&[preface(&[]), http2(&[&LOGIN[..], &[CASE]].concat(), 0, false)].concat()).await?;
    reset_with(gateway, &wire.hear_out().await?, "request_header_timeout").await
}

/// A request whose head is whole and whose body never is, then all that follows, a byte at a time.
async fn endless_stream(gateway: &EdgeGateway, dialer: &Dialer, rest: Vec<u8>) -> Result<()> {
    let mut wire = dialer.dial(gateway.addresses().tls).await?;
    wire.say(&[preface(&[]), http2(&[&LOGIN[..], &[CASE]].concat(), 0, true)].concat()).await?;
    reset_with(gateway, &wire.drip(rest).await?, "request_overall_timeout").await
}

/// A client that asks and gives the answer no room (a window of 0, RFC 9113 section 6.9.2).
async fn unread_answer(dialer: &Dialer, addr: SocketAddr) -> Result<()> {
    const INITIAL_WINDOW_SIZE: u16 = 4;
    const END_STREAM: u8 = 1;
    let fields: [(&[u8], &[u8]); 4] = [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":path", b"/catalogue"),
        (b":authority", b"api.example.com"),
    ];
    let mut wire = dialer.dial(addr).await?;
    wire.say(&[preface(&[(INITIAL_WINDOW_SIZE, 0)]), http2(&fields, END_STREAM, true)].concat()).await?;
    let heard = wire.hear_out().await?;
    // RST_STREAM of stream 1.
    let reset = frame(3, 0, 1, b"");
    let (_, kind) = reset.split_at_checked(3).context("a frame")?;
    ensure!(
        heard.bytes.windows(kind.len()).any(|window| window == kind),
        "no RST_STREAM in {:?}",
        heard.bytes
    );
    Ok(())
}
