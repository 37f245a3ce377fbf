//! Refusals: a closed set of reasons, and the answer each gives (RFC 9457 problem details, or a gRPC status).

mod reason;

pub use reason::Reason;

use crate::effect::RuleName;
use crate::violation::{self, Violation};
use http::{HeaderName, HeaderValue};

/// Longest body of an answer, in bytes.
const MAX_BODY: usize = 4096;

/// A refusal with what its answer carries.
#[derive(Debug, Clone, PartialEq)]
pub struct Denial {
    /// Why.
    pub reason: Reason,
    /// One sentence a client may read; never a value of the request, never an internal.
    pub detail: Option<&'static str>,
    /// Headers of the answer, as `Allow`.
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The rule that refused, for logs.
    pub rule: Option<RuleName>,
    /// What exactly was wrong, for logs alone. It may name what a client sent only after [`crate::redact::field`].
    pub note: Option<String>,
    /// What its problem document says more.
    pub members: Members,
}

/// What a problem document has beside the members that all have (RFC 9457 section 3.2).
#[derive(Debug, Clone, PartialEq, Default)]
pub enum Members {
    /// Nothing.
    #[default]
    None,
    /// Where and how the request breaks its schema; for the log, too.
    Violations {
        /// In the order in which they were found.
        list: Vec<Violation>,
        /// Whether the answer leaves them out.
        terse: bool,
    },
    /// Names of the limits that are used up.
    Policies(Vec<RuleName>),
}

impl Denial {
    /// A refusal that says no more than its reason.
    #[must_use]
    pub fn new(reason: Reason) -> Self {
        Self { reason, detail: None, headers: Vec::new(), rule: None, note: None, members: Members::None }
    }

    /// Adds the safe sentence.
    #[must_use]
    pub fn detail(mut self, detail: &'static str) -> Self {
        self.detail = Some(detail);
        self
    }

    /// Adds a header to the answer.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    /// Says more to whoever reads the log.
    #[must_use]
    pub fn note(mut self, note: impl Into<String>) -> Self {
        self.note = Some(note.into());
        self
    }

    /// Says where and how the request breaks its schema; to the log alone where `terse`.
    #[must_use]
    pub fn violations(mut self, violations: Vec<Violation>, terse: bool) -> Self {
        self.members = Members::Violations { list: violations, terse };
        self
    }

    /// Says which limits are used up: `violated-policies` of the answer. A name is one of the configuration and needs no
    /// escape: letters, digits, `-`, `_` and `.`.
    #[must_use]
    pub fn policies(mut self, names: Vec<RuleName>) -> Self {
        self.members = Members::Policies(names);
        self
    }

    /// Names the rule that refused.
    #[must_use]
    pub fn rule(mut self, rule: &RuleName) -> Self {
        self.rule = Some(rule.clone());
        self
    }

    /// The answer: `application/problem+json`, or for gRPC a trailers-only status whose message is the title
    /// (Envoy makes the trailers-only form of a local reply to a gRPC request).
    #[must_use]
    pub fn reply(&self, grpc: bool) -> LocalReply {
        let reason = self.reason;
        let mut headers = self.headers.clone();
        if grpc {
            let body = self.detail.unwrap_or(reason.title()).as_bytes().to_vec();
            return LocalReply {
                status: reason.status(),
                details: reason.details(),
                headers,
                body,
                grpc_status: Some(reason.grpc_status()),
            };
        }
        headers.push((http::header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json")));
        let detail = self.detail.map(|detail| format!(",\"detail\":\"{detail}\"")).unwrap_or_default();
        let mut body = format!(
            "{{\"type\":\"{}\",\"title\":\"{}\",\"status\":{}{detail}",
            reason.kind(),
            reason.title(),
            reason.status()
        );
        match &self.members {
            Members::Violations { list, terse: false } => {
                let room = MAX_BODY.saturating_sub(body.len()).saturating_sub(1);
                body.push_str(&violation::render(list, room));
            }
            Members::Policies(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
                body.push_str(&format!(",\"violated-policies\":[{}]", names.join(",")));
            }
            Members::Violations { .. } | Members::None => {}
        }
        body.push('}');
        LocalReply {
            status: reason.status(),
            details: reason.details(),
            headers,
            body: body.into_bytes(),
            grpc_status: None,
        }
    }
}

/// A complete answer made by the gateway.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalReply {
    /// What the access log shows as `%RESPONSE_CODE_DETAILS%`: `portcullis_<reason>`.
    pub details: String,
    /// HTTP status; Envoy turns it into 200 where `grpc_status` is given.
    pub status: u16,
    /// Headers beside those Envoy adds (`content-length`, `date`, `server`).
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// Body, or gRPC message.
    pub body: Vec<u8>,
    /// gRPC status, for a gRPC request.
    pub grpc_status: Option<u8>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::violation::Place;

    fn violation(pointer: String) -> Violation {
        Violation { place: Place::Body(pointer), keyword: "type".into() }
    }

    #[test]
    fn violations_fill_an_answer_and_no_more() {
        let many = (0..10_000).map(|i| violation(format!("/items/{i}"))).collect();
        let body = Denial::new(Reason::SchemaInvalid).violations(many, false).reply(false).body;
        assert!((4000..=MAX_BODY).contains(&body.len()), "{}", body.len());
        let value = serde_json::from_slice::<serde_json::Value>(&body).unwrap_or_default();
        assert!(value["errors"].as_array().is_some_and(|errors| errors.len() > 50), "{value}");
        let one = vec![violation(format!("/{}", "x".repeat(5000)))];
        let body = Denial::new(Reason::SchemaInvalid).violations(one, false).reply(false).body;
        assert_eq!(body, Denial::new(Reason::SchemaInvalid).reply(false).body);
    }

    #[test]
    fn a_terse_answer_has_none() {
        let denial = Denial::new(Reason::SchemaInvalid).violations(vec![violation("/a".to_owned())], true);
        assert_eq!(denial.reply(false).body, Denial::new(Reason::SchemaInvalid).reply(false).body);
    }
}
