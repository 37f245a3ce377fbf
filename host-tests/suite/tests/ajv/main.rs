//! The schema of `envoy-configs/envoy/schema-guard.yaml` as ajv reads it: a thousand bodies and more get the verdict that
//! ajv gives them, from the module and from the native schema, or it is said here why not.
//!
//! Needs ajv and a Node (`host-tests/tools/tools.sh ajv`, part of `make test`).

#![allow(
    clippy::indexing_slicing,
    clippy::cast_possible_truncation,
    reason = "lists that are not empty, and indices below their lengths"
)]

mod gateway;
mod mutations;

use anyhow::{Context as _, Result, ensure};
use filter_core::config::{At, Tree as Written};
use gateway::{Gateway, module};
use mutations::{Body, Odd, bodies};
use replay::envoy_config::Bootstrap;
use schema_guard::engine::{Draft, Options, Sources};
use schema_guard::json::Limits;
use schema_guard::schema::{Fault, Schema};
use serde_json::Value;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Seek as _;
use suite::root;

const BODIES: usize = 2_000;
const SEED: u64 = 7;

/// What is said of a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    Valid,
    /// It was read, and breaks the schema.
    Invalid,
    /// It was not read.
    Unread,
}

/// What the two say of a body with something odd in it, and why that is not the same.
fn explained(odd: Odd) -> (&'static [(Said, Said)], &'static str) {
    use Said::{Invalid, Unread, Valid};
    match odd {
        Odd::Twice => (
            &[(Unread, Valid), (Unread, Invalid)],
            "a name twice: which of the two counts is up to the reader (RFC 8259 section 4); JSON.parse takes the last",
        ),
        Odd::Surrogate => (
            &[(Unread, Invalid)],
            "half of a surrogate pair is no character (RFC 8259 section 8.2); JavaScript's strings can hold it",
        ),
        Odd::Beyond => {
            (&[(Valid, Invalid)], "1e400 is an integer; to JavaScript it is Infinity, which is none")
        }
        Odd::Between => (
            &[(Invalid, Valid)],
            "1.0000000000000000001 is no integer, and 0.99999999999999999999 is less than 1; as doubles both are 1",
        ),
        Odd::Long => (&[(Unread, Valid), (Unread, Invalid)], "longer than limits.number"),
        Odd::Deep => (&[(Unread, Invalid)], "deeper than limits.depth"),
        Odd::Address => (
            &[(Valid, Invalid)],
            "RFC 5321 section 4.1.2 has a quoted local part, a domain of one label and a literal; ajv-formats does not",
        ),
        Odd::LongAddress => (
            &[(Invalid, Valid)],
            "RFC 5321 section 4.5.3.1: 64 octets of local part; ajv-formats has no limit",
        ),
    }
}

/// The configuration that ships, and the schema in it.
fn shipped() -> Result<(String, Value)> {
    let path = root()?.join("envoy-configs/envoy/schema-guard.yaml");
    let plugins = Bootstrap::read(&path)?.plugins()?;
    let plugin = plugins.first().context("a plugin")?;
    let configuration = String::from_utf8(plugin.configuration.clone())?;
    let whole: Value = serde_json::from_str(&configuration)?;
    let schema = whole.pointer("/rules/0/operations/POST/body/content/application~1json/schema");
    Ok((configuration, schema.context("a schema")?.clone()))
}

/// What ajv says of each body.
fn of_ajv(schema: &Value, bodies: &[Body]) -> Result<Vec<Said>> {
    let mut lines = format!("{schema}\n");
    for body in bodies {
        writeln!(lines, "{}", Value::from(body.text.as_str()))?;
    }
    let mut file = tempfile::tempfile()?;
    std::io::Write::write_all(&mut file, lines.as_bytes())?;
    file.rewind()?;
    let output = schema_bench::ajv::program(&root()?, "verdicts.mjs")?.stdin(file).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8(output.stdout)?;
    let said = said.lines().map(|line| match line {
        "valid" => Ok(Said::Valid),
        "invalid" => Ok(Said::Invalid),
        "unread" => Ok(Said::Unread),
        other => Err(anyhow::anyhow!("{other}")),
    });
    said.collect()
}

