//! Configurations that are refused, and in which words; more are in `envoy-configs/bad/login-guard`.

use crate::world::{World, config};
use serde_json::json;

#[test]
fn every_mistake_has_its_path() {
    let errors = World::errors(&config(json!({
        "known_for": "9000h",
        "gateways": 10_001,
        "max_body": 2_000_000,
        "lock": { "first": "2m", "max": "1m" },
        "alarm": { "ratio": 101, "window": "999ms" },
        "table": { "slots": 2_000_000 },
        "key_secret": { "env": "SHORT" },
        "limits": {
            "address": { "rate": "0r/m", "ipv4_prefix": 33, "ipv6_prefix": 129 },
            "username": { "rate": "1r/32d" },
            "pair": { "rate": "1r/31d", "burst": 4_294_967_295_u32 },
        },
    })));
    assert_eq!(
        errors,
        [
            "lock.first: longer than `max`",
            "known_for: at most \"8760h\"",
            "limits.address.rate: allows nothing",
            "limits.username.rate: the time must be 1 s to 31 days",
            "limits.pair.rate: rate and burst together are beyond what can be counted exactly",
            "limits.address.ipv4_prefix: must be 1 to 32",
            "limits.address.ipv6_prefix: must be 1 to 128",
            "gateways: at most 10000",
            "max_body: at most 1048576",
            "alarm.ratio: at most 100",
            "alarm.window: at least \"1s\"",
            "table.slots: at most 1048576",
            "key_secret: the secret must have at least 16 bytes",
        ]
    );
}

#[test]
fn what_is_left_out_has_a_default() {
    let rule = json!({ "name": "login", "match": {}, "username": { "json": "/user" } });
    let least = json!({ "version": 1, "key_secret": { "env": "LOGIN_KEY" }, "rules": [rule] });
    assert_eq!(World::errors(&least), Vec::<String>::new());
}
