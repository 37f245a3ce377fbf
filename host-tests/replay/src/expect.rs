//! The expectations of one step and how an observation is held against them.

use std::collections::BTreeMap;
use std::fmt;

use recorder::{End, Headers, Recorded};
use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer};
use serde_json::Value;

use crate::observation::{CallOutSeen, LogLine, Observation, Verdict, values};
use crate::text::{Text, from_map, shown};

/// What must be observed. What is not named is not looked at.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    verdict: Option<Verdict>,
    status: Option<u16>,
    /// Outer `None`: not looked at; inner `None` (`null`): no reason may be there.
    #[serde(default, deserialize_with = "present")]
    reason: Option<Option<String>>,
    shadow: Option<Vec<String>>,
    #[serde(default)]
    headers: BTreeMap<String, Values>,
    body: Option<Text>,
    body_json: Option<serde_json::Map<String, Value>>,
    #[serde(default)]
    trailers: BTreeMap<String, Values>,
    grpc_status: Option<u32>,
    upstream: Option<Upstream>,
    logs: Option<Vec<Text>>,
    callouts: Option<Vec<Called>>,
    /// How many times a VM is to trap.
    #[serde(default)]
    pub(crate) traps: usize,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<String>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// What is asked of one header name: `null`, one value, or exactly these values in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Values(Vec<Text>);

/// What is asked of the upstream: `false`, `true`, or one request in this shape.
#[derive(Debug, Clone)]
enum Upstream {
    Contacted(bool),
    Saw(Box<Seen>),
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seen {
    method: Option<String>,
    authority: Option<Text>,
    path: Option<Text>,
    #[serde(default)]
    headers: BTreeMap<String, Values>,
    body: Option<Text>,
    #[serde(default)]
    trailers: BTreeMap<String, Values>,
}

/// What is asked of one call-out.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Called {
    cluster: Option<String>,
    method: Option<String>,
    authority: Option<Text>,
    path: Option<Text>,
    #[serde(default)]
    headers: BTreeMap<String, Values>,
    body: Option<Text>,
}

impl<'de> Deserialize<'de> for Values {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValuesVisitor;
        impl<'de> Visitor<'de> for ValuesVisitor {
            type Value = Values;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("null, a string (quote numbers), {b64: …} or a list of these")
            }
            fn visit_unit<E: Error>(self) -> Result<Values, E> {
                Ok(Values(Vec::new()))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Values, E> {
                Ok(Values(vec![text.into()]))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Values, A::Error> {
                Ok(Values(vec![from_map(map)?]))
            }
            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Values, A::Error> {
                let mut values = Vec::new();
                while let Some(value) = list.next_element()? {
                    values.push(value);
                }
                Ok(Values(values))
            }
        }
        deserializer.deserialize_any(ValuesVisitor)
    }
}

impl<'de> Deserialize<'de> for Upstream {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UpstreamVisitor;
        impl<'de> Visitor<'de> for UpstreamVisitor {
            type Value = Upstream;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("true, false or {method, authority, path, headers, body, trailers}")
            }
            fn visit_bool<E: Error>(self, contacted: bool) -> Result<Upstream, E> {
                Ok(Upstream::Contacted(contacted))
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Upstream, A::Error> {
                Seen::deserialize(MapAccessDeserializer::new(map)).map(|seen| Upstream::Saw(Box::new(seen)))
            }
        }
        deserializer.deserialize_any(UpstreamVisitor)
    }
}

impl Expect {
    /// Whether every call-out that is expected says which cluster it goes to.
    pub(crate) fn names_clusters(&self) -> bool {
        self.callouts.iter().flatten().all(|called| called.cluster.is_some())
    }