/// What the module says of each body.
fn of_module(configuration: &str, bodies: &[Body]) -> Result<Vec<Said>> {
    let mut gateway = Gateway::start(&module(false)?, configuration)?;
    let said = bodies.iter().map(|body| {
        let seen = gateway.post("/users", body.text.as_bytes())?;
        ensure!(seen.reached_upstream == (seen.status == 200), "{:?}: {seen:?}", body.text);
        match seen.status {
            200 => Ok(Said::Valid),
            422 => Ok(Said::Invalid),
            400 => Ok(Said::Unread),
            _ => Err(anyhow::anyhow!("{:?}: {seen:?}", body.text)),
        }
    });
    said.collect()
}

/// What the schema says of each body, without a gateway.
fn of_schema(schema: &Value, bodies: &[Body]) -> Result<Vec<Said>> {
    let limits = Limits {
        depth: 64,
        values: 65_536,
        members: 1_000,
        items: 10_000,
        name: 256,
        string: 262_144,
        number: 64,
    };
    let errors = RefCell::default();
    let at = At::root(&errors);
    let written: Written = serde_json::from_str(&schema.to_string())?;
    let options = Options { draft: Draft::Draft202012, assert_formats: true, allow_unknown: false };
    let sources = Sources::none(&options, &at).context("sources")?;
    let schema = Schema::compile(&written, &sources, &at).context("a schema")?;
    let said = bodies.iter().map(|body| match schema.check(body.text.as_bytes(), &limits, 10) {
        Ok(()) => Said::Valid,
        Err(Fault::Invalid(_)) => Said::Invalid,
        Err(Fault::Unread(_)) => Said::Unread,
    });
    Ok(said.collect())
}

#[test]
fn verdicts_are_those_of_ajv_or_it_is_said_why_not() -> Result<()> {
    let (configuration, schema) = shipped()?;
    let bodies = bodies(SEED, BODIES);
    let theirs = of_ajv(&schema, &bodies)?;
    let ours = of_module(&configuration, &bodies)?;
    ensure!(ours == of_schema(&schema, &bodies)?, "the module and the native schema differ");
    ensure!(theirs.len() == bodies.len(), "{} verdicts of ajv", theirs.len());
    let (mut counts, mut differences, mut wrong) = (BTreeMap::new(), BTreeMap::new(), String::new());
    for ((body, ours), theirs) in bodies.iter().zip(ours).zip(theirs) {
        *counts.entry((ours, theirs)).or_insert(0) += 1;
        if ours == theirs {
            continue;
        }
        match body.odd.iter().find(|odd| explained(**odd).0.contains(&(ours, theirs))) {
            Some(odd) => *differences.entry(*odd).or_insert(0) += 1,
            None => writeln!(wrong, "{:?}: {ours:?}, ajv says {theirs:?}", body.text)?,
        }
    }
    println!("{} bodies, by what schema-guard and ajv say:", bodies.len());
    for ((ours, theirs), count) in &counts {
        println!("  {ours:?}, {theirs:?}: {count}");
    }
    println!("differences:");
    for (odd, count) in &differences {
        println!("  {count:4}  {}", explained(*odd).1);
    }
    ensure!(wrong.is_empty(), "{} verdicts that nothing explains:\n{wrong}", wrong.lines().count());
    // What explains nothing is not to be kept.
    let all = [
        Odd::Twice,
        Odd::Surrogate,
        Odd::Beyond,
        Odd::Between,
        Odd::Long,
        Odd::Deep,
        Odd::Address,
        Odd::LongAddress,
    ];
    for odd in all {
        ensure!(differences.contains_key(&odd), "nothing differs for {odd:?}");
    }
    // None of the three is rare, so that the agreement says something.
    for said in [Said::Valid, Said::Invalid, Said::Unread] {
        let count = counts.get(&(said, said)).copied().unwrap_or(0);
        ensure!(count >= 100, "{count} bodies of which both say {said:?}");
    }
    Ok(())
}
