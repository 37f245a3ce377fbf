//! What came of a case file, for people and for CI.

use std::fmt::Write as _;
use std::path::PathBuf;

use anyhow::Result;
use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};

use crate::executor::Kind;
use crate::observation::Observation;
use crate::variant::Variant;

/// One case file, run.
#[derive(Debug, Clone)]
pub struct Report {
    /// The file.
    pub file: PathBuf,
    /// Every case on every executor in every variant.
    pub runs: Vec<Run>,
    /// What concerns the gateway rather than one case: a filter trapped, Envoy died.
    pub failures: Vec<String>,
}

/// One case on one executor.
#[derive(Debug, Clone)]
pub struct Run {
    /// The case.
    pub id: String,
    /// How it was run.
    pub variant: Variant,
    /// Where it ran.
    pub executor: Kind,
    /// Why it is expected to fail, if it is.
    pub xfail: Option<String>,
    /// Its steps in order.
    pub steps: Vec<StepRun>,
}

/// One request of a run.
#[derive(Debug, Clone)]
pub struct StepRun {
    /// Method and path.
    pub request: String,
    /// What was seen.
    pub observation: Observation,
    /// What was not as expected, or not as another executor saw it.
    pub differences: Vec<String>,
}

impl Run {
    /// Whether the outcome is the wanted one: no difference, or some where `xfail` says so.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.steps.iter().all(|step| step.differences.is_empty()) == self.xfail.is_none()
    }

    /// The id with the variant.
    #[must_use]
    pub fn name(&self) -> String {
        self.variant.name(&self.id)
    }

    /// Everything that is wrong, a line each.
    fn complaints(&self) -> Vec<String> {
        if self.passed() {
            return Vec::new();
        }
        if let Some(why) = &self.xfail {
            return vec![format!("passes, but is marked as known to fail: {why}")];
        }
        let several = self.steps.len() > 1;
        let steps = self.steps.iter().enumerate();
        let lines = steps.flat_map(|(index, step)| {
            let place = if several { format!("steps[{index}] ") } else { String::new() };
            step.differences.iter().map(move |difference| format!("{place}{difference}"))
        });
        lines.collect()
    }
}

impl Report {
    /// Whether every run has the wanted outcome and the gateway stayed well.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.failed() == 0
    }

    /// Runs without the wanted outcome, plus failures of the gateway.
    #[must_use]
    pub fn failed(&self) -> usize {
        self.runs.iter().filter(|run| !run.passed()).count() + self.failures.len()
    }

    /// The table, a row per step, then everything that is wrong in full.
    #[must_use]
    pub fn table(&self) -> String {
        let head = ["case", "executor", "request", "verdict", "status", "reason", "expected"];
        let mut rows = vec![head.map(str::to_owned)];
        for run in &self.runs {
            for step in &run.steps {
                let seen = &step.observation;
                let expected = match (step.differences.is_empty(), &run.xfail) {
                    (true, None) => "yes",
                    (false, None) => "NO",
                    (true, Some(_)) => "xfail, passes",
                    (false, Some(_)) => "xfail",
                };
                rows.push([
                    run.name(),
                    run.executor.to_string(),
                    step.request.clone(),
                    seen.verdict.to_string(),
                    seen.status.map_or("-".to_owned(), |status| status.to_string()),
                    seen.reason.clone().unwrap_or("-".to_owned()),
                    expected.to_owned(),
                ]);
            }
        }
        let mut text = format!("{}\n", self.file.display());
        for row in aligned(&rows) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {row}");
        }
        for run in self.runs.iter().filter(|run| !run.passed()) {
            let _ = writeln!(text, "\n{} on {}:", run.name(), run.executor);
            for line in run.complaints() {
                let _ = writeln!(text, "  {line}");
            }
        }
        for failure in &self.failures {
            let _ = writeln!(text, "\n{failure}");
        }
        text
    }
}

/// Pads every column but the last to its widest cell; a cell wider than 60 characters is cut.
#[must_use]
pub fn aligned<const N: usize>(rows: &[[String; N]]) -> Vec<String> {
    const WIDEST: usize = 60;
    let cut = |cell: &str| match cell.char_indices().nth(WIDEST) {
        Some((at, _)) => format!("{}…", cell.get(..at).unwrap_or_default()),
        None => cell.to_owned(),
    };
    let rows: Vec<[String; N]> = rows
        .iter()
        .map(|row| std::array::from_fn(|at| row.get(at).map_or(String::new(), |cell| cut(cell))))
        .collect();
    let widths: [usize; N] = std::array::from_fn(|at| {
        rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0)
    });
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}

/// The last line of a run over several files.
#[must_use]
pub fn summary(reports: &[Report]) -> String {
    let failed: usize = reports.iter().map(Report::failed).sum();
    let passed: usize = reports.iter().flat_map(|report| &report.runs).filter(|run| run.passed()).count();
    format!("{passed} passed, {failed} failed")
}

/// The same in JUnit's XML: a suite per file, a test per run.
///
/// # Errors
/// The XML cannot be written to a string.
pub fn junit(reports: &[Report]) -> Result<String> {
    let mut xml = quick_junit::Report::new("portcullis");
    for report in reports {
        let mut suite = TestSuite::new(report.file.display().to_string());
        let mut add = |name: String, class: &str, complaints: Vec<String>| {
            let mut status = TestCaseStatus::success();
            if !complaints.is_empty() {
                status = TestCaseStatus::non_success(NonSuccessKind::Failure);
                status.set_message(complaints.join("\n"));
            }
            let mut test = TestCase::new(name, status);
            test.set_classname(class);
            suite.add_test_case(test);
        };
        for run in &report.runs {
            add(run.name(), &run.executor.to_string(), run.complaints());
        }
        for failure in &report.failures {
            add("gateway".to_owned(), "gateway", vec![failure.clone()]);
        }
        xml.add_test_suite(suite);
    }
    Ok(xml.to_string()?)
}
