//! Several workers of one gateway.

use crate::world::{config, from, per_address};
use filter_core::config::load;
use filter_core::effect::Verdict;
use filter_core::message::{Headers, RequestHead};
use filter_core::policy::{Cx, Policy, Timestamp};
use filter_core::store::SharedStore;
use rate_limit::RateLimit;
use serde_json::json;
use testkit::TestCx;

/// Each has a policy and a state of its own; the store is one.
#[test]
fn workers_count_together() {
    let config = per_address().to_string();
    let mut workers: Vec<(RateLimit, <RateLimit as Policy>::State)> =
        (0..4).map(|_| (load(config.as_bytes(), &()).expect("a policy"), Default::default())).collect();
    let cx = TestCx::default();
    let headers: Headers = from("192.0.2.1").into();
    let head = RequestHead { headers: &headers, end_of_stream: true };
    let mut passed = 0;
    for round in 0..40 {
        let (policy, state) = &mut workers[round % 4];
        let mut stream = Default::default();
        let step = policy.on_request_headers(state, &mut stream, &head, &cx);
        passed += usize::from(step.verdict == Verdict::Continue);
    }
    assert_eq!(passed, 21);
}

/// The world of a request whose token has this subject.
struct Subject<'w>(&'w TestCx, &'w str);

impl Cx for Subject<'_> {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        self.0.random(bytes)
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        (path == ["filter_state", "wasm.portcullis.claims.sub"]).then(|| self.1.as_bytes().to_vec())
    }

    fn store(&self) -> &dyn SharedStore {
        self.0.store()
    }
}

/// What jwt-auth hands on is asked of the host at each request.
#[test]
fn claims_tell_clients_apart() {
    let config = config(json!([{ "name": "two", "rate": "2r/m", "burst": 1, "key": [{ "claim": "sub" }] }]));
    let policy: RateLimit = load(config.to_string().as_bytes(), &()).expect("a policy");
    let (cx, mut state) = (TestCx::default(), Default::default());
    let headers: Headers = from("192.0.2.1").into();
    let head = RequestHead { headers: &headers, end_of_stream: true };
    let mut passed = |subject: &str| {
        let world = Subject(&cx, subject);
        let passes = || policy.on_request_headers(&mut state, &mut Default::default(), &head, &world).verdict;
        std::iter::repeat_with(passes).take(3).filter(|verdict| *verdict == Verdict::Continue).count()
    };
    assert_eq!(passed("alice"), 2);
    assert_eq!(passed("bob"), 2);
    assert_eq!(passed("alice"), 0);
    // No subject is a missing part, and those without one are one client.
    assert_eq!(passed(""), 2);
    assert_eq!(passed(""), 0);
}
