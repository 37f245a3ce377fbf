//! Rules about the source tree itself.

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;
use suite::{below, folders, root};

/// Lines of a file above its unit tests. More is a file with two subjects.
const LONGEST: usize = 400;
/// What a plugin may not reach: it is a pure function that names no host.
const BANNED: [&str; 3] = ["proxy-wasm", "wasmtime", "tokio"];
/// Bytes of the modules that ship: every worker of every gateway compiles them.
const LARGEST: [(&str, u64); 6] = [
    ("request-policy", 560_000),
    ("jwt-auth", 800_000),
    ("schema-guard", 2_600_000),
    ("rate-limit", 600_000),
    ("login-guard", 660_000),
    ("idempotency", 540_000),
];

fn sources(folder: &str) -> Result<Vec<PathBuf>> {
    below(&root()?.join(folder), "rs", &|name| name != "target")
}

#[test]
fn no_file_is_too_long() -> Result<()> {
    let mut too_long = Vec::new();
    let mut count = 0;
    for path in ["shared", "plugins", "host-tests"].map(sources) {
        for path in path? {
            let text = std::fs::read_to_string(&path)?;
            let lines = text.lines().take_while(|line| line.trim() != "#[cfg(test)]").count();
            count += 1;
            if lines > LONGEST {
                too_long.push(format!("{}: {lines} lines", path.display()));
            }
        }
    }
    ensure!(count > 50, "only {count} files were looked at");
    ensure!(too_long.is_empty(), "more than {LONGEST} production lines:\n{}", too_long.join("\n"));
    Ok(())
}

#[test]
fn no_plugin_reaches_its_host() -> Result<()> {
    let graph = graph()?;
    let plugins = folders("plugins")?;
    ensure!(!plugins.is_empty(), "no plugin");
    for plugin in plugins {
        let reached = reached(&graph, &plugin)?;
        ensure!(reached.contains("filter-core"), "{plugin}: the graph was not read");
        let banned: Vec<&str> = BANNED.into_iter().filter(|name| reached.contains(name)).collect();
        ensure!(banned.is_empty(), "{plugin} reaches {}", banned.join(", "));
    }
    // The same graph shows what is there.
    let replay = graph.get("replay").context("replay")?;
    ensure!(replay.contains("tokio"), "replay does not reach tokio: the graph is incomplete");
    Ok(())
}

/// Strangers use it for filters of their own.
#[test]
fn the_host_reaches_nothing_of_ours() -> Result<()> {
    let graph = graph()?;
    let members = members()?;
    ensure!(members.contains("filter-core") && members.contains("replay"), "the members were not read");
    let reached = reached(&graph, "proxy-wasm-host")?;
    ensure!(reached.contains("wasmtime"), "the graph was not read");
    let ours: Vec<&str> =
        reached.into_iter().filter(|name| *name != "proxy-wasm-host" && members.contains(*name)).collect();
    ensure!(ours.is_empty(), "proxy-wasm-host reaches {}", ours.join(", "));
    Ok(())
}

/// Everything a package is built with, itself included.
fn reached<'a>(graph: &'a BTreeMap<String, BTreeSet<String>>, package: &str) -> Result<BTreeSet<&'a str>> {
    let (package, _) = graph.get_key_value(package).with_context(|| format!("no package {package}"))?;
    let mut reached = BTreeSet::new();
    let mut open = vec![package.as_str()];
    while let Some(package) = open.pop() {
        if reached.insert(package) {
            open.extend(graph.get(package).into_iter().flatten().map(String::as_str));
        }
    }
    Ok(reached)
}

fn metadata() -> Result<Value> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline"])
        .current_dir(root()?)
        .output()
        .context("cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).context("cargo metadata")
}

/// The names of the packages of this workspace.
fn members() -> Result<BTreeSet<String>> {
    let metadata = metadata()?;
    let packages = metadata.get("packages").and_then(Value::as_array).context("packages")?;
    // What has no source is not from a registry.
    let own = packages.iter().filter(|package| package.get("source").is_some_and(Value::is_null));
    Ok(own.filter_map(|package| Some(package.get("name")?.as_str()?.to_owned())).collect())
}

/// Package name to the names of what it is built with: tests' dependencies left out.
fn graph() -> Result<BTreeMap<String, BTreeSet<String>>> {
    let metadata = metadata()?;
    let list = |value: Option<&Value>| value.and_then(Value::as_array).cloned().unwrap_or_default();
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let names: BTreeMap<String, String> = list(metadata.get("packages"))
        .iter()
        .filter_map(|package| Some((text(package, "id")?, text(package, "name")?)))
        .collect();
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for node in list(metadata.pointer("/resolve/nodes")) {
        let name =
            text(&node, "id").and_then(|id| names.get(&id).cloned()).context("a node without a name")?;
        let dependencies = graph.entry(name).or_default();
        for dependency in list(node.get("deps")) {
            let kinds = list(dependency.get("dep_kinds"));
            if kinds.iter().any(|kind| kind.get("kind").and_then(Value::as_str) != Some("dev")) {
                dependencies.extend(text(&dependency, "pkg").and_then(|id| names.get(&id).cloned()));
            }
        }
    }
    Ok(graph)
}

/// A module with the crates that are only in it.
fn modules() -> Result<Vec<(String, Vec<String>)>> {
    let mut modules: Vec<(String, Vec<String>)> = [
        ("probe", &["host-tests/probe"][..]),
        ("caller", &["host-tests/caller/src", "host-tests/caller/module"]),
        ("verifier", &["host-tests/verifier/src", "host-tests/verifier/module", "plugins/jwt-auth/src"]),
    ]
    .map(|(name, folders)| (name.to_owned(), folders.iter().map(|folder| (*folder).to_owned()).collect()))
    .into();
    for plugin in folders("plugins")? {
        let mut own = folders(&format!("plugins/{plugin}"))?;
        own.retain(|folder| folder != "tests");
        let own = own.iter().map(|folder| format!("plugins/{plugin}/{folder}")).collect();
        modules.push((plugin, own));
    }
    Ok(modules)
}

#[test]
fn the_modules_are_built_from_this_source() -> Result<()> {
    let root = root()?;
    for (name, mut own) in modules()? {
        let module = root.join("dist").join(format!("{name}.wasm"));
        let built =
            modified(&module).with_context(|| format!("{name}.wasm is not there: run `make dist`"))?;
        own.extend(["shared/filter-core/src".to_owned(), "shared/filter-guest/src".to_owned()]);
        for folder in own {
            for source in sources(&folder)? {
                ensure!(
                    modified(&source)? <= built,
                    "{name}.wasm is older than {}: run `make dist`",
                    source.strip_prefix(&root).unwrap_or(&source).display()
                );
            }
        }
    }
    Ok(())
}

fn modified(path: &Path) -> Result<SystemTime> {
    std::fs::metadata(path).and_then(|data| data.modified()).with_context(|| path.display().to_string())
}

#[test]
fn modules_stay_small() -> Result<()> {
    let shipped: BTreeSet<String> = folders("plugins")?.into_iter().collect();
    let known = LARGEST.iter().map(|(name, _)| (*name).to_owned()).collect();
    ensure!(shipped == known, "plugins are {shipped:?}, and a size is known of {known:?}");
    for (name, largest) in LARGEST {
        let module = root()?.join(format!("dist/{name}.wasm"));
        let size = std::fs::metadata(&module).with_context(|| format!("{name}.wasm: run `make dist`"))?.len();
        ensure!(size <= largest, "{name}.wasm has {size} bytes; at most {largest} are wanted");
    }
    Ok(())
}
