//! What raw bytes mean is Envoy's to say: each request here is sent to a real Envoy, which must answer and
//! hand on what the reader says.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use crate::{exchanges, try_read};
use recorder::{End, Recorder};
use replay::Settings;
use replay::envoy::Envoy;
use replay::envoy_config::{Bootstrap, Rewrite};
use replay::traffic::{Exchange, Format};

const GET: &str = "GET / HTTP/1.1\r\nhost: a\r\n";
const POST: &str = "POST / HTTP/1.1\r\nhost: a\r\n";
const CHUNKED: &str = "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n";

/// Bytes that the reader and Envoy must agree on.
fn requests() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut add = |start: &str, rest: &[u8]| all.push([start.as_bytes(), rest].concat());
    // Request lines.
    for line in [
        "GET / HTTP/1.1",
        "GET  /  HTTP/1.1",
        "GET\t/\tHTTP/1.1",
        "GET\r/\rHTTP/1.1\r",
        "GET / HTTP/1.1 ",
        " GET / HTTP/1.1",
        "\r\n\n\rGET / HTTP/1.1",
        "GET /a b HTTP/1.1",
        "GET /\rx HTTP/1.1",
        "GET /",
        "GET",
        "GET/ HTTP/1.1",
        "GET / HTTP/1.0",
        "GET / HTTP/1.2",
        "GET / HTTP/2.0",
        "GET / HTTP/1",
        "GET / HTTP/1.10",
        "GET / HTTP/01.1",
        "GET / http/1.1",
        "GET / HTTP/1.1x",
        "G(T / HTTP/1.1",
        "GET /\u{7f} HTTP/1.1",
        "GET /é HTTP/1.1",
        "GET /\0 HTTP/1.1",
        "GET /\u{1} HTTP/1.1",
        "GET /\"|'()[]{}~ HTTP/1.1",
        "GET /%zz%00//a/../b HTTP/1.1",
        "GET /a#b HTTP/1.1",
        "GET /a?x#b HTTP/1.1",
        "GET a HTTP/1.1",
        "GET ?x HTTP/1.1",
        "GET * HTTP/1.1",
        "OPTIONS * HTTP/1.1",
        "GET http://b.example/x?y HTTP/1.1",
        "GET https://b.example:443/x HTTP/1.1",
        "GET http://b HTTP/1.1",
        "GET http://b?x=1 HTTP/1.1",
        "GET http://u:p@b/x HTTP/1.1",
        "GET http://u@v@b/x HTTP/1.1",
        "GET ftp://b/x HTTP/1.1",
        "GET ws://b/x HTTP/1.1",
        "GET HTTP://b/x HTTP/1.1",
        "GET http:///x HTTP/1.1",
        "GET http:/b/x HTTP/1.1",
        "GET http://b//x HTTP/1.1",
        "GET http://b/x#y HTTP/1.1",
        "GET http://[::1]:80/x HTTP/1.1",
        "GET http://b:99999/x HTTP/1.1",
        "GET http://b:/x HTTP/1.1",
        "GET http://b_c/x HTTP/1.1",
        "CONNECT a HTTP/1.1",
        "CONNECT /x HTTP/1.1",
        "CONNECT a/b:1 HTTP/1.1",
    ] {
        add(line, b"\r\nhost: a\r\n\r\n");
    }
    // Line ends.
    for head in [
        "GET / HTTP/1.1\nhost: a\nx: 1\n\n",
        "GET / HTTP/1.1\r\nhost: a\nx: 1\r\n\n",
        "GET / HTTP/1.1\r\nhost: a\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nx: 1\r\n\r\r\n\r\n",
        "GET / HTTP/1.1\n\rhost: a\r\n\r\n",
        "\u{16}\u{3}\u{1}\r\n\r\n",
    ] {
        add(head, b"");
    }
    // Header lines.
    for line in [
        "x: 1\r\n 2",
        "x: 1\n 2",
        "x: 1 \r\n \t  2 ",
        "x: 1\r\n  \r\ny: 2",
        "x: 1\r\n y: 2",
        "x: 1\r\r\n \r2",
        "x\r\n : 2",
        "x: 1\r2",
        "x: 1\r",
        "x:\r1",
        "x: \r1\r\r2\r",
        "x\ra: 1",
        "x\r: 1",
        "x",
        ": 1",
        "x : 1",
        "x y: 1",
        "\t: x",
        "x(: 1",
        "x\": 1",
        "x@: 1",
        "x!#$%&'*+-.^_`|~: 1",
        ":path: /x",
        "x: 1\x002",
        "x: 1\u{1}2",
        "x: 1\u{b}2",
        "x: 1\u{7f}2",
        "x: 1\t2",
        "x: é",
        "x: \"a",
        "x:\t 1 \t",
        "x:",
        "content_length: 3",
    ] {
        add(GET, format!("{line}\r\n\r\n").as_bytes());
    }
    add(GET, b"x: \xff\xfe\r\n\r\n");
    add(GET, b"x\xff: 1\r\n\r\n");
    // Hosts.
    for host in [
        "",
        "a b",
        "a/b",
        "u@a",
        "a:80",
        "[::1]:80",
        "[a",
        "a, b",
        "a\r\nhost: b",
        "a\r\nhost: a",
        "\r\n a",
        "a?b",
        "a\\b",
        "a_b",
    ] {
        add("GET / HTTP/1.1\r\n", format!("host: {host}\r\n\r\n").as_bytes());
    }
    add("GET / HTTP/1.1\r\n", b"\r\n");
    add("GET / HTTP/1.1\r\n host: a\r\nhost: b\r\n\r\n", b"");
    add("GET http://b/x HTTP/1.1\r\n", b"\r\n");
    add("GET http://b/x HTTP/1.1\r\n", b"host: a b\r\nhost: c\r\n\r\n");
    // Lengths.
    for length in [
        "3",
        "abc",
        "+3",
        "-3",
        "0x3",
        "  3  ",
        "\t3\t",
        "3 3",
        "",
        "3\r\ncontent-length: 3",
        "3\r\ncontent-length: 4",
        "3, 3",
        "3,",
        "0003",
        "99999999999999999999999",
        "\r\n 3",
        "3\r\n ",
        "3\r\n 3",
        "3\r3",
        "3\r",
        "\r3",
        "\u{b}3",
    ] {
        add(POST, format!("content-length: {length}\r\n\r\nabc").as_bytes());
    }
    add(POST, b"\r\n");
    add(GET, b"content-length: 0\r\n\r\n");
    add(GET, b"content-length: 3\r\n\r\nabc");
    add("CONNECT a:443 HTTP/1.1\r\nhost: a\r\n", b"content-length: 3\r\n\r\nabc");
    add("CONNECT a:443 HTTP/1.1\r\nhost: a\r\n", b"transfer-encoding: chunked\r\n\r\n0\r\n\r\n");
    // Codings.
    for coding in [
        "chunked",
        "CHUNKED",
        "\tchunked",
        "\r\n chunked",
        "chu\rnked",
        "chu\r\n nked",
        "chunked\r\ntransfer-encoding: chunked",
        "chunked, chunked",
        "gzip, chunked",
        "gzip",
        "identity",
        "",
        "xchunked",
        "\"chunked\"",
        "chunked;q=1",
        "chunked,",
        "chunked\r\ncontent-length: 3",
        "gzip\r\ncontent-length: 3",
        "chunked\0",
        "\u{b}chunked",
        "chunked\r",
        "\rchunked",
    ] {
        add(POST, format!("transfer-encoding: {coding}\r\n\r\n3\r\nabc\r\n0\r\n\r\n").as_bytes());
    }
    add(GET, b"transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    // Chunks.
    for body in [
        "0\r\n\r\n",
        "A\r\n0123456789\r\n0\r\n\r\n",
        "3;a=b;c=\"d\"\r\nabc\r\n0;x\r\n\r\n",
        "3 \r\nabc\r\n0\r\n\r\n",
        "3 a\r\nabc\r\n0\r\n\r\n",
        "3 \t ;a\r\nabc\r\n0\r\n\r\n",
        "3;a\0b\r\nabc\r\n0\r\n\r\n",
        " 3\r\nabc\r\n0\r\n\r\n",
        "3\nabc\n0\n\n",
        "3\nabc\r\n0\r\n\r\n",
        "0x3\r\nabc\r\n0\r\n\r\n",
        "zz\r\nabc\r\n0\r\n\r\n",
        "\r\nabc\r\n0\r\n\r\n",
        "0003\r\nabc\r\n000\r\n\r\n",
        "3\r\r\nabc\r\n0\r\n\r\n",
        "0000000000000000000000000000000000003\r\nabc\r\n0\r\n\r\n",
        "fffffffffffffffff\r\nabc\r\n0\r\n\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\r\nabc\n0\r\n\r\n",
        "3\r\nabcXYZ W\r\n0\r\n\r\n",
        "3\r\nabc0\r\n\r\n",
        "3;a\rb\r\nabc\r\n0\r\n\r\n",
        "3\r\nabc\n\r\n0\r\n\r\n",
        "3:\r\nabc\r\n0\r\n\r\n",
    ] {
        add(CHUNKED, body.as_bytes());
    }
    // Trailers.
    for trailers in [
        "x: 1\r\ny: 2\r\n\r\n",
        "x: 1\r\n 2\r\n\r\n",
        "x: 1\n\n",
        "\n",
        "x y: 1\r\n\r\n",
        "x: \0\r\n\r\n",
        "x\r\n\r\n",
        " x: 1\r\n\r\n",
        ":path: /\r\n\r\n",
        "x: 1\r2\r\n\r\n",
    ] {
        add(CHUNKED, format!("3\r\nabc\r\n0\r\n{trailers}").as_bytes());
    }
    all
}

