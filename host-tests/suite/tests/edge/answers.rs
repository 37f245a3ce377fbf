//! What the gateway answers itself where no filter comes to speak, beside what `replies` has: every such answer is a problem
//! document with the security headers, and none says what software it is; gRPC is answered in its own way.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use edge::authority::HOST;
use edge::client::{Answer, Client, Protocol, Trust};
use edge::gateway::{EdgeGateway, Surroundings};
use http::Request;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};
use suite::patience::until;

use crate::wire::{Dialer, Heard, MANAGER, http1, logged, plain, replace, tcp};
use crate::{Secrets, alone};

/// The security headers of an answer over TLS; the last one not without.
const HEADERS: [(&str, &str); 6] = [
    ("content-security-policy", "default-src 'none'; frame-ancestors 'none'"),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cache-control", "no-store"),
    ("strict-transport-security", "max-age=31536000; includeSubDomains"),
];
/// How often a body is tried that Envoy may cut off or let wait.
const ROUNDS: usize = 10;
const OVERLOAD: &str = "/overload_manager";

/// A body that a filter holds is cut off by Envoy below what the filter allows; heads time out soon; how loaded the gateway
/// is a file says.
fn changed(tree: &mut Value, pressure: &Path) -> Result<()> {
    let limit = "/static_resources/listeners/0/per_connection_buffer_limit_bytes";
    replace(tree, limit, json!(524_288), json!(4096))?;
    replace(tree, &format!("{MANAGER}/request_timeout"), json!("30s"), json!("3s"))?;
    replace(tree, &format!("{MANAGER}/request_headers_timeout"), json!("10s"), json!("2s"))?;
    let file = pressure.to_str().context("not UTF-8")?;
    let name = "envoy.resource_monitors.injected_resource";
    push(
        tree,
        &format!("{OVERLOAD}/resource_monitors"),
        json!({
            "name": name,
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.resource_monitors.injected_resource.v3.InjectedResourceConfig",
                "filename": file,
            },
        }),
    )?;
    let actions = tree.pointer_mut(&format!("{OVERLOAD}/actions")).and_then(Value::as_array_mut);
    let stop = |action: &&mut Value| action["name"] == "envoy.overload_actions.stop_accepting_requests";
    let action = actions.context("actions")?.iter_mut().find(stop).context("stop_accepting_requests")?;
    push(action, "/triggers", json!({ "name": name, "threshold": { "value": 0.95 } }))
}

fn push(tree: &mut Value, pointer: &str, value: Value) -> Result<()> {
    tree.pointer_mut(pointer).and_then(Value::as_array_mut).with_context(|| pointer.to_owned())?.push(value);
    Ok(())
}

/// Envoy sees a file that takes the place of another.
fn put(file: &Path, text: &str) -> Result<()> {
    let new = file.with_extension("new");
    std::fs::write(&new, text)?;
    std::fs::rename(new, file).context("rename")
}

