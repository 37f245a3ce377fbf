//! JSON Lines.

use std::io::Read;

use crate::{answer, error, exchanges, ids, read, shown, times, try_read};
use replay::traffic::{Format, Item, Reader};

#[test]
fn a_line_is_a_step() {
    let text = concat!(
        "\u{feff}{}\r\n\n  \n",
        r#"{"id": "a", "t_ms": 5, "src": "192.0.2.1:5", "method": "POST", "path": "/x?y", "#,
        r#""authority": "h", "scheme": "https", "http": 2, "#,
        r#""headers": [["a", "1"], ["a", {"b64": "/w=="}]], "body": "abc", "chunks": [1], "#,
        r#""trailers": [["t", "1"]], "properties": {"a.b": 1}, "#,
        r#""response": {"status": 404, "body": "no"}, "callouts": [{"cluster": "c", "path": "/"}], "#,
        r#""expect": {"status": 404}}"#,
        "\n{\"t_ms\": 5}\n{}"
    );
    let (exchanges, warnings) = read("dir/t.jsonl", text);
    assert_eq!(ids(&exchanges), ["t:1", "a", "t:5", "t:6"]);
    assert_eq!(times(&exchanges), [0, 5, 5, 5]);
    assert_eq!(exchanges[1].origin.to_string(), "dir/t.jsonl:4");
    assert_eq!(shown(&exchanges[0]), "GET http://api.example.com/ H1 [] none");
    assert_eq!(shown(&exchanges[1]), "POST https://h/x?y H2 [a=1, a=\\xff] abc");
    assert_eq!(answer(&exchanges[1]), "404 [] no");
    assert!(exchanges[1].step.expect.is_some() && exchanges[1].step.callouts.len() == 1);
    assert!(warnings.is_empty());
}

#[test]
fn a_setup_stands_where_it_was_written() {
    let callout = r#"{"cluster": "c", "path": "/", "fault": "reset"}"#;
    let text = format!("{{}}\n {{ \"setup\" : {{\"callouts\": [{callout}]}}}}\n{{}}");
    let (items, _) = try_read("t.jsonl", text.as_bytes(), None).unwrap();
    let [Item::Exchange(_), Item::Setup(setup), Item::Exchange(_)] = items.as_slice() else {
        panic!("{items:?}")
    };
    assert_eq!(setup.callouts[0].cluster, "c");
    assert_eq!(
        error("t.jsonl", "{\"setup\": {\"callouts\": []}, \"path\": \"/\"}"),
        "t.jsonl:1: path: unknown field `path`, expected `setup` (column 34)"
    );
    assert!(
        error("t.jsonl", "{\"path\": \"/\", \"setup\": {}}")
            .starts_with("t.jsonl:1: setup: unknown field `setup`")
    );
}

#[test]
fn errors_name_the_line() {
    for (text, says) in [
        ("{}\n{\"metod\": \"GET\"}", "t.jsonl:2: metod: unknown field `metod`, expected one of `id`"),
        (
            "\n\n{\"path\": 5}",
            "t.jsonl:3: path: invalid type: integer `5`, expected a string (quote numbers) or {b64: …} (col",
        ),
        (
            "{\"headers\": [[\"a\", \"b\"], [\"a\"]]}",
            "t.jsonl:1: headers[1]: invalid length 1, expected a tuple of size 2 (column 30)",
        ),
        ("{\"body\": {\"b64\": \"*\"}}", "t.jsonl:1: body: b64: Invalid symbol 42, offset 0."),
        ("{\"src\": \"localhost\"}", "t.jsonl:1: src: invalid socket address syntax"),
        ("{\"http\": 3}", "t.jsonl:1: http: 3 is neither 1 nor 2"),
        (
            "{\"response\": {\"status\": 99}}",
            "t.jsonl:1: response: an upstream cannot answer with the status 99",
        ),
        (
            "{\"body\": \"a\", \"chunks\": [18446744073709551615, 2]}",
            "t.jsonl:1: chunks: more than the 1 bytes of the body",
        ),
        (
            "{\"t_ms\": 7}\n{}\n{\"t_ms\": 6}",
            "t.jsonl:3: t_ms: 6 is before the 7 of a line above it: sort the file by t_ms",
        ),
        ("{} {}", "t.jsonl:1: trailing characters (column 4)"),
        ("{\"path\": \"/", "t.jsonl:1: path: EOF while parsing a string"),
        ("[]", "t.jsonl:1: invalid"),
        ("{\"path\": \"\\ud800\"}", "t.jsonl:1: path: "),
    ] {
        let error = error("t.jsonl", text);
        assert!(error.starts_with(says), "{text}\n{error}\n{says}");
    }
    assert!(
        error("t.jsonl", b"{\"path\": \"\xff\"}").starts_with("t.jsonl:1: path: invalid unicode code point")
    );
}

