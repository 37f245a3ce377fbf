//! Whom requests are counted under.

use crate::world::{Gate, config, from, refused, with};
use serde_json::{Value, json};
use testkit::{RequestBuilder, TestCx, request};

/// Two at once, by this key.
fn two(key: Value) -> Value {
    config(json!([{ "name": "two", "rate": "2r/m", "burst": 1, "key": key }]))
}

fn gate(key: Value) -> Gate {
    Gate::new(&two(key))
}

/// Each of these is another client; of one there are several spellings.
fn apart(key: Value, clients: &[&[RequestBuilder]]) {
    let mut gate = gate(key.clone());
    for (number, spellings) in clients.iter().enumerate() {
        let mut spellings = spellings.iter().cycle();
        for expected in [true, true, false] {
            let head = spellings.next().expect("a request").clone();
            assert_eq!(gate.passes(head), expected, "{key}: client {number}");
        }
    }
}

fn get(path: &str) -> RequestBuilder {
    request("GET", path)
}

#[test]
fn by_address() {
    apart(
        json!([{ "address": {} }]),
        &[
            &[from("192.0.2.1"), from("192.0.2.1:4711"), from("::ffff:192.0.2.1")],
            &[from("192.0.2.2")],
            &[from("2001:db8::1"), from("[2001:db8::2]:80"), from("2001:db8::ffff:0:1")],
            &[from("2001:db8:0:1::1")],
        ],
    );
    apart(
        json!([{ "address": { "ipv4_prefix": 24, "ipv6_prefix": 128 } }]),
        &[
            &[from("192.0.2.1"), from("192.0.2.255")],
            &[from("192.0.3.1")],
            &[from("2001:db8::1")],
            &[from("2001:db8::2")],
        ],
    );
}

#[test]
fn what_a_client_writes_in_front_of_its_address_changes_nothing() {
    let mut gate = gate(json!([{ "address": {} }]));
    assert_eq!(gate.passed(3, &from("198.51.100.1, 192.0.2.1")), 2);
    for forged in ["203.0.113.1, 192.0.2.1", "192.0.2.9,192.0.2.1", "x,, ,192.0.2.1"] {
        assert!(!gate.passes(from(forged)), "{forged}");
    }
    let twice = get("/").header("x-forwarded-for", "203.0.113.1").header("x-forwarded-for", "192.0.2.1");
    assert!(!gate.passes(twice));
    // Two clients behind one proxy are two.
    assert_eq!(gate.passed(3, &from("192.0.2.1, 192.0.2.2")), 2);
}

#[test]
fn without_proxies_the_address_is_the_connections() {
    let mut config = two(json!([{ "address": {} }]));
    config.as_object_mut().expect("an object").remove("client_address");
    let mut gate = Gate::new(&config);
    gate.0.cx = TestCx::default().property(&["source", "address"], "192.0.2.1:4711");
    assert_eq!(gate.passed(3, &from("203.0.113.1")), 2);
    assert_eq!(gate.passed(3, &from("203.0.113.2")), 0);
}

#[test]
fn by_header() {
    let with = |value: &str| get("/").header("x-api-key", value);
    apart(
        json!([{ "header": "X-API-Key" }]),
        &[&[with("a"), with(" a\t")], &[with("b")], &[with("A")], &[with("a,b")], &[with("\u{e9}")]],
    );
}

#[test]
fn by_cookie() {
    let with = |value: &str| get("/").header("cookie", value);
    apart(
        json!([{ "cookie": "sid" }]),
        &[
            &[with("sid=a"), with("x=1; sid=a"), with("sid=a;x=sid=b"), with("Sid=c;sid=a")],
            &[with("sid=b")],
            &[with("sid=a=b")],
        ],
    );
}

#[test]
fn by_query_parameter() {
    apart(
        json!([{ "query": "key" }]),
        &[
            &[get("/?key=a"), get("/?x=1&key=%61"), get("/?%6bey=a&y"), get("/other?key=a")],
            &[get("/?key=b")],
            &[get("/?key=a+b"), get("/?key=a%20b")],
            &[get("/?key=a%2520b")],
        ],
    );
}

#[test]
fn by_what_the_request_is() {
    apart(json!([{ "method": {} }]), &[&[get("/a"), get("/b")], &[request("POST", "/a")]]);
    apart(
        json!([{ "host": {} }]),
        &[
            &[get("/").authority("a.example"), get("/").authority("A.example:8443")],
            &[get("/").authority("b.example")],
        ],
    );
    apart(json!([{ "path": {} }]), &[&[get("/a?x=1"), get("/a"), get("/%61")], &[get("/b")]]);
    apart(json!([]), &[&[get("/a"), request("POST", "/b")]]);
    apart(json!([{ "constant": "x" }]), &[&[get("/a"), request("POST", "/b")]]);
}