#[tokio::test]
async fn every_answer_of_the_gateway_itself_is_a_problem_document() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let pressure = secrets.folder.path().join("pressure");
    put(&pressure, "0.0")?;
    let gateway = EdgeGateway::start_changed(&secrets.authority, &Surroundings::default(), |tree| {
        changed(tree, &pressure)
    })
    .await?;
    let dialer = Dialer::new(&secrets.authority, b"http/1.1", None)?;
    let addr = gateway.addresses().tls;
    println!("| what | answer | by |\n|---|---|---|");

    let ours = b"api.example.com".as_slice();
    let many: Vec<String> = (0..101).map(|index| format!("x-{index}")).collect();
    let many: Vec<(&[u8], &[u8])> = many.iter().map(|name| (name.as_bytes(), b"1".as_slice())).collect();
    let login = |fields: &str, body: &str| {
        format!("POST /login HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n{fields}\r\n{body}")
            .into_bytes()
    };
    let json_of = |length: usize| format!("Content-Type: application/json\r\nContent-Length: {length}\r\n");
    for (what, request, status, details) in [
        ("a header without a name", http1(b"GET", b"/catalogue", ours, &[(b"", b"1")]), 400, "http1."),
        (
            "a length and chunks",
            login("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", ""),
            400,
            "http1.",
        ),
        ("a fragment", http1(b"GET", b"/catalogue#a", ours, &[]), 400, "path_normalization_failed"),
        (
            "no host",
            b"GET /catalogue HTTP/1.1\r\nConnection: close\r\n\r\n".to_vec(),
            400,
            "missing_host_header",
        ),
        ("an upgrade elsewhere", upgrade(), 403, "upgrade_failed"),
        ("`*` as a path", http1(b"OPTIONS", b"*", ours, &[]), 404, "absolute_path_rejected"),
        (
            "a head that does not end",
            b"GET /catalogue HTTP/1.1\r\nHost: api.example.com\r\n".to_vec(),
            408,
            "request_header_timeout",
        ),
        ("a body above the policy's limit", login(&json_of(300_000), ""), 413, "portcullis_size."),
        (
            "another media type",
            login("Content-Type: text/plain\r\nContent-Length: 1\r\n", "a"),
            415,
            "portcullis_media.",
        ),
        (
            "HTTP/1.0",
            b"GET /catalogue HTTP/1.0\r\nHost: api.example.com\r\n\r\n".to_vec(),
            426,
            "low_version",
        ),
        ("101 headers", http1(b"GET", b"/catalogue", ours, &many), 431, "http1.too_many_headers"),
        (
            "an unknown coding",
            login("Transfer-Encoding: unheard\r\n", ""),
            501,
            "http1.invalid_transfer_encoding",
        ),
    ] {
        let heard = dialer.ask(addr, &request).await?;
        problem(what, &heard, status, &HEADERS)?;
        let lines = logged(&gateway, heard.peer).await?;
        let [line] = &lines[..] else { anyhow::bail!("{what}: {lines:?}") };
        let said = line["details"].as_str().unwrap_or_default();
        ensure!(said.starts_with(details) && line["status"] == status, "{what}: {line}");
        println!("| {what} | {status} | {said} |");
    }

    // Where a filter holds the head the body waits in the kernel instead, and the request ends as one that is too slow: 408.
    let large = login(&json_of(14_000), &" ".repeat(12_000));
    let mut cut_off = 0;
    for _ in 0..ROUNDS {
        let ask = || dialer.ask(addr, &large);
        let (a, b, c, d) = tokio::try_join!(ask(), ask(), ask(), ask())?;
        for heard in [a, b, c, d] {
            let status = heard.status()?;
            ensure!([408, 413].contains(&status), "a body above the buffer: {}", heard.text());
            problem("a body above the buffer", &heard, status, &HEADERS)?;
            let line = logged(&gateway, heard.peer).await?;
            if status == 413 {
                ensure!(
                    line[0]["details"] == "request_payload_too_large",
                    "a body above the buffer: {line:?}"
                );
                cut_off += 1;
            }
        }
        if cut_off > 0 {
            break;
        }
    }
    ensure!(cut_off > 0, "Envoy never says that a body is too large");
    println!("| a body above the buffer | 413 | request_payload_too_large |");

    // Without TLS there is no promise to speak it.
    for (what, addr, path) in [
        ("another page at the health port", gateway.addresses().health, "/"),
        ("another page at the metrics port", gateway.addresses().metrics, "/config_dump"),
        ("another host at port 80", gateway.addresses().redirect, "/"),
    ] {
        let heard = plain(addr, &http1(b"GET", path.as_bytes(), b"elsewhere.example", &[])).await?;
        problem(what, &heard, 404, &HEADERS[..5])?;
        ensure!(heard.field("strict-transport-security").is_none(), "{what}: {}", heard.text());
        println!("| {what} | 404 | |");
    }

    let client = Client::new(Trust::read(&secrets.authority.root())?, HOST)?;
    grpc(&client.call(tcp(addr).await?, call()?).await?, "16", "a call without a token")?;

    put(&pressure, "0.99")?;
    let active = "overload.envoy.overload_actions.stop_accepting_requests.active";
    until("overload", || async { Ok(gateway.stat(active).await? == 1) }).await?;
    let heard = dialer.ask(addr, &http1(b"GET", b"/catalogue", ours, &[])).await?;
    problem("overload", &heard, 503, &HEADERS)?;
    println!("| overload | 503 | overload_manager |");
    let request = Request::get("/catalogue").header("host", HOST).body(Bytes::new())?;
    let answer = client.send(tcp(addr).await?, Protocol::Http2, request).await?;
    let media = answer.headers.get(CONTENT_TYPE).map(|value| value.as_bytes());
    ensure!(answer.status == 503 && media == Some(b"application/problem+json"), "{answer:?}");
    quiet(&format!("{answer:?}"))?;
    grpc(&client.call(tcp(addr).await?, call()?).await?, "14", "a call under overload")?;
    // Load balancers are told, whatever the load is.
    let heard = plain(gateway.addresses().health, &http1(b"GET", b"/healthz", ours, &[])).await?;
    ensure!([200, 503].contains(&heard.status()?), "{}", heard.text());
    put(&pressure, "0.0")?;
    until("the end of it", || async { Ok(gateway.stat(active).await? == 0) }).await?;
    let heard = dialer.ask(addr, &http1(b"DELETE", b"/catalogue", ours, &[])).await?;
    ensure!(heard.status()? == 405, "the filters are not asked again: {}", heard.text());
    gateway.end().await
}

