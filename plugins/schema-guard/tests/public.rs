//! Published suites: JSON as parsers are tested with, naughty strings, JSON Schema. They are no part of this repository:
//! `SUITES` names the folder they are in (`make suites`), and what is missing there is a failure.

#![allow(clippy::disallowed_methods, reason = "the suites are files")]

use anyhow::{Context as _, Result, bail, ensure};
use filter_core::config::{At, Tree as Written};
use schema_guard::direct::Verdict;
use schema_guard::engine::{Draft, Options, Sources};
use schema_guard::json::{Limits, Refusal, Tree};
use schema_guard::schema::{Fault, Schema};
use serde_json::Value;
use std::cell::RefCell;
use std::path::{Path, PathBuf};

/// Wide enough for the suites.
const LIMITS: Limits = Limits {
    depth: 600,
    values: 65536,
    members: 1000,
    items: 10000,
    name: 1000,
    string: 10000,
    number: 1000,
};

/// A folder below `SUITES`, which starts at the root of the repository.
fn suite(path: &str) -> Result<PathBuf> {
    let suites = std::env::var("SUITES").context("SUITES is not set: run `make suites`")?;
    Ok(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(suites).join(path))
}

/// The JSON files below a folder, in order.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(files(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn name(path: &Path) -> Result<&str> {
    path.file_name().and_then(|name| name.to_str()).context("a name that is no text")
}

/// A schema that everything is valid against.
fn anything() -> Result<Schema> {
    let errors = RefCell::default();
    let options = Options { draft: Draft::Draft202012, assert_formats: true, allow_unknown: false };
    let sources = Sources::none(&options, &At::root(&errors)).context("sources")?;
    Schema::compile(&Written::Bool(true), &sources, &At::root(&errors)).context("a schema")
}

/// <https://github.com/nst/JSONTestSuite>: what a parser must take (`y_`), must refuse (`n_`), may do as it likes with.
#[test]
fn json_as_parsers_are_tested_with() -> Result<()> {
    let (anything, mut counts) = (anything()?, [0; 2]);
    for path in files(&suite("jsontestsuite")?)? {
        let name = name(&path)?;
        let text = std::fs::read(&path)?;
        let read = Tree::read(&text, &LIMITS);
        let direct = anything.check_directly(&text, &LIMITS);
        let expected = if read.is_ok() { Verdict::Valid } else { Verdict::Invalid };
        ensure!(direct == Some(expected), "{name}: read {read:?}, in one pass {direct:?}");
        ensure!(anything.check(&text, &LIMITS, 1).is_ok() == read.is_ok(), "{name}");
        match name.get(..2) {
            Some("y_") if name.starts_with("y_object_duplicated_key") => {
                ensure!(matches!(read, Err(Refusal::Duplicate { .. })), "{name}: {read:?}");
                counts[0] += 1;
            }
            Some("y_") => {
                ensure!(read.is_ok(), "{name}: {read:?}");
                counts[0] += 1;
            }
            Some("n_") => {
                ensure!(read.is_err(), "{name} is read");
                counts[1] += 1;
            }
            Some("i_") => {}
            _ => bail!("{name}: neither y_ nor n_ nor i_"),
        }
    }
    let [taken, refused] = counts;
    println!("{taken} y_, {refused} n_");
    ensure!(counts == [95, 188], "{counts:?}");
    Ok(())
}

/// The Big List of Naughty Strings: as bodies they are read or refused as `serde_json` does, in quotation marks and as
/// names they are read as they are.
#[test]
fn naughty_strings() -> Result<()> {
    let anything = anything()?;
    let mut lists = files(&suite("blns")?)?;
    lists.retain(|path| path.ends_with("blns.json"));
    let path = lists.first().context("blns.json")?;
    let strings: Vec<String> = serde_json::from_slice(&std::fs::read(path)?)?;
    ensure!(strings.len() > 400, "{} strings", strings.len());
    for string in &strings {
        let read = Tree::read(string.as_bytes(), &LIMITS);
        ensure!(read.is_ok() == serde_json::from_str::<Value>(string).is_ok(), "{string:?}: {read:?}");
        ensure!(anything.check(string.as_bytes(), &LIMITS, 1).is_ok() == read.is_ok(), "{string:?}");
        let quoted = Value::from(string.as_str()).to_string();
        let text = format!("{{{quoted}:{quoted}}}");
        let Ok(Tree::Object(object)) = Tree::read(text.as_bytes(), &LIMITS) else { bail!("{text}") };
        ensure!(object.get(string) == Some(&Tree::String(string.as_str().into())), "{text}");
        ensure!(anything.check(text.as_bytes(), &LIMITS, 1).is_ok(), "{text}");
    }
    println!("{} strings", strings.len());
    Ok(())
}

