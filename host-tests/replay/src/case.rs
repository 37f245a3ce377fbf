//! The case file: traffic, the scripted upstream, expectations. `README.md` is its manual.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use recorder::Script;
use serde::Deserialize;

use crate::executor::{Kind, Purpose};
use crate::expect::Expect;
use crate::step::{self, CallOut, Split, Step};
use crate::token::at_one_time;
use crate::variant::{Every, Variant};
use crate::yaml;

/// Cases that share one Envoy configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// The Envoy bootstrap, from the repository root.
    pub config: PathBuf,
    /// The executors of every case; all when absent.
    pub executors: Option<Vec<Kind>>,
    /// Why `executors` names fewer than all.
    pub why: Option<String>,
    /// Worker threads of the gateway; 1 when absent.
    pub workers: Option<u32>,
    /// Answers to call-outs that belong to no request.
    #[serde(default)]
    pub callouts: Vec<CallOut>,
    /// The clusters behind which a real Envoy finds a real Redis, through the gateway of this purpose.
    #[serde(default)]
    pub real: BTreeMap<String, Purpose>,
    /// What each case is repeated with.
    pub every: Option<Every>,
    /// The cases, run in this order against one gateway.
    pub cases: Vec<Case>,
    /// When it was read, in seconds since the epoch: tokens in it were made then, and modelled gateways start then.
    #[serde(skip)]
    pub now: i64,
}

/// One named piece of traffic.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique in the file.
    pub id: String,
    /// Fewer executors than the file's.
    pub executors: Option<Vec<Kind>>,
    /// Why `executors` is given.
    pub why: Option<String>,
    /// The case is repeated with every request body split in each of these ways.
    pub chunks: Option<Vec<Split>>,
    /// What it is repeated with, instead of what the file says.
    pub every: Option<Every>,
    /// Why the case is known to fail. Strict: it fails the run when it passes.
    pub xfail: Option<String>,
    /// The requests, sent one after the other, each on a connection of its own.
    pub steps: Vec<Step>,
}

impl CaseFile {
    /// Reads and checks a case file.
    ///
    /// # Errors
    /// Names the file and the place: line and column for what does not parse, `cases[i].…` for what
    /// contradicts itself.
    pub fn read(path: &Path) -> Result<Self> {
        let (file, now) = at_one_time(|| yaml::read::<Self>(path));
        let file = Self { now, ..file? };
        file.check().with_context(|| path.display().to_string())?;
        Ok(file)
    }

    /// Reads and checks the text of a case file.
    ///
    /// # Errors
    /// As [`Self::read`], without the name of a file.
    pub fn parse(text: &str) -> Result<Self> {
        let (file, now) = at_one_time(|| yaml::parse::<Self>(text));
        let file = Self { now, ..file? };
        file.check()?;
        Ok(file)
    }

    /// The executors of one case: its own, else the file's, else all.
    #[must_use]
    pub fn executors_of(&self, case: &Case) -> Vec<Kind> {
        case.executors.clone().or_else(|| self.executors.clone()).unwrap_or_else(|| Kind::ALL.to_vec())
    }

    /// The ways to run one case: what its own `every` says, else the file's, in the splits of its own `chunks` where it has
    /// some.
    #[must_use]
    pub fn variants_of(&self, case: &Case) -> Vec<Variant> {
        let every = case.every.as_ref().or(self.every.as_ref()).cloned().unwrap_or_default();
        match &case.chunks {
            Some(chunks) => every.split(chunks),
            None => every,
        }
        .variants(&case.steps)
    }

    fn check(&self) -> Result<()> {
        self.every.iter().try_for_each(Every::check)?;
        check_narrowing(self.executors.as_deref(), self.why.as_deref())?;
        ensure!(self.workers != Some(0), "workers: 0 serve nobody");
        step::scripted(&self.callouts)?;
        ensure!(!self.cases.is_empty(), "cases: empty");
        let mut ids = BTreeSet::new();
        for (index, case) in self.cases.iter().enumerate() {
            let place = || format!("cases[{index}] ({})", case.id);
            ensure!(!case.id.is_empty(), "cases[{index}].id: empty");
            ensure!(ids.insert(&case.id), "{}: the id is used before", place());
            check_narrowing(case.executors.as_deref(), case.why.as_deref()).with_context(place)?;
            self.check_case(case).with_context(place)?;
        }
        Ok(())
    }

    fn check_case(&self, case: &Case) -> Result<()> {
        let executors = self.executors_of(case);
        if let (Some(own), Some(file)) = (&case.executors, &self.executors) {
            ensure!(own.iter().all(|kind| file.contains(kind)), "executors: more than the file's");
        }
        ensure!(case.xfail.as_deref() != Some(""), "xfail: needs a reason");
        ensure!(!case.steps.is_empty(), "steps: empty");
        ensure!(case.chunks.as_ref().is_none_or(|chunks| !chunks.is_empty()), "chunks: empty");
        case.every.iter().try_for_each(Every::check)?;
        for (index, step) in case.steps.iter().enumerate() {
            let place = || format!("steps[{index}]");
            check_step(step, case.chunks.is_some(), &executors).with_context(place)?;
            self.check_real(step).with_context(place)?;
            if executors.contains(&Kind::Envoy) {
                self.check_listeners(step).with_context(place)?;
            }
        }
        Ok(())
    }

    /// A real Redis takes commands where there is one, and what reaches it nobody records.
    fn check_real(&self, step: &Step) -> Result<()> {
        ensure!(
            self.real.is_empty() || step.expect.iter().all(Expect::names_clusters),
            "expect.callouts: each needs a `cluster`, for those to a real one nobody records"
        );
        ensure!(step.redis.is_empty() || !self.real.is_empty(), "redis: the file has no `real` one");
        Ok(())
    }

    /// Clusters of a real Envoy are real listeners, open or closed.
    fn check_listeners(&self, step: &Step) -> Result<()> {
        let mut script = Script::new(step::scripted(&self.callouts)?);
        script.begin(step::scripted(&step.callouts)?);
        let mut played = step.callouts.iter().filter(|callout| !self.real.contains_key(&callout.cluster));
        played.try_for_each(|callout| script.listens(&callout.cluster).map(drop))
    }
}

fn check_step(step: &Step, case_splits: bool, executors: &[Kind]) -> Result<()> {
    step.check(case_splits)?;
    ensure!(step.expect.is_some(), "expect: absent");
    ensure!(step.id.is_none(), "id: a step has none, its case has");
    ensure!(
        step.raw.is_none() || executors == [Kind::Envoy],
        "raw: only the envoy executor reads bytes (executors: [envoy])"
    );
    let modelled = step.t_ms.is_some() || !step.properties.is_empty();
    ensure!(
        !(modelled && executors.contains(&Kind::Envoy)),
        "t_ms, properties: not where a real Envoy runs (executors without envoy)"
    );
    Ok(())
}

fn check_narrowing(executors: Option<&[Kind]>, why: Option<&str>) -> Result<()> {
    let Some(executors) = executors else { return Ok(()) };
    ensure!(!executors.is_empty(), "executors: empty");
    let narrows = Kind::ALL.iter().any(|kind| !executors.contains(kind));
    ensure!(!narrows || why.is_some_and(|why| !why.is_empty()), "executors: fewer than all need a `why`");
    Ok(())
}