/// A WebSocket where there is none.
fn upgrade() -> Vec<u8> {
    b"GET /catalogue HTTP/1.1\r\nHost: api.example.com\r\nConnection: upgrade\r\nUpgrade: unheard\r\n\r\n"
        .to_vec()
}

fn call() -> Result<Request<Bytes>> {
    Ok(Request::post("/example.v1.Orders/Echo").header("host", HOST).body(Bytes::from_static(b"hello"))?)
}

fn problem(what: &str, heard: &Heard, status: u16, headers: &[(&str, &str)]) -> Result<()> {
    ensure!(heard.status()? == status, "{what}: {}", heard.text());
    let media = heard.field("content-type");
    ensure!(media.as_deref() == Some("application/problem+json"), "{what}: {}", heard.text());
    let body: Value =
        serde_json::from_str(&heard.body()).with_context(|| format!("{what}: {}", heard.text()))?;
    ensure!(
        body.get("status") == Some(&json!(status)) && body.get("type").is_some_and(Value::is_string),
        "{what}: {body}"
    );
    for (name, value) in headers {
        ensure!(heard.field(name).as_deref() == Some(value), "{what}: no {name} in {}", heard.text());
    }
    quiet(&heard.text()).with_context(|| what.to_owned())
}

/// Neither the software nor its version.
fn quiet(answer: &str) -> Result<()> {
    let answer = answer.to_ascii_lowercase();
    ensure!(
        !answer.contains("envoy") && !answer.contains("\nserver:") && !answer.contains("\"server\""),
        "{answer}"
    );
    Ok(())
}

fn grpc(answer: &Answer, status: &str, what: &str) -> Result<()> {
    ensure!(answer.status == 200 && answer.grpc_status() == Some(status), "{what}: {answer:?}");
    ensure!(answer.header("content-type").starts_with("application/grpc"), "{what}: {answer:?}");
    for (name, value) in HEADERS {
        ensure!(answer.header(name) == value, "{what}: no {name} in {answer:?}");
    }
    quiet(&format!("{answer:?}")).with_context(|| what.to_owned())?;
    println!("| {what} | grpc-status {status} | |");
    Ok(())
}
