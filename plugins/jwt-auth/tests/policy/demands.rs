//! What rules ask of tokens.

use crate::world::{World, config};
use serde_json::json;
use testkit::jwt::SigningKey;

#[test]
fn what_rules_ask_of_claims() {
    let claims = json!({
        "scope": "a b", "scp": ["c"], "role": "admin", "groups": ["x", "y"], "level": 3, "flag": true, "one": ["z"],
    });
    for (rule, enough) in [
        (json!({ "scopes": ["a", "b", "c"] }), true),
        (json!({ "scopes": ["a", "d"] }), false),
        (json!({ "claims": [{ "claim": "role", "equals": "admin" }] }), true),
        (json!({ "claims": [{ "claim": "role", "equals": "adm" }] }), false),
        (json!({ "claims": [{ "claim": "level", "equals": 3 }, { "claim": "flag", "equals": true }] }), true),
        (json!({ "claims": [{ "claim": "level", "equals": "3" }] }), false),
        (json!({ "claims": [{ "claim": "one", "equals": "z" }] }), false),
        (json!({ "claims": [{ "claim": "groups", "contains": "x" }] }), true),
        (json!({ "claims": [{ "claim": "groups", "contains": "z" }] }), false),
        (json!({ "claims": [{ "claim": "groups", "any": ["z", "y"] }] }), true),
        (json!({ "claims": [{ "claim": "groups", "any": ["z"] }] }), false),
        (json!({ "claims": [{ "claim": "groups", "all": ["x", "y"] }] }), true),
        (json!({ "claims": [{ "claim": "groups", "all": ["x", "z"] }] }), false),
        (json!({ "claims": [{ "claim": "absent", "any": ["x"] }] }), false),
    ] {
        let mut world = World::new(&config(json!({}), json!({ "default": rule.clone() })));
        let token = world.token(SigningKey::P256, claims.clone());
        assert_eq!(world.bearer(&token).status(), if enough { 200 } else { 403 }, "{rule}");
    }
}

#[test]
fn the_default_is_what_no_rule_is_about() {
    let rules = json!([
        { "name": "a", "match": { "path": { "prefix": "/a" } }, "require": { "any_of": ["idp"] } },
        { "name": "b", "match": { "path": { "prefix": "/b" } }, "optional": true, "require": { "any_of": ["idp"] } },
    ]);
    let mut open =
        World::new(&config(json!({}), json!({ "rules": rules, "default": { "require": "none" } })));
    assert_eq!(open.send("GET", "/a", &[]).reason(), "jwt.missing");
    assert_eq!(open.send("GET", "/b", &[]).reason(), "passed");
    assert_eq!(open.send("GET", "/c", &[]).reason(), "passed");
    let mut optional = World::new(&config(json!({}), json!({ "default": { "optional": true } })));
    assert_eq!(optional.send("GET", "/c", &[]).reason(), "passed");
    assert_eq!(optional.bearer("junk").reason(), "jwt.malformed");
}
