//! What is remembered of verified tokens, and for how long.

use crate::world::{World, config};
use filter_core::filter::{Filter, Flow, Host};
use filter_core::message::RequestHead;
use filter_core::policy::{Cx, Timestamp};
use filter_core::store::SharedStore;
use filter_core::stream::Stream;
use filter_core::task::CallOut;
use jwt_auth::JwtAuth;
use serde_json::json;
use std::cell::Cell;
use testkit::TestCx;
use testkit::jwt::SigningKey;

#[test]
fn verified_tokens_are_remembered_within_bounds() {
    // What is remembered costs no verification, which a key that is gone shows: the signature would no longer verify.
    for (cache, hits) in [
        (json!({}), 10..=10),
        (json!({ "enabled": false }), 0..=0),
        (json!({ "entries": 4 }), 4..=8),
        (json!({ "bytes": 4000 }), 2..=4),
    ] {
        let whole = json!({ "cache": cache, "crypto": "host_only" });
        let cx = Verifying::default();
        let mut filter = Filter::<JwtAuth>::default();
        let provider = json!({ "algorithms": ["ES256"] });
        filter.configure("jwt-auth", config(provider, whole).as_bytes(), &()).unwrap();
        let world = World::new(&config(json!({}), json!({})));
        let tokens: Vec<String> =
            (0..10).map(|i| world.token(SigningKey::P256, json!({ "jti": i.to_string() }))).collect();
        let mut ask = |token: &str| {
            let headers =
                testkit::request("GET", "/").header("authorization", format!("Bearer {token}")).build();
            let head = RequestHead { headers: &headers, end_of_stream: true };
            let mut stream = Stream::new(1);
            let outcome = stream.request_headers(&mut filter, &head, &cx);
            assert_eq!(outcome.flow, Flow::Continue, "{:?}", outcome.logs);
        };
        tokens.iter().for_each(|token| ask(token));
        let before = cx.asked.get();
        // The host is asked 12 times whether it can be trusted, then once for each token.
        assert_eq!(before, 12 + 10, "{cache}");
        // From the youngest on: what is found does not push out what is still to be looked for.
        tokens.iter().rev().for_each(|token| ask(token));
        let missed = cx.asked.get() - before;
        assert!(hits.contains(&(10 - missed)), "{cache}: {missed} of 10 were verified again");
        assert_eq!(cx.world.now(), world.cx.now());
    }
}

/// A host that finds every signature good, and counts.
#[derive(Default)]
struct Verifying {
    world: TestCx,
    asked: Cell<usize>,
}

impl Cx for Verifying {
    fn now(&self) -> Timestamp {
        self.world.now()
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        self.world.random(bytes)
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        Cx::property(&self.world, path)
    }

    fn store(&self) -> &dyn SharedStore {
        self.world.store()
    }

    fn verify_signature(&self, _: &str, _: &[u8], _: &[u8], _: &[u8]) -> Option<bool> {
        self.asked.set(self.asked.get() + 1);
        Some(true)
    }
}

impl Host for Verifying {
    fn dial(&self, call: &CallOut) -> Option<u32> {
        self.world.dial(call)
    }

    fn listen(&self, name: &str) -> Option<u32> {
        self.world.listen(name)
    }
}
