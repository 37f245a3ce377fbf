//! What became of one request: the verdict and who gave it.

use filter_core::names;
use proxy_wasm_host::Exchange;

use crate::observation::Verdict;
use crate::traffic::Malformed;

/// What Envoy says of an answer in the stead of a filter whose VM has failed.
const FAILED_VM: &str = "wasm_fail_stream";

/// The keys of one instance's filter state.
#[derive(Debug, Clone)]
pub(super) struct Instance {
    pub(super) name: String,
    reason: Vec<u8>,
    shadow: Vec<u8>,
}

/// The verdict on one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) verdict: Verdict,
    pub(super) status: Option<u16>,
    pub(super) reason: Option<String>,
    pub(super) denied_by: Option<String>,
}

impl Instance {
    pub(super) fn new(name: &str) -> Self {
        let key = |what: &str| names::state(name, what).into_bytes();
        Self { name: name.to_owned(), reason: key("reason"), shadow: key("shadow") }
    }

    /// What it would have refused in shadow mode.
    pub(super) fn shadow<'a>(&self, exchange: &'a Exchange) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let reasons = exchange.filter_state.get(&self.shadow).into_iter();
        reasons.flat_map(|reasons| reasons.split(|byte| *byte == b',')).filter(|reason| !reason.is_empty())
    }
}

impl Outcome {
    pub(super) fn of(exchange: &Exchange, instances: &[Instance]) -> Self {
        let whole = exchange.response.as_ref().is_some_and(|response| response.complete);
        let failed = exchange.details.as_deref() == Some(FAILED_VM);
        let verdict = match (&exchange.answered_by, whole && !failed) {
            (_, false) => Verdict::Error,
            (Some(_), true) => Verdict::Deny,
            (None, true) => Verdict::Pass,
        };
        let status = exchange.response.as_ref().and_then(|response| response.headers.get(b":status"));
        Self {
            verdict,
            status: status.and_then(|status| std::str::from_utf8(status).ok()?.parse().ok()),
            reason: reason(exchange, instances, failed),
            denied_by: exchange.answered_by.clone().filter(|_| verdict == Verdict::Deny),
        }
    }

    /// Of bytes that Envoy answers before any filter.
    pub(super) fn malformed(malformed: &Malformed) -> Self {
        let reason = Some(format!("http1.{}", code(&malformed.reason)));
        Self { verdict: Verdict::Error, status: malformed.status, reason, denied_by: None }
    }
}

/// What the filter that answered exported, else what it told Envoy.
fn reason(exchange: &Exchange, instances: &[Instance], failed: bool) -> Option<String> {
    let details = || exchange.details.clone().filter(|details| !details.is_empty());
    let Some(answered) = &exchange.answered_by else { return details().filter(|_| failed) };
    let instance = instances.iter().find(|instance| instance.name == *answered);
    let exported = instance.and_then(|instance| exchange.filter_state.get(&instance.reason));
    exported.map(|reason| String::from_utf8_lossy(reason).into_owned()).or_else(details)
}

/// A sentence as a code: words joined with `_`, numbers as `n`.
fn code(sentence: &str) -> String {
    let words = sentence.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let words = words.map(|word| match word.bytes().all(|byte| byte.is_ascii_digit()) {
        true => "n".to_owned(),
        false => word.to_ascii_lowercase(),
    });
    words.collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::{Instance, Outcome};
    use crate::observation::Verdict;
    use crate::traffic::Malformed;
    use proxy_wasm_host::{ClientResponse, Exchange, HeaderMap, Kind, StreamId};
    use std::collections::BTreeMap;

    fn exchange(answered_by: Option<&str>, details: &str, complete: bool) -> Exchange {
        let headers = HeaderMap::from_pairs(Kind::Response, [(":status", "403")]);
        Exchange {
            id: StreamId(1),
            answered_by: answered_by.map(str::to_owned),
            response: Some(ClientResponse { headers, complete, ..ClientResponse::default() }),
            upstream: None,
            details: Some(details.to_owned()),
            filter_state: BTreeMap::new(),
            logs: Vec::new(),
            call_outs: Vec::new(),
            traps: Vec::new(),
            fuel: 0,
            metrics: BTreeMap::new(),
        }
    }

    #[test]
    fn who_answered_makes_the_verdict() {
        let instances = ["a", "b"].map(Instance::new);
        let of = |exchange: &Exchange| {
            let outcome = Outcome::of(exchange, &instances);
            (outcome.verdict, outcome.status, outcome.reason, outcome.denied_by)
        };
        let text = |text: &str| Some(text.to_owned());
        assert_eq!(of(&exchange(None, "via_upstream", true)), (Verdict::Pass, Some(403), None, None));
        let denied = exchange(Some("b"), "said", true);
        assert_eq!(of(&denied), (Verdict::Deny, Some(403), text("said"), text("b")));
        let state = BTreeMap::from([(b"portcullis.b.reason".to_vec(), b"why".to_vec())]);
        let denied = Exchange { filter_state: state, ..denied };
        assert_eq!(of(&denied), (Verdict::Deny, Some(403), text("why"), text("b")));
        let failed = exchange(None, "wasm_fail_stream", true);
        assert_eq!(of(&failed), (Verdict::Error, Some(403), text("wasm_fail_stream"), None));
        assert_eq!(of(&exchange(None, "via_upstream", false)).0, Verdict::Error);
        assert_eq!(of(&Exchange { response: None, ..denied }).0, Verdict::Error);
    }

    #[test]
    fn what_shadow_mode_would_refuse_is_a_list() {
        let state = BTreeMap::from([(b"portcullis.a.shadow".to_vec(), b"x.y,z".to_vec())]);
        let exchange = Exchange { filter_state: state, ..exchange(None, "", true) };
        let shadow = |name: &str| Instance::new(name).shadow(&exchange).count();
        assert_eq!((shadow("a"), shadow("b")), (2, 0));
    }

    #[test]
    fn malformed_bytes_have_a_code() {
        let malformed = Malformed { reason: "the body ends after 3 of 10 bytes".to_owned(), status: None };
        let outcome = Outcome::malformed(&malformed);
        assert_eq!(outcome.reason.as_deref(), Some("http1.the_body_ends_after_n_of_n_bytes"));
        assert_eq!((outcome.verdict, outcome.status), (Verdict::Error, None));
    }
}
