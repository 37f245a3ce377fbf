//! rate-limit, as the bench has it count.

use std::path::Path;

use anyhow::Result;
use serde_json::{Value, json};

use super::{Backends, Counted, GENEROUS};
use crate::variants::{Chain, STRICT, module, wasm_filter};

/// Names the environment variable of the secret.
pub(crate) const SECRET: &str = "KEY_SECRET";

/// The environment of a filter that has one.
pub(crate) fn secret() -> Value {
    json!({ SECRET: "a secret of 32 bytes for a bench." })
}

/// The filter.
///
/// # Errors
/// The module is missing.
pub(super) fn filter(dist: &Path, counted: Counted, backends: &Backends) -> Result<Chain> {
    let module = module(dist, Path::new("rate-limit.wasm"))?;
    // Filters of one name count together in Redis.
    let name = match counted {
        Counted::Locally => "limit",
        Counted::Twice => "limit-two",
        Counted::Leased => "limit-lease",
        Counted::Exactly => "limit-exact",
    };
    let settings = match shared(counted) {
        Some(_) => json!({ "vm_config": { "environment_variables": { "key_values": secret() } } }),
        None => json!({}),
    };
    let chain = wasm_filter(name, &module, &configuration(counted).to_string(), &settings)?;
    let clusters = shared(counted).map(|_| backends.redis_cluster()).into_iter().collect();
    Ok(Chain { clusters, ..chain })
}

/// How a limit is shared, if it is. A Redis that does not answer is an error that the load generator sees.
fn shared(counted: Counted) -> Option<Value> {
    let mode = match counted {
        Counted::Locally | Counted::Twice => return None,
        Counted::Leased => "lease",
        Counted::Exactly => "exact",
    };
    Some(json!({ "mode": mode, "on_error": "deny" }))
}

fn configuration(counted: Counted) -> Value {
    let generous = json!({ "rate": format!("{GENEROUS}r/s"), "burst": GENEROUS });
    let limit = |name: &str, quota: &Value, key: Value| {
        let mut limit = json!({ "name": name, "key": key });
        let members = quota.as_object().into_iter().flatten();
        let distributed = shared(counted).map(|shared| ("distributed".to_owned(), shared));
        if let Some(limit) = limit.as_object_mut() {
            limit.extend(members.map(|(name, value)| (name.clone(), value.clone())).chain(distributed));
        }
        limit
    };
    let mut limits = vec![
        limit("per-address", &generous, json!([{ "address": {} }])),
        limit("strict", &json!({ "rate": "1r/h" }), json!([{ "header": STRICT }])),
    ];
    let mut default = vec!["per-address"];
    if counted == Counted::Twice {
        limits.push(limit("all", &generous, json!([])));
        default.push("all");
    }
    let mut configuration = json!({
        "version": 1,
        "headers": if counted == Counted::Twice { "x_ratelimit" } else { "none" },
        "limits": limits,
        "rules": [{ "name": "strict", "match": { "headers": [{ "name": STRICT }] }, "limits": ["strict"] }],
        "default": { "limits": default },
    });
    if let (Some(_), Some(members)) = (shared(counted), configuration.as_object_mut()) {
        members.insert("redis".to_owned(), json!({ "cluster": Backends::REDIS, "timeout": "1s" }));
        members.insert("key_secret".to_owned(), json!({ "env": SECRET }));
    }
    configuration
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_shared_names_redis() {
        for (counted, expected) in [
            (Counted::Locally, None),
            (Counted::Twice, None),
            (Counted::Leased, Some("lease")),
            (Counted::Exactly, Some("exact")),
        ] {
            let configuration = configuration(counted);
            assert_eq!(configuration.get("redis").is_some(), expected.is_some());
            for limit in configuration["limits"].as_array().unwrap() {
                assert_eq!(limit.pointer("/distributed/mode").and_then(Value::as_str), expected);
            }
        }
    }
}
