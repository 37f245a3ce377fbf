//! Configurations that are refused, and in which words.

use crate::world::{Gate, config, per_address, with};
use serde_json::{Value, json};

/// One limit with these keys beside its name and rate.
fn limit(more: Value) -> Value {
    let mut limit = json!({ "name": "a", "rate": "10r/s" });
    for (key, value) in more.as_object().expect("an object") {
        limit[key] = value.clone();
    }
    config(json!([limit]))
}

fn refuses(config: &Value, expected: &[&str]) {
    assert_eq!(Gate::errors(config), expected, "{config}");
}

#[test]
fn rates() {
    let wrong =
        "limits[0].rate: not a rate; expected as \"10r/s\", \"10r/m\", \"10r/h\", \"10r/d\" or \"100r/30s\"";
    for rate in
        ["10", "10r", "r/s", "10r/", "10/s", "10 r/s", "+1r/s", "1.5r/s", "10r/ms", "10r/w", "4294967296r/s"]
    {
        refuses(&limit(json!({ "rate": rate })), &[wrong]);
    }
    refuses(&limit(json!({ "rate": 10 })), &["limits[0].rate: expected a rate as \"10r/s\", got a number"]);
    refuses(&limit(json!({ "rate": "0r/s" })), &["limits[0].rate: allows nothing"]);
    for rate in ["1r/500ms", "1r/0s", "1r/32d"] {
        refuses(&limit(json!({ "rate": rate })), &["limits[0].rate: the time must be 1 s to 31 days"]);
    }
    for rate in ["1r/s", "1r/m", "1r/h", "1r/d", "100r/30s", "1000000r/s", "5r/1500ms", "3r/31d"] {
        refuses(&limit(json!({ "rate": rate })), &[]);
    }
}

#[test]
fn bursts() {
    let window = "limits[0].burst: belongs to token_bucket and leaky_bucket; a window has none";
    for algorithm in ["sliding_window", "fixed_window"] {
        refuses(&limit(json!({ "algorithm": algorithm, "burst": 1 })), &[window]);
        refuses(&limit(json!({ "algorithm": algorithm })), &[]);
    }
    for burst in [json!(-1), json!(1.5), json!(4_294_967_296_u64)] {
        refuses(
            &limit(json!({ "burst": burst })),
            &["limits[0].burst: must be an integer from 0 to 4294967295"],
        );
    }
    refuses(&limit(json!({ "burst": 0 })), &[]);
    let fine = "limits[0].rate: rate and burst together are beyond what can be counted exactly";
    refuses(&limit(json!({ "rate": "1r/d", "burst": 1_000_000 })), &[fine]);
    let unit = "limits[0].rate: leaky_bucket counts as nginx does and knows r/s and r/m; use token_bucket";
    refuses(&limit(json!({ "algorithm": "leaky_bucket", "rate": "1r/h" })), &[unit]);
}

#[test]
fn names() {
    let mut two = config(json!([{ "name": "a", "rate": "1r/s" }, { "name": "a", "rate": "2r/s" }]));
    two["default"] = json!({ "limits": ["a"] });
    refuses(&two, &["limits[1].name: the same name as limits[0]"]);
    let bad = "limits[0].name: a name has 1 to 64 letters, digits, -, _ and .";
    for name in ["a b", "a\"", "a:b", "é", &"x".repeat(65)] {
        refuses(&limit(json!({ "name": name })), &[bad]);
    }
    refuses(
        &with(per_address(), "default", json!({ "limits": ["per-adress"] })),
        &["default.limits[0]: no limit has this name"],
    );
    refuses(
        &with(per_address(), "default", json!({ "limits": ["per-address", "per-address"] })),
        &["default.limits[1]: the limit is named twice"],
    );
    refuses(
        &with(per_address(), "default", json!({})),
        &["limits[0].name: no rule asks limit \"per-address\""],
    );
    refuses(&with(per_address(), "limits", json!([])), &["limits: must not be empty; leave the key out"]);
}

#[test]
fn costs() {
    let cost = |cost: u64| with(per_address(), "default", json!({ "limits": ["per-address"], "cost": cost }));
    refuses(&cost(21), &[]);
    refuses(&cost(22), &["default.cost: limit \"per-address\": more than the 21 that can pass at once"]);
    let mut small = limit(json!({
        "burst": 5, "key": [{ "header": "k" }], "overrides": [{ "key": ["x"], "rate": "1r/s" }],
    }));
    small["default"]["cost"] = json!(2);
    refuses(&small, &["default.cost: limit \"a\": more than the 1 that can pass at once"]);
}