    /// One line per expectation that does not hold; empty when all hold.
    #[must_use]
    pub fn differences(&self, seen: &Observation) -> Vec<String> {
        let mut found = Differences::default();
        if let Some(verdict) = self.verdict {
            found.check("verdict", verdict == seen.verdict, verdict, seen.verdict);
        }
        if let Some(status) = self.status {
            let got = seen.status.map_or("no response".to_owned(), |status| status.to_string());
            found.check("status", seen.status == Some(status), status, got);
        }
        if let Some(reason) = &self.reason {
            let show = |reason: &Option<String>| reason.clone().unwrap_or("none".to_owned());
            found.check("reason", *reason == seen.reason, show(reason), show(&seen.reason));
        }
        if let Some(shadow) = &self.shadow {
            found.check("shadow", *shadow == seen.shadow, shadow.join(","), seen.shadow.join(","));
        }
        found.headers("headers", &self.headers, &seen.headers);
        if let Some(body) = &self.body {
            found.bytes("body", &body.0, &seen.body);
        }
        if let Some(members) = &self.body_json {
            found.members(members, &seen.body);
        }
        found.headers("trailers", &self.trailers, &seen.trailers);
        if let Some(status) = self.grpc_status {
            let mut got = values(&seen.headers, "grpc-status");
            got.extend(values(&seen.trailers, "grpc-status"));
            let same = got == [status.to_string().as_bytes()];
            found.check("grpc_status", same, status, list(got));
        }
        match &self.upstream {
            None => {}
            Some(Upstream::Contacted(contacted)) => {
                let got = upstream_summary(&seen.upstream, &seen.unreadable);
                let wanted = if *contacted { "contacted" } else { "not contacted" };
                found.check("upstream", *contacted == seen.upstream_contacted(), wanted, got);
            }
            Some(Upstream::Saw(wanted)) => match seen.upstream.as_slice() {
                [one] if seen.unreadable.is_empty() => found.request("upstream", wanted, one),
                _ => {
                    let got = upstream_summary(&seen.upstream, &seen.unreadable);
                    found.check("upstream", false, "one request", got);
                }
            },
        }
        if let (Some(wanted), Some(got)) = (&self.logs, &seen.logs) {
            found.logs(wanted, got);
        }
        if let (Some(wanted), Some(got)) = (&self.callouts, &seen.callouts) {
            let recorded = |cluster: &String| !seen.unrecorded.contains(cluster);
            let wanted: Vec<&Called> =
                wanted.iter().filter(|called| called.cluster.as_ref().is_none_or(recorded)).collect();
            found.callouts(&wanted, got);
        }
        found.0.extend(seen.problems.iter().cloned());
        found.check("traps", self.traps == seen.traps, self.traps, seen.traps);
        if let (Some(why), false) = (&seen.error, found.0.is_empty()) {
            found.0.push(format!("no whole response: {why}"));
        }
        found.0
    }
}

