//! The faults that servers can be told to have, and what a request learns of each.

use anyhow::{Context as _, Result, ensure};
use replay::step::CallOut;
use serde_json::{Value, json};

/// What a call-out is answered.
#[derive(Debug, Clone)]
pub struct Fault {
    /// What happens, for messages.
    pub name: String,
    /// The members of the scripted answer.
    pub answer: Value,
    /// What the request learns.
    pub reason: &'static str,
    /// Whether it is the timeout that ends it.
    pub silent: bool,
}

fn fault(name: &str, answer: Value, reason: &'static str) -> Fault {
    Fault { name: name.to_owned(), answer, reason, silent: false }
}

fn silent(name: &str, answer: Value, reason: &'static str) -> Fault {
    Fault { silent: true, ..fault(name, answer, reason) }
}

impl Fault {
    /// The answer as servers take it.
    ///
    /// # Errors
    /// It is none.
    pub fn scripted(&self, cluster: &str) -> Result<CallOut> {
        answer(cluster, &self.answer).with_context(|| self.name.clone())
    }
}

/// An answer to a call to this cluster, from its members.
///
/// # Errors
/// It is none.
pub fn answer(cluster: &str, members: &Value) -> Result<CallOut> {
    let mut answer = json!({ "cluster": cluster, "path": "/" });
    let (Some(all), Some(members)) = (answer.as_object_mut(), members.as_object()) else {
        anyhow::bail!("{members} is no answer");
    };
    all.extend(members.clone());
    Ok(serde_json::from_value(answer)?)
}

/// Far beyond every timeout here.
const LATE_MS: u64 = 300;

/// Faults of an HTTP service; the reason is the caller's own text.
pub fn of_a_service() -> Vec<Fault> {
    vec![
        fault("refused", json!({ "fault": "refused" }), "status 503"),
        silent("no answer", json!({ "fault": "timeout" }), "status 504"),
        fault("reset", json!({ "fault": "reset" }), "status 503"),
        fault("garbage", json!({ "fault": "garbage" }), "status 502"),
        fault("truncated body", json!({ "fault": "truncated", "body": "half" }), "Incomplete"),
        silent("stalled body", json!({ "fault": "stalled", "body": "half" }), "Incomplete"),
        silent("late answer", json!({ "body": "late", "delay_ms": LATE_MS }), "status 504"),
        fault("500", json!({ "status": 500, "body": "no" }), "status 500"),
        fault("too large", json!({ "body": { "repeat": "x", "times": 65537 } }), "TooLarge"),
    ]
}

/// Faults of the gateway to Redis, real errors of Redis aside.
pub fn of_a_gateway() -> Vec<Fault> {
    let values = |values: Value| json!({ "redis": { "values": values } });
    let nonce = |nonce: &str| json!({ "redis": { "values": [1, "stranger"], "nonce": nonce } });
    vec![
        fault("refused", json!({ "fault": "refused" }), "unreachable"),
        silent("no answer", json!({ "fault": "timeout" }), "timeout"),
        fault("reset", json!({ "fault": "reset" }), "unreachable"),
        fault("garbage", json!({ "fault": "garbage" }), "status"),
        fault("truncated body", json!({ "fault": "truncated", "body": "{\"EVAL" }), "incomplete"),
        silent("stalled body", json!({ "fault": "stalled", "body": "{\"EVAL" }), "incomplete"),
        silent("late answer", json!({ "delay_ms": LATE_MS, "redis": { "values": [1, "late"] } }), "timeout"),
        fault("500", json!({ "status": 500 }), "status"),
        fault("404", json!({ "status": 404 }), "status"),
        fault("301", json!({ "status": 301, "headers": [["location", "/"]] }), "status"),
        fault("401", json!({ "status": 401 }), "denied"),
        fault("403", json!({ "status": 403 }), "denied"),
        fault("5 MB", json!({ "body": { "repeat": "x", "times": 5_000_000 } }), "too_large"),
        fault("no body", json!({}), "malformed"),
        fault("HTML", json!({ "body": "<html><body>It works!</body></html>" }), "malformed"),
        fault("half of JSON", json!({ "body": "{\"EVALSHA\":[1," }), "malformed"),
        fault("an array alone", json!({ "body": "[1,2]" }), "malformed"),
        fault("another command", json!({ "body": "{\"GET\":[1,\"x\"]}" }), "malformed"),
        fault("no array", json!({ "body": "{\"EVALSHA\":1}" }), "malformed"),
        fault("an array in an array", values(json!([[1, 2]])), "malformed"),
        fault("an object in an array", values(json!([{}])), "malformed"),
        fault("2^63", values(json!([9_223_372_036_854_775_808_u64])), "malformed"),
        fault("a fraction", values(json!([1.5])), "malformed"),
        fault("true", values(json!([true])), "malformed"),
        fault("no ASCII", values(json!(["é"])), "malformed"),
        fault("another call's nonce", nonce("another"), "nonce"),
        fault("no nonce", nonce("none"), "nonce"),
        fault("an empty array", json!({ "redis": { "values": [], "nonce": "none" } }), "nonce"),
    ]
}

