//! Whether two executors saw the same: the reason a native run can stand in for a real gateway.

use std::collections::BTreeSet;

use recorder::{End, Headers, Recorded};

use crate::expect::{callouts_summary, list, upstream_summary};
use crate::observation::{CallOutSeen, LogLine, Observation, values};
use crate::text::shown;

/// Headers that are Envoy's own and say nothing about a filter. Everything else must agree.
const IGNORED: [&str; 11] = [
    // A response gets the time of the gateway.
    "date",
    // A random id per request, unless the client sent one.
    "x-request-id",
    // Derived from the connection and the trusted hops.
    "x-forwarded-proto",
    "x-forwarded-for",
    // Framing: Envoy and the HTTP libraries choose it per connection.
    "content-length",
    "transfer-encoding",
    "connection",
    "keep-alive",
    "te",
    // Compared as the authority: HTTP/1 has it as a header, HTTP/2 has not.
    "host",
    // Announces trailers, which are compared themselves.
    "trailer",
];

/// Timing, attempt and original-path headers of the router.
const IGNORED_PREFIX: &str = "x-envoy-";

/// Written after the filters unless the configuration passes the upstream's through.
const IGNORED_SERVER: (&str, &[u8]) = ("server", b"envoy");

/// One line per fact that differs; empty when the two agree.
#[must_use]
pub fn differences(this: &Observation, other: &Observation) -> Vec<String> {
    let mut found = Vec::new();
    let mut check = |what: &str, this: String, other: String| {
        if this != other {
            found.push(format!("{what}: {this} here, {other} there"));
        }
    };
    check("verdict", this.verdict.to_string(), other.verdict.to_string());
    check("status", format!("{:?}", this.status), format!("{:?}", other.status));
    check("reason", format!("{:?}", this.reason), format!("{:?}", other.reason));
    check("shadow", this.shadow.join(","), other.shadow.join(","));
    check("body", shown(&this.body), shown(&other.body));
    headers("headers", &this.headers, &other.headers, &mut check);
    trailers("trailers", &this.trailers, &other.trailers, &mut check);
    let summary = |seen: &Observation| upstream_summary(whole(seen), &seen.unreadable);
    check("upstream", summary(this), summary(other));
    for (this, other) in whole(this).into_iter().zip(whole(other)) {
        request("upstream", this, other, &mut check);
    }
    if let (Some(made), Some(made_there)) = (&this.callouts, &other.callouts) {
        let recorded = |made: &[CallOutSeen]| -> Vec<CallOutSeen> {
            let known = |cluster| !this.unrecorded.contains(cluster) && !other.unrecorded.contains(cluster);
            made.iter().filter(|callout| known(&callout.cluster)).cloned().collect()
        };
        let (made, made_there) = (recorded(made), recorded(made_there));
        check("callouts", callouts_summary(&made), callouts_summary(&made_there));
        for (index, (made, made_there)) in made.iter().zip(&made_there).enumerate() {
            request(&format!("callouts[{index}]"), &made.request, &made_there.request, &mut check);
        }
    }
    if let (Some(this), Some(other)) = (&this.logs, &other.logs) {
        for index in 0..this.len().max(other.len()) {
            let line = |lines: &[LogLine]| {
                lines.get(index).map_or("nothing".to_owned(), |line| format!("{:?}", line.to_string()))
            };
            check(&format!("logs[{index}]"), line(this), line(other));
        }
    }
    check("traps", this.traps.to_string(), other.traps.to_string());
    found
}

/// One line per line that a model logged at its start and the executor at hand did not, or less often. Several VMs
/// start, some at the same time, so that the order does not count; and a gateway in real time may have ticked before
/// its first request, so that more lines are no difference.
#[must_use]
pub(crate) fn start_logs(this: &[LogLine], model: &[LogLine]) -> Vec<String> {
    let count = |lines: &[LogLine], line: &LogLine| lines.iter().filter(|other| *other == line).count();
    let mut found = Vec::new();
    for (index, line) in model.iter().enumerate() {
        let (here, there) = (count(this, line), count(model, line));
        let first = model.iter().position(|other| other == line) == Some(index);
        if first && here < there {
            found.push(format!("{:?} {here} times here, {there} times there", line.to_string()));
        }
    }
    found
}

/// What the upstream got whole. Whether it also saw the head of a request that a filter refused only then is a
/// matter of timing; a case that holds the head says itself that nothing may arrive.
fn whole(seen: &Observation) -> Vec<&Recorded> {
    seen.upstream.iter().filter(|request| request.end == End::Complete).collect()
}

fn request(place: &str, this: &Recorded, other: &Recorded, check: &mut impl FnMut(&str, String, String)) {
    let authority = |one: &Recorded| shown(one.authority.as_deref().unwrap_or_default());
    check(&format!("{place}.authority"), authority(this), authority(other));
    check(&format!("{place}.body"), shown(&this.body), shown(&other.body));
    headers(&format!("{place}.headers"), &this.headers, &other.headers, check);
    trailers(&format!("{place}.trailers"), &this.trailers, &other.trailers, check);
}

/// Trailers end at a connection that does not carry them, as HTTP/1 does not without being told to: they are
/// compared where both sides have some.
fn trailers(what: &str, this: &Headers, other: &Headers, check: &mut impl FnMut(&str, String, String)) {
    if !this.is_empty() && !other.is_empty() {
        headers(what, this, other, check);
    }
}

