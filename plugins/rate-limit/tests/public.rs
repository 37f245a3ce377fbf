//! Traces of nginx, of a fixed window, and of GCRA. They are no part of this repository: `SUITES` names the folder they are
//! in (`make suites`), and what is missing there is a failure.

#![allow(clippy::disallowed_methods, reason = "the traces are files")]

use anyhow::{Context as _, Result, ensure};
use filter_core::policy::Timestamp;
use rate_limit::Algorithm;
use rate_limit::quota::{Quota, Record};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

fn trace(name: &str) -> Result<Value> {
    let suites = std::env::var("SUITES").context("SUITES is not set: run `make suites`")?;
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let path = root.join(suites).join("rate-limit-traces").join(name);
    let text = std::fs::read(&path).with_context(|| path.display().to_string())?;
    serde_json::from_slice(&text).with_context(|| path.display().to_string())
}

fn number(value: &Value, key: &str) -> Result<u64> {
    value.get(key).and_then(Value::as_u64).with_context(|| format!("{key} of {value}"))
}

/// Which member of an event is the time, and how many µs its unit has.
const TIMES: [(&str, u64); 3] = [("t_us", 1), ("t_ms", 1000), ("t_s", 1_000_000)];

/// Every event of the trace, one record per key.
fn replay(name: &str, quota: Quota) -> Result<usize> {
    let trace = trace(name)?;
    let events = trace.get("events").and_then(Value::as_array).context("events")?;
    let mut records: BTreeMap<String, Record> = BTreeMap::new();
    for (index, event) in events.iter().enumerate() {
        let context = || format!("{name}, event {index}: {event}");
        let time = TIMES.iter().find_map(|(key, unit)| Some(event.get(*key)?.as_u64()? * unit));
        let now = Timestamp(time.with_context(context)?);
        let key = event.get("key").and_then(Value::as_str).with_context(context)?;
        let cost = u32::try_from(event.get("cost").and_then(Value::as_u64).unwrap_or(1))?;
        let (decision, record) = quota.take(records.get(key).copied(), now, cost);
        records.insert(key.to_owned(), record);
        let allowed = event.get("allow").and_then(Value::as_bool).with_context(context)?;
        ensure!((decision.granted == cost) == allowed, "{}: {decision:?}", context());
        if event.get("excess_milli").is_some() {
            ensure!(decision.excess_milli == number(event, "excess_milli")?, "{}: {decision:?}", context());
        }
        if event.get("retry_after_us").is_some() {
            ensure!(decision.retry_us == number(event, "retry_after_us")?, "{}: {decision:?}", context());
        }
        if event.get("remaining").is_some() {
            ensure!(
                u64::from(decision.remaining) == number(event, "remaining")?,
                "{}: {decision:?}",
                context()
            );
            let reset = number(event, "reset_s")? * 1_000_000;
            ensure!(decision.reset_us == reset, "{}: {decision:?}", context());
        }
    }
    Ok(events.len())
}

fn quota(algorithm: Algorithm, requests: u32, seconds: u64, burst: u32) -> Result<Quota> {
    Ok(Quota::new(algorithm, requests, Duration::from_secs(seconds), burst)?)
}

#[test]
fn nginx() -> Result<()> {
    let fast = quota(Algorithm::LeakyBucket, 10, 1, 20)?;
    let slow = quota(Algorithm::LeakyBucket, 1, 60, 0)?;
    let mut events = 0;
    for (name, quota) in [
        ("nginx_10rs_burst20_30_at_once.json", fast),
        ("nginx_10rs_burst20_burst_then_refill.json", fast),
        ("nginx_10rs_burst20_clock_back_61s.json", fast),
        ("nginx_10rs_burst20_steady_99ms.json", fast),
        ("nginx_1rm_burst0.json", slow),
    ] {
        let count = replay(name, quota)?;
        println!("{name}: {count} events");
        events += count;
    }
    ensure!(events > 2000, "{events} events");
    Ok(())
}

#[test]
fn gcra() -> Result<()> {
    let events = replay("gcra_1ps_burst4_throttled_shape.json", quota(Algorithm::TokenBucket, 1, 1, 4)?)?;
    ensure!(events == 13, "{events} events");
    Ok(())
}

#[test]
fn a_fixed_window() -> Result<()> {
    let events = replay("fixed_5pm_boundary.json", quota(Algorithm::FixedWindow, 5, 60, 0)?)?;
    ensure!(events == 17, "{events} events");
    Ok(())
}

/// The table of `TestRateLimit` in throttled (Go): what is left, until when, and when to come back.
#[test]
fn the_table_of_throttled() -> Result<()> {
    let quota = quota(Algorithm::TokenBucket, 1, 1, 4)?;
    let rows = trace("throttled_TestRateLimit_table.json")?;
    let rows = rows.as_array().context("an array")?;
    let start = 1_800_000_000_000_u64;
    let mut record = None;
    for (index, row) in rows.iter().enumerate() {
        let now = Timestamp((start + number(row, "t_ms")?) * 1000);
        let volume = u32::try_from(number(row, "volume")?)?;
        let (decision, next) = quota.take(record, now, volume);
        record = Some(next);
        let limited = row.get("limited").and_then(Value::as_bool).context("limited")?;
        ensure!((decision.granted < volume) == limited, "row {index}: {row} {decision:?}");
        ensure!(
            u64::from(decision.remaining) == number(row, "remaining")?,
            "row {index}: {row} {decision:?}"
        );
        ensure!(decision.reset_us == number(row, "reset_ms")? * 1000, "row {index}: {row} {decision:?}");
        // -1 stands for both "it passed" and "never".
        let retry = row.get("retry_ms").and_then(Value::as_i64).context("retry_ms")?;
        let expected = match (retry, limited) {
            (-1, false) => 0,
            (-1, true) => u64::MAX,
            (retry, _) => u64::try_from(retry)? * 1000,
        };
        ensure!(decision.retry_us == expected, "row {index}: {row} {decision:?}");
    }
    ensure!(rows.len() == 16, "{} rows", rows.len());
    Ok(())
}
