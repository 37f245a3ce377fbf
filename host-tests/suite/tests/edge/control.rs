//! Bytes that no log may take as they are, in every place that a client fills: each request is one line, and each line is JSON.

use std::collections::HashMap;

use anyhow::{Result, ensure};
use edge::gateway::{EdgeGateway, Surroundings};
use edge::services::Api;
use edge::services::api::User;
use serde_json::Value;
use suite::patience::until;

use crate::s_client;
use crate::wire::{Dialer, http1, http2, logged, preface};
use crate::{Secrets, alone};

/// Longest values, each of what the file cuts it at.
const LONGEST: [(&str, usize); 4] = [("method", 32), ("host", 255), ("path", 4096), ("request_id", 36)];

/// What is written into each place.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let mut all = vec![
        ("control bytes", b"a\x01\x07\x1b[31mb".to_vec()),
        ("NUL", b"a\0b".to_vec()),
        ("DEL", b"a\x7fb".to_vec()),
        ("tab", b"a\tb".to_vec()),
        ("no UTF-8", b"a\xff\xfe\xc3(".to_vec()),
        ("overlong UTF-8", b"a\xc0\xaf\xed\xa0\x80".to_vec()),
        ("what reorders a line", "a\u{202e}\u{2028}b".as_bytes().to_vec()),
        ("quote", b"a\",\"log\":\"forged\"".to_vec()),
        ("backslash", b"a\\".to_vec()),
        ("escape", b"a\\u0000\\n\\\"".to_vec()),
        ("CR LF", b"a\r\nX-Injected: 1".to_vec()),
        ("a line", b"a\n{\"log\":\"forged\"}".to_vec()),
        ("a format", b"a%REQ(AUTHORIZATION)%%0d%0a".to_vec()),
        ("braces", b"{\"a\":[}".to_vec()),
        ("empty", Vec::new()),
    ];
    all.extend([("20 KB", vec![b'x'; 20_000]), ("70 KB", vec![b'x'; 70_000])]);
    all
}

/// The bytes of a request with this in that place, over HTTP/1.1 and over HTTP/2.
fn requests(place: &str, value: &[u8]) -> [Vec<u8>; 2] {
    let own = |normal: &[u8], at: &str| if place == at { [normal, value].concat() } else { normal.to_vec() };
    let (method, host) = (own(b"GET", "method"), own(b"api.example.com", "host"));
    let path = match place {
        "path" => [b"/catalogue/", value].concat(),
        "query" => [b"/catalogue?q=", value].concat(),
        "name of a query" => [b"/catalogue?", value, b"=1"].concat(),
        _ => b"/catalogue".to_vec(),
    };
    let mut fields: Vec<(&[u8], &[u8])> = Vec::new();
    match place {
        "header" => fields.push((b"x-any", value)),
        "name of a header" => fields.push((value, b"1")),
        "user-agent" | "x-request-id" | "authorization" | "content-type" | "x-forwarded-for" | "referer" => {
            fields.push((place.as_bytes(), value));
        }
        _ => {}
    }
    let one = http1(&method, &path, &host, &fields);
    let mut pseudo: Vec<(&[u8], &[u8])> =
        vec![(b":method", &method), (b":scheme", b"https"), (b":path", &path), (b":authority", &host)];
    pseudo.append(&mut fields);
    const END_STREAM: u8 = 1;
    [one, [preface(&[]), http2(&pseudo, END_STREAM, true)].concat()]
}

const PLACES: [&str; 12] = [
    "method",
    "host",
    "path",
    "query",
    "name of a query",
    "header",
    "name of a header",
    "user-agent",
    "x-request-id",
    "authorization",
    "x-forwarded-for",
    "referer",
];