fn headers(what: &str, this: &Headers, other: &Headers, check: &mut impl FnMut(&str, String, String)) {
    // Envoy keeps the order of the values of a name, not the order of the names.
    let names: BTreeSet<&str> = this.iter().chain(other).map(|(name, _)| name.as_str()).collect();
    for name in names {
        if IGNORED.contains(&name) || name.starts_with(IGNORED_PREFIX) {
            continue;
        }
        let shown = |headers: &Headers| {
            let mut found = values(headers, name);
            found.retain(|value| (name, *value) != IGNORED_SERVER);
            list(found)
        };
        check(&format!("{what}.{name}"), shown(this), shown(other));
    }
}

#[cfg(test)]
mod tests {
    use super::{differences, start_logs};
    use crate::observation::{CallOutSeen, LogLine, Observation};
    use recorder::{End, Headers, Recorded};

    fn with(headers: &[(&str, &str)]) -> Observation {
        let pair = |(name, value): &(&str, &str)| ((*name).to_owned(), value.as_bytes().to_vec());
        let headers: Headers = headers.iter().map(pair).collect();
        Observation { headers, ..Observation::no_response(String::new()) }
    }

    #[test]
    fn what_envoy_adds_is_no_difference() {
        let envoy =
            with(&[("date", "now"), ("server", "envoy"), ("x-envoy-upstream-service-time", "1"), ("a", "1")]);
        assert_eq!(differences(&envoy, &with(&[("a", "1")])), [""; 0]);
    }

    #[test]
    fn only_what_both_know_is_compared() {
        let line = |text: &str| LogLine { level: "info".into(), prefix: String::new(), text: text.into() };
        let one = Observation { logs: Some(vec![line("a")]), callouts: Some(Vec::new()), ..with(&[]) };
        assert_eq!(differences(&one, &with(&[])), [""; 0]);
        let other = Observation { logs: Some(vec![line("a"), line("b")]), traps: 1, ..one.clone() };
        assert_eq!(
            differences(&one, &other),
            [r#"logs[1]: nothing here, "info: b" there"#, "traps: 0 here, 1 there"]
        );
    }

    #[test]
    fn a_start_shows_what_the_model_shows() {
        let lines = |texts: &[&str]| -> Vec<LogLine> {
            let line =
                |text: &&str| LogLine { level: "info".into(), prefix: String::new(), text: (*text).into() };
            texts.iter().map(line).collect()
        };
        let model = lines(&["a", "a", "b"]);
        assert_eq!(start_logs(&lines(&["b", "a", "tick", "a"]), &model), [""; 0]);
        assert_eq!(start_logs(&lines(&["a", "b"]), &model), [r#""info: a" 1 times here, 2 times there"#]);
    }

    #[test]
    fn what_envoy_adds_to_a_call_is_no_difference() {
        let called = |headers: &[(&str, &str)], path: &str| {
            let headers = with(headers).headers;
            let request = Recorded {
                method: "GET".into(),
                authority: None,
                path: path.into(),
                headers,
                body: Vec::new(),
                trailers: Vec::new(),
                version: http::Version::HTTP_11,
                end: End::Complete,
            };
            Observation { callouts: Some(vec![CallOutSeen { cluster: "c".into(), request }]), ..with(&[]) }
        };
        let added =
            [("x-envoy-internal", "true"), ("x-envoy-expected-rq-timeout-ms", "5"), ("content-length", "0")];
        assert_eq!(differences(&called(&added, "/"), &called(&[], "/")), [""; 0]);
        let found = differences(&called(&[("a", "1")], "/a"), &called(&[], "/b"));
        assert_eq!(
            found,
            ["callouts: c: GET /a here, c: GET /b there", r#"callouts[0].headers.a: "1" here, absent there"#]
        );
    }

    #[test]
    fn what_nobody_records_is_not_compared() {
        let seen = |clusters: &[&str]| {
            let request = Recorded {
                method: "POST".into(),
                authority: None,
                path: "/".into(),
                headers: Headers::new(),
                body: Vec::new(),
                trailers: Headers::new(),
                version: http::Version::HTTP_11,
                end: End::Complete,
            };
            let call = |cluster: &&str| CallOutSeen { cluster: (*cluster).into(), request: request.clone() };
            Observation { callouts: Some(clusters.iter().map(call).collect()), ..with(&[]) }
        };
        let real = Observation { unrecorded: ["redis".to_owned()].into(), ..seen(&["keys"]) };
        let model = seen(&["redis", "keys", "redis"]);
        assert_eq!(differences(&real, &model), [""; 0]);
        assert_eq!(differences(&model, &real), [""; 0]);
        let found = differences(&real, &seen(&["redis"]));
        assert_eq!(found, ["callouts: keys: POST / here, none there"]);
    }

    #[test]
    fn everything_else_is() {
        let one = with(&[("server", "nginx"), ("a", "1"), ("a", "2")]);
        let other = Observation { status: Some(200), ..with(&[("a", "2"), ("a", "1")]) };
        assert_eq!(
            differences(&one, &other),
            [
                "status: None here, Some(200) there",
                r#"headers.a: ["1", "2"] here, ["2", "1"] there"#,
                r#"headers.server: "nginx" here, absent there"#,
            ]
        );
    }
}
