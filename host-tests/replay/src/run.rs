//! Runs a case file.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use crate::case::{Case, CaseFile};
use crate::envoy_config::Bootstrap;
use crate::executor::{Executor, Kind, Start};
use crate::observation::LogLine;
use crate::parity;
use crate::report::{Report, Run, StepRun};
use crate::settings::Settings;
use crate::variant::Variant;

/// Runs every case of `path` on those of its executors that `executors` names; all of them when it is empty.
/// One gateway per executor serves all cases of the file in order.
///
/// Must not be called from within an async runtime: it makes one of its own. See [`run`].
///
/// # Errors
/// The file or its configuration cannot be read, or a gateway cannot be set up. A case that fails is no
/// error: it is in the report.
pub fn run_file(path: &Path, executors: &[Kind]) -> Result<Report> {
    let settings = Settings::discover(path)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().context("async runtime")?;
    runtime.block_on(run(path, executors, &settings))
}

/// As [`run_file`], in chosen surroundings.
///
/// # Errors
/// As [`run_file`].
pub async fn run(path: &Path, executors: &[Kind], settings: &Settings) -> Result<Report> {
    let file = CaseFile::read(path)?;
    let bootstrap = Bootstrap::read(&settings.root.join(&file.config)).context("config")?;
    let report = run_cases(&file, &bootstrap, executors, settings).await?;
    Ok(Report { file: path.to_owned(), ..report })
}

/// As [`run`], for cases at hand and with this bootstrap whatever `config` of the file says. The report bears the name
/// of `config`.
///
/// # Errors
/// A gateway cannot be set up.
pub async fn run_cases(
    file: &CaseFile,
    bootstrap: &Bootstrap,
    executors: &[Kind],
    settings: &Settings,
) -> Result<Report> {
    check_trailers(file, bootstrap)?;
    let mut start_logs: Option<(Kind, Vec<LogLine>)> = None;
    let mut report = Report { file: file.config.clone(), runs: Vec::new(), failures: Vec::new() };
    for kind in Kind::ALL.into_iter().filter(|kind| executors.is_empty() || executors.contains(kind)) {
        let cases: Vec<&Case> =
            file.cases.iter().filter(|case| file.executors_of(case).contains(&kind)).collect();
        if cases.is_empty() {
            continue;
        }
        let start = Start {
            bootstrap,
            settings,
            now: Duration::from_secs(file.now.unsigned_abs()),
            workers: file.workers.unwrap_or(1),
            callouts: &file.callouts,
            real: &file.real,
            proxied: file.cases.iter().flat_map(|case| &case.steps).any(|step| step.src.is_some()),
        };
        let start = Executor::start(kind, &start).await;
        let mut executor = start.with_context(|| format!("{} on {kind}", file.config.display()))?;
        if let Some(logs) = executor.start_logs() {
            let (first, model) = start_logs.get_or_insert_with(|| (kind, logs.to_vec()));
            let found = parity::start_logs(logs, model);
            if !found.is_empty() {
                report.failures.push(format!("{kind} starts unlike {first}:\n{}", found.join("\n")));
            }
        }
        for case in cases {
            for variant in file.variants_of(case) {
                let run = run_case(&mut executor, kind, case, variant).await;
                report.runs.push(run.with_context(|| format!("{} on {kind}", case.id))?);
            }
        }
        let failures = executor.finish().await.with_context(|| kind.to_string())?;
        if !failures.is_empty() {
            report.failures.push(format!("{kind} did not stay well:\n{}", failures.join("\n")));
        }
    }
    compare(&mut report.runs);
    order(&mut report.runs, file);
    Ok(report)
}

/// A gateway that drops trailers would show nothing of what the repetition with trailers is for.
fn check_trailers(file: &CaseFile, bootstrap: &Bootstrap) -> Result<()> {
    let needs =
        |case: &&Case| file.variants_of(case).iter().any(|variant| variant.needs_http1_trailers(&case.steps));
    if let Some(case) = file.cases.iter().find(needs) {
        ensure!(
            bootstrap.surroundings()?.request_trailers,
            "{}: every.trailers: over HTTP/1 the gateway drops them without `enable_trailers` in the connection manager's \
             `http_protocol_options`",
            case.id
        );
    }
    Ok(())
}

async fn run_case(executor: &mut Executor, kind: Kind, case: &Case, variant: Variant) -> Result<Run> {
    let mut steps = Vec::new();
    for step in &case.steps {
        let (step, split) = (&variant.of(step), variant.split);
        let observation = executor.send(step, split).await?;
        let differences =
            step.expect.as_ref().map(|expect| expect.differences(&observation)).unwrap_or_default();
        let request = step.request(split).to_string();
        steps.push(StepRun { request, observation, differences });
    }
    Ok(Run { id: case.id.clone(), variant, executor: kind, xfail: case.xfail.clone(), steps })
}

/// Holds every run against the first one of the same case and variant. A case that is known to fail is left
/// out: it would fail for the executor that has it right.
fn compare(runs: &mut [Run]) {
    for index in 0..runs.len() {
        let (before, rest) = runs.split_at_mut(index);
        let Some(run) = rest.first_mut().filter(|run| run.xfail.is_none()) else { continue };
        let Some(first) = before.iter().find(|other| (&other.id, other.variant) == (&run.id, run.variant))
        else {
            continue;
        };
        for (step, other) in run.steps.iter_mut().zip(&first.steps) {
            let found = parity::differences(&step.observation, &other.observation);
            let found = found.into_iter().map(|line| format!("differs from {}: {line}", first.executor));
            step.differences.extend(found);
        }
    }
}

/// The order of the file, the executors of a case side by side.
fn order(runs: &mut [Run], file: &CaseFile) {
    let cases: BTreeMap<&str, (usize, Vec<Variant>)> = file
        .cases
        .iter()
        .enumerate()
        .map(|(index, case)| (case.id.as_str(), (index, file.variants_of(case))))
        .collect();
    let place = |run: &Run| {
        let (index, variants) = cases.get(run.id.as_str())?;
        Some((*index, variants.iter().position(|variant| *variant == run.variant)))
    };
    runs.sort_by_key(place);
}
