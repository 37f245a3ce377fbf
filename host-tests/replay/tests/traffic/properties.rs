//! What holds for all traffic.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{exchanges, try_read};
use replay::traffic::{Exchange, Format, Item, Redactor, write_item};

/// Bytes as JSON Lines write them.
fn bytes(bytes: &[u8]) -> Value {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "b64": STANDARD.encode(bytes) }),
    }
}

fn any_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![vec(any::<u8>(), 0..40), "[ -~]{0,40}".prop_map(String::into_bytes)]
}

fn name() -> impl Strategy<Value = String> {
    "[A-Za-z][A-Za-z0-9-]{0,10}"
}

fn value() -> impl Strategy<Value = String> {
    "[!-~]([ -~]{0,20}[!-~])?"
}

fn headers() -> impl Strategy<Value = Vec<(String, String)>> {
    vec((name(), value()), 0..5)
}

fn callout() -> impl Strategy<Value = Value> {
    let fault =
        proptest::sample::select(vec!["refused", "timeout", "reset", "truncated", "stalled", "garbage"]);
    let answer = (200_u16..600, headers(), any_bytes(), 0_u64..9, proptest::option::of(fault));
    (name(), any_bytes(), answer).prop_map(|(cluster, path, (status, headers, body, delay, fault))| {
        let mut value = json!({
            "cluster": cluster, "path": bytes(&path), "status": status, "headers": headers,
            "body": bytes(&body), "delay_ms": delay
        });
        if let Some(fault) = fault {
            value["fault"] = fault.into();
        }
        value
    })
}

/// A line with any of its members.
fn step() -> impl Strategy<Value = Value> {
    let request = (name(), any_bytes(), any_bytes(), any::<bool>(), 1_u8..=2, headers());
    let body = proptest::option::of((any_bytes(), any::<bool>()));
    let rest = (
        headers(),
        200_u16..999,
        any_bytes(),
        vec(callout(), 0..3),
        vec(
            (
                name(),
                prop_oneof![
                    any::<bool>().prop_map(Value::from),
                    any::<i64>().prop_map(Value::from),
                    any_bytes().prop_map(|b| bytes(&b))
                ],
            ),
            0..3,
        ),
        proptest::option::of(0_u64..1000),
    );
    (request, body, rest).prop_map(|((method, path, authority, https, http, headers), body, rest)| {
        let (trailers, status, answer, callouts, properties, time) = rest;
        let mut line = json!({ "method": method, "path": bytes(&path), "authority": bytes(&authority),
            "scheme": if https { "https" } else { "http" }, "http": http,
            "headers": headers, "trailers": trailers,
            "response": { "status": status, "body": bytes(&answer) }, "callouts": callouts,
            "properties": serde_json::Map::from_iter(properties) });
        if let Some((body, split)) = body {
            if split && body.len() > 1 {
                line["chunks"] = json!([body.len() / 2]);
            }
            line["body"] = bytes(&body);
        }
        if let Some(time) = time {
            line["t_ms"] = time.into();
        }
        line
    })
}

fn same(a: &Exchange, b: &Exchange) {
    assert_eq!((&a.id, a.at.as_millis(), &a.malformed), (&b.id, b.at.as_millis(), &b.malformed));
    assert_eq!(a.step.request(None), b.step.request(None));
    assert_eq!(format!("{:?}", a.step.response().unwrap()), format!("{:?}", b.step.response().unwrap()));
    assert_eq!(
        (a.step.src, &a.step.properties, &a.step.callouts),
        (b.step.src, &b.step.properties, &b.step.callouts)
    );
}

/// Whatever was read is read again from what is written about it.
fn round_trip(items: &[Item]) {
    let mut written = Vec::new();
    items.iter().for_each(|item| write_item(&mut written, item).unwrap());
    let (again, _) = try_read("again.jsonl", &written, None).unwrap();
    assert_eq!(items.len(), again.len());
    for pair in items.iter().zip(&again) {
        match pair {
            (Item::Exchange(a), Item::Exchange(b)) => same(a, b),
            (Item::Setup(a), Item::Setup(b)) => assert_eq!(a.callouts, b.callouts),
            pair => panic!("{pair:?}"),
        }
    }
}

/// A request of HTTP/1.1 and what it holds.
fn request() -> impl Strategy<Value = (Vec<u8>, String, Vec<u8>)> {
    let chunks = proptest::option::of(vec(vec(any::<u8>(), 1..20), 0..4));
    ("/[!\"$-~]{0,20}", headers(), vec(any::<u8>(), 0..40), chunks).prop_map(
        |(path, headers, body, chunks)| {
            let framing = ["host", "content-length", "transfer-encoding"];
            let mut raw = format!("POST {path} HTTP/1.1\r\nhost: a\r\n").into_bytes();
            for (name, value) in
                headers.iter().filter(|(name, _)| !framing.contains(&name.to_lowercase().as_str()))
            {
                raw.extend(format!("{name}: {value}\r\n").bytes());
            }
            match chunks {
                None => {
                    raw.extend(format!("content-length: {}\r\n\r\n", body.len()).bytes());
                    raw.extend(&body);
                    (raw, path, body)
                }
                Some(chunks) => {
                    raw.extend(b"transfer-encoding: chunked\r\n\r\n");
                    for chunk in &chunks {
                        raw.extend(format!("{:X};x\r\n", chunk.len()).bytes());
                        raw.extend(chunk);
                        raw.extend(b"\r\n");
                    }
                    raw.extend(b"0\r\n\r\n");
                    (raw, path, chunks.concat())
                }
            }
        },
    )
}

