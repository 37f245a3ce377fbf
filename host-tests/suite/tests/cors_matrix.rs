//! The CORS matrix: every policy of `envoy/cors-matrix.yaml` × every origin below × what a page and its browser send,
//! on every executor (R22, R23, R28). Which origin may call is written down by hand, a mark a policy; what an answer
//! says follows from the mark and from the policy as it is described here, never from the code under test.

use anyhow::{Context as _, Result, ensure};
use replay::case::CaseFile;
use replay::envoy_config::Bootstrap;
use replay::report::Run;
use replay::{Kind, run_cases};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use suite::{root, settings};

const CONFIG: &str = "host-tests/suite/envoy/cors-matrix.yaml";

/// Requests that each executor must have answered, at least.
const LEAST: usize = 500;

/// A rule of the configuration, as far as answers show it.
struct Policy {
    /// Its name, and its path after the slash.
    name: &'static str,
    /// `*` for the page's origin.
    star: bool,
    credentials: bool,
    expose: Option<&'static str>,
    allow_methods: &'static str,
    allow_headers: &'static str,
    max_age: &'static str,
    private_network: bool,
    /// A mismatch passes.
    silent: bool,
}

const PLAIN: Policy = Policy {
    name: "",
    star: false,
    credentials: false,
    expose: None,
    allow_methods: "PUT",
    allow_headers: "x-token",
    max_age: "600",
    private_network: false,
    silent: false,
};

/// In the order of the marks.
const POLICIES: [Policy; 7] = [
    Policy {
        name: "exact",
        credentials: true,
        expose: Some("etag, x-total"),
        allow_methods: "GET, HEAD, PUT",
        allow_headers: "content-type, x-token",
        max_age: "3600",
        ..PLAIN
    },
    Policy { name: "label", credentials: true, ..PLAIN },
    Policy {
        name: "deep",
        expose: Some("etag"),
        allow_methods: "GET, HEAD, POST, PUT, OPTIONS",
        allow_headers: "x-other, x-token",
        max_age: "90",
        ..PLAIN
    },
    Policy { name: "regex", credentials: true, max_age: "86400", private_network: true, ..PLAIN },
    Policy { name: "any", star: true, expose: Some("etag"), ..PLAIN },
    Policy { name: "silent", credentials: true, silent: true, ..PLAIN },
    Policy { name: "null", ..PLAIN },
];

/// An origin, and for each policy whether its pages may call (`+`), may not (`.`) or are no other origin's (`=`). The
/// requests are for `http://api.example.com`.
#[rustfmt::skip]
const ORIGINS: [(Option<&str>, &str); 46] = [
    //                                                             exact label deep regex any silent null
    (None,                                                         "======="),
    (Some("http://api.example.com"),                               "======="),
    // Another scheme or port is another origin, and so is a spelling that no browser uses.
    (Some("https://api.example.com"),                              ".++.+.."),
    (Some("http://api.example.com:8080"),                          "....+.."),
    (Some("http://API.example.com"),                               "....+.."),
    // Listed in full.
    (Some("https://app.example.com"),                              "+++.++."),
    (Some("https://shop.example.com:8443"),                        "+.+.+.."),
    (Some("chrome-extension://abcdefghijklmnop"),                  "+...+.."),
    (Some("https://[2001:db8::1]"),                                "+...+.."),
    (Some("http://localhost:3000"),                                "+..++.."),
    // Nearly so.
    (Some("https://shop.example.com"),                             ".++.+.."),
    (Some("https://app.example.com:8443"),                         "..+.+.."),
    (Some("https://app.example.com:443"),                          "....+.."),
    (Some("http://app.example.com"),                               "....+.."),
    (Some("https://APP.example.com"),                              "....+.."),
    (Some("HTTPS://app.example.com"),                              "....+.."),
    (Some("https://app.example.com."),                             "....+.."),
    (Some("https://app.example.com/"),                             "....+.."),
    (Some("https://user@app.example.com"),                         "....+.."),
    (Some("https://app.example.com:8443:9"),                       "....+.."),
    (Some("https://[2001:db8::2]"),                                "....+.."),
    (Some("https://[2001:DB8::1]"),                                "....+.."),
    (Some("chrome-extension://abcdefghijklmnopq"),                 "....+.."),
    // Labels in front of a domain.
    (Some("https://example.com"),                                  "....+.."),
    (Some("https://a.b.example.com"),                              "..+.+.."),
    (Some("https://a.b.c.example.com:9000"),                       "..+.+.."),
    (Some("https://.example.com"),                                 "....+.."),
    (Some("https://a..example.com"),                               "....+.."),
    (Some("https://*.example.com"),                                "....+.."),
    (Some("https://xn--bcher-kva.example.com"),                    ".++.+.."),
    (Some("https://b\u{fc}cher.example.com"),                      "....+.."),
    (Some("http://app.internal.test:8080"),                        "....+++"),
    (Some("http://app.internal.test"),                             "....+.+"),
    (Some("http://a.b.internal.test:8080"),                        "....+.+"),
    // Another domain in the clothes of that one.
    (Some("https://app.example.com.evil.test"),                    "....+.."),
    (Some("https://evilexample.com"),                              "....+.."),
    (Some("https://evil.test#.example.com"),                       "....+.."),
    // A regular expression is for the whole origin, and its dots are dots.
    (Some("https://pr-42.preview.example.com"),                    "..+++.."),
    (Some("https://pr-x.preview.example.com"),                     "..+.+.."),
    (Some("https://pr-42-preview.example.com"),                    ".++.+.."),
    (Some("https://pr-42.preview.example.com.evil.test"),          "....+.."),
    (Some("http://localhost.evil.test"),                           "....+.."),
    (Some("http://localhost"),                                     "...++.."),
    // Sandboxed frames, and what is no origin at all.
    (Some("null"),                                                 "....+.+"),
    (Some("NULL"),                                                 "....+.."),
    (Some(""),                                                     "....+.."),
];

