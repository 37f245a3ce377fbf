//! Every option of a plugin has a case that fails without it. Each key of each configuration that cases run with
//! is left out in turn, and the cases of that file run again, natively: a key is *held* where one of them then fails. A
//! required key is held by the loader.

use anyhow::{Context as _, Result, ensure};
use filter_core::config::{FromTree as _, Shape};
use replay::case::CaseFile;
use replay::envoy_config::{Bootstrap, PluginSpec};
use replay::{Kind, Settings, check, run_cases};
use serde_json::Value;
use std::collections::BTreeMap;
use suite::{files, root, settings};

/// A plugin and where its cases are.
struct Plugin {
    name: &'static str,
    /// Below `host-tests/suite/cases`.
    folders: &'static [&'static str],
    /// Fewer keys than this were not all found.
    least: usize,
    /// What another key demands: held where the loader refuses a configuration without it.
    demanded: &'static [&'static str],
    /// What log lines alone show, which the native executor does not know.
    logged: &'static [&'static str],
    /// What no case can show.
    unseen: &'static [&'static str],
}

const REQUEST_POLICY: Plugin = Plugin {
    name: "request-policy",
    folders: &["", "/request-policy", "/adapter"],
    least: 80,
    demanded: &[],
    logged: &[],
    unseen: &[],
};

const RATE_LIMIT: Plugin = Plugin {
    name: "rate-limit",
    folders: &["/rate-limit"],
    least: 50,
    demanded: &["key_secret", "redis", "redis.dialect", "redis.username", "redis.password"],
    // A constant is the same in every request.
    logged: &["log_client", "limits[].key[].constant"],
    // Requests of a case are a second apart: what was not used has been given back by then.
    unseen: &["limits[].distributed.lease_ttl"],
};

const IDEMPOTENCY: Plugin = Plugin {
    name: "idempotency",
    folders: &["/idempotency"],
    least: 30,
    demanded: &["redis.dialect", "redis.username", "redis.password"],
    logged: &["log_client"],
    // No client of a case leaves before its answer.
    unseen: &["on_client_lost"],
};

const LOGIN_GUARD: Plugin = Plugin {
    name: "login-guard",
    folders: &["/login-guard"],
    least: 40,
    demanded: &[
        "redis.dialect",
        "redis.username",
        "redis.password",
        // Without its place a name is nowhere.
        "rules[].username.json",
        "rules[].username.form",
        "rules[].username.basic",
    ],
    logged: &["log_client", "alarm", "alarm.ratio", "alarm.attempts", "alarm.window"],
    unseen: &[],
};

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

/// The configuration without what is at the end of this way.
fn without(configuration: &Value, way: &[Part]) -> Option<Value> {
    let mut changed = configuration.clone();
    let (last, way) = way.split_last()?;
    let parent = way.iter().try_fold(&mut changed, |value, part| match part {
        Part::Key(key) => value.get_mut(key),
        Part::Index(index) => value.get_mut(index),
    })?;
    match last {
        Part::Key(key) => drop(parent.as_object_mut()?.remove(key)?),
        Part::Index(index) => drop(parent.as_array_mut()?.remove(*index)),
    }
    Some(changed)
}

/// A case file with the gateway it runs in.
struct File {
    cases: CaseFile,
    bootstrap: Bootstrap,
    settings: Settings,
}

impl File {
    /// Whether all cases that run on this executor pass.
    async fn passes(&self, bootstrap: &Bootstrap, executor: Kind) -> Result<bool> {
        let report = run_cases(&self.cases, bootstrap, &[executor], &self.settings).await?;
        Ok(report.passed())
    }

    /// Whether leaving the key out is an error or fails a case.
    async fn holds(&self, spec: &PluginSpec, changed: &Value, refused: bool, executor: Kind) -> Result<bool> {
        let bootstrap = self.bootstrap.clone().configured(&spec.name, &changed.to_string())?;
        let plugins = bootstrap.plugins()?;
        let changed = plugins.iter().find(|other| other.name == spec.name).context("the plugin")?;
        if check(changed, &self.settings).is_err() {
            // Where that is not to be it is refused for another reason: two rules now have the same match.
            return Ok(refused);
        }
        Ok(!self.passes(&bootstrap, executor).await?)
    }

    /// Takes what this file holds out of `open`.
    async fn take(&self, plugin: &Plugin, open: &mut BTreeMap<String, Key>) -> Result<()> {
        for spec in self.bootstrap.plugins()?.iter().filter(|spec| spec.plugin() == plugin.name) {
            let configuration = serde_json::from_slice(&spec.configuration)?;
            let mut found = Vec::new();
            members(&configuration, &[], "", &mut found);
            for (way, path) in found {
                let Some(key) = open.get(&path).copied() else { continue };
                let way =
                    if key == Key::Choice { way.get(..way.len() - 1).unwrap_or_default() } else { &way };
                let changed = without(&configuration, way).with_context(|| path.clone())?;
                let refused = key == Key::Required || plugin.demanded.contains(&path.as_str());
                let logged = plugin.logged.contains(&path.as_str());
                let executor = if logged { Kind::Wasm } else { Kind::Native };
                if self.holds(spec, &changed, refused, executor).await? {
                    open.remove(&path);
                }
            }
        }
        Ok(())
    }
}

async fn every_option_is_held(plugin: &Plugin, shape: &Shape) -> Result<()> {
    let settings = settings()?;
    let mut open = BTreeMap::new();
    keys(shape, "", &mut open);
    let all = open.len();
    ensure!(all >= plugin.least, "only {all} keys were found");
    for path in plugin.unseen {
        ensure!(open.remove(*path).is_some(), "{path}: no such key");
    }
    let mut broken = Vec::new();
    for folder in plugin.folders {
        for path in files(&format!("host-tests/suite/cases{folder}"), "yaml")? {
            let name = path.display().to_string();
            let cases = CaseFile::read(&path)?;
            let bootstrap = Bootstrap::read(&root()?.join(&cases.config))?;
            let file = File { cases, bootstrap, settings: settings.clone() };
            if file.passes(&file.bootstrap, Kind::Native).await.with_context(|| name.clone())? {
                file.take(plugin, &mut open).await.with_context(|| name.clone())?;
            } else {
                broken.push(name);
            }
        }
    }
    println!("{all} options of {}, {} held", plugin.name, all - open.len() - plugin.unseen.len());
    // What fails with every key in its place says nothing about any of them.
    let wrong = [("cases fail as they are", broken), ("no case fails without", open.into_keys().collect())];
    let wrong = wrong.into_iter().filter(|(_, list)| !list.is_empty());
    let wrong: Vec<String> = wrong.map(|(what, list)| format!("{what}:\n{}", list.join("\n"))).collect();
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[tokio::test]
async fn every_option_of_request_policy_has_a_case_that_fails_without_it() -> Result<()> {
    every_option_is_held(&REQUEST_POLICY, &request_policy::Config::shape()).await
}

#[tokio::test]
async fn every_option_of_rate_limit_has_a_case_that_fails_without_it() -> Result<()> {
    every_option_is_held(&RATE_LIMIT, &rate_limit::Config::shape()).await
}

#[tokio::test]
async fn every_option_of_idempotency_has_a_case_that_fails_without_it() -> Result<()> {
    every_option_is_held(&IDEMPOTENCY, &idempotency::Config::shape()).await
}

#[tokio::test]
async fn every_option_of_login_guard_has_a_case_that_fails_without_it() -> Result<()> {
    every_option_is_held(&LOGIN_GUARD, &login_guard::Config::shape()).await
}
