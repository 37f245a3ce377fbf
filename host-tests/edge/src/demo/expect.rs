//! What must come of a request.

use crate::client::Answer;
use crate::services::Arrived;

/// What was seen of a request.
#[derive(Debug)]
pub(super) struct Seen {
    /// The answer, or why there was none.
    pub(super) answer: Result<Answer, String>,
    /// What reached the API.
    pub(super) arrived: Vec<Arrived>,
    /// The reason in the gateway's access log, where it has one.
    pub(super) reason: Option<String>,
}

/// What must be seen.
#[derive(Debug, Clone, Default)]
pub(super) struct Expect {
    /// `None`: no answer, but the end of the handshake.
    status: Option<u16>,
    /// Absent: none.
    reason: Option<&'static str>,
    reaches: bool,
    grpc: Option<&'static str>,
    headers: Vec<(&'static str, &'static str)>,
    lacks: Vec<&'static str>,
    body: Option<&'static str>,
    upstream: Vec<(&'static str, Option<&'static str>)>,
}

/// The API answers with this status.
pub(super) fn passes(status: u16) -> Expect {
    Expect { status: Some(status), reaches: true, ..Expect::default() }
}

/// A filter answers so for this reason, and the API hears nothing.
pub(super) fn denied(status: u16, reason: &'static str) -> Expect {
    Expect { status: Some(status), reason: Some(reason), ..Expect::default() }
}

/// The gateway itself answers so, and the API hears nothing.
pub(super) fn answered(status: u16) -> Expect {
    Expect { status: Some(status), ..Expect::default() }
}

/// There is no answer: the gateway ends the handshake for this reason.
pub(super) fn no_handshake(reason: &'static str) -> Expect {
    Expect { reason: Some(reason), ..Expect::default() }
}

impl Expect {
    /// The API hears of it.
    pub(super) fn reaches(self) -> Self {
        Self { reaches: true, ..self }
    }

    /// The call ends with this status of gRPC.
    pub(super) fn grpc(self, status: &'static str) -> Self {
        Self { grpc: Some(status), ..self }
    }

    /// The answer has this field.
    pub(super) fn with(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The answer has no such field.
    pub(super) fn without(mut self, name: &'static str) -> Self {
        self.lacks.push(name);
        self
    }

    /// The body is this.
    pub(super) fn body(self, body: &'static str) -> Self {
        Self { body: Some(body), ..self }
    }

    /// The API sees this field, or none.
    pub(super) fn upstream(mut self, name: &'static str, value: Option<&'static str>) -> Self {
        self.upstream.push((name, value));
        self
    }

    /// Everything that is otherwise.
    pub(super) fn differences(&self, seen: &Seen) -> Vec<String> {
        let mut found = Vec::new();
        let mut check = |what: &str, is: &str, should: &str| {
            if is != should {
                found.push(format!("{what}: {is:?} instead of {should:?}"));
            }
        };
        check("reason", seen.reason.as_deref().unwrap_or("-"), self.reason.unwrap_or("-"));
        check("reached the API", yes(!seen.arrived.is_empty()), yes(self.reaches));
        for (name, value) in &self.upstream {
            let has = seen.arrived.first().and_then(|one| one.headers.get(*name));
            let has = has
                .map_or("absent".to_owned(), |value| String::from_utf8_lossy(value.as_bytes()).into_owned());
            check(&format!("{name} at the API"), &has, value.unwrap_or("absent"));
        }
        match (&seen.answer, self.status) {
            (Ok(answer), Some(status)) => {
                check("status", &answer.status.to_string(), &status.to_string());
                check("grpc-status", answer.grpc_status().unwrap_or("-"), self.grpc.unwrap_or("-"));
                for (name, value) in &self.headers {
                    check(name, answer.header(name), value);
                }
                for name in &self.lacks {
                    check(name, yes(answer.headers.contains_key(*name)), yes(false));
                }
                if let Some(body) = self.body {
                    check("body", &String::from_utf8_lossy(&answer.body), body);
                }
            }
            (Err(_), None) => {}
            (Err(why), Some(_)) => found.push(format!("no answer: {why}")),
            (Ok(answer), None) => found.push(format!("an answer, {}", answer.status)),
        }
        found
    }
}

fn yes(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderMap;

    use super::{Seen, answered, denied, no_handshake, passes};
    use crate::client::Answer;

    fn seen(status: u16, reason: Option<&str>) -> Seen {
        let headers: HeaderMap =
            [(http::header::ALLOW, http::HeaderValue::from_static("GET"))].into_iter().collect();
        let answer = Answer { status, headers, body: Bytes::from_static(b"x"), ..Answer::default() };
        Seen { answer: Ok(answer), arrived: Vec::new(), reason: reason.map(str::to_owned) }
    }

    fn failed(reason: &str) -> Seen {
        Seen { answer: Err("closed".to_owned()), ..seen(0, Some(reason)) }
    }

    #[test]
    fn what_is_as_expected_has_no_differences() {
        let refusal = seen(405, Some("method.not_allowed"));
        let expected = denied(405, "method.not_allowed").with("allow", "GET").without("server").body("x");
        assert_eq!(expected.differences(&refusal), [""; 0]);
        assert_eq!(answered(404).differences(&seen(404, None)), [""; 0]);
        assert_eq!(no_handshake("expired").differences(&failed("expired")), [""; 0]);
    }

    #[test]
    fn every_difference_is_told() {
        let refusal = seen(405, Some("method.not_allowed"));
        let expected = passes(200).with("allow", "POST").without("allow").body("y").grpc("0");
        let expected = expected.upstream("x-user", Some("alice"));
        assert_eq!(expected.differences(&refusal).len(), 8);
        assert_eq!(denied(403, "expired").differences(&failed("expired")).len(), 1);
        assert_eq!(no_handshake("unknown").differences(&failed("expired")).len(), 1);
        assert_eq!(no_handshake("expired").differences(&seen(200, Some("expired"))).len(), 1);
    }
}