#[tokio::test]
async fn every_line_of_the_log_is_json_and_one_request() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let api = Api::start(0, User { name: "alice".to_owned(), password: "nobody's".to_owned() })?;
    let surroundings = Surroundings { api: api.addr(), ..Surroundings::default() };
    let gateway = EdgeGateway::start(&secrets.authority, &surroundings).await?;
    until("the API", || async { Ok(gateway.stat("cluster.api.membership_healthy").await? == 1) }).await?;
    let dialers =
        [Dialer::new(&secrets.authority, b"http/1.1", None)?, Dialer::new(&secrets.authority, b"h2", None)?];
    let mut asked = HashMap::new();
    for place in PLACES {
        for (what, value) in hostile() {
            for (dialer, bytes) in dialers.iter().zip(requests(place, &value)) {
                let mut wire = dialer.dial(gateway.addresses().tls).await?;
                // Whoever says too much may be sent away before the end of it.
                let _ = wire.say(&bytes).await;
                let lines = logged(&gateway, wire.peer).await?;
                asked.insert(wire.peer.to_string(), format!("{what} in {place}"));
                let [line] = &lines[..] else { anyhow::bail!("{what} in {place}: {lines:?}") };
                ensure!(line["log"] == "request", "{what} in {place}: {line}");
                // Whoever has come as far as a route has an id of the gateway's own.
                let id = line["request_id"].as_str().unwrap_or_default();
                let own = id.len() == 36 && id.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit());
                ensure!(own || line["route"].is_null(), "{what} in {place}: {line}");
                for (field, longest) in LONGEST {
                    let text = line[field].as_str().unwrap_or_default();
                    ensure!(
                        text.chars().count() <= longest,
                        "{what} in {place}: {field} is {} long",
                        text.len()
                    );
                }
            }
        }
    }
    // Nobody tells the gateway or the API what only a proxy may: how long to wait, where a request came from.
    let told: [(&[u8], &[u8]); 5] = [
        (b"x-case", b"told"),
        (b"x-envoy-upstream-rq-timeout-ms", b"7777"),
        (b"x-envoy-original-path", b"/7777"),
        (b"x-envoy-internal", b"7777"),
        (b"x-forwarded-client-cert", b"By=7777"),
    ];
    let heard = dialers[0]
        .ask(gateway.addresses().tls, &http1(b"GET", b"/catalogue", b"api.example.com", &told))
        .await?;
    ensure!(heard.status()? == 200, "{}", heard.text());
    let arrived = format!("{:?}", api.arrived("told"));
    ensure!(arrived.contains("/catalogue") && !arrived.contains("7777"), "{arrived}");
    // No name that a client asks for is logged; control bytes there are a matter of TLS alone.
    for name in ["a\u{1}\u{1b}[31m", "a\"b\\", "a\r\n{\"log\":\"forged\"}", "é", "x.y; drop"] {
        let seen = s_client::ask(gateway.addresses().tls, &["-servername", name]).await?;
        ensure!(seen.answered() || seen.handshake().is_none(), "{name:?}: {}", seen.text);
    }
    whole(&gateway, &asked)?;
    println!(
        "{} requests, {} places, over HTTP/1.1 and HTTP/2: one line each, all JSON",
        asked.len(),
        PLACES.len()
    );
    gateway.end().await
}

/// Reads the whole log once more: what is no line of Envoy's own is JSON, and each request has one.
fn whole(gateway: &EdgeGateway, asked: &HashMap<String, String>) -> Result<()> {
    let log = gateway.envoy().log();
    let mut seen: HashMap<String, Vec<Value>> = HashMap::new();
    for line in log.lines().filter(|line| !line.starts_with('[')) {
        ensure!(line.chars().all(|c| !c.is_control() && c != '\u{fffd}'), "bytes as they came: {line:?}");
        let line: Value = serde_json::from_str(line)?;
        let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let log = text("log");
        ensure!(log == "request" || log == "connection", "forged: {line}");
        if log == "request" {
            seen.entry(text("peer")).or_default().push(line);
        }
    }
    for line in log.lines() {
        ensure!(line.chars().all(|c| !c.is_control()), "a control byte: {line:?}");
    }
    for (peer, what) in asked {
        let lines = seen.get(peer);
        ensure!(lines.is_some_and(|lines| lines.len() == 1), "{what}: {lines:?}");
    }
    Ok(())
}