/// All requests, one line end among them turned into a space.
fn damaged(requests: Vec<(Vec<u8>, String, Vec<u8>)>) -> Vec<u8> {
    let mut all: Vec<u8> = requests.into_iter().flat_map(|(raw, ..)| raw).collect();
    let middle = all.len() / 2;
    if let Some(at) = all.iter().skip(middle).position(|byte| *byte == b'\n') {
        all[middle + at] = b' ';
    }
    all
}

/// Clean texts: no name of a credential has these letters only.
fn clean() -> impl Strategy<Value = String> {
    "[BDF]{0,12}"
}

fn secret() -> impl Strategy<Value = String> {
    "S3[A-Za-z0-9]{10,20}"
}

/// A line in which `secret` stands wherever a credential can.
fn line_with(secret: &str, clean: &[String]) -> String {
    let [a, b, c, d] = clean else { panic!("four") };
    let text = json!({
        "id": a, "path": format!("/{a}?page={b}&token={secret}&{c}"), "authority": format!("{secret}@{b}"),
        "headers": [[a, b], ["Authorization", secret], ["cookie", secret], ["x-api-key", secret],
            ["referer", format!("https://{a}/{b}?code={secret}")], ["content-type", "application/json"]],
        "body": format!("{{\"{a}\": [1.10, \"{b}\"],  \"password\": \"{secret}\", \"n\": 1e400}}"),
        "response": { "headers": [["set-cookie", secret], [b, a]],
            "body": format!("user={a}&password={secret}&x={d}") },
        "callouts": [{ "cluster": c, "path": format!("/{d}?sig={secret}"),
            "headers": [["authorization", secret]] }],
        "expect": { "status": 200, "logs": [format!("info {c}: {secret} {d}")] }
    });
    text.to_string()
}

/// The same of an archive.
fn archive_with(secret: &str, clean: &[String]) -> String {
    let [a, b, c, d] = clean else { panic!("four") };
    let entry = json!({
        "startedDateTime": "2024-05-06T07:08:09Z",
        "_initiator": { "url": format!("https://{b}/?key={secret}"), "stack": [c, secret] },
        "request": { "method": "POST", "url": format!("https://{a}/{b}?access_token={secret}&x={c}"),
            "headers": [{ "name": "Authorization", "value": secret }, { "name": c, "value": d }],
            "cookies": [{ "name": a, "value": secret }],
            "queryString": [{ "name": "access_token", "value": secret }, { "name": "x", "value": c }],
            "postData": { "mimeType": "application/x-www-form-urlencoded",
                "text": format!("x={d}&password={secret}"),
                "params": [{ "name": "x", "value": d }, { "name": "password", "value": secret }] } },
        "response": { "status": 200, "headers": [{ "name": "set-cookie", "value": secret }],
            "redirectURL": format!("/{d}?id_token={secret}"),
            "content": { "mimeType": "application/json",
                "text": format!("{{\"password\": \"{secret}\", \"x\": \"{a}\"}}") } }
    });
    let pages = json!([{ "title": format!("https://{a}/?token={secret}") }]);
    let text = json!({ "log": { "version": "1.2", "pages": pages, "entries": [entry] } });
    text.to_string()
}

