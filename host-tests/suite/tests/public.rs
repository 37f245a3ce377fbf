//! Published lists and suites, against what is built here. They are no part of this repository: `SUITES` names the
//! folder they are in (`make suites`), and what is missing there is a failure.

#[path = "public/schema_suite.rs"]
mod schema_suite;

use anyhow::{Context as _, Result, bail, ensure};
use replay::client::{Response, send};
use replay::envoy::Envoy;
use replay::envoy_config::{Bootstrap, Rewrite};
use replay::request::Request;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use suite::{root, settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

const OWASP: &str = "host-tests/suite/envoy/owasp.yaml";
const HSTS: &str = "strict-transport-security";
/// An answer's header that no list is about.
const KEPT: (&str, &str) = ("x-kept", "1");
/// How often an upstream says a thing that shall be there once or not at all.
const COPIES: usize = 3;

/// A file below `SUITES`, which starts at the root of the repository.
fn document(path: &str) -> Result<Value> {
    let suites = std::env::var("SUITES").context("SUITES is not set: run `make suites`")?;
    let path = root()?.join(suites).join(path);
    let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

/// The lists of the OWASP Secure Headers Project.
struct Lists {
    /// Names in lower case, with values, sorted.
    add: Vec<(String, String)>,
    remove: Vec<String>,
}

impl Lists {
    fn read() -> Result<Self> {
        let list = |path: &str| -> Result<Vec<Value>> {
            let document = document(path)?;
            document.get("headers").and_then(Value::as_array).cloned().with_context(|| path.to_owned())
        };
        let text = |value: Option<&Value>| {
            value.and_then(Value::as_str).map(str::to_owned).context("a header that is no text")
        };
        let mut add = Vec::new();
        for header in list("secure-headers/headers_add.json")? {
            add.push((text(header.get("name"))?.to_ascii_lowercase(), text(header.get("value"))?));
        }
        add.sort();
        let remove = list("secure-headers/headers_remove.json")?;
        let remove: Vec<String> = remove.iter().map(|name| text(Some(name))).collect::<Result<_>>()?;
        ensure!((add.len(), remove.len()) == (13, 87), "{} and {} headers", add.len(), remove.len());
        Ok(Self { add, remove })
    }

    /// What an answer carries: HSTS over TLS alone.
    fn carried(&self, tls: bool) -> Vec<(String, String)> {
        self.add.iter().filter(|(name, _)| tls || name != HSTS).cloned().collect()
    }
}

/// An upstream that answers `/<n>` with the n-th of these heads, byte for byte: a library would write the names its
/// own way.
async fn upstream(heads: Vec<String>) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    let heads = Arc::new(heads);
    tokio::spawn(async move {
        while let Ok((connection, _)) = listener.accept().await {
            // What goes wrong here the client sees.
            tokio::spawn(serve(connection, Arc::clone(&heads)));
        }
    });
    Ok(addr)
}

async fn serve(mut connection: TcpStream, heads: Arc<Vec<String>>) -> Result<()> {
    let mut seen = Vec::new();
    loop {
        let mut bytes = [0; 4096];
        let count = connection.read(&mut bytes).await?;
        ensure!(count > 0, "closed");
        seen.extend(bytes.iter().take(count));
        if !seen.ends_with(b"\r\n\r\n") {
            continue;
        }
        let request = String::from_utf8(std::mem::take(&mut seen))?;
        let path = request.split(' ').nth(1).and_then(|path| path.strip_prefix('/'));
        let number: usize = path.context("a path")?.parse()?;
        let head = heads.get(number).context("a head")?;
        connection
            .write_all(format!("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n{head}\r\n").as_bytes())
            .await?;
    }
}

fn lines(fields: &[(impl AsRef<str>, impl AsRef<str>)]) -> String {
    fields.iter().map(|(name, value)| format!("{}: {}\r\n", name.as_ref(), value.as_ref())).collect()
}

/// Envoy with preset `owasp` in front of an upstream with these heads.
async fn gateway(heads: Vec<String>) -> Result<Envoy> {
    let settings = settings()?;
    let rewrite = Rewrite { upstream: upstream(heads).await?, dist: &settings.dist, access_log: None };
    let bootstrap = Bootstrap::read(&root()?.join(OWASP))?.rewritten(&rewrite)?;
    Envoy::start(&bootstrap, &settings.launch()).await
}

async fn answer(gateway: SocketAddr, method: &str, path: &str, tls: bool) -> Result<Response> {
    let headers = if tls { vec![("x-forwarded-proto".to_owned(), b"https".to_vec())] } else { Vec::new() };
    let exchange = send(gateway, &Request { headers, ..Request::new(method, path) }).await?;
    exchange.response.map_err(anyhow::Error::msg)
}

/// The headers of an answer but for those of HTTP itself, sorted.
fn carried(response: &Response) -> Result<Vec<(String, String)>> {
    let mut fields = Vec::new();
    for (name, value) in &response.headers {
        if !["allow", "connection", "content-length", "content-type", "date"].contains(&name.as_str()) {
            fields.push((name.clone(), String::from_utf8(value.clone())?));
        }
    }
    fields.sort();
    Ok(fields)
}

#[tokio::test]
async fn owasp_adds_13_headers_over_tls_and_12_in_clear() -> Result<()> {
    let lists = Lists::read()?;
    let others: Vec<_> = lists.add.iter().flat_map(|(name, _)| vec![(name, "upstream"); COPIES]).collect();
    let envoy = gateway(vec![String::new(), lines(&lists.add), lines(&others)]).await?;
    let gateway = envoy.listener("ingress").await?;
    for tls in [true, false] {
        let expected = lists.carried(tls);
        ensure!(expected.len() == if tls { 13 } else { 12 }, "{expected:?}");
        // The upstream says nothing of it, the same, or something else; the last is refused.
        for (method, path, status) in
            [("GET", "/0", 200), ("GET", "/1", 200), ("GET", "/2", 200), ("TRACE", "/", 405)]
        {
            let response = answer(gateway, method, path, tls).await?;
            ensure!(response.status == status, "{method} {path}: {}", response.status);
            let got = carried(&response)?;
            ensure!(got == expected, "{method} {path}, tls: {tls}\n{got:#?}\ninstead of\n{expected:#?}");
        }
    }
    envoy.stop().await
}

#[tokio::test]
async fn owasp_removes_87_headers_however_written_and_however_often() -> Result<()> {
    let lists = Lists::read()?;
    let spellings = |name: &String| [name.clone(), name.to_ascii_lowercase(), name.to_ascii_uppercase()];
    let spelt: Vec<String> = lists.remove.iter().flat_map(spellings).collect();
    let mut answers: Vec<Vec<&str>> = spelt.iter().map(|name| vec![name.as_str(); COPIES]).collect();
    // All at once, as far as Envoy takes as many headers.
    answers.push(lists.remove.iter().map(String::as_str).collect());
    let head = |names: &Vec<&str>| {
        let fields: Vec<_> = names.iter().map(|name| (*name, "leak")).chain([KEPT]).collect();
        lines(&fields)
    };
    let envoy = gateway(answers.iter().map(head).collect()).await?;
    let gateway = envoy.listener("ingress").await?;
    let mut expected = lists.carried(false);
    expected.push((KEPT.0.to_owned(), KEPT.1.to_owned()));
    expected.sort();
    for (number, names) in answers.iter().enumerate() {
        let response = answer(gateway, "GET", &format!("/{number}"), false).await?;
        ensure!(response.status == 200, "{names:?}: {}", response.status);
        let got = carried(&response)?;
        ensure!(got == expected, "{names:?}\n{got:#?}\ninstead of\n{expected:#?}");
    }
    envoy.stop().await
}

/// As a case file, so that all executors see the same.
#[test]
fn owasp_is_the_same_on_every_executor() -> Result<()> {
    let lists = Lists::read()?;
    let carried = |tls: bool| -> Value {
        let value = |(name, value): &(String, String)| {
            (name.clone(), if tls || name != HSTS { json!(value) } else { Value::Null })
        };
        lists.add.iter().map(value).collect::<serde_json::Map<_, _>>().into()
    };
    let others: Vec<_> =
        lists.add.iter().flat_map(|(name, _)| vec![(name.as_str(), "upstream"); COPIES]).collect();
    let mut added = Vec::new();
    for (scheme, tls) in [("https", true), ("http", false)] {
        added.push(step(scheme, &[], carried(tls)));
        added.push(step(scheme, &others, carried(tls)));
    }
    let removed = lists.remove.iter().map(|name| {
        let mut fields = vec![(name.as_str(), "leak"); COPIES];
        fields.push(KEPT);
        step("http", &fields, json!({name.to_ascii_lowercase(): null, KEPT.0: KEPT.1}))
    });
    let removed: Vec<Value> = removed.collect();
    let file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
    let cases = json!([{"id": "added", "steps": added}, {"id": "removed", "steps": removed}]);
    std::fs::write(file.path(), json!({"config": OWASP, "cases": cases}).to_string())?;
    passes(file.path(), 2 * 3)
}

/// A step in which the upstream answers these fields.
fn step(scheme: &str, fields: &[(&str, &str)], expected: Value) -> Value {
    let expect = json!({"status": 200, "headers": expected});
    json!({"scheme": scheme, "response": {"headers": fields}, "expect": expect})
}

/// Runs a case file on all its executors.
fn passes(path: &Path, runs: usize) -> Result<()> {
    let report = replay::run_file(path, &[])?;
    ensure!(report.runs.len() == runs, "{} of {runs} runs", report.runs.len());
    if !report.passed() {
        bail!("{}", report.table());
    }
    Ok(())
}