/// What is sent.
#[derive(Clone, Copy, PartialEq)]
enum Sent {
    /// A GET that a browser sends without asking.
    Simple,
    /// The question before the PUT.
    Preflight,
    /// The PUT with its cookie. The upstream has CORS headers and a `Vary` of its own.
    Credentialed,
    /// A POST that the filter behind refuses.
    DeniedLater,
}

const SENT: [Sent; 4] = [Sent::Simple, Sent::Preflight, Sent::Credentialed, Sent::DeniedLater];

/// Where a request ends.
enum End {
    /// A local reply of the policy: status and reason.
    Here(u16, Option<&'static str>),
    Upstream,
    /// The later filter.
    Later,
}

fn end(policy: &Policy, mark: char, sent: Sent) -> End {
    match (mark, sent) {
        ('+', Sent::Preflight) => End::Here(204, None),
        ('.', Sent::Preflight) if policy.silent => End::Here(204, None),
        ('.', _) if !policy.silent => End::Here(403, Some("cors.origin")),
        (_, Sent::DeniedLater) => End::Later,
        _ => End::Upstream,
    }
}

/// One request and all that must come of it, as a case file has it.
fn step(policy: &Policy, origin: Option<&str>, mark: char, sent: Sent) -> Value {
    let mut headers: Vec<[&str; 2]> = origin.map(|origin| ["origin", origin]).into_iter().collect();
    let mut step = Map::new();
    let method = match sent {
        Sent::Simple => "GET",
        Sent::Preflight => {
            headers.push(["access-control-request-method", "PUT"]);
            headers.push(["access-control-request-headers", "x-token"]);
            if policy.private_network {
                headers.push(["access-control-request-private-network", "true"]);
            }
            "OPTIONS"
        }
        Sent::Credentialed => {
            headers.extend([["cookie", "sid=1"], ["x-token", "1"]]);
            step.insert("body".to_owned(), json!("good"));
            step.insert(
                "response".to_owned(),
                json!({"headers": [
                    ["access-control-allow-origin", "https://evil.test"],
                    ["access-control-allow-credentials", "true"],
                    ["access-control-allow-methods", "DELETE"],
                    ["access-control-expose-headers", "set-cookie"],
                    ["vary", "Accept-Encoding"],
                ]}),
            );
            "PUT"
        }
        Sent::DeniedLater => {
            step.insert("body".to_owned(), json!("evil"));
            "POST"
        }
    };
    step.insert("method".to_owned(), json!(method));
    step.insert("path".to_owned(), json!(format!("/{}", policy.name)));
    step.insert("headers".to_owned(), json!(headers));
    let end = end(policy, mark, sent);
    let upstream_varies = sent == Sent::Credentialed && matches!(end, End::Upstream);
    let (verdict, status, reason, upstream) = match end {
        End::Here(status, None) => ("pass", status, None, json!(false)),
        End::Here(status, reason) => ("deny", status, reason, json!(false)),
        End::Upstream => ("pass", 200, None, json!({"method": method, "headers": {"origin": origin}})),
        End::Later => ("deny", 413, Some("size.body"), json!(false)),
    };
    let expect = json!({
        "verdict": verdict, "status": status, "reason": reason, "upstream": upstream,
        "headers": answer(policy, origin.filter(|_| mark == '+'), sent, upstream_varies),
    });
    step.insert("expect".to_owned(), expect);
    Value::Object(step)
}

/// The headers of an answer, `null` where there is none; `allowed` is an origin that may read it.
fn answer(policy: &Policy, allowed: Option<&str>, sent: Sent, upstream_varies: bool) -> Value {
    let preflight = sent == Sent::Preflight;
    let of_answer = |value: Option<&'static str>| value.filter(|_| allowed.is_some() && !preflight);
    let of_preflight = |value: &'static str| Some(value).filter(|_| allowed.is_some() && preflight);
    json!({
        "access-control-allow-origin": allowed.map(|origin| if policy.star { "*" } else { origin }),
        "access-control-allow-credentials": allowed.and_then(|_| policy.credentials.then_some("true")),
        "access-control-expose-headers": of_answer(policy.expose),
        "access-control-allow-methods": of_preflight(policy.allow_methods),
        "access-control-allow-headers": of_preflight(policy.allow_headers),
        "access-control-max-age": of_preflight(policy.max_age),
        "access-control-allow-private-network": of_preflight("true").filter(|_| policy.private_network),
        "vary": match (sent, policy.private_network) {
            (Sent::Preflight, false) => "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            (Sent::Preflight, true) =>
                "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, Access-Control-Request-Private-Network",
            _ if upstream_varies => "Accept-Encoding, Origin",
            _ => "Origin",
        },
    })
}

/// The matrix as a case file: a case for each policy and origin, a step for each thing that is sent.
fn matrix() -> Result<CaseFile> {
    let mut cases = Vec::new();
    for (row, (origin, marks)) in ORIGINS.into_iter().enumerate() {
        ensure!(marks.len() == POLICIES.len(), "{origin:?}: {} marks", marks.len());
        for (policy, mark) in POLICIES.iter().zip(marks.chars()) {
            let steps = SENT.map(|sent| step(policy, origin, mark, sent));
            let origin = origin.unwrap_or("no origin");
            cases.push(json!({"id": format!("{row}: {} {origin}", policy.name), "steps": steps}));
        }
    }
    CaseFile::parse(&json!({"config": CONFIG, "cases": cases}).to_string())
}

/// Whatever else is right: a cache that keeps this answer keeps it for one origin.
fn varies(run: &Run) -> bool {
    run.steps.iter().all(|step| {
        let vary: Vec<_> = step.observation.headers.iter().filter(|(name, _)| name == "vary").collect();
        let [(_, value)] = vary.as_slice() else { return false };
        value.split(|byte| *byte == b',').any(|member| member.trim_ascii() == b"Origin")
    })
}

#[test]
fn every_policy_allows_some_origins_and_refuses_others() {
    for (column, policy) in POLICIES.iter().enumerate() {
        let count = |mark: u8| {
            ORIGINS.iter().filter(|(_, marks)| marks.as_bytes().get(column) == Some(&mark)).count()
        };
        let (allowed, refused) = (count(b'+'), count(b'.'));
        assert_eq!(allowed + refused + count(b'='), ORIGINS.len(), "{}", policy.name);
        assert!(allowed >= 2 && (refused >= 25 || policy.star), "{}: {allowed} and {refused}", policy.name);
    }
}

#[tokio::test]
async fn every_answer_to_every_origin_is_right() -> Result<()> {
    let file = matrix()?;
    let bootstrap = Bootstrap::read(&root()?.join(CONFIG))?;
    let mut report = run_cases(&file, &bootstrap, &[], &settings()?).await?;
    let mut requests: BTreeMap<String, usize> = BTreeMap::new();
    for run in &report.runs {
        *requests.entry(run.executor.to_string()).or_default() += run.steps.len();
    }
    println!("{} policies, {} origins, requests by executor: {requests:?}", POLICIES.len(), ORIGINS.len());
    let fixed: Vec<String> = report.runs.iter().filter(|run| !varies(run)).map(Run::name).collect();
    report.runs.retain(|run| !run.passed());
    ensure!(report.passed(), "{}", report.table());
    ensure!(fixed.is_empty(), "an answer without `Vary: Origin`:\n{}", fixed.join("\n"));
    let planned = POLICIES.len() * ORIGINS.len() * SENT.len();
    ensure!(planned >= LEAST, "{planned} requests");
    for kind in Kind::ALL {
        let count = requests.get(&kind.to_string()).with_context(|| format!("nothing ran on {kind}"))?;
        ensure!(*count == planned, "{kind}: {count} of {planned} requests");
    }
    Ok(())
}
