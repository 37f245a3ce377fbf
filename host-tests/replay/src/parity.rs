//! Whether two executors saw the same: the reason a native run can stand in for a real gateway.

use std::collections::BTreeSet;

use recorder::{Headers, Recorded};

use crate::expect::{list, upstream_summary};
use crate::observation::{Observation, values};
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
    check("upstream", upstream_summary(this), upstream_summary(other));
    for (this, other) in this.upstream.iter().zip(&other.upstream) {
        upstream(this, other, &mut check);
    }
    found
}

fn upstream(this: &Recorded, other: &Recorded, check: &mut impl FnMut(&str, String, String)) {
    let authority = |one: &Recorded| shown(one.authority.as_deref().unwrap_or_default());
    check("upstream.authority", authority(this), authority(other));
    check("upstream.body", shown(&this.body), shown(&other.body));
    headers("upstream.headers", &this.headers, &other.headers, check);
    trailers("upstream.trailers", &this.trailers, &other.trailers, check);
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
    use super::differences;
    use crate::observation::Observation;
    use recorder::Headers;

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