/// Cut off: Envoy answers nothing before the client leaves.
fn cut_off() -> Vec<Vec<u8>> {
    [
        "GET / HTTP/1.1".to_owned(),
        GET.to_owned(),
        "GET / HTTP/1.1\rhost: a\r\r".to_owned(),
        format!("{GET}\r\r\n"),
        format!("{POST}content-length: 5\r\n\r\nabc"),
        format!("{POST}content-length: 9223372036854775808\r\n\r\nabc"),
        format!("{CHUNKED}3"),
        format!("{CHUNKED}3\r\nab"),
        format!("{CHUNKED}ffffffffffffffff\r\nabc\r\n0\r\n\r\n"),
        format!("{CHUNKED}3\r\nabc\r\n0\r\nx: 1\r\n"),
    ]
    .into_iter()
    .map(String::into_bytes)
    .collect()
}

/// What the reader takes for a request and a gateway refuses because of its configuration.
fn refused_by_configuration() -> Vec<(String, u16)> {
    vec![
        ("FOO / HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), 400),
        ("get / HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), 400),
        ("CONNECT a:443 HTTP/1.1\r\nhost: a\r\n\r\n".to_owned(), 404),
        (format!("{GET}connection: upgrade\r\nupgrade: websocket\r\n\r\n"), 403),
        (format!("{GET}{}\r\n", "x: y\r\n".repeat(120)), 431),
        (format!("{GET}x: {}\r\n\r\n", "a".repeat(70_000)), 431),
    ]
}

fn exchange(bytes: &[u8]) -> Exchange {
    let (items, _) = try_read("a.http", bytes, Some(Format::Raw)).unwrap();
    // What comes after a request that Envoy frames in another way than most is one of its own.
    exchanges(items).remove(0)
}

/// The status of the answer, `None` where there is none. A client that sent too little closes its side.
fn send(gateway: SocketAddr, bytes: &[u8], leaves: bool) -> Option<u16> {
    let mut stream = TcpStream::connect(gateway).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    stream.write_all(bytes).unwrap();
    if leaves {
        stream.shutdown(Shutdown::Write).unwrap();
    }
    let mut answer = Vec::new();
    let mut piece = [0; 4096];
    while !answer.windows(4).any(|end| end == b"\r\n\r\n") {
        match stream.read(&mut piece) {
            Ok(count) if count > 0 => answer.extend_from_slice(&piece[..count]),
            _ => break,
        }
    }
    let line = String::from_utf8_lossy(&answer).into_owned();
    line.strip_prefix("HTTP/1.1 ").map(|rest| rest[..3].parse().unwrap())
}

/// A request as both sides can see it. Envoy ends some headers, adds some, and joins others.
fn seen(headers: &[(String, Vec<u8>)]) -> Vec<(String, Vec<u8>)> {
    let ends = [
        "host",
        "connection",
        "transfer-encoding",
        "x-forwarded-proto",
        "x-request-id",
        "x-envoy-expected-rq-timeout-ms",
    ];
    let mut list: Vec<(String, Vec<u8>)> =
        headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value.clone())).collect();
    list.retain(|(name, value)| {
        !(ends.contains(&name.as_str()) || (name == "content-length" && value == b"0"))
    });
    list.sort();
    list
}