#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn check(&mut self, what: &str, same: bool, wanted: impl fmt::Display, got: impl fmt::Display) {
        if !same {
            self.0.push(format!("{what}: expected {wanted}, got {got}"));
        }
    }

    fn bytes(&mut self, what: &str, wanted: &[u8], got: &[u8]) {
        self.check(what, wanted == got, shown(wanted), shown(got));
    }

    fn headers(&mut self, what: &str, wanted: &BTreeMap<String, Values>, got: &Headers) {
        for (name, Values(wanted)) in wanted {
            let wanted: Vec<&[u8]> = wanted.iter().map(|text| text.0.as_slice()).collect();
            let got = values(got, &name.to_ascii_lowercase());
            self.check(&format!("{what}.{name}"), wanted == got, list(wanted), list(got));
        }
    }

    fn members(&mut self, wanted: &serde_json::Map<String, Value>, body: &[u8]) {
        let Ok(Value::Object(got)) = serde_json::from_slice(body) else {
            return self.check("body_json", false, "a JSON object", shown(body));
        };
        for (name, wanted) in wanted {
            let got = got.get(name);
            let shown = got.map_or("nothing".to_owned(), Value::to_string);
            self.check(&format!("body_json.{name}"), got == Some(wanted), wanted, shown);
        }
    }

    fn request(&mut self, place: &str, wanted: &Seen, got: &Recorded) {
        if let Some(method) = &wanted.method {
            self.check(&format!("{place}.method"), *method == got.method, method, &got.method);
        }
        if let Some(authority) = &wanted.authority {
            let got = got.authority.as_deref().unwrap_or_default();
            self.bytes(&format!("{place}.authority"), &authority.0, got);
        }
        if let Some(path) = &wanted.path {
            self.bytes(&format!("{place}.path"), &path.0, &got.path);
        }
        self.headers(&format!("{place}.headers"), &wanted.headers, &got.headers);
        if let Some(body) = &wanted.body {
            self.bytes(&format!("{place}.body"), &body.0, &got.body);
        }
        self.headers(&format!("{place}.trailers"), &wanted.trailers, &got.trailers);
        self.check(place, got.end == End::Complete, "a complete request", "a request that was cut off");
    }

    fn logs(&mut self, wanted: &[Text], got: &[LogLine]) {
        let nothing = || "nothing".to_owned();
        for index in 0..wanted.len().max(got.len()) {
            let wanted = wanted.get(index).map(|text| text.0.clone());
            let got = got.get(index).map(|line| line.to_string().into_bytes());
            let [wanted_shown, got_shown] =
                [&wanted, &got].map(|line| line.as_deref().map_or_else(nothing, shown));
            self.check(&format!("logs[{index}]"), wanted == got, wanted_shown, got_shown);
        }
    }

    fn callouts(&mut self, wanted: &[&Called], got: &[CallOutSeen]) {
        if wanted.len() != got.len() {
            let count = format!("{} call-outs", wanted.len());
            return self.check("callouts", false, count, callouts_summary(got));
        }
        for (index, (wanted, got)) in wanted.iter().zip(got).enumerate() {
            let place = format!("callouts[{index}]");
            if let Some(cluster) = &wanted.cluster {
                self.check(&format!("{place}.cluster"), *cluster == got.cluster, cluster, &got.cluster);
            }
            self.request(&place, &Seen::from((*wanted).clone()), &got.request);
        }
    }
}

impl From<Called> for Seen {
    fn from(called: Called) -> Self {
        let Called { cluster: _, method, authority, path, headers, body } = called;
        Self { method, authority, path, headers, body, trailers: BTreeMap::new() }
    }
}

/// The values of one header for a report.
pub(crate) fn list(values: Vec<&[u8]>) -> String {
    match values.as_slice() {
        [] => "absent".to_owned(),
        [one] => shown(one),
        many => format!("[{}]", many.iter().map(|value| shown(value)).collect::<Vec<_>>().join(", ")),
    }
}

/// What reached the upstream, in one line.
pub(crate) fn upstream_summary<'a>(
    upstream: impl IntoIterator<Item = &'a Recorded>,
    unreadable: &[String],
) -> String {
    let requests = upstream.into_iter().map(request_summary);
    let refused = unreadable.iter().map(|why| format!("unreadable bytes ({why})"));
    let all: Vec<String> = requests.chain(refused).collect();
    if all.is_empty() { "not contacted".to_owned() } else { format!("contacted: {}", all.join("; ")) }
}

/// Which call-outs were made, in one line.
pub(crate) fn callouts_summary(callouts: &[CallOutSeen]) -> String {
    let one = |seen: &CallOutSeen| format!("{}: {}", seen.cluster, request_summary(&seen.request));
    if callouts.is_empty() {
        "none".to_owned()
    } else {
        callouts.iter().map(one).collect::<Vec<_>>().join("; ")
    }
}

fn request_summary(one: &Recorded) -> String {
    let cut = if one.end == End::Complete { "" } else { " (cut off)" };
    format!("{} {}{cut}", one.method, one.path.escape_ascii())
}

#[cfg(test)]
#[path = "expect_tests.rs"]
mod tests;
