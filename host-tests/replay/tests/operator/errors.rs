//! Who may not, or cannot be reached: exit code 2, where it was, and no password.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use backends::Options;

use crate::lab::{HTTP, Lab, portcullis};

const LIST: [&str; 4] = ["revoke", "list", "--provider", "idp"];
const REVOKE: [&str; 7] = ["revoke", "--jti", "x", "--exp", "+1h", "--provider", "idp"];

#[tokio::test]
async fn without_the_right_password_nothing_is_done() {
    let lab = Lab::start().await;
    let [direct, webdis] = lab.routes();
    let with = |route: &[String; 2], name: &str, value: Option<&str>, arguments: &[&str]| {
        let mut environment = lab.environment().to_vec();
        environment.retain(|(other, _)| other != name);
        environment.extend(value.map(|value| (name.to_owned(), value.to_owned())));
        let arguments: Vec<&str> =
            arguments.iter().copied().chain(route.iter().map(String::as_str)).collect();
        portcullis(&arguments, &environment)
    };
    let wrong = "a-password-that-is-wrong";
    with(&direct, "PORTCULLIS_OPERATOR_READ_PASSWORD", Some(wrong), &LIST)
        .refused("AUTH as operator-read: WRONGPASS");
    with(&direct, "PORTCULLIS_OPERATOR_REVOKE_PASSWORD", Some(wrong), &REVOKE)
        .refused("AUTH as operator-revoke: WRONGPASS");
    for value in [None, Some("")] {
        with(&direct, "PORTCULLIS_OPERATOR_READ_PASSWORD", value, &LIST).refused(
            "PORTCULLIS_OPERATOR_READ_PASSWORD with the password of operator-read is not set, or empty",
        );
    }
    for value in [None, Some(wrong)] {
        with(&webdis, "PORTCULLIS_WEBDIS_OPERATOR_PASSWORD", value, &REVOKE)
            .refused("refuses name or password");
    }
    let other = ["--user", "somebody", "--password-env", "PORTCULLIS_OPERATOR_READ_PASSWORD"];
    lab.run(&[&LIST[..], &other].concat()).refused("AUTH as somebody: WRONGPASS");
    // Whoever may only look cannot revoke, and a transaction that is refused does nothing.
    let reader = ["--user", "operator-read", "--password-env", "PORTCULLIS_OPERATOR_READ_PASSWORD"];
    lab.run(&[&REVOKE[..], &reader].concat()).refused("NOPERM");
    assert_eq!(lab.admin(&["DBSIZE"]).await, backends::resp::RespValue::Integer(0));
    // The gateways of the filters let no operator in, whatever he knows.
    let gateway =
        ["--user", "gateway-revocation", "--password-env", "PORTCULLIS_GATEWAY_REVOCATION_PASSWORD"];
    lab.run(&[&REVOKE[..], &gateway].concat()).refused("NOPERM");
}

#[tokio::test]
async fn a_password_in_a_url_and_tls_are_refused_without_repeating_what_was_written() {
    for (option, url, says) in [
        ("--redis", "redis://me:s3cr3t@127.0.0.1", "no user or password here"),
        ("--redis", "rediss://me:s3cr3t@127.0.0.1", "TLS is not offered"),
        ("--redis", "127.0.0.1:6379", "expected redis://HOST:PORT"),
        ("--redis", "redis://127.0.0.1:6379/1", "ours is database 0"),
        ("--redis", "redis://s3cr3t:s3cr3t:s3cr3t", "expected redis://HOST:PORT"),
        ("--redis", "http://127.0.0.1:7382", "expected redis://HOST:PORT"),
        ("--webdis", "https://127.0.0.1", "TLS is not offered"),
        ("--webdis", "http://me:s3cr3t@127.0.0.1", "no user or password here"),
        ("--webdis", "redis://127.0.0.1", "expected http://HOST:PORT"),
    ] {
        let ran = portcullis(&[&LIST[..], &[option, url]].concat(), &[]);
        ran.refused(says);
        assert!(!ran.stderr.contains("s3cr3t"), "{}", ran.stderr);
    }
}

#[tokio::test]
async fn a_redis_or_a_gateway_that_is_down_or_hangs_is_named() {
    let mut lab = Lab::start().await;
    let routes = lab.routes();
    let place = lab.redis.addr().to_string();
    let soon = [&LIST[..], &["--timeout", "200"]].concat();
    lab.redis.pause().await.unwrap();
    let ran = lab.by(&routes[0], &soon);
    ran.refused("no answer within 200ms");
    assert!(ran.stderr.contains(&place), "{}", ran.stderr);
    lab.by(&routes[1], &soon).refused("no answer within 200ms");
    lab.redis.resume().unwrap();
    lab.redis.kill().await.unwrap();
    let ran = lab.by(&routes[0], &LIST);
    ran.refused("Connection refused");
    assert!(ran.stderr.contains(&place), "{}", ran.stderr);
    lab.by(&routes[1], &LIST).refused("the gateway has no connection to Redis");
    lab.webdis.kill().await.unwrap();
    lab.by(&routes[1], &LIST).refused("Connection refused");
    lab.redis.restart(backends::Data::Kept, &Options::default()).await.unwrap();
    lab.by(&routes[0], &LIST).ok();
}

/// Webdis delivers answers to the wrong connection: without the nonce of this call none is believed.
#[tokio::test]
async fn an_answer_to_somebody_elses_call_is_no_answer() {
    let hex = "0123456789abcdef0123456789abcdef";
    for (body, says) in [
        (format!(r#"{{"EVAL":["*2","$0","*0","{hex}"]}}"#), "the answer to somebody else's call"),
        (r#"{"EVAL":["*2","$0","*0"]}"#.to_owned(), "the answer to somebody else's call"),
        ("<html>".to_owned(), "not an answer of Webdis"),
        (r#"{"EVAL":[false,"OOM command not allowed"]}"#.to_owned(), "Redis is out of memory"),
        (format!(r#"{{"EVAL":["{}"]}}"#, "x".repeat(70_000)), "the answer is too large for a gateway"),
    ] {
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", server.local_addr().unwrap());
        let answering = std::thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            // A request of this program is one write.
            let mut request = vec![0; 1 << 16];
            let length = stream.read(&mut request).unwrap();
            write!(stream, "HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()).unwrap();
            String::from_utf8_lossy(&request[..length]).into_owned()
        });
        let environment = [("PORTCULLIS_WEBDIS_OPERATOR_PASSWORD".to_owned(), HTTP.to_owned())];
        portcullis(&[&LIST[..], &["--webdis", &url]].concat(), &environment).refused(says);
        assert!(answering.join().unwrap().starts_with("POST / HTTP/1.1\r\n"));
    }
}