#[tokio::test(flavor = "multi_thread")]
async fn envoy_agrees() {
    let recorder = Recorder::start().await.unwrap();
    let bootstrap = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/plain.yaml");
    let settings = Settings::discover(&bootstrap).unwrap();
    let rewrite = Rewrite { upstream: recorder.addr(), dist: &settings.dist, access_log: None };
    let config = Bootstrap::read(&bootstrap).unwrap().rewritten(&rewrite).unwrap();
    let envoy = Envoy::start(&config, &settings.launch()).await.unwrap();
    let gateway = envoy.listener("ingress").await.unwrap();

    let mut differences = Vec::new();
    for bytes in requests() {
        let exchange = exchange(&bytes);
        let status = send(gateway, &bytes, false);
        let recorded = recorder.take().into_iter().find(|seen| seen.end == End::Complete);
        let mut differs = |what: String| differences.push(format!("{}: {what}", bytes.escape_ascii()));
        if let Some(malformed) = &exchange.malformed {
            if status != malformed.status {
                differs(format!("{malformed}, but Envoy answers {status:?}"));
            }
            continue;
        }
        let (Some(200), Some(there)) = (status, recorded) else {
            differs(format!("is a request, but Envoy answers {status:?}"));
            continue;
        };
        let here = exchange.step.request(None);
        let others = here.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("host"));
        let authorities = std::iter::once(&here.authority).chain(others.map(|(_, value)| value));
        let authority = authorities.filter(|host| !host.is_empty()).cloned().collect::<Vec<_>>().join(&b',');
        let body = here.body.clone().unwrap_or_default().concat();
        for (what, here, there) in [
            ("method", here.method.as_bytes(), there.method.as_bytes()),
            ("path", &here.path, &there.path),
            ("authority", &authority, &there.authority.clone().unwrap_or_default()),
            ("body", &body, &there.body),
        ] {
            if here != there {
                differs(format!("{what}: {}, but Envoy says {}", here.escape_ascii(), there.escape_ascii()));
            }
        }
        if seen(&here.headers) != seen(&there.headers) || seen(&here.trailers) != seen(&there.trailers) {
            differs(format!("{:?}, but Envoy says {:?}", here.headers, there.headers));
        }
    }
    for bytes in cut_off() {
        assert_eq!(exchange(&bytes).malformed.unwrap().status, None, "{}", bytes.escape_ascii());
        assert_eq!(send(gateway, &bytes, true), None, "{}", bytes.escape_ascii());
    }
    for (bytes, status) in refused_by_configuration() {
        assert_eq!(exchange(bytes.as_bytes()).malformed, None, "{bytes}");
        assert_eq!(send(gateway, bytes.as_bytes(), false), Some(status), "{bytes}");
    }
    envoy.stop().await.unwrap();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