#[test]
fn nothing_comes_after_an_error() {
    let mut reader = Reader::from_read("t.jsonl", "{}\n{\n{}".as_bytes(), None).unwrap();
    assert!(reader.next().unwrap().is_ok());
    assert!(reader.next().unwrap().is_err());
    assert!(reader.next().is_none());
}

#[test]
fn a_line_is_bounded() {
    let line = std::io::repeat(b'x').take(64 * 1024 * 1024 + 1);
    let mut reader = Reader::from_read("t.jsonl", line, Some(Format::Jsonl)).unwrap();
    assert_eq!(reader.next().unwrap().unwrap_err().to_string(), "t.jsonl:1: longer than 67108864 bytes");

    let padded = format!("{{}}{}\n{{}}", " ".repeat(64 * 1024 * 1024 - 3));
    assert_eq!(read("t.jsonl", padded).0.len(), 2);
}

#[test]
fn so_is_what_it_stands_for() {
    let says = "t.jsonl:1: stands for more than 67108864 bytes";
    for body in [
        r#"{"repeat": "ab", "times": 33554433}"#,
        r#"{"times": 18446744073709551615, "repeat": "ab"}"#,
        r#"{"repeat": {"repeat": "abcdefghij", "times": 100000}, "t\u0069mes": 1000}"#,
        r#"{"join": [{"repeat": "a", "times": 40000000}, {"repeat": "b", "times": 40000000}]}"#,
    ] {
        assert_eq!(error("t.jsonl", format!("{{\"body\": {body}}}")), says);
    }
    // Also where the line is broken behind it.
    let broken = error("t.jsonl", r#"{"body": {"repeat": "ab", "times": 18446744073709551615}, "#);
    assert!(broken.starts_with("t.jsonl:1: ") && broken.contains("EOF"), "{broken}");
    let (fine, _) = read(
        "t.jsonl",
        r#"{"body": {"repeat": "ab", "times": 1000}, "expect": {"body_json": {"times": 9999999999}}}"#,
    );
    assert_eq!(fine[0].step.request(None).body.unwrap().concat().len(), 2000);
}

#[test]
fn raw_bytes_say_what_the_other_members_do() {
    let (items, _) = try_read(
        "t.jsonl",
        br#"{"raw": "POST /a?b HTTP/1.1\r\nHost: h\r\nX: 1\r\nContent-Length: 2\r\n\r\nhi\r\n"}
{"raw": "GET / HTTP/1.1\r\n\r\n"}"#,
        None,
    )
    .unwrap();
    let exchanges = exchanges(items);
    assert_eq!(shown(&exchanges[0]), "POST http://h/a?b H1 [X=1, Content-Length=2] hi");
    assert!(
        exchanges[0].malformed.is_none() && exchanges[0].step.request(None).raw.unwrap().ends_with(b"hi\r\n")
    );
    assert_eq!(exchanges[1].malformed.as_ref().unwrap().to_string(), "no host (Envoy answers 400)");
    assert_eq!(
        error("t.jsonl", r#"{"raw": "GET / HTTP/1.1\r\nhost: h\r\n\r\nGET / HTTP/1.1\r\n"}"#),
        "t.jsonl:1: raw: 16 bytes after the request: write them as a line of their own"
    );
}
