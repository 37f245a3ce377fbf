//! Who verifies.

use crate::world::{World, config};
use serde_json::json;
use testkit::jwt::SigningKey;

#[test]
fn what_the_host_does_not_verify_is_said_once() {
    for (crypto, line) in [
        ("auto", Some("jwt-auth: verified by this filter, not by the host: RS256, PS256, ES256")),
        ("host_only", Some("jwt-auth: the host verifies no RS256, ES256: such tokens are refused")),
        ("rust", None),
    ] {
        let algorithms: &[&str] =
            if crypto == "host_only" { &["RS256", "ES256"] } else { &["RS256", "PS256", "ES256"] };
        let mut world = World::new(&config(json!({ "algorithms": algorithms }), json!({ "crypto": crypto })));
        assert_eq!(world.tick(), line.into_iter().collect::<Vec<_>>());
        assert!(world.tick().is_empty());
    }
}

#[test]
fn who_verifies() {
    // Nobody at this host: what must be verified there is refused, and what may be is verified here.
    for (crypto, reason) in [("rust", "passed"), ("auto", "passed"), ("host_only", "jwt.signature")] {
        let provider = json!({ "algorithms": ["ES256"] });
        let mut world = World::new(&config(provider, json!({ "crypto": crypto })));
        let token = world.token(SigningKey::P256, json!({}));
        assert_eq!(world.bearer(&token).reason(), reason, "{crypto}");
        assert_eq!(world.bearer(&token).reason(), reason, "{crypto}");
    }
}
