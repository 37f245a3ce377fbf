//! Every case, on every executor it names.

use anyhow::{Result, ensure};
use replay::Kind;
use replay::case::CaseFile;
use std::collections::BTreeSet;
use suite::{below, files, folders, root, settings};

/// The folders with a test below, and how many case files each has at least.
const FOLDERS: [(&str, usize); 11] = [
    ("", 3),
    ("request-policy", 35),
    ("adapter", 7),
    ("guests", 25),
    ("callouts", 28),
    ("redis", 8),
    ("jwt-auth", 80),
    ("schema-guard", 11),
    ("rate-limit", 8),
    ("login-guard", 8),
    ("idempotency", 10),
];

fn path(folder: &str) -> String {
    format!("host-tests/suite/cases/{folder}")
}

/// Runs the case files of one folder. What went wrong is in the error, in full.
fn run(folder: &str) -> Result<()> {
    let (mut wrong, settings) = (Vec::new(), settings()?);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    for path in files(&path(folder), "yaml")? {
        let file = CaseFile::read(&path)?;
        let planned: usize =
            file.cases.iter().map(|case| file.executors_of(case).len() * file.variants_of(case).len()).sum();
        let report = runtime.block_on(replay::run(&path, &[], &settings))?;
        ensure!(report.runs.len() == planned, "{}: {} of {planned} runs", path.display(), report.runs.len());
        println!("{}: {planned} runs", path.display());
        if !report.passed() {
            wrong.push(report.table());
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn demo_and_what_only_envoy_shows() -> Result<()> {
    run("")
}

#[test]
fn request_policy() -> Result<()> {
    run("request-policy")
}

#[test]
fn adapter() -> Result<()> {
    run("adapter")
}

#[test]
fn guests() -> Result<()> {
    run("guests")
}

#[test]
fn callouts() -> Result<()> {
    run("callouts")
}

#[test]
fn redis() -> Result<()> {
    run("redis")
}

#[test]
fn jwt_auth() -> Result<()> {
    run("jwt-auth")
}

#[test]
fn schema_guard() -> Result<()> {
    run("schema-guard")
}

#[test]
fn rate_limit() -> Result<()> {
    run("rate-limit")
}

#[test]
fn login_guard() -> Result<()> {
    run("login-guard")
}

#[test]
fn idempotency() -> Result<()> {
    run("idempotency")
}

/// A case file that no test runs, or a folder that lost its files, would go unnoticed.
#[test]
fn every_case_file_is_run_by_a_test_above() -> Result<()> {
    let known: BTreeSet<String> =
        FOLDERS.iter().map(|(folder, _)| (*folder).to_owned()).filter(|folder| !folder.is_empty()).collect();
    ensure!(folders(&path(""))?.into_iter().collect::<BTreeSet<_>>() == known, "a folder without a test");
    for (folder, least) in FOLDERS {
        let found = files(&path(folder), "yaml")?.len();
        ensure!(found >= least, "{}: {found} case files, at least {least} were expected", path(folder));
    }
    Ok(())
}

/// The other executors stand in for Envoy only as far as they were compared with it.
#[test]
fn most_cases_run_on_every_executor() -> Result<()> {
    let (mut all, mut on_all, mut modelled) = (0, 0, 0);
    for (folder, _) in FOLDERS {
        for path in files(&path(folder), "yaml")? {
            let file = CaseFile::read(&path)?;
            for case in &file.cases {
                let executors = file.executors_of(case);
                all += 1;
                on_all += usize::from(executors == Kind::ALL);
                modelled += usize::from(executors.contains(&Kind::Wasm) && executors.contains(&Kind::Envoy));
            }
        }
    }
    println!("{all} cases, {on_all} on every executor, {modelled} in the host and in Envoy");
    ensure!(on_all >= 450, "only {on_all} cases run on every executor");
    ensure!(modelled >= 300, "only {modelled} cases run in the host and in Envoy");
    ensure!(modelled * 5 >= all * 4, "only {modelled} of {all} cases run in the host and in Envoy");
    Ok(())
}

/// Every bootstrap of the suite is there because a case or a test of its own needs it.
#[test]
fn every_bootstrap_of_the_suite_is_used() -> Result<()> {
    let mut used = BTreeSet::new();
    for (folder, _) in FOLDERS {
        for path in files(&path(folder), "yaml")? {
            used.insert(root()?.join(CaseFile::read(&path)?.config));
        }
    }
    let sources = below(&root()?.join("host-tests/suite/tests"), "rs", &|_| true)?;
    let sources = sources.iter().map(std::fs::read_to_string).collect::<Result<Vec<_>, _>>()?;
    let folder = root()?.join("host-tests/suite/envoy");
    for bootstrap in below(&folder, "yaml", &|_| true)? {
        let name = bootstrap.strip_prefix(root()?)?.to_string_lossy();
        let named = sources.iter().any(|source| source.contains(name.as_ref()));
        ensure!(named || used.contains(&bootstrap), "{name}: nothing uses it");
    }
    Ok(())
}