/// What a real Webdis answered in every error there is, from the table that `backends` captures, and what is learnt.
///
/// # Errors
/// The table has an error that is not known here, or one less than was known.
pub fn of_redis() -> Result<Vec<Fault>> {
    let path = backends::root()?.join("host-tests/backends/tests/data/replies.txt");
    let table = std::fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let mut faults = Vec::new();
    let mut known: Vec<&str> = REASONS.iter().map(|(situation, _)| *situation).collect();
    for line in table.lines().filter(|line| !(line.is_empty() || line.starts_with('#'))) {
        let [situation, status, body] = line.splitn(3, '\t').collect::<Vec<_>>()[..] else {
            anyhow::bail!("{line:?} is no line of {}", path.display());
        };
        let status: u16 = status.parse().with_context(|| line.to_owned())?;
        let value: Option<Value> = serde_json::from_str(body).ok();
        let members = value.as_ref().and_then(Value::as_object).and_then(|object| object.values().next());
        let answer = match members.and_then(Value::as_array).map(Vec::as_slice) {
            Some([Value::Bool(false), Value::String(error)]) => json!({ "redis": { "error": error } }),
            _ if status != 200 => json!({ "status": status, "body": body }),
            _ => continue,
        };
        let reason = REASONS.iter().find(|(known, _)| *known == situation);
        let (_, reason) = reason.with_context(|| format!("{situation}: what is learnt is not known here"))?;
        known.retain(|known| *known != situation);
        faults.push(fault(&format!("redis: {situation}"), answer, reason));
    }
    ensure!(known.is_empty(), "{known:?} are not in {}", path.display());
    Ok(faults)
}

/// The situations of the table in which there is an error, and the reason.
const REASONS: &[(&str, &str)] = &[
    ("noscript", "no_script"),
    ("no_sha", "no_script"),
    ("does_not_compile", "redis"),
    ("fails", "redis"),
    ("its_own_error", "redis"),
    ("wrong_type", "redis"),
    ("command_inside_not_permitted", "denied"),
    ("key_inside_not_permitted", "denied"),
    ("pcall_inside_not_permitted", "denied"),
    ("command_inside_not_for_scripts", "redis"),
    ("key_not_permitted", "denied"),
    ("too_few_words", "redis"),
    ("count_of_keys_too_large", "redis"),
    ("count_of_keys_no_number", "redis"),
    ("unknown_command", "redis"),
    ("not_logged_in", "denied"),
    ("readonly", "read_only"),
    ("masterdown", "loading"),
    ("noreplicas", "read_only"),
    ("busy", "busy"),
    ("loading", "loading"),
    ("misconf", "read_only"),
    ("oom", "out_of_memory"),
    ("oom_at_the_start_of_a_script", "out_of_memory"),
    ("oom_pcall", "out_of_memory"),
    ("forbidden", "denied"),
    ("empty_body", "denied"),
    ("redis_down", "unreachable"),
    ("max_clients", "unreachable"),
];
