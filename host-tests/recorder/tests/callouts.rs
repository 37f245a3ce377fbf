//! The call-out servers, seen from the wire.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use recorder::{Answer, CallOuts, End, Fault, Response, Scripted};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

const DEADLINE: Duration = Duration::from_secs(5);
/// Long enough for the loopback interface, short enough to wait for nothing.
const SILENCE: Duration = Duration::from_millis(100);

fn scripted(cluster: &str, path: &str, fault: Option<Fault>, body: &'static str) -> Scripted {
    let answer = Answer { response: Response::new(200, body).unwrap(), fault };
    Scripted { cluster: cluster.into(), path: path.into(), answer }
}

async fn callouts() -> (CallOuts, SocketAddr) {
    let callouts = CallOuts::start(["keys".to_owned(), "auth".to_owned()], Vec::new()).await.unwrap();
    let addr = callouts.addrs()["keys"];
    (callouts, addr)
}

async fn request(addr: SocketAddr, path: &str) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: k\r\n\r\n").as_bytes()).await?;
    Ok(stream)
}

/// Everything up to the end of the connection, and how that was.
async fn exchange(addr: SocketAddr, path: &str) -> (String, std::io::Result<()>) {
    let mut stream = match request(addr, path).await {
        Ok(stream) => stream,
        Err(error) => return (String::new(), Err(error)),
    };
    let mut answer = Vec::new();
    let end = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await.unwrap();
    (String::from_utf8_lossy(&answer).into_owned(), end.map(drop))
}

/// What comes before the other side falls silent.
async fn before_silence(addr: SocketAddr, path: &str) -> String {
    let mut stream = request(addr, path).await.unwrap();
    let mut answer = Vec::new();
    let end = tokio::time::timeout(SILENCE, stream.read_to_end(&mut answer)).await;
    assert!(end.is_err(), "{end:?}");
    String::from_utf8(answer).unwrap()
}

#[tokio::test]
async fn answers_come_in_order_and_every_call_is_recorded() {
    let (callouts, addr) = callouts().await;
    let auth = callouts.addrs()["auth"];
    let step = vec![
        scripted("keys", "/a?b", None, "one"),
        scripted("keys", "/a?b", None, "two"),
        scripted("auth", "/", None, "three"),
    ];
    callouts.begin(step).await.unwrap();
    for (addr, path, body) in [(addr, "/a?b", "one"), (auth, "/", "three"), (addr, "/a?b", "two")] {
        let (answer, end) = exchange(addr, path).await;
        assert!(answer.ends_with(&format!("\r\n\r\n{body}")), "{answer}");
        assert!(end.is_ok() && answer.contains("connection: close\r\n"), "nobody stays connected: {answer}");
    }
    assert!(callouts.settled(3, DEADLINE).await);
    let seen = callouts.take();
    let order: Vec<_> = seen.iter().map(|(cluster, one)| (cluster.as_str(), one.path.as_slice())).collect();
    assert_eq!(order, [("keys", &b"/a?b"[..]), ("auth", b"/"), ("keys", b"/a?b")]);
    assert!(seen.iter().all(|(_, one)| one.end == End::Complete));
    assert!(callouts.take_problems().is_empty() && callouts.contacts() == 0);
}

