//! HAR as seven exporters write it.

use crate::{answer, data, error, ids, read, shown, times};
use replay::traffic::Exchange;

fn file(name: &str) -> (Vec<Exchange>, Vec<String>) {
    read(name, std::fs::read(data("har").join(name)).unwrap())
}

#[test]
fn chrome() {
    let (exchanges, warnings) = file("chrome.har");
    // In the order of their dates; ids and lines are those of the file.
    assert_eq!(ids(&exchanges), ["chrome:1", "chrome:0"]);
    assert_eq!(times(&exchanges), [0, 500]);
    assert_eq!(exchanges[1].origin.to_string(), "chrome.har:20");
    assert_eq!(
        shown(&exchanges[0]),
        "GET https://shop.example/pixel.gif H2 [Referer=https://shop.example/checkout] none"
    );
    assert_eq!(
        shown(&exchanges[1]),
        "POST https://shop.example/api/orders?page=2&token=c3VwZXItc2VjcmV0 H2 [accept=*/*, \
         authorization=Bearer eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2ln, content-length=42, \
         content-type=application/json, cookie=sid=deadbeefcafe; theme=dark, \
         user-agent=Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 \
         Safari/537.36] {\\\"item\\\":\\\"\\xc3\\xa9\\\",\\\"password\\\":\\\"hunter2-hunter2\\\"}"
    );
    // Chrome decodes the body and joins the cookies.
    assert_eq!(
        answer(&exchanges[1]),
        "201 [content-length=25, content-type=application/json, date=Mon, 06 May 2024 07:08:09 GMT, \
         location=https://shop.example/api/orders/7, set-cookie=sid=feedfacefeed; Path=/; Secure; HttpOnly, \
         set-cookie=cart=9; Path=/] {\\\"id\\\":7,\\\"state\\\":\\\"placed\\\"}"
    );
    assert!(answer(&exchanges[0]).starts_with("200 [content-type=image/gif, content-length=29] GIF89a"));
    assert_eq!(
        warnings,
        [
            "chrome.har:162: log.entries[2]: skipped: it was never answered",
            "chrome.har:196: log.entries[3]: skipped: wss: is not HTTP",
            "chrome.har:231: log.entries[4]: skipped: data: is not HTTP",
            "chrome.har:262: log.entries[5]: skipped: chrome-extension: is not HTTP",
        ]
    );
}

#[test]
fn firefox() {
    let (exchanges, warnings) = file("firefox.har");
    assert_eq!(times(&exchanges), [0, 50, 60]);
    assert_eq!(
        shown(&exchanges[0]),
        "POST http://shop.example:8080/login H1 [User-Agent=Mozilla/5.0 (X11; Linux x86_64; rv:125.0) \
         Gecko/20100101 Firefox/125.0, Content-Type=application/x-www-form-urlencoded, Content-Length=41, \
         Connection=keep-alive, cookie=lang=de] user=alice&password=correct+horse&a+b=%26"
    );
    assert_eq!(
        answer(&exchanges[0]),
        "302 [location=/home?access_token=abcdefabcdef, set-cookie=sid=0123456789ab; HttpOnly] "
    );
    // What is not modified has no body, whatever the cache gave.
    assert_eq!(shown(&exchanges[1]), "GET https://shop.example/logo.png H2 [If-None-Match=\\\"1\\\"] none");
    assert_eq!(answer(&exchanges[1]), "304 [etag=\\\"1\\\"] ");
    assert_eq!(answer(&exchanges[2]), "200 [content-length=0] ");
    assert_eq!(
        warnings,
        ["firefox.har:4: log.entries[2].response.content: the body was not recorded: answered with \
          an empty one"]
    );
}

#[test]
fn safari() {
    let (exchanges, warnings) = file("safari.har");
    assert_eq!(
        shown(&exchanges[0]),
        "GET https://shop.example/api/me H2 [Accept=application/json, cookie=sid=deadbeefcafe; lang=de] none"
    );
    assert_eq!(
        answer(&exchanges[0]),
        "200 [content-type=application/json; charset=utf-8, set-cookie=sid=feedfacefeed; Path=/; \
         Domain=shop.example; SameSite=Strict; Secure; HttpOnly] {\\\"name\\\":\\\"alice\\\"}\\n"
    );
    assert_eq!(shown(&exchanges[1]), "HEAD https://shop.example/file H1 [] none");
    assert_eq!(answer(&exchanges[1]), "200 [content-length=5000, content-encoding=gzip] ");
    assert_eq!(times(&exchanges), [0, 0]);
    assert_eq!(
        warnings,
        ["safari.har:58: log.entries[1].startedDateTime: empty: sent at the time of the entry before it"]
    );
}

