//! What the built modules are to their host: what they export, and what they do at the end of a stream.

use anyhow::{Context as _, Result, ensure};
use replay::client::send;
use replay::envoy::Envoy;
use replay::request::{Protocol, Request};
use std::collections::BTreeSet;
use std::time::Duration;
use suite::{folders, root, runnable, settings};

/// The host enters the VM for every callback that is exported: only those that do something are.
const CALLBACKS: [&str; 13] = [
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_http_call_response",
    "proxy_on_memory_allocate",
    "proxy_on_queue_ready",
    "proxy_on_request_body",
    "proxy_on_request_headers",
    "proxy_on_request_trailers",
    "proxy_on_response_headers",
    "proxy_on_response_trailers",
    "proxy_on_tick",
    "proxy_on_vm_start",
];
/// What the host looks for besides.
const OTHERS: [&str; 3] = ["_initialize", "memory", "proxy_abi_version_0_2_1"];

/// The modules that look at the bodies of answers, and what they export for it.
const WATCHING: [&str; 2] = ["probe", "schema-guard"];
const WATCHES: &str = "proxy_on_response_body";

#[test]
fn a_module_exports_what_it_implements_and_nothing_else() -> Result<()> {
    for name in folders("plugins")?.into_iter().chain(["probe".to_owned()]) {
        let module = root()?.join("dist").join(format!("{name}.wasm"));
        let bytes = std::fs::read(&module).with_context(|| format!("{name}.wasm: run `make dist`"))?;
        let found = exports(&bytes).with_context(|| format!("{name}.wasm: no export section"))?;
        let watches = WATCHING.contains(&name.as_str()).then_some(WATCHES);
        let expected = CALLBACKS.into_iter().chain(OTHERS).chain(watches).map(str::to_owned).collect();
        ensure!(found == expected, "{name}.wasm exports {found:?}");
    }
    Ok(())
}

/// The names in the export section (WebAssembly 1.0, section 5.5.10).
fn exports(module: &[u8]) -> Option<BTreeSet<String>> {
    const EXPORTS: u8 = 7;
    let mut rest = module.strip_prefix(b"\0asm\x01\0\0\0")?;
    loop {
        let (id, after) = rest.split_first()?;
        rest = after;
        let size = number(&mut rest)?;
        let mut section = rest.get(..size)?;
        if *id != EXPORTS {
            rest = rest.get(size..)?;
            continue;
        }
        let mut names = BTreeSet::new();
        for _ in 0..number(&mut section)? {
            let length = number(&mut section)?;
            names.insert(String::from_utf8(section.get(..length)?.to_vec()).ok()?);
            // What it is, a byte, and which one.
            section = section.get(length.checked_add(1)?..)?;
            number(&mut section)?;
        }
        return Some(names);
    }
}

/// An unsigned LEB128.
fn number(bytes: &mut &[u8]) -> Option<usize> {
    let mut value = 0_usize;
    for shift in (0..32).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= usize::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// `Policy::on_done` runs once per stream, however it ended.
#[tokio::test]
async fn the_end_of_every_stream_is_counted_once() -> Result<()> {
    const DONE: &str = "wasmcustom.portcullis_probe_done_instance=probe";
    const DEADLINE: Duration = Duration::from_secs(10);
    let path = root()?.join("host-tests/suite/envoy/count.yaml");
    let mut envoy = Envoy::start(&runnable(&path)?, &settings()?.launch()).await?;
    let gateway = envoy.listener("ingress").await?;
    let large = || Some(vec![vec![b'x'; 1000]]);
    let mut expected = 0_u64;
    for protocol in [Protocol::H1, Protocol::H2] {
        // Passed on to an upstream that is not there, refused, and passed on again.
        for (body, status) in [(None, 503), (large(), 413), (None, 503)] {
            let exchange = send(gateway, &request(protocol, body)).await?;
            let response = exchange.response.map_err(anyhow::Error::msg)?;
            ensure!(response.status == status, "{} instead of {status}", response.status);
            expected += 1;
        }
    }
    envoy.quiet(DEADLINE).await?;
    let stats = envoy.stats("portcullis_probe_done").await?;
    ensure!(stats == [(DONE.to_owned(), expected)], "{stats:?}");
    let failures = envoy.failures().await?;
    ensure!(failures.is_empty(), "{}", failures.join("\n"));
    envoy.stop().await
}

fn request(protocol: Protocol, body: Option<Vec<Vec<u8>>>) -> Request {
    let length = body.as_ref().map(|pieces| pieces.iter().map(Vec::len).sum::<usize>().to_string());
    let headers =
        length.map(|length| ("content-length".to_owned(), length.into_bytes())).into_iter().collect();
    Request { protocol, headers, body, ..Request::new("POST", "/") }
}