#[test]
fn keys() {
    let key = |key: Value| limit(json!({ "key": key }));
    refuses(
        &key(json!([{ "header": "a" }, { "header": "A" }])),
        &["limits[0].key[1]: the same part as limits[0].key[0]"],
    );
    refuses(
        &key(json!([{ "address": {} }, { "address": { "ipv4_prefix": 24 } }])),
        &["limits[0].key[1]: the same part as limits[0].key[0]"],
    );
    refuses(
        &key(json!([{ "address": { "ipv4_prefix": 33, "ipv6_prefix": 129 } }])),
        &[
            "limits[0].key[0].address.ipv4_prefix: must be 1 to 32",
            "limits[0].key[0].address.ipv6_prefix: must be 1 to 128",
        ],
    );
    let one = "address, header, cookie, query, claim, method, host, path, route, constant";
    refuses(&key(json!([{}])), &[&format!("limits[0].key[0]: expected exactly one of {one}")]);
    refuses(
        &key(json!([{ "ip": {} }])),
        &[&format!("limits[0].key[0].ip: unknown key; expected one of {one}")],
    );
    refuses(&key(json!(["address"])), &["limits[0].key[0]: expected an object, got a string"]);
    refuses(
        &key(json!([{ "header": "a b" }])),
        &[
            "limits[0].key[0].header: not a header name (RFC 9110 section 5.1: letters, digits and !#$%&'*+-.^_`|~)",
        ],
    );
}

#[test]
fn who_is_another() {
    let by_address = |more: Value| {
        let mut config = limit(more);
        config["limits"][0]["key"] = json!([{ "address": { "ipv4_prefix": 24 } }]);
        config
    };
    refuses(
        &by_address(json!({ "unlimited": ["10.0.0.0/8", "10.0.0.1/8", "x"] })),
        &[
            "limits[0].unlimited[1]: the address has bits beyond the prefix; write the first address of the range",
            "limits[0].unlimited[2]: not an address range; expected as 192.0.2.0/24, 2001:db8::/32 or 192.0.2.1",
        ],
    );
    refuses(
        &limit(json!({ "unlimited": ["x"] })),
        &["limits[0].unlimited: the key must have exactly one part; write a rule without the limit"],
    );
    let other = |key: Value| by_address(json!({ "overrides": [{ "key": key, "rate": "1r/s" }] }));
    refuses(&other(json!(["192.0.2.0"])), &[]);
    refuses(
        &other(json!(["192.0.2.1"])),
        &[
            "limits[0].overrides[0].key[0]: the address has bits beyond the prefix of the key; write the first address",
        ],
    );
    refuses(
        &other(json!(["192.0.2.0", "x"])),
        &["limits[0].overrides[0].key: 2 values for a key of 1 parts"],
    );
    refuses(&other(json!([])), &["limits[0].overrides[0].key: must not be empty; leave the key out"]);
    let twice = json!({ "overrides": [
        { "key": ["192.0.2.0"], "rate": "1r/s" }, { "key": ["::ffff:192.0.2.0"], "rate": "2r/s" },
    ] });
    refuses(
        &by_address(twice),
        &["limits[0].overrides[1].key: the same key as in an earlier override, or in unlimited"],
    );
    let hosts = json!({ "key": [{ "host": {} }], "overrides": [{ "key": ["A.example"], "rate": "1r/s" }] });
    refuses(
        &limit(hosts),
        &["limits[0].overrides[0].key[0]: not a host as rules match it: lower case, without port"],
    );
}

#[test]
fn what_is_shared_needs_redis_and_a_secret() {
    let shared = || limit(json!({ "distributed": {} }));
    refuses(
        &shared(),
        &[
            "redis: is required: a limit is distributed",
            "key_secret: is required: client values are written to Redis or the log as HMACs by it",
        ],
    );
    let whole =
        with(with(shared(), "redis", json!({ "cluster": "redis" })), "key_secret", json!({ "env": "KEY" }));
    refuses(&whole, &[]);
    refuses(
        &with(per_address(), "redis", json!({ "cluster": "redis" })),
        &["redis: no limit is distributed: nothing would be counted there"],
    );
    refuses(
        &with(per_address(), "key_secret", json!({ "env": "KEY" })),
        &["key_secret: nothing is distributed and log_client is not hmac: nothing would use it"],
    );
    refuses(
        &with(per_address(), "log_client", json!("hmac")),
        &["key_secret: is required: client values are written to Redis or the log as HMACs by it"],
    );
    refuses(
        &with(whole.clone(), "key_secret", json!({ "env": "SHORT" })),
        &["key_secret: the secret must have at least 16 bytes"],
    );
    refuses(
        &with(whole.clone(), "key_secret", json!({ "env": "NONE" })),
        &["key_secret: environment variable NONE is not set"],
    );
    let mut long = whole.clone();
    long["limits"][0]["distributed"] = json!({ "lease_ttl": "61s" });
    refuses(&long, &["limits[0].distributed.lease_ttl: at most \"60s\""]);
    refuses(&with(whole, "gateways", json!(10_001)), &["gateways: at most 10000"]);
}

#[test]
fn numbers() {
    refuses(&with(per_address(), "table", json!({ "slots": 1_048_577 })), &["table.slots: at most 1048576"]);
    refuses(
        &with(per_address(), "retry_after_jitter", json!("61s")),
        &["retry_after_jitter: must be whole seconds, at most \"60s\""],
    );
    refuses(
        &with(per_address(), "retry_after_jitter", json!("500ms")),
        &["retry_after_jitter: must be whole seconds, at most \"60s\""],
    );
    let limits: Vec<Value> = (0..65).map(|n| json!({ "name": format!("l{n}"), "rate": "1r/s" })).collect();
    refuses(&config(json!(limits)), &["limits: 65 limits; at most 64 are accepted"]);
}