/// The documents that the suite's schemas refer to, by the URI they do so with; those of the dialects that are tested.
fn remotes(root: &Path, draft: &str) -> Result<Vec<(String, Written)>> {
    let mut remotes = Vec::new();
    for path in files(root)? {
        let name = path.strip_prefix(root)?.to_str().context("a name that is no text")?.to_owned();
        let of = name.split('/').next().unwrap_or_default();
        // Tests of references across dialects use documents of others that say so.
        let used = matches!(
            (draft, of),
            ("draft2019-09", "draft2020-12" | "draft7") | ("draft2020-12", "draft2019-09" | "draft7")
        );
        let remote: Written = serde_json::from_slice(&std::fs::read(&path)?).context(name.clone())?;
        let other = of == "v1" || of.starts_with("draft") && of != draft;
        if !other || used && remote.member("$schema").is_some() {
            remotes.push((format!("http://localhost:1234/{name}"), remote));
        }
    }
    Ok(remotes)
}

/// <https://github.com/json-schema-org/JSON-Schema-Test-Suite>, what is required of each dialect: by the engine, and in
/// one pass wherever a schema has a plan.
#[test]
fn json_schema() -> Result<()> {
    let suite = suite("json-schema-test-suite")?;
    let drafts = [
        ("draft4", Draft::Draft4, 618),
        ("draft6", Draft::Draft6, 839),
        ("draft7", Draft::Draft7, 927),
        ("draft2019-09", Draft::Draft201909, 1259),
        ("draft2020-12", Draft::Draft202012, 1299),
    ];
    let mut wrong = Vec::new();
    for (name, draft, expected) in drafts {
        let remotes = remotes(&suite.join("remotes"), name)?;
        // Formats are notes in these tests.
        let options = Options { draft, assert_formats: false, allow_unknown: true };
        let errors = RefCell::new(Vec::new());
        let remotes = remotes.iter().map(|(uri, tree)| (uri.as_str(), tree));
        let sources = Sources::compile(remotes, &options, &At::root(&errors));
        let sources = sources.with_context(|| format!("{name}: {:#?}", errors.borrow()))?;
        let (mut tests, mut schemas, mut planned, mut directly) = (0, 0, 0, 0);
        let folder = suite.join("tests").join(name);
        for path in files(&folder)? {
            if path.strip_prefix(&folder)?.starts_with("optional") {
                continue;
            }
            let groups: Vec<Value> = serde_json::from_slice(&std::fs::read(&path)?)?;
            for group in groups {
                let title = format!("{}: {}", path.display(), group["description"]);
                let written: Written = serde_json::from_str(&group["schema"].to_string())?;
                let errors = RefCell::new(Vec::new());
                let schema = Schema::compile(&written, &sources, &At::root(&errors));
                let schema = schema.with_context(|| format!("{title}: {:?}", errors.borrow()))?;
                schemas += 1;
                let mut has_plan = false;
                for case in group["tests"].as_array().context("tests")? {
                    tests += 1;
                    let text = case["data"].to_string();
                    let valid = case["valid"].as_bool().context("valid")?;
                    let whole = schema.check(text.as_bytes(), &LIMITS, 10);
                    if whole.is_ok() != valid || whole == Err(Fault::Invalid(Vec::new())) {
                        wrong.push(format!("{title}: {}: {whole:?}", case["description"]));
                    }
                    let direct = schema.check_directly(text.as_bytes(), &LIMITS);
                    has_plan |= direct.is_some();
                    directly += usize::from(direct.is_some());
                    if direct
                        .is_some_and(|direct| direct != if valid { Verdict::Valid } else { Verdict::Invalid })
                    {
                        wrong.push(format!("{title}: {}: in one pass {direct:?}", case["description"]));
                    }
                    // Where the pass says yes, the engine was not asked.
                    let tree = Tree::read(text.as_bytes(), &LIMITS).ok().context("data that is not read")?;
                    if schema.check_tree(&tree, 10).is_ok() != valid {
                        wrong.push(format!("{title}: {}: by the engine", case["description"]));
                    }
                }
                planned += usize::from(has_plan);
            }
        }
        println!(
            "{name}: {tests} tests; {planned} of {schemas} schemas have a plan: {directly} tests in one pass"
        );
        ensure!(tests == expected, "{name}: {tests} tests, not {expected}");
        ensure!(planned * 2 > schemas, "{name}: {planned} of {schemas} schemas have a plan");
    }
    ensure!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}