#[test]
fn mitmproxy() {
    let (exchanges, warnings) = file("mitmproxy.har");
    // Bytes that are not UTF-8 are lone surrogates, and the host on the wire is not that of the URL.
    assert_eq!(
        shown(&exchanges[0]),
        "PUT http://files.example/upload H1 [Content-Type=application/octet-stream, \
         Transfer-Encoding=chunked] a\\xff\\x80\\x00b"
    );
    assert_eq!(answer(&exchanges[0]), "204 [] ");
    assert_eq!(
        warnings,
        [
            "mitmproxy.har:48: log.entries[1]: skipped: a WebSocket",
            "mitmproxy.har:77: log.entries[2]: skipped: it was never answered",
        ]
    );
}

#[test]
fn charles() {
    let (exchanges, warnings) = file("charles.har");
    assert_eq!(ids(&exchanges), ["charles:0", "charles:2"]);
    // A form of one field without a value, as long as the body was: it was no form.
    assert_eq!(
        shown(&exchanges[0]),
        "POST https://api.example/rpc H2 [content-type=application/x-www-form-urlencoded, content-length=44] \
         {\\\"className\\\":\\\"ReqWeal\\\",\\\"opType\\\":1,\\\"index\\\":2}"
    );
    assert_eq!(
        answer(&exchanges[0]),
        "200 [content-type=application/json; charset=utf-8, content-length=11] {\\\"ok\\\":true}"
    );
    // No way to write this form is 28 bytes long: it is encoded as browsers do.
    assert_eq!(
        shown(&exchanges[1]),
        "POST http://api.example/form H1 [Content-Type=application/x-www-form-urlencoded, Content-Length=25] \
         q=a+b%26c%3D%C3%A9&empty="
    );
    assert_eq!(answer(&exchanges[1]), "200 [server=nginx, connection=keep-alive] ok");
    assert_eq!(warnings, ["charles.har:50: log.entries[1]: skipped: a tunnel"]);
    // Times count from the earliest entry, though that one is left out.
    assert_eq!(times(&exchanges), [1000, 2000]);
}

#[test]
fn fiddler() {
    let (exchanges, warnings) = file("fiddler.har");
    assert_eq!(
        shown(&exchanges[0]),
        "POST http://api.example/soap?wsdl H1 [Content-Type=text/xml; charset=utf-8, Content-Length=16, \
         Authorization=Basic YWxpY2U6aHVudGVyMg==] <soap:Envelope/>"
    );
    assert_eq!(answer(&exchanges[0]), "200 [cache-control=no-cache, content-length=2] ok");
    assert_eq!(times(&exchanges), [1123]);
    assert_eq!(warnings, ["fiddler.har:1: log.entries[1]: skipped: a tunnel"]);
}

#[test]
fn playwright() {
    let (exchanges, warnings) = file("playwright.har");
    assert_eq!(
        shown(&exchanges[0]),
        "POST https://shop.example/avatar H2 [content-type=multipart/form-data; \
         boundary=----WebKitFormBoundaryx, cookie=sid=deadbeefcafe] none"
    );
    assert_eq!(
        warnings,
        [
            "playwright.har:10: log.entries[0].request.postData.params: a multipart body cannot be rebuilt \
             from its parts",
            "playwright.har:10: log.entries[0].request: its body was not recorded: sent without one",
            "playwright.har:10: log.entries[0].response.content: the body was not recorded: answered with \
             an empty one",
            "playwright.har:55: log.entries[1]: skipped: it was never answered",
        ]
    );
}

#[test]
fn the_upstream_takes_as_long_as_the_recorded_one() {
    for (time, delay) in [("7.4", 7), ("7.5", 8), ("-1", 0), ("null", 0), ("1e300", u64::MAX)] {
        let text = entry(&format!(r#""time": {time},"#), "");
        let (exchanges, _) = read("a.har", text);
        assert!(
            format!("{:?}", exchanges[0].step).contains(&format!("delay_ms: {delay} ")),
            "{time}: {:?}",
            exchanges[0].step
        );
    }
}

/// An archive of one entry with more members in it and in its request.
fn entry(members: &str, of_request: &str) -> String {
    format!(
        r#"{{"log": {{"entries": [{{"startedDateTime": "2024-05-06T07:08:09Z", {members}
        "request": {{"method": "POST", {of_request} "url": "https://a.example/x", "headers": []}},
        "response": {{"status": 200, "headers": []}}}}]}}}}"#
    )
}