#[test]
fn by_route() {
    let mut config = two(json!([{ "route": {} }]));
    config["rules"] = json!([
        { "name": "a", "match": { "path": { "prefix": "/a" } }, "limits": ["two"] },
        { "name": "b", "match": { "path": { "prefix": "/b" } }, "limits": ["two"] },
    ]);
    let mut gate = Gate::new(&config);
    for path in ["/a/1", "/b/1", "/c"] {
        assert_eq!(gate.passed(3, &get(path)), 2, "{path}");
    }
    assert!(!gate.passes(get("/a/2")));
}

#[test]
fn parts_count_together() {
    let with = |a: &str, b: &str| get("/").header("a", a).header("b", b);
    apart(
        json!([{ "header": "a" }, { "header": "b" }]),
        &[&[with("x", "yz")], &[with("xy", "z")], &[with("yz", "x")], &[with("xyz", "")], &[with("", "xyz")]],
    );
}

/// What is missing is one client, skipped, or refused; an empty value is none.
#[test]
fn what_is_missing() {
    let limit = |on_missing: &str| {
        let mut config = two(json!([{ "header": "x-api-key" }]));
        config["limits"][0]["on_missing"] = json!(on_missing);
        Gate::new(&config)
    };
    let empty = get("/").header("x-api-key", " ");
    let mut gate = limit("shared");
    assert_eq!(gate.passed(2, &get("/")), 2);
    assert!(!gate.passes(empty.clone()));
    let mut gate = limit("skip");
    assert_eq!(gate.passed(9, &get("/")), 9);
    assert_eq!(gate.passed(9, &empty), 9);
    assert_eq!(gate.passed(9, &get("/").header("x-api-key", "a")), 2);
    let mut gate = limit("deny");
    for head in [get("/"), empty] {
        let refusal = refused(&gate.ask(head));
        assert_eq!((refusal.status, refusal.details.as_str()), (400, "portcullis_rate.key_missing"));
        assert_eq!(refusal.body["type"], "urn:portcullis:rate.key_missing");
    }
    assert_eq!(gate.passed(9, &get("/").header("x-api-key", "a")), 2);
}

/// A second value must not make a client another one at every request, nor let it pass uncounted.
#[test]
fn what_has_two_readings_is_one_client() {
    let header = |value: &str| get("/").header("k", "real").header("k", value);
    let cookie = |value: &str| get("/").header("cookie", "k=real").header("cookie", format!("k={value}"));
    let query = |value: &str| get(&format!("/?k=real&k={value}"));
    let quoted = |value: &str| get("/").header("cookie", format!("k=\"{value}\""));
    let broken = |value: &str| get(&format!("/?k={value}%zz"));
    type Heads<'h> = (Value, &'h dyn Fn(&str) -> RequestBuilder);
    let all: [Heads<'_>; 5] = [
        (json!({ "header": "k" }), &header),
        (json!({ "cookie": "k" }), &cookie),
        (json!({ "query": "k" }), &query),
        (json!({ "cookie": "k" }), &quoted),
        (json!({ "query": "k" }), &broken),
    ];
    for (source, head) in all {
        for on_missing in ["shared", "skip"] {
            let mut config = two(json!([source]));
            config["limits"][0]["on_missing"] = json!(on_missing);
            let mut gate = Gate::new(&config);
            let passed = (0..9).filter(|n| gate.passes(head(&n.to_string()))).count();
            assert_eq!(passed, 2, "{source} {on_missing}");
        }
        let mut config = two(json!([source]));
        config["limits"][0]["on_missing"] = json!("deny");
        assert_eq!(refused(&Gate::new(&config).ask(head("1"))).status, 400, "{source}");
    }
}

#[test]
fn an_address_that_cannot_be_told_is_missing() {
    let mut config = with(two(json!([{ "address": {} }])), "client_address", json!({ "trusted_hops": 2 }));
    let mut gate = Gate::new(&config);
    assert_eq!(gate.passed(2, &from("192.0.2.1")), 2);
    assert!(!gate.passes(from("192.0.2.2")));
    assert!(!gate.passes(get("/")));
    assert!(gate.passes(from("192.0.2.1, 198.51.100.1")));
    config["limits"][0]["on_missing"] = json!("deny");
    assert_eq!(refused(&Gate::new(&config).ask(from("192.0.2.1"))).status, 400);
}
