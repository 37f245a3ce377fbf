//! `envoy-configs/RUNBOOK.md`: each of its rows is brought about at a real gateway, its commands are run as they stand there, and
//! print what the page shows. What they printed whole: `cargo test --workspace --test runbook -- --nocapture`.

mod issuer;
mod page;
mod rows;
mod shell;
mod shown;
mod world;

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use tokio::sync::{Mutex, MutexGuard};

use page::Page;

/// One gateway at a time: each compiles every filter, and two cores are all there is.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

#[test]
fn every_row_is_brought_about_by_one_test() -> Result<()> {
    let page = Page::read()?;
    let mut left: BTreeSet<&str> = page.rows.iter().map(|row| row.symptom.as_str()).collect();
    ensure!(left.len() == page.rows.len(), "two rows have one heading");
    for symptom in rows::all() {
        ensure!(left.remove(symptom), "no row, or two tests: {symptom}");
    }
    ensure!(left.is_empty(), "no test: {left:?}");
    Ok(())
}

/// What operators are told to expect: of these each has a row.
#[test]
fn every_symptom_has_a_row() -> Result<()> {
    let page = Page::read()?;
    let statuses = [400, 401, 403, 405, 409, 411, 413, 414, 415, 421, 422, 429, 431, 502, 503, 504];
    let statuses = statuses.map(|status: u16| status.to_string());
    let others = [
        "Handshake: version",
        "Handshake: cipher",
        "Handshake: incomplete chain",
        "Handshake: certificate expired",
        "Handshake: client certificate expired",
        "Clock drift",
        "Key id mismatch",
        "Redis saturation",
        "VM failed",
        "Configuration refused",
    ];
    for symptom in statuses.iter().map(String::as_str).chain(others) {
        ensure!(page.rows.iter().any(|row| row.symptom.starts_with(symptom)), "no row for {symptom}");
    }
    Ok(())
}