fn redactor() -> Redactor {
    Redactor::new(&["/password"]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn steps_survive_writing(mut lines in vec(step(), 1..4), setup in vec(callout(), 0..2)) {
        lines.sort_by_key(|line| line["t_ms"].as_u64());
        let mut text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        text += &json!({ "setup": { "callouts": setup } }).to_string();
        let (items, _) = try_read("a.jsonl", text.as_bytes(), None).unwrap();
        prop_assert_eq!(items.len(), lines.len() + 1);
        round_trip(&items);
    }

    #[test]
    fn any_bytes_are_read_or_refused(text in vec(any::<u8>(), 0..400), format in 0..4_usize) {
        let format = [Format::Jsonl, Format::Har, Format::Raw, Format::Tap][format];
        if let Ok((items, _)) = try_read("a", &text, Some(format)) {
            round_trip(&items);
        }
    }

    #[test]
    fn damaged_files_are_read_or_refused(
        file in proptest::sample::select(vec!["har/chrome.har", "har/firefox.har", "har/safari.har",
            "har/mitmproxy.har", "har/charles.har", "har/fiddler.har", "har/playwright.har",
            "tap/buffered.json", "tap/streamed.json"]),
        at in any::<prop::sample::Index>(),
        by in proptest::option::of(any::<u8>()),
    ) {
        let mut text = std::fs::read(crate::data(file)).unwrap();
        let at = at.index(text.len());
        match by {
            Some(by) => text[at] = by,
            None => text.truncate(at),
        }
        let format = if file.ends_with(".har") { Format::Har } else { Format::Tap };
        if let Ok((items, _)) = try_read("a", &text, Some(format)) {
            round_trip(&items);
        }
    }

    #[test]
    fn raw_requests_are_told_apart(requests in vec(request(), 1..5)) {
        let all: Vec<u8> = requests.iter().flat_map(|(raw, ..)| raw.clone()).collect();
        let (items, warnings) = try_read("a.http", &all, None).unwrap();
        let exchanges = exchanges(items);
        prop_assert_eq!(exchanges.len(), requests.len());
        prop_assert!(warnings.is_empty());
        for (exchange, (raw, path, body)) in exchanges.iter().zip(&requests) {
            let request = exchange.step.request(None);
            prop_assert_eq!(&exchange.malformed, &None);
            prop_assert_eq!(&request.raw.unwrap(), raw);
            prop_assert_eq!(&request.path, path.as_bytes());
            prop_assert_eq!(&request.body.unwrap_or_default().concat(), body);
        }
    }

    #[test]
    fn no_raw_byte_is_lost(
        text in prop_oneof![vec(any::<u8>(), 0..200), vec(request(), 0..3).prop_map(damaged)]
    ) {
        let (items, _) = try_read("a.http", &text, Some(Format::Raw)).unwrap();
        let exchanges = exchanges(items);
        let raw = exchanges.iter().flat_map(|exchange| exchange.step.request(None).raw.unwrap());
        let raw: Vec<u8> = raw.collect();
        let (start, end) = text.split_at(raw.len());
        prop_assert_eq!(&raw, start);
        prop_assert!(end.iter().all(|byte| matches!(byte, b'\r' | b'\n')));
    }

    #[test]
    fn har_entries_come_by_date(
        entries in vec((0..5000_u32, "/[a-z/?&=%]{0,12}", any_bytes(), any_bytes()), 0..8)
    ) {
        let list: Vec<Value> = entries.iter().map(|(millis, path, body, answer)| json!({
            "startedDateTime": format!("2024-05-06T07:00:{:02}.{:03}Z", millis / 1000, millis % 1000),
            "request": { "method": "POST", "url": format!("https://a.example{path}"), "headers": [],
                "postData": { "text": STANDARD.encode(body), "encoding": "base64" } },
            "response": { "status": 200, "headers": [],
                "content": { "text": STANDARD.encode(answer), "encoding": "base64" } } })).collect();
        let text = json!({ "log": { "entries": list } }).to_string();
        let (items, _) = try_read("a.har", text.as_bytes(), None).unwrap();
        round_trip(&items);
        let exchanges = exchanges(items);
        let mut expected: Vec<_> = entries.iter().enumerate().collect();
        expected.sort_by_key(|(_, entry)| entry.0);
        let first = expected.first().map_or(0, |(_, entry)| entry.0);
        prop_assert_eq!(exchanges.len(), expected.len());
        for (exchange, (number, (millis, path, body, answer))) in exchanges.iter().zip(expected) {
            prop_assert_eq!(&exchange.id, &format!("a:{number}"));
            prop_assert_eq!(exchange.at.as_millis(), u128::from(millis - first));
            let request = exchange.step.request(None);
            prop_assert_eq!(&request.path, path.as_bytes());
            prop_assert_eq!(&request.body.unwrap_or_default().concat(), body);
            let answered = exchange.step.response().unwrap();
            prop_assert_eq!(answered.body(), answer.as_slice());
        }
    }

    #[test]
    fn masks_stand_for_secrets_and_for_nothing_else(secret in secret(), texts in vec(clean(), 4)) {
        for (build, har) in [(line_with as fn(&str, &[String]) -> String, false), (archive_with, true)] {
            let text = build(&secret, &texts);
            let mut masked = Vec::new();
            if har {
                redactor().redact_har("a.har", text.as_bytes(), &mut masked).unwrap();
            } else {
                redactor().redact_jsonl("a.jsonl", std::io::Cursor::new(text), &mut masked).unwrap();
            }
            prop_assert_eq!(String::from_utf8(masked).unwrap(), build("***", &texts));
        }
    }

    #[test]
    fn what_holds_no_secret_stays_byte_for_byte(texts in vec(clean(), 4), spaces in " {0,3}") {
        for har in [false, true] {
            let text = if har { archive_with("***", &texts) } else { line_with("***", &texts) };
            let text = text.replace("\":", &format!("\"{spaces}:{spaces}"));
            let mut masked = Vec::new();
            if har {
                redactor().redact_har("a.har", text.as_bytes(), &mut masked).unwrap();
            } else {
                redactor().redact_jsonl("a.jsonl", std::io::Cursor::new(text.clone()), &mut masked).unwrap();
            }
            prop_assert_eq!(String::from_utf8(masked).unwrap(), text);
        }
    }
}
