//! What Envoy 1.40 taps. `tests/data/tap` was written by its tap filter.

use crate::{answer, data, error, ids, read, shown, times};

fn file(name: &str) -> (Vec<replay::traffic::Exchange>, Vec<String>) {
    read(name, std::fs::read(data("tap").join(name)).unwrap())
}

#[test]
fn buffered_traces() {
    let (exchanges, warnings) = file("buffered.json");
    assert_eq!(ids(&exchanges), ["buffered:0", "buffered:1", "buffered:2", "buffered:3"]);
    assert_eq!(times(&exchanges), [0, 803, 1003, 1207]);
    // Envoy wrote `!` for each byte that is not UTF-8.
    assert_eq!(
        shown(&exchanges[0]),
        "POST http://shop.example/orders?x=1 H1 [x-bin=!!, content-type=text/plain, \
         x-request-id=a1838799-0ed8-46b1-9256-573d44f520d7, transfer-encoding=chunked] abcde"
    );
    assert_eq!(exchanges[0].step.request(None).trailers, [("x-t".to_owned(), b"1".to_vec())]);
    assert_eq!(exchanges[0].step.src.unwrap().ip().to_string(), "127.0.0.1");
    assert!(
        answer(&exchanges[0]).starts_with("201 [content-type=application/json, date="),
        "{}",
        answer(&exchanges[0])
    );
    assert!(answer(&exchanges[0]).ends_with("server=envoy] {\\\"a\\\":1}"));
    // Scheme and length are those of what is replayed.
    assert!(
        shown(&exchanges[1]).starts_with("GET https://shop.example/hidden H1 [cookie=sid=1, x-request-id=")
    );
    assert!(answer(&exchanges[1]).starts_with("200 [content-type=text/plain, x-bin=!!, content-length=16, "));
    assert!(answer(&exchanges[1]).ends_with("] abcdefghijklmnop"));
    assert!(
        answer(&exchanges[2]).starts_with("200 [content-length=500, ")
            && answer(&exchanges[2]).ends_with("] ")
    );
    assert!(
        shown(&exchanges[3]).contains("content-length=16")
            && shown(&exchanges[3]).ends_with("] 0123456789012345")
    );
    let truncated = "truncated by Envoy (max_buffered_rx_bytes, max_buffered_tx_bytes)";
    let places = ["buffered.json:123: response.body", "buffered.json:338: request.body"];
    assert_eq!(warnings, places.map(|place| format!("{place}: {truncated}")));
}

#[test]
fn traces_in_segments() {
    // Two traces whose segments alternate, as in the output of the administration endpoint.
    let (exchanges, warnings) = file("streamed.json");
    assert_eq!(ids(&exchanges), ["streamed:0", "streamed:1"]);
    assert!(shown(&exchanges[0]).starts_with("POST http://shop.example/orders?x=1 H1 ["));
    // The pieces are those in which the body came.
    let request = exchanges[0].step.request(None);
    assert_eq!(request.body.unwrap(), [b"abc".to_vec(), b"de".to_vec()]);
    assert_eq!(request.trailers, [("x-t".to_owned(), b"1".to_vec())]);
    assert!(answer(&exchanges[0]).ends_with("] {\\\"a\\\":1}"));
    assert!(answer(&exchanges[1]).ends_with("] abcdefghijklmnopqrstuvwx"));
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn the_json_of_protobuf_reads_as_well() {
    let text = r#"{"httpBufferedTrace": {"request": {"headers": [{"key": ":method", "value": "GET"},
        {"key": ":path", "value": "/"}, {"key": "a", "rawValue": "/w=="}], "body": {"asBytes": "/w=="}},
        "downstreamConnection": {"remoteAddress": {"socketAddress": {"address": "::1", "portValue": 7}}}}}
        {"http_buffered_trace": {"request": {"headers": [{"key": ":method", "value": "CONNECT"},
        {"key": ":authority", "value": "a:443"}]},
        "response": {"headers": [{"key": ":status", "value": "200"}]}}}"#;
    let (exchanges, warnings) = read("a.json", text);
    assert_eq!(shown(&exchanges[0]), "GET http:/// H1 [a=\\xff, transfer-encoding=chunked] \\xff");
    assert_eq!(exchanges[0].step.src.unwrap().to_string(), "[::1]:7");
    assert_eq!(shown(&exchanges[1]), "CONNECT http://a:443 H1 [] none");
    assert_eq!(exchanges[1].origin.line, 4);
    assert_eq!(warnings, ["a.json:1: response: absent: the upstream answers 200"]);
}

#[test]
fn errors_name_the_place() {
    let trace = |request: &str, rest: &str| {
        format!("{{\"http_buffered_trace\": {{\"request\": {{{request}}}{rest}}}}}")
    };
    let method = r#""headers": [{"key": ":method", "value": "GET"}]"#;
    for (text, says) in [
        (
            trace("\"headers\": [{\"value\": \"x\"}]", ""),
            "a.json:1:63: http_buffered_trace.request.headers[0]: missing field `key`",
        ),
        (trace("", ""), "a.json:1: request.headers: no :method"),
        (
            trace(&format!("{method}, \"body\": {{\"as_bytes\": \"*\"}}"), ""),
            "a.json:1: request.body: as_bytes: bad base64",
        ),
        (trace(method, ", \"response\": {\"headers\": []}"), "a.json:1: response.headers: no :status"),
        (
            trace(method, ", \"response\": {\"headers\": [{\"key\": \":status\", \"value\": \"99\"}]}"),
            "a.json:1: response: an upstream cannot",
        ),
        (format!("{}\n{{\n\"x\": 1}}", trace(method, "")), "a.json:2: neither http_buffered_trace nor"),
        (format!("{}\n\n  {{\"x\"", trace(method, "")), "a.json:3:6: EOF while parsing an object"),
    ] {
        let error = error("a.json", &text);
        assert!(error.starts_with(says), "{text}\n{error}\n{says}");
    }
}
