//! Every case, on every executor it names.

use anyhow::{Context as _, Result, ensure};
use replay::case::CaseFile;
use replay::{Kind, run_file};
use std::collections::BTreeSet;
use suite::{files, folders, root};

/// The folders with a test below, and how many case files each has at least.
const FOLDERS: [(&str, usize); 3] = [("", 3), ("request-policy", 15), ("adapter", 7)];

fn path(folder: &str) -> String {
    format!("host-tests/suite/cases/{folder}")
}

/// Runs the case files of one folder. What went wrong is in the error, in full.
fn run(folder: &str) -> Result<()> {
    let mut wrong = Vec::new();
    for path in files(&path(folder), "yaml")? {
        let file = CaseFile::read(&path)?;
        let planned: usize =
            file.cases.iter().map(|case| file.executors_of(case).len() * case.splits().len()).sum();
        let report = run_file(&path, &[])?;
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

/// The native executor stands in for Envoy only as far as both were compared.
#[test]
fn most_cases_run_on_every_executor() -> Result<()> {
    let (mut all, mut both) = (0, 0);
    for (folder, _) in FOLDERS {
        for path in files(&path(folder), "yaml")? {
            let file = CaseFile::read(&path)?;
            all += file.cases.len();
            both += file.cases.iter().filter(|case| file.executors_of(case) == Kind::ALL).count();
        }
    }
    println!("{all} cases, {both} of them on every executor");
    ensure!(both >= 200, "only {both} cases run on every executor");
    ensure!(both * 4 >= all * 3, "only {both} of {all} cases run on every executor");
    Ok(())
}

/// Every bootstrap of the suite is there because a case needs it.
#[test]
fn every_bootstrap_of_the_suite_is_used() -> Result<()> {
    let mut used = BTreeSet::new();
    for (folder, _) in FOLDERS {
        for path in files(&path(folder), "yaml")? {
            used.insert(root()?.join(CaseFile::read(&path)?.config));
        }
    }
    for bootstrap in files("host-tests/suite/envoy", "yaml")? {
        used.get(&bootstrap).with_context(|| format!("{}: no case uses it", bootstrap.display()))?;
    }
    Ok(())
}