#[tokio::test]
async fn a_cluster_without_an_answer_is_really_closed() {
    let (callouts, addr) = callouts().await;
    for _ in 0..3 {
        let (_, end) = exchange(addr, "/").await;
        assert_eq!(end.unwrap_err().kind(), ErrorKind::ConnectionRefused);
        callouts.begin(vec![scripted("keys", "/", None, "x")]).await.unwrap();
        assert!(exchange(addr, "/").await.1.is_ok(), "the port is the same again");
        callouts.begin(vec![scripted("keys", "/", Some(Fault::Refused), "")]).await.unwrap();
    }
    // Closed by the last answer before it is sent.
    let step = vec![scripted("keys", "/", None, "x"), scripted("keys", "/", Some(Fault::Refused), "")];
    callouts.begin(step).await.unwrap();
    assert!(exchange(addr, "/").await.0.ends_with('x'));
    assert_eq!(exchange(addr, "/").await.1.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    assert_eq!(callouts.take().len(), 4, "a refused call-out reaches nobody");
    assert!(callouts.take_problems().is_empty());
}

#[tokio::test]
async fn what_no_listener_can_do_is_an_error() {
    let (callouts, addr) = callouts().await;
    let step = vec![scripted("keys", "/a", None, ""), scripted("keys", "/b", Some(Fault::Refused), "")];
    let error = callouts.begin(step).await.unwrap_err().to_string();
    assert!(error.contains("refuse /b and to answer /a"), "{error}");
    let error = callouts.begin(vec![scripted("other", "/", None, "")]).await.unwrap_err().to_string();
    assert!(error.contains("no cluster \"other\""), "{error}");

    callouts.begin(vec![scripted("keys", "/a", None, "")]).await.unwrap();
    assert_eq!(exchange(addr, "/b").await.1.unwrap_err().kind(), ErrorKind::ConnectionReset);
    let problems = callouts.take_problems();
    assert!(
        problems.len() == 1 && problems[0].contains("call-out to /b of cluster \"keys\""),
        "{problems:?}"
    );
    let mut stream = TcpStream::connect(addr).await.unwrap();
    stream.write_all(b"NOT\x00HTTP\r\n\r\n").await.unwrap();
    assert!(callouts.settled(2, DEADLINE).await);
    assert!(callouts.take_problems()[0].starts_with("keys: "));
}

#[tokio::test]
async fn every_fault_on_the_wire() {
    let (callouts, addr) = callouts().await;
    let faults = [Fault::Timeout, Fault::Reset, Fault::Truncated, Fault::Stalled, Fault::Garbage];
    let path = |fault: Fault| format!("/{fault:?}");
    let step = faults.map(|fault| scripted("keys", &path(fault), Some(fault), "part"));
    callouts.begin(step.into()).await.unwrap();

    assert_eq!(before_silence(addr, &path(Fault::Timeout)).await, "");
    let (answer, end) = exchange(addr, &path(Fault::Reset)).await;
    assert_eq!((answer.as_str(), end.unwrap_err().kind()), ("", ErrorKind::ConnectionReset));
    let (answer, end) = exchange(addr, &path(Fault::Truncated)).await;
    assert!(
        end.is_ok() && answer.contains("content-length: 5\r\n") && answer.ends_with("\r\npart"),
        "{answer}"
    );
    let answer = before_silence(addr, &path(Fault::Stalled)).await;
    assert!(answer.contains("content-length: 5\r\n") && answer.ends_with("\r\npart"), "{answer}");
    let (answer, end) = exchange(addr, &path(Fault::Garbage)).await;
    assert!(end.is_ok() && answer.contains("this is not HTTP") && !answer.contains("HTTP/1.1"), "{answer}");

    let seen = callouts.take();
    assert_eq!(seen.len(), faults.len());
    assert!(
        seen.iter().all(|(_, one)| one.end == End::Complete),
        "the request was read before anything went wrong"
    );
}

#[tokio::test]
async fn http2_shares_the_port() {
    let (callouts, addr) = callouts().await;
    let step = [None, Some(Fault::Truncated), Some(Fault::Reset), Some(Fault::Garbage)];
    callouts.begin(step.map(|fault| scripted("keys", "/", fault, "part")).into()).await.unwrap();
    let mut outcomes = Vec::new();
    for _ in step {
        let stream = TcpStream::connect(addr).await.unwrap();
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
        let connection = tokio::spawn(connection);
        let request = http::Request::get("http://k/").body(Empty::<Bytes>::new()).unwrap();
        let outcome = match sender.send_request(request).await {
            Err(_) => "no answer".to_owned(),
            Ok(answer) => match answer.into_body().collect().await {
                Err(_) => "cut off".to_owned(),
                Ok(body) => String::from_utf8(body.to_bytes().to_vec()).unwrap(),
            },
        };
        outcomes.push(outcome);
        drop(sender);
        // The server ends it after the first request.
        let _ = tokio::time::timeout(DEADLINE, connection).await.unwrap();
    }
    assert_eq!(outcomes, ["part", "cut off", "no answer", "no answer"]);
    assert_eq!(callouts.take().len(), 4);
}

#[tokio::test]
async fn dropped_servers_leave_nobody_waiting() {
    let (callouts, addr) = callouts().await;
    callouts.begin(vec![scripted("keys", "/", Some(Fault::Timeout), "")]).await.unwrap();
    let mut waiting = request(addr, "/").await.unwrap();
    assert!(callouts.settled(1, DEADLINE).await);
    drop(callouts);
    let mut rest = Vec::new();
    tokio::time::timeout(DEADLINE, waiting.read_to_end(&mut rest)).await.unwrap().unwrap();
    tokio::time::timeout(DEADLINE, async {
        while TcpStream::connect(addr).await.is_ok() {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
}
