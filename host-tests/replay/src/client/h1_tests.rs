//! Tricky responses, and the bytes of requests.

use super::{parse, wire};
use crate::client::Response;
use crate::request::{Protocol, Request};

fn whole(bytes: &[u8]) -> Response {
    // However it arrives, a response is complete with its last byte and not before.
    for end in 0..bytes.len() {
        assert_eq!(parse(&bytes[..end], false, false).unwrap(), None, "after {end} bytes");
    }
    parse(bytes, false, false).unwrap().expect("complete")
}

#[test]
fn a_length_a_chunked_body_and_trailers() {
    let answer = whole(b"HTTP/1.1 200 OK\r\nX-A: \xff\r\nx-a:  2 \r\nContent-Length: 3\r\n\r\nabc");
    assert_eq!(answer.headers[..2], [("x-a".into(), vec![0xff]), ("x-a".into(), b"2".to_vec())]);
    assert_eq!((answer.status, answer.body.as_slice()), (200, &b"abc"[..]));

    let answer = whole(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n1;ext=\"1\"\r\na\r\nA\r\n0123456789\r\n0\r\nGrpc-Status: 12\r\n\r\n",
    );
    assert_eq!(answer.body, b"a0123456789");
    assert_eq!(answer.trailers, [("grpc-status".into(), b"12".to_vec())]);
}

#[test]
fn interim_answers_are_passed_over() {
    let answer = whole(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n",
    );
    assert_eq!((answer.status, answer.headers.len()), (403, 1));
}

#[test]
fn some_answers_have_no_body_whatever_their_length_says() {
    for status in ["204 No Content", "304 Not Modified", "101 Switching Protocols"] {
        let answer = whole(format!("HTTP/1.1 {status}\r\ncontent-length: 9\r\n\r\n").as_bytes());
        assert_eq!(answer.body, b"");
    }
    let head = parse(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n", true, false).unwrap().unwrap();
    assert_eq!((head.body.as_slice(), head.cut_off), (&b""[..], None));
}

#[test]
fn without_framing_the_body_ends_with_the_connection() {
    let bytes = b"HTTP/1.0 200 OK\r\n\r\nabc";
    assert_eq!(parse(bytes, false, false).unwrap(), None);
    let answer = parse(bytes, false, true).unwrap().unwrap();
    assert_eq!((answer.body.as_slice(), answer.cut_off), (&b"abc"[..], None));
}

#[test]
fn a_body_that_stops_early_is_cut_off() {
    for bytes in [
        &b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc"[..],
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nabc",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n",
    ] {
        let answer = parse(bytes, false, true).unwrap().unwrap();
        assert_eq!(answer.body, b"abc");
        assert!(answer.cut_off.is_some());
    }
}

#[test]
fn what_is_no_response_or_ambiguous_is_an_error() {
    for bytes in [
        &b"SSH-2.0-x\r\n\r\n"[..],
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        b"HTTP/1.1 200 OK\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nz\r\n",
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\nab",
        b"HTTP/1.1 200 OK\r\nbad name: x\r\n\r\n",
    ] {
        assert!(parse(bytes, false, false).is_err(), "{}", bytes.escape_ascii());
    }
    assert!(parse(b"HTTP/1.1 200", false, true).is_err(), "closed within the head");
    assert_eq!(parse(b"", false, true).unwrap(), None, "closed without a byte");
}

#[test]
fn a_request_is_written_as_the_case_says() {
    let mut request = Request {
        method: "POST".into(),
        path: b"/a\xff?x".to_vec(),
        authority: b"h".to_vec(),
        scheme: "http".into(),
        protocol: Protocol::H1,
        headers: vec![("X-A".into(), b"1".to_vec()), ("x-a".into(), b"\xfe".to_vec())],
        body: Some(vec![b"abc".to_vec()]),
        trailers: Vec::new(),
        chunked: false,
        raw: None,
    };
    let framed = |mut request: Request| {
        request.frame();
        wire(&request).concat()
    };
    assert_eq!(
        framed(request.clone()),
        b"POST /a\xff?x HTTP/1.1\r\nhost: h\r\nX-A: 1\r\nx-a: \xfe\r\ncontent-length: 3\r\n\r\nabc"
    );
    request.headers = vec![("Content-Length".into(), b"7".to_vec())];
    assert_eq!(framed(request.clone()), b"POST /a\xff?x HTTP/1.1\r\nhost: h\r\nContent-Length: 7\r\n\r\nabc");
    request.headers = Vec::new();
    request.body = Some(vec![b"ab".to_vec(), b"c".to_vec()]);
    request.trailers = vec![("t".into(), b"v".to_vec())];
    assert_eq!(
        framed(request.clone()),
        b"POST /a\xff?x HTTP/1.1\r\nhost: h\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1\r\nc\r\n0\r\nt: v\r\n\r\n"
    );
    request.body = None;
    request.trailers = Vec::new();
    assert_eq!(framed(request), b"POST /a\xff?x HTTP/1.1\r\nhost: h\r\n\r\n");
}
