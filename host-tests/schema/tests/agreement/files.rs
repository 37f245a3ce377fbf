//! The schema and the configurations of this repository: it accepts what loads, and refuses what is refused for its
//! form.

use super::{VALIDATOR, fits};
use anyhow::{Context as _, Result, ensure};
use filter_core::config::load;
use request_policy::RequestPolicy;
use serde_json::Value;
use std::path::{Path, PathBuf};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
const MODULE: &str = "request-policy.wasm";
const BAD: &str = "envoy-configs/bad/request-policy";

/// Bad files that have the right form, and what only the loader knows.
const RIGHT_FORM: &[(&str, &str)] = &[
    ("contradictions", "that settings contradict each other"),
    ("framing", "which headers Envoy owns"),
    ("set-and-removed", "that two keys contradict each other"),
];

/// Bad files without a JSON document: nothing that an editor or a schema could look at.
const NO_DOCUMENT: &[&str] = &["absent", "empty", "not-json", "struct", "trailing-text"];

/// YAML files below a folder, sorted.
fn below(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(below(&path)?);
        } else if path.extension().is_some_and(|extension| extension == "yaml") {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The configurations of request-policy in an Envoy file: the texts beside its module.
fn configurations(path: &Path) -> Result<Vec<String>> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        let module = value.pointer("/vm_config/code/local/filename").and_then(Value::as_str);
        if module.is_some_and(|module| module.ends_with(MODULE)) {
            let text = value.pointer("/configuration/value").and_then(Value::as_str);
            found.push(text.unwrap_or_default().to_owned());
        }
        match value {
            Value::Array(items) => items.iter().for_each(|item| collect(item, found)),
            Value::Object(members) => members.values().for_each(|member| collect(member, found)),
            _ => {}
        }
    }
    let text = std::fs::read_to_string(path)?;
    let mut found = Vec::new();
    collect(&serde_saphyr::from_str(&text).with_context(|| path.display().to_string())?, &mut found);
    Ok(found)
}

#[test]
fn every_configuration_that_loads_fits() -> Result<()> {
    let mut loaded = 0;
    for folder in ["envoy-configs", "host-tests/suite/envoy"] {
        for path in below(&Path::new(ROOT).join(folder))? {
            for text in configurations(&path)? {
                if load::<RequestPolicy>(text.as_bytes(), &()).is_ok() {
                    let document = serde_json::from_str(&text)?;
                    let errors: Vec<String> =
                        VALIDATOR.iter_errors(&document).map(|e| e.to_string()).collect();
                    ensure!(errors.is_empty(), "{}: {errors:?}", path.display());
                    loaded += 1;
                }
            }
        }
    }
    ensure!(loaded > 10, "only {loaded} configurations");
    Ok(())
}

#[test]
fn every_bad_configuration_is_refused_for_its_form_or_is_listed_here() -> Result<()> {
    let (mut right_form, mut no_document) = (Vec::new(), Vec::new());
    for path in below(&Path::new(ROOT).join(BAD))? {
        let name = path.file_stem().and_then(|name| name.to_str()).context("a name")?.to_owned();
        let text = configurations(&path)?.pop().unwrap_or_default();
        match serde_json::from_str(&text) {
            Ok(document) if fits(&document) => right_form.push(name),
            Ok(_) => {}
            Err(_) => no_document.push(name),
        }
    }
    let listed: Vec<&str> = RIGHT_FORM.iter().map(|(name, _)| *name).collect();
    ensure!(right_form == listed, "of the right form: {right_form:?}, listed: {listed:?}");
    ensure!(no_document == NO_DOCUMENT, "no document: {no_document:?}, listed: {NO_DOCUMENT:?}");
    Ok(())
}