#[test]
fn post_data_in_all_its_forms() {
    for (data, body) in [
        (r#"{"mimeType": "text/plain", "text": "AP8=", "encoding": "base64"}"#, r"\x00\xff"),
        (r#"{"mimeType": "text/plain", "text": "AP8", "_encoding": "base64"}"#, r"\x00\xff"),
        (r#"{"text": "AP8=", "encoding": "base64", "_encoding": "base64"}"#, r"\x00\xff"),
        (r#"{"mimeType": "text/plain", "text": "a\ud83d\ude00\ud800"}"#, r"a\xf0\x9f\x98\x80\xef\xbf\xbd"),
        (r#"{"params": [{"name": "a b", "value": "c&d"}, {"name": "e"}]}"#, "a+b=c%26d&e"),
        (r#"{"mimeType": null, "text": null, "params": null}"#, "none"),
        ("null", "none"),
    ] {
        let (exchanges, warnings) = read("a.har", entry("", &format!(r#""postData": {data},"#)));
        assert!(shown(&exchanges[0]).ends_with(&format!(" {body}")), "{}", shown(&exchanges[0]));
        assert!(warnings.is_empty(), "{warnings:?}");
    }
    let (exchanges, warnings) =
        read("a.har", entry("", r#""postData": {"text": "x", "encoding": "rot13"},"#));
    assert!(shown(&exchanges[0]).ends_with(" x"));
    assert!(warnings[0].ends_with("request.postData.encoding: \"rot13\" is not known: taken as text"));
}

#[test]
fn the_version_is_told_in_many_ways() {
    for (version, protocol) in [
        ("HTTP/1.1", "H1"),
        ("http/1.0", "H1"),
        ("", "H1"),
        ("unknown", "H1"),
        ("h2", "H2"),
        ("HTTP/2", "H2"),
        ("HTTP/2.0", "H2"),
        ("http/2.0", "H2"),
        ("http/2+quic/46", "H2"),
        ("h3", "H2"),
        ("h3-29", "H2"),
    ] {
        let (exchanges, _) = read("a.har", entry("", &format!(r#""httpVersion": "{version}","#)));
        assert!(shown(&exchanges[0]).contains(&format!(" {protocol} [")), "{version}");
    }
}

#[test]
fn headers_that_cannot_be_sent_are_left_out() {
    let text = r#"{"log": {"entries": [{"startedDateTime": "2024-05-06T07:08:09Z",
        "request": {"method": "GET", "url": "https://u:p@a.example/a b", "headers": [
            {"name": "x", "value": "1\n2"}, {"name": "y", "value": "1\r2"}, {"name": "z"}]},
        "response": {"status": 200, "headers": [{"name": "a b", "value": "1"},
            {"name": "ok", "value": "1"}]}}]}}"#;
    let (exchanges, warnings) = read("a.har", text);
    assert_eq!(shown(&exchanges[0]), "GET https://a.example/a%20b H1 [x=1, x=2, z=] none");
    assert_eq!(answer(&exchanges[0]), "200 [ok=1] ");
    assert_eq!(
        warnings,
        [
            "a.har:1: log.entries[0].request.url: user info dropped",
            "a.har:1: log.entries[0].request.url: bytes that no request can hold were percent-encoded",
            "a.har:1: log.entries[0].request.headers[1]: left out: no request can hold it",
            "a.har:1: log.entries[0].response.headers[0]: left out: no response can hold it",
        ]
    );
}

#[test]
fn statuses_no_upstream_has() {
    for (status, what) in
        [("101", "a WebSocket"), ("103", "status 103"), ("1000", "status 1000"), ("-1", "never")]
    {
        let text = entry("", "").replace(r#""status": 200"#, &format!(r#""status": {status}"#));
        let (exchanges, warnings) = read("a.har", text);
        assert!(exchanges.is_empty() && warnings[0].contains(what), "{warnings:?}");
    }
    assert!(
        error("a.har", entry("", "").replace("200", "\"200\""))
            .contains("log.entries[0].response.status: invalid type")
    );
}
