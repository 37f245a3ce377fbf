//! Port 80: to https, or a refusal; never an answer of the API.

use anyhow::{Result, ensure};
use replay::client::{Response, send};
use replay::request::Request;

use crate::{Secrets, alone};

#[tokio::test]
async fn port_80_redirects_or_refuses() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let gateway = secrets.gateway().await?;
    let addr = gateway.addresses().redirect;
    let ask = async |request: &Request| -> Result<Response> {
        send(addr, request).await?.response.map_err(anyhow::Error::msg)
    };
    println!("| on port 80 | answer |\n|---|---|");
    for method in ["GET", "HEAD"] {
        let answer = ask(&Request::new(method, "/orders/7?page=2")).await?;
        let location = header(&answer, "location");
        ensure!(answer.status == 308, "{method}: {answer:?}");
        ensure!(
            location.as_deref() == Some("https://api.example.com/orders/7?page=2"),
            "{method}: {location:?}"
        );
        println!("| {method} | 308 to https |");
    }
    let with = |method: &str, path: &str, name: &str, value: &str| {
        let mut request = Request::new(method, path);
        if !name.is_empty() {
            request.headers.push((name.to_owned(), value.as_bytes().to_vec()));
        }
        request
    };
    let body = |name: &str, value: &str, body: &str| Request {
        body: Some(vec![body.as_bytes().to_vec()]),
        ..with("GET", "/orders", name, value)
    };
    for (what, request) in [
        ("GET with Authorization", with("GET", "/orders", "authorization", "Bearer a.b.c")),
        ("GET with Cookie", with("GET", "/orders", "cookie", "session=1")),
        ("GET with `access_token` in the query", with("GET", "/orders?a=1&access_token=a.b.c", "", "")),
        ("GET with a body", body("content-length", "1", "x")),
        ("GET with a chunked body", Request { chunked: true, ..body("transfer-encoding", "chunked", "x") }),
        ("POST", with("POST", "/orders", "content-length", "0")),
        ("DELETE", with("DELETE", "/orders/7", "", "")),
        ("OPTIONS", with("OPTIONS", "/orders", "", "")),
    ] {
        let answer = ask(&request).await?;
        ensure!(answer.status == 403, "{what}: {answer:?}");
        ensure!(header(&answer, "location").is_none(), "{what}: {answer:?}");
        ensure!(
            header(&answer, "content-type").as_deref() == Some("application/problem+json"),
            "{what}: {answer:?}"
        );
        ensure!(header(&answer, "strict-transport-security").is_none(), "{what}: {answer:?}");
        println!("| {what} | 403 |");
    }
    let stranger = Request { authority: b"elsewhere.example".to_vec(), ..Request::new("GET", "/") };
    let answer = ask(&stranger).await?;
    ensure!(answer.status == 404 && header(&answer, "location").is_none(), "{answer:?}");
    println!("| GET for a host that is not ours | 404 |");
    let log = gateway.envoy().log();
    ensure!(!log.contains("a.b.c") && !log.contains("session=1"), "a secret is in the log");
    gateway.end().await
}

fn header(answer: &Response, name: &str) -> Option<String> {
    let found = answer.headers.iter().find(|(have, _)| have == name);
    found.map(|(_, value)| String::from_utf8_lossy(value).into_owned())
}
