//! What differs from run to run in what was observed, made the same as in the models.

use std::net::SocketAddr;

use recorder::{Headers, Recorded};

use crate::gateway::connection_manager::{CLIENT, REQUEST_ID};
use crate::observation::Observation;
use crate::request::Request;

/// What to replace, and by what.
#[derive(Debug, Default)]
pub(crate) struct Random(Vec<(String, &'static str)>);

impl Random {
    /// The ids that Envoy made up and the client's address, except where the client said the same by itself.
    pub(crate) fn of(request: &Request, ids: impl IntoIterator<Item = String>, client: SocketAddr) -> Self {
        let mut found: Vec<_> = ids.into_iter().map(|id| (id, REQUEST_ID)).collect();
        found.push((client.to_string(), CLIENT));
        found.retain(|(value, _)| !value.is_empty() && !says(request, value.as_bytes()));
        Self(found)
    }

    pub(crate) fn replace_in(&self, seen: &mut Observation) {
        self.headers(&mut seen.headers);
        self.bytes(&mut seen.body);
        self.headers(&mut seen.trailers);
        seen.upstream.iter_mut().for_each(|request| self.request(request));
        for callout in seen.callouts.iter_mut().flatten() {
            self.request(&mut callout.request);
        }
        for line in seen.logs.iter_mut().flatten() {
            for (from, to) in &self.0 {
                line.text = line.text.replace(from, to);
            }
        }
    }

    fn request(&self, request: &mut Recorded) {
        self.bytes(&mut request.path);
        self.headers(&mut request.headers);
        self.bytes(&mut request.body);
        self.headers(&mut request.trailers);
    }

    fn headers(&self, headers: &mut Headers) {
        headers.iter_mut().for_each(|(_, value)| self.bytes(value));
    }

    fn bytes(&self, bytes: &mut Vec<u8>) {
        for (from, to) in &self.0 {
            let mut start = 0;
            while let Some(at) = bytes.get(start..).and_then(|rest| find(rest, from.as_bytes())) {
                bytes.splice(start + at..start + at + from.len(), to.bytes());
                start += at + to.len();
            }
        }
    }
}

/// Whether `value` is anywhere in what the client sends.
fn says(request: &Request, value: &[u8]) -> bool {
    let fields = request.headers.iter().chain(&request.trailers).map(|(_, value)| value);
    let parts = fields.chain(&request.raw).chain([&request.path, &request.authority]);
    let body = request.body.as_ref().map(|pieces| pieces.concat());
    parts.chain(&body).any(|part| find(part, value).is_some())
}

fn find(bytes: &[u8], part: &[u8]) -> Option<usize> {
    bytes.windows(part.len()).position(|window| window == part)
}

#[cfg(test)]
mod tests {
    use super::{Random, find};
    use crate::observation::{LogLine, Observation};
    use crate::request::Request;

    #[test]
    fn made_up_values_are_replaced_everywhere_and_given_ones_nowhere() {
        let client = "127.0.0.1:41234".parse().unwrap();
        let ids = || ["4fdf2f46-9c72".to_owned(), String::new()];
        let mut seen = Observation::no_response(String::new());
        seen.headers = vec![("x-id".into(), b"4fdf2f46-9c72 4fdf2f46-9c72".to_vec())];
        seen.body = b"id 4fdf2f46-9c72 of 127.0.0.1:41234".to_vec();
        let line = |text: &str| LogLine { level: "info".into(), prefix: String::new(), text: text.into() };
        seen.logs = Some(vec![line("from 127.0.0.1:41234")]);
        let mut given = seen.clone();

        let request = Request::new("GET", "/");
        Random::of(&request, ids(), client).replace_in(&mut seen);
        let id = "00000000-0000-4000-8000-000000000000";
        assert_eq!(seen.headers, [("x-id".to_owned(), format!("{id} {id}").into_bytes())]);
        assert_eq!(seen.body, format!("id {id} of 127.0.0.1:50000").into_bytes());
        assert_eq!(seen.logs, Some(vec![line("from 127.0.0.1:50000")]));

        let request = Request {
            path: b"/127.0.0.1:41234".to_vec(),
            body: Some(vec![b"4fdf2f46".to_vec(), b"-9c72".to_vec()]),
            ..request
        };
        let before = given.clone();
        Random::of(&request, ids(), client).replace_in(&mut given);
        assert_eq!(given, before);
        assert_eq!(find(b"abc", b"d"), None);
    }
}
