//! The recorder, seen from the wire.

#![allow(clippy::unwrap_used, reason = "a helper of a test may stop at the first surprise, as the test may")]

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use recorder::{End, Recorder, Response};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const DEADLINE: Duration = Duration::from_secs(5);

async fn exchange(recorder: &Recorder, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(recorder.addr()).await.unwrap();
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn a_request_over_http1_is_recorded_byte_for_byte() {
    let recorder = Recorder::start().await.unwrap();
    let answer = exchange(
        &recorder,
        b"POST /a%2Fb?x=%zz&y=\xc3\xa9 HTTP/1.1\r\nHost: api.example.com\r\nX-Bin: \xff\xfe\r\nX-Two: 1\r\n\
          X-Two: 2\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\
          X-Sum: 7\r\n\r\n",
    )
    .await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.ends_with("\r\n\r\nok\n"), "{answer}");
    let [seen] = <[_; 1]>::try_from(recorder.take()).unwrap();
    assert_eq!(seen.method, "POST");
    assert_eq!(seen.authority.as_deref(), Some(&b"api.example.com"[..]));
    assert_eq!(seen.path, b"/a%2Fb?x=%zz&y=\xc3\xa9");
    assert_eq!(
        seen.headers,
        [
            ("host".to_owned(), b"api.example.com".to_vec()),
            ("x-bin".to_owned(), b"\xff\xfe".to_vec()),
            ("x-two".to_owned(), b"1".to_vec()),
            ("x-two".to_owned(), b"2".to_vec()),
            ("connection".to_owned(), b"close".to_vec()),
            ("transfer-encoding".to_owned(), b"chunked".to_vec()),
        ]
    );
    assert_eq!(seen.body, b"abcde");
    assert_eq!(seen.trailers, [("x-sum".to_owned(), b"7".to_vec())]);
    assert_eq!((seen.version, seen.end), (http::Version::HTTP_11, End::Complete));
    assert!(recorder.take().is_empty(), "take empties the record");
}

#[tokio::test]
async fn http2_shares_the_port_and_carries_trailers_both_ways() {
    let recorder = Recorder::start().await.unwrap();
    recorder.script(
        Response::new(404, "gone")
            .unwrap()
            .header("x-a", b"\xe9")
            .unwrap()
            .trailer("grpc-status", b"12")
            .unwrap(),
    );
    let stream = TcpStream::connect(recorder.addr()).await.unwrap();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let connection = tokio::spawn(connection);
    let mut trailers = http::HeaderMap::new();
    trailers.insert("x-sum", "9".parse().unwrap());
    let body =
        Full::new(Bytes::from_static(b"payload")).with_trailers(std::future::ready(Some(Ok(trailers))));
    let request = http::Request::post("http://api.example.com/p?q").body(body).unwrap();
    let answer = sender.send_request(request).await.unwrap();
    assert_eq!(answer.status(), 404);
    assert_eq!(answer.headers()["x-a"].as_bytes(), b"\xe9");
    let answer = answer.into_body().collect().await.unwrap();
    assert_eq!(answer.trailers().unwrap()["grpc-status"], "12");
    assert_eq!(answer.to_bytes(), "gone");
    let [seen] = <[_; 1]>::try_from(recorder.take()).unwrap();
    assert_eq!(seen.authority.as_deref(), Some(&b"api.example.com"[..]));
    assert_eq!((seen.path.as_slice(), seen.body.as_slice()), (&b"/p?q"[..], &b"payload"[..]));
    assert_eq!(seen.trailers, [("x-sum".to_owned(), b"9".to_vec())]);
    assert_eq!(seen.version, http::Version::HTTP_2);
    drop(sender);
    connection.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_request_that_never_completes_is_on_record_as_cut_off() {
    let recorder = Recorder::start().await.unwrap();
    let mut stream = TcpStream::connect(recorder.addr()).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").await.unwrap();
    assert!(!recorder.settled(1, Duration::from_millis(1)).await, "the body is open");
    drop(stream);
    assert!(recorder.settled(1, DEADLINE).await);
    let [seen] = <[_; 1]>::try_from(recorder.take()).unwrap();
    assert_eq!((seen.body.as_slice(), seen.end), (&b"abc"[..], End::CutOff));
}

#[tokio::test]
async fn bytes_that_are_not_http_count_as_a_contact() {
    let recorder = Recorder::start().await.unwrap();
    let answer = exchange(&recorder, b"NOT\x00HTTP\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert!(recorder.settled(1, DEADLINE).await);
    assert_eq!((recorder.contacts(), recorder.take().len()), (1, 0));
    assert_eq!(recorder.take_unreadable().len(), 1);
}

#[tokio::test]
async fn four_thousand_headers_and_a_megabyte_are_accepted() {
    let recorder = Recorder::start().await.unwrap();
    let mut request = b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n".to_vec();
    for index in 0..4094 {
        request.extend_from_slice(format!("x-{index}: {}\r\n", "v".repeat(240)).as_bytes());
    }
    request.extend_from_slice(b"\r\n");
    assert!(request.len() > 1_000_000, "{}", request.len());
    let answer = exchange(&recorder, &request).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{}", &answer[..40]);
    assert_eq!(recorder.take().first().unwrap().headers.len(), 4096);
}

#[tokio::test]
async fn a_dropped_recorder_takes_no_new_connection() {
    let recorder = Recorder::start().await.unwrap();
    let addr = recorder.addr();
    drop(recorder);
    tokio::time::timeout(DEADLINE, async {
        while TcpStream::connect(addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}

#[test]
fn a_script_that_cannot_be_sent_is_refused_when_built() {
    assert!(Response::new(100, "").is_err());
    assert!(Response::new(42, "").is_err());
    let response = Response::default();
    assert!(response.clone().header("a b", b"").is_err());
    assert!(response.header("a", b"1\r\nb: 2").is_err());
}
