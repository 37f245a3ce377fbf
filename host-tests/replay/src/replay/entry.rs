//! One request of the traffic while it is under way.

use std::borrow::Cow;
use std::cell::RefCell;

use super::lane::Finished;
use crate::Expect;
use crate::step::Step;
use crate::traffic::{Exchange, Found, Malformed, Origin, Redactor};

/// What is kept of a request until its results are there.
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) origin: Origin,
    /// Method and path, without the query, masked.
    pub(super) route: String,
    pub(super) expect: Option<Expect>,
    pub(super) malformed: Option<Malformed>,
    /// The secrets of the request: nothing that is written about it may repeat them.
    pub(super) found: RefCell<Found>,
}

impl Entry {
    /// Takes what is kept; the step goes on to the gateways.
    pub(super) fn new(exchange: &mut Exchange, redactor: &Redactor) -> Self {
        let mut found = Found::default();
        secrets(&exchange.step, redactor, &mut found);
        Self {
            id: text(redactor.text(exchange.id.as_bytes(), &found)),
            origin: exchange.origin.clone(),
            route: route(exchange, redactor, &mut found),
            expect: exchange.step.expect.take(),
            malformed: exchange.malformed.take(),
            found: RefCell::new(found),
        }
    }
}

impl Entry {
    /// A text about the request, without its secrets.
    pub(super) fn shown(&self, said: &str, redactor: &Redactor) -> String {
        text(redactor.text(said.as_bytes(), &self.found.borrow()))
    }

    /// Lines about the results, without the secrets of the request and of these results.
    pub(super) fn masked(
        &self,
        lines: Vec<String>,
        results: &[&Finished],
        redactor: &Redactor,
    ) -> Vec<String> {
        if lines.is_empty() {
            return lines;
        }
        let mut found = self.found.borrow_mut();
        for exchange in results.iter().filter_map(|finished| finished.exchange.as_deref()) {
            let response = exchange.response.iter().map(|response| (&response.headers, &response.body));
            let upstream = exchange.upstream.iter().map(|request| (&request.headers, &request.body));
            for (headers, body) in response.chain(upstream) {
                for (name, value) in headers.iter() {
                    redactor.header(&String::from_utf8_lossy(name), value, &mut found);
                }
                redactor.body(headers.get(b"content-type"), body, &mut found);
            }
        }
        lines.into_iter().map(|line| text(redactor.text(line.as_bytes(), &found))).collect()
    }
}

/// Finds what is masked in a request.
fn secrets(step: &Step, redactor: &Redactor, found: &mut Found) {
    for (name, value) in step.headers.iter().chain(&step.trailers) {
        redactor.header(name, &value.0, found);
    }
    redactor.path(&step.path.0, found);
    redactor.authority(&step.authority.0, found);
    if let Some(body) = &step.body {
        let content_type = step.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
        redactor.body(content_type.map(|(_, value)| value.0.as_slice()), &body.0, found);
    }
}

fn route(exchange: &Exchange, redactor: &Redactor, found: &mut Found) -> String {
    let step = &exchange.step;
    let (method, target) = match (&exchange.malformed, &step.raw) {
        // What bytes that are no request say first.
        (Some(_), Some(raw)) => {
            ("raw", raw.0.split(|byte| matches!(byte, b'\r' | b'\n')).find(|line| !line.is_empty()))
        }
        _ => (step.method.as_str(), Some(step.path.0.as_slice())),
    };
    let target = target.unwrap_or_default();
    let path = target.split(|byte| matches!(byte, b'?' | b'#')).next().unwrap_or_default();
    format!("{method} {}", redactor.path(path, found).escape_ascii())
}

fn text(bytes: Cow<'_, [u8]>) -> String {
    String::from_utf8_lossy(&bytes).into_owned()
}
