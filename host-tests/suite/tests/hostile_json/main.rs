//! Bodies that are made to cost more than they are worth, through the module: what each is answered, and that none takes
//! ten times the fuel of an honest body of its size, or 16 MiB of memory.
//!
//! Fuel is what wasmtime counts, about one for each instruction: time that no other process disturbs.

#![allow(clippy::cast_precision_loss, reason = "ratios for people to read")]

mod bodies;
mod configuration;
#[path = "../ajv/gateway.rs"]
mod gateway;

use anyhow::{Context as _, Result, ensure};
use bodies::{Hostile, honest, hostile};
use configuration::{HONEST, configuration};
use gateway::{Gateway, module};
use replay::report::aligned;
use std::fmt::Write as _;

/// Fuel, as a multiple of an honest body's.
const MOST_FUEL: f64 = 10.0;

/// Bytes of memory above that of a filter which has served nothing.
const MOST_MEMORY: usize = 16 << 20;

#[test]
fn none_costs_ten_times_what_an_honest_body_does() -> Result<()> {
    let module = module(true)?;
    let mut rows =
        vec![["body", "bytes", "answer", "fuel", "per byte", "of honest", "MiB"].map(str::to_owned)];
    let mut wrong = String::new();
    let mut users = Gateway::start(&module, &configuration(HONEST, true))?;
    for Hostile { name, path, wide, body, answer: expected, honest: of_schema } in hostile() {
        let configuration = configuration(path, wide);
        let fair = match of_schema {
            None => users.post(HONEST, honest(body.len()).as_bytes()),
            Some(honest) => Gateway::start(&module, &configuration)?.post(path, honest.as_bytes()),
        };
        let fair = fair.with_context(|| name.to_owned())?;
        ensure!(fair.status == 200, "{name}: the honest body gets {}", fair.status);
        // One that has served nothing: memory that has grown stays.
        let mut gateway = Gateway::start(&module, &configuration)?;
        let base = gateway.memory();
        let seen = gateway.post(path, body.as_bytes()).with_context(|| name.to_owned())?;
        let above = seen.memory.saturating_sub(base);
        let times = seen.fuel as f64 / fair.fuel as f64;
        let answer = format!("{} {}", seen.status, seen.reason.as_deref().unwrap_or_default());
        rows.push([
            name.to_owned(),
            body.len().to_string(),
            answer.clone(),
            seen.fuel.to_string(),
            format!("{:.0}", seen.fuel as f64 / body.len() as f64),
            format!("{times:.2}"),
            format!("{:.1}", above as f64 / f64::from(1 << 20)),
        ]);
        if (seen.status, seen.reason.as_deref()) != expected {
            writeln!(wrong, "{name}: {answer}, not {expected:?}")?;
        }
        ensure!(seen.reached_upstream == (seen.status == 200), "{name}: {seen:?}");
        if times > MOST_FUEL {
            writeln!(wrong, "{name}: {times:.1} times the fuel of an honest body")?;
        }
        if above > MOST_MEMORY {
            writeln!(wrong, "{name}: {above} bytes of memory")?;
        }
    }
    for row in aligned(&rows) {
        println!("{row}");
    }
    ensure!(wrong.is_empty(), "{wrong}");
    Ok(())
}
