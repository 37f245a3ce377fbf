//! login-guard: an attempt to log in beside a request that is none, through the same filter.

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::bodies;
use crate::limits::{Backends, SECRET, secret};
use crate::load::body_script;
use crate::variants::{Chain, Guest, Kind, Sent, Variant, module, wasm_filter};

/// Where users log in.
pub const PATH: &str = "/login";
/// What an attempt carries.
const BODY: &str = r#"{"username":"somebody@example.com","password":"correct horse battery staple"}"#;

/// Who counts attempts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// Nobody: the path is none where users log in.
    Nowhere,
    /// The gateway.
    Locally,
    /// Redis: one call before the attempt goes on, one after its answer that nobody waits for.
    InRedis,
}

/// All variants, one of which needs these backends; what wrk sends is written into `folder`.
///
/// # Errors
/// A module is missing, or the folder cannot be written.
pub fn all(dist: &Path, folder: &Path, backends: &Backends) -> Result<Vec<Variant>> {
    std::fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let script = folder.join("login.lua");
    std::fs::write(&script, body_script(BODY)).with_context(|| script.display().to_string())?;
    let passes = Kind::Bodies { refuses: None };
    let counts = Kind::Bodies { refuses: Some(400) };
    let chains = [
        ("no filter", Kind::NoFilter, Chain::default()),
        ("no-op wasm", Kind::NoOp, Guest { call: "none", repeated: 0 }.filter(dist)?),
        ("a policy that awaits the body", passes.clone(), bodies::awaits(dist)?),
        ("login-guard, a plain route", passes, filter(dist, Counted::Nowhere, backends)?),
        ("login-guard, counted here", counts.clone(), filter(dist, Counted::Locally, backends)?),
        ("login-guard, counted in Redis", counts, filter(dist, Counted::InRedis, backends)?),
    ];
    // The answer must be an upstream's: one of Envoy's own says nothing about a password.
    let variant = |(name, kind, chain): (&str, Kind, Chain)| Variant {
        sent: Sent::Body(BODY.to_owned()),
        script: Some(script.clone()),
        ..Variant::new(name.to_owned(), kind, true, chain)
    };
    Ok(chains.into_iter().map(variant).collect())
}

fn filter(dist: &Path, counted: Counted, backends: &Backends) -> Result<Chain> {
    let module = module(dist, Path::new("login-guard.wasm"))?;
    let settings = json!({
        "allow_on_headers_stop_iteration": true,
        "vm_config": { "environment_variables": { "key_values": secret() } },
    });
    let chain = wasm_filter("login-guard", &module, &configuration(counted).to_string(), &settings)?;
    let shared = counted == Counted::InRedis;
    Ok(Chain { clusters: shared.then(|| backends.redis_cluster()).into_iter().collect(), ..chain })
}

/// More than anybody sends. A Redis that does not answer is an error that the load generator sees.
fn configuration(counted: Counted) -> Value {
    let generous = json!({ "rate": "1000000r/s", "burst": 1_000_000 });
    let path = if counted == Counted::Nowhere { "/elsewhere" } else { PATH };
    let mut configuration = json!({
        "version": 1,
        "key_secret": { "env": SECRET },
        "hold_headers": true,
        "limits": { "address": generous, "username": generous, "pair": generous },
        "rules": [{
            "name": "login",
            "match": { "path": { "exact": path } },
            "username": { "json": "/username" },
        }],
    });
    if let (Counted::InRedis, Some(members)) = (counted, configuration.as_object_mut()) {
        members.insert("redis".to_owned(), json!({ "cluster": Backends::REDIS, "timeout": "1s" }));
        members.insert("on_error".to_owned(), "deny".into());
    }
    configuration
}
