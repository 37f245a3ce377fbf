//! Raw HTTP/1.1. That Envoy reads the same is another test.

use crate::{ids, read, shown};
use replay::traffic::Exchange;

fn one(text: impl AsRef<[u8]>) -> Exchange {
    let (mut exchanges, _) = read("a.http", text);
    assert_eq!(exchanges.len(), 1);
    exchanges.remove(0)
}

#[test]
fn requests_stand_one_after_another() {
    let text = concat!(
        "GET /1 HTTP/1.1\r\nhost: a\r\n\r\n\r\n\n",
        "POST /2 HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc",
        "PUT /3 HTTP/1.1\nhost: a\ntransfer-encoding: chunked\n\n",
        "3;x=y\r\nabc\r\n1\r\nd\r\n0\r\nX-T: 1\r\n\r\n",
        "GET /4 HTTP/1.1\r\nhost: a\r\n\r\n\r\n"
    );
    let (exchanges, warnings) = read("dir/a.raw", text);
    assert_eq!(ids(&exchanges), ["a:0", "a:1", "a:2", "a:3"]);
    let lines: Vec<u64> = exchanges.iter().map(|exchange| exchange.origin.line).collect();
    assert_eq!(lines, [1, 6, 10, 21]);
    assert_eq!(
        exchanges.iter().map(shown).collect::<Vec<_>>(),
        [
            "GET http://a/1 H1 [] none",
            "POST http://a/2 H1 [content-length=3] abc",
            "PUT http://a/3 H1 [transfer-encoding=chunked] abcd",
            "GET http://a/4 H1 [] none",
        ]
    );
    assert_eq!(exchanges[2].step.request(None).trailers, [("X-T".to_owned(), b"1".to_vec())]);
    // No byte is lost or changed, but for empty lines at the end of the file.
    let raw: Vec<u8> =
        exchanges.iter().flat_map(|exchange| exchange.step.request(None).raw.unwrap()).collect();
    assert_eq!(raw, text.as_bytes()[..text.len() - 2]);
    assert!(warnings.is_empty() && exchanges.iter().all(|exchange| exchange.malformed.is_none()));
}

#[test]
fn hostile_bytes_survive() {
    let text = b"GET / HTTP/1.1\r\nhost: a\r\nx: \xff\x00\r\n\r\n\x00\x01GET / HTTP/1.1\r\n\r\n";
    let (exchanges, warnings) = read("a.http", text);
    assert_eq!(exchanges.len(), 1);
    assert_eq!(exchanges[0].step.request(None).raw.unwrap(), text);
    let malformed = exchanges[0].malformed.as_ref().unwrap();
    assert_eq!(malformed.to_string(), "a header value holds a control character (Envoy answers 400)");
    assert_eq!(
        warnings,
        ["a.http:1: a header value holds a control character: the rest of the file belongs to this request"]
    );
}

#[test]
fn an_empty_file_holds_nothing() {
    assert!(read("a.http", "").0.is_empty());
    assert!(read("a.http", "\r\n\n\r\n").0.is_empty());
}

#[test]
fn folds_and_carriage_returns_are_read_as_envoy_does() {
    let exchange = one("GET /x HTTP/1.1\r\nHost: a\r\nx-a: 1 \r\n \t 2 \r\nx-b:\r1\r2\r\r\n\r\n");
    assert_eq!(shown(&exchange), "GET http://a/x H1 [x-a=1  \\t 2, x-b=12] none");
}

#[test]
fn targets_of_all_forms() {
    for (line, read) in [
        ("GET http://B.example:80/x?y HTTP/1.1", "GET http://B.example:80/x?y"),
        ("GET HTTPS://u:p@[::1]:443 HTTP/1.1", "GET https://[::1]:443/"),
        ("CONNECT b:443 HTTP/1.1", "CONNECT http://b:443"),
        ("GET\t/x  HTTP/1.1 ", "GET http://a/x"),
    ] {
        let exchange = one(format!("{line}\r\nhost: a\r\n\r\n"));
        assert_eq!(shown(&exchange), format!("{read} H1 [] none"), "{line}");
        assert_eq!(exchange.malformed, None, "{line}");
    }
}

#[test]
fn what_is_cut_off_waits_for_ever() {
    let head = "POST / HTTP/1.1\r\nhost: a\r\n";
    for text in [
        "GET",
        "GET / HTTP/1.1\r\nhost: a\r\n",
        &format!("{head}content-length: 5\r\n\r\nabc"),
        &format!("{head}transfer-encoding: chunked\r\n\r\n"),
        &format!("{head}transfer-encoding: chunked\r\n\r\n3"),
        &format!("{head}transfer-encoding: chunked\r\n\r\n3\r\nab"),
        &format!("{head}transfer-encoding: chunked\r\n\r\n3\r\nabc\r"),
        &format!("{head}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n"),
        &format!("{head}transfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nx: 1\r\n"),
    ] {
        let malformed = one(text).malformed;
        assert!(
            malformed.as_ref().is_some_and(|malformed| malformed.status.is_none()),
            "{text}: {malformed:?}"
        );
        assert!(malformed.unwrap().to_string().ends_with("(Envoy waits for the rest)"));
    }
}
