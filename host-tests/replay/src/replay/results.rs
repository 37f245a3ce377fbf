//! Where results go: lines of JSON, a table, JUnit's XML.

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, Result};

use super::entry::Entry;
use super::junit::Junit;
use super::lane::Finished;
use super::line::{self, HostState, Judged};
use super::outcome::{Instance, Outcome};
use super::table::{Question, Table};
use crate::traffic::Redactor;

/// What is wanted of the results beside the table.
#[derive(Default)]
pub struct Output {
    /// The result lines.
    pub lines: Option<Box<dyn Write>>,
    /// A test per request.
    pub junit: Option<PathBuf>,
}

/// What a replay came to.
#[derive(Debug)]
pub struct Totals {
    /// The table, the differences, the counts.
    pub table: String,
    /// How many requests were sent.
    pub requests: u64,
    /// How many of them are not as expected, or change between the two chains.
    pub differing: u64,
    /// What a reader of the results has to know.
    pub warnings: Vec<String>,
}

/// What one request came to.
pub(super) struct Verdicts<'a> {
    pub(super) entry: &'a Entry,
    pub(super) finished: &'a Finished,
    /// What is not as expected, masked; `None`: nothing is expected.
    pub(super) differences: Option<Vec<String>>,
    /// What the other chain makes of it, and what changes by that, masked.
    pub(super) against: Option<(&'a Outcome, Vec<String>)>,
}

pub(super) struct Results {
    lines: Option<Box<dyn Write>>,
    junit: Option<Junit>,
    table: Table,
    /// Whether fuel is counted.
    fuel: bool,
    redactor: Redactor,
}

impl Results {
    pub(super) fn new(output: Output, fuel: bool, redactor: Redactor) -> Result<Self> {
        let junit = output.junit.map(|path| Junit::new(&path)).transpose()?;
        Ok(Self { lines: output.lines, junit, table: Table::default(), fuel, redactor })
    }

    pub(super) fn add(&mut self, verdicts: &Verdicts<'_>, instances: &[Instance]) -> Result<()> {
        let Verdicts { entry, finished, differences, against } = verdicts;
        let judged = Judged {
            entry,
            finished,
            differences: differences.as_deref(),
            against: against.as_ref().map(|(other, changes)| (!changes.is_empty()).then_some(*other)),
        };
        if let Some(out) = &mut self.lines {
            line::write(out, &judged, instances, self.fuel, &self.redactor).context("--out")?;
        }
        let changes = against.as_ref().map(|(_, changes)| changes.as_slice());
        let judged = differences.is_some() || changes.is_some();
        let wrong: Vec<String> =
            [differences.as_deref(), changes].into_iter().flatten().flatten().cloned().collect();
        let reason = finished.outcome.reason.as_ref().map(|reason| entry.shown(reason, &self.redactor));
        let outcome = Outcome { reason, ..finished.outcome.clone() };
        self.table.add(&entry.id, &entry.route, &outcome, judged.then_some(&wrong));
        if let Some(junit) = &mut self.junit {
            let failure = (!wrong.is_empty()).then(|| wrong.join("\n"));
            junit.add(&entry.id, &entry.route, failure.as_deref()).context("--junit")?;
        }
        if !wrong.is_empty() {
            self.table.differ(&format!("{} {} ({})", entry.origin, entry.route, entry.id), &wrong);
        }
        Ok(())
    }

    /// Writes what is left.
    pub(super) fn finish(
        mut self,
        host: &HostState<'_>,
        question: Question,
        warnings: Vec<String>,
    ) -> Result<Totals> {
        if let Some(out) = &mut self.lines {
            line::write_host(out, host, &self.redactor).context("--out")?;
            out.flush().context("--out")?;
        }
        if let Some(junit) = self.junit {
            junit.finish()?;
        }
        let (requests, differing) = (self.table.requests(), self.table.differing());
        Ok(Totals { table: self.table.text(question), requests, differing, warnings })
    }

    pub(super) fn requests(&self) -> u64 {
        self.table.requests()
    }
}
