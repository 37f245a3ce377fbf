//! Every option of request-policy has a case that fails without it. Each key of each configuration that cases run with
//! is left out in turn, and the cases of that file run again, natively: a key is *held* where one of them then fails. A
//! required key is held by the loader.

use anyhow::{Context as _, Result, ensure};
use filter_core::config::{FromTree as _, Shape};
use replay::case::CaseFile;
use replay::envoy_config::{Bootstrap, PluginSpec};
use replay::{Kind, Settings, check, run_cases};
use request_policy::Config;
use serde_json::Value;
use std::collections::BTreeMap;
use suite::{files, root, settings};

const PLUGIN: &str = "request-policy";

/// Where its cases are.
const FOLDERS: [&str; 3] = ["", "/request-policy", "/adapter"];

/// What leaving a key out means.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Key {
    /// An error of the configuration.
    Required,
    Optional,
    /// One of the keys of which an object has exactly one: the object goes with it.
    Choice,
}

/// The keys of the README's table, as it writes them.
fn keys(shape: &Shape, path: &str, found: &mut BTreeMap<String, Key>) {
    let (fields, choice) = match shape {
        Shape::Scalar { .. } | Shape::Enum(_) => return,
        Shape::List { item, .. } => return keys(item, &format!("{path}[]"), found),
        Shape::Map { value, .. } => return keys(value, &format!("{path}.*"), found),
        Shape::Object(fields) => (fields, false),
        Shape::OneOf(fields) => (fields, true),
    };
    for field in fields {
        let path = if path.is_empty() { field.key.to_owned() } else { format!("{path}.{}", field.key) };
        keys(&field.shape, &path, found);
        let key = match (choice, field.required) {
            (true, _) => Key::Choice,
            (false, true) => Key::Required,
            (false, false) => Key::Optional,
        };
        found.insert(path, key);
    }
}

/// Every member of every object of a configuration, the way to it and the key as the table writes it. Inner ones come
/// first.
fn members(value: &Value, way: &[Part], path: &str, found: &mut Vec<(Vec<Part>, String)>) {
    let onward = |part: Part| way.iter().cloned().chain([part]).collect::<Vec<_>>();
    match value {
        Value::Object(members_of) => {
            for (key, value) in members_of {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                let way = onward(Part::Key(key.clone()));
                members(value, &way, &path, found);
                found.push((way, path));
            }
        }
        Value::Array(items) => {
            for (index, value) in items.iter().enumerate() {
                members(value, &onward(Part::Index(index)), &format!("{path}[]"), found);
            }
        }
        _ => {}
    }
}

#[derive(Clone)]
enum Part {
    Key(String),
    Index(usize),
}

/// The configuration without the member at the end of this way.
fn without(configuration: &Value, way: &[Part]) -> Option<Value> {
    let mut changed = configuration.clone();
    let (Part::Key(last), way) = way.split_last()? else { return None };
    let parent = way.iter().try_fold(&mut changed, |value, part| match part {
        Part::Key(key) => value.get_mut(key),
        Part::Index(index) => value.get_mut(index),
    });
    parent?.as_object_mut()?.remove(last)?;
    Some(changed)
}

/// A case file with the gateway it runs in.
struct File {
    cases: CaseFile,
    bootstrap: Bootstrap,
    settings: Settings,
}

impl File {
    /// Whether all cases that run natively pass.
    async fn passes(&self, bootstrap: &Bootstrap) -> Result<bool> {
        let report = run_cases(&self.cases, bootstrap, &[Kind::Native], &self.settings).await?;
        Ok(report.passed())
    }

    /// Whether leaving the key out is an error or fails a case.
    async fn holds(&self, plugin: &PluginSpec, changed: &Value, key: Key) -> Result<bool> {
        let bootstrap = self.bootstrap.clone().configured(&plugin.name, &changed.to_string())?;
        let plugins = bootstrap.plugins()?;
        let changed = plugins.iter().find(|other| other.name == plugin.name).context("the plugin")?;
        if check(changed, &self.settings).is_err() {
            // Anything else is refused for another reason: two rules now have the same match.
            return Ok(key == Key::Required);
        }
        Ok(!self.passes(&bootstrap).await?)
    }

    /// Takes what this file holds out of `open`.
    async fn take(&self, open: &mut BTreeMap<String, Key>) -> Result<()> {
        for plugin in self.bootstrap.plugins()?.iter().filter(|plugin| plugin.plugin() == PLUGIN) {
            let configuration = serde_json::from_slice(&plugin.configuration)?;
            let mut found = Vec::new();
            members(&configuration, &[], "", &mut found);
            for (way, path) in found {
                let Some(key) = open.get(&path).copied() else { continue };
                let way =
                    if key == Key::Choice { way.get(..way.len() - 1).unwrap_or_default() } else { &way };
                let changed = without(&configuration, way).with_context(|| path.clone())?;
                if self.holds(plugin, &changed, key).await? {
                    open.remove(&path);
                }
            }
        }
        Ok(())
    }
}

#[tokio::test]
async fn every_option_has_a_case_that_fails_without_it() -> Result<()> {
    let settings = settings()?;
    let mut open = BTreeMap::new();
    keys(&Config::shape(), "", &mut open);
    let all = open.len();
    ensure!(all >= 80, "only {all} keys were found");
    let mut broken = Vec::new();
    for folder in FOLDERS {
        for path in files(&format!("host-tests/suite/cases{folder}"), "yaml")? {
            let name = path.display().to_string();
            let cases = CaseFile::read(&path)?;
            let bootstrap = Bootstrap::read(&root()?.join(&cases.config))?;
            let file = File { cases, bootstrap, settings: settings.clone() };
            if file.passes(&file.bootstrap).await.with_context(|| name.clone())? {
                file.take(&mut open).await.with_context(|| name.clone())?;
            } else {
                broken.push(name);
            }
        }
    }
    println!("{all} options, {} held", all - open.len());
    // What fails with every key in its place says nothing about any of them.
    let wrong = [("cases fail as they are", broken), ("no case fails without", open.into_keys().collect())];
    let wrong = wrong.into_iter().filter(|(_, list)| !list.is_empty());
    let wrong: Vec<String> = wrong.map(|(what, list)| format!("{what}:\n{}", list.join("\n"))).collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
