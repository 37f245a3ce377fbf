//! The result, for people (Markdown) and for programs (JSON).

use std::collections::BTreeSet;
use std::fmt::Write as _;

use serde::Serialize;

use crate::limits;
use crate::machine::Machine;
use crate::measure::{Paced, Plan, Sample};
use crate::stats::Summary;
use crate::variants::{Kind, NATIVE_NOTE};

/// Above this share of waiting, something else was running and the report says that it means little.
pub(crate) const DISTURBED: f64 = 0.05;

/// Everything that was measured, and under which conditions.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What `envoy --version` says.
    pub envoy: String,
    /// Revision of the source the modules were built from.
    pub revision: String,
    /// The machine.
    pub machine: Machine,
    /// Whether the Envoy under test had a core to itself.
    pub own_core: bool,
    /// Rounds, durations, connections.
    pub plan: Plan,
    /// One entry per variant, the chain without a filter first.
    pub variants: Vec<Entry>,
}

/// One variant's samples.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    /// Its name.
    pub name: String,
    /// What it is there for.
    pub kind: Kind,
    /// Whether there was an upstream behind the gateway.
    pub forwards: bool,
    /// One sample per round.
    pub samples: Vec<Sample>,
}

impl Entry {
    fn summary(&self, value: impl Fn(&Sample) -> f64) -> Option<Summary> {
        Summary::of(self.samples.iter().map(value))
    }

    /// By how much the cheapest round of this variant exceeds the cheapest of another, in microseconds: on a
    /// shared machine every disturbance adds, so the minimum is the nearest to the truth.
    fn minima_beyond(&self, other: &Self) -> Option<f64> {
        let (own, other) = (self.summary(|one| one.cpu_us)?, other.summary(|one| one.cpu_us)?);
        Some(own.min - other.min)
    }

    /// CPU per request beyond another variant's in the same round, in microseconds. Differences are taken
    /// within a round because a machine drifts between rounds.
    fn beyond(&self, other: &Self) -> Option<Summary> {
        Summary::of(self.samples.iter().zip(&other.samples).map(|(own, other)| own.cpu_us - other.cpu_us))
    }
}

impl Report {
    fn of_kind(&self, kind: &Kind, forwards: bool) -> Option<&Entry> {
        self.variants.iter().find(|entry| entry.kind == *kind && entry.forwards == forwards)
    }

    /// The native variant that another is compared with.
    fn beside(&self, entry: &Entry) -> Option<&Entry> {
        match entry.kind {
            Kind::Ours(extent) | Kind::Native(extent) => self.of_kind(&Kind::Native(extent), entry.forwards),
            Kind::Tokens { beside } | Kind::Limits { beside, .. } => self
                .variants
                .iter()
                .find(|other| Some(&*other.name) == beside && other.forwards == entry.forwards),
            Kind::NoFilter | Kind::NoOp | Kind::Machinery | Kind::Bodies { .. } | Kind::Call { .. } => None,
        }
    }

    /// The report as Markdown. A table whose reference was not measured is left out.
    pub fn markdown(&self) -> String {
        let mut text = self.conditions();
        for (forwards, title) in [
            (false, "What a filter costs: the gateway answers itself, so that little else is measured."),
            (true, "What that means where the gateway forwards to an upstream."),
        ] {
            if let Some(base) = self.of_kind(&Kind::NoFilter, forwards) {
                let _ = write!(text, "\n{title}\n{}", self.filters(base));
                self.elsewhere(forwards, &mut text);
            }
        }
        self.paced(&mut text);
        if self.variants.iter().any(|entry| matches!(entry.kind, Kind::Limits { .. })) {
            let _ = writeln!(text, "\n{}", limits::NOTE);
        }
        if self.variants.iter().any(|entry| matches!(entry.kind, Kind::Native(_))) {
            let _ = writeln!(text, "\n{NATIVE_NOTE}");
        }
        if let Some(base) = self.of_kind(&Kind::NoOp, false)
            && self.variants.iter().any(|entry| matches!(entry.kind, Kind::Call { .. }))
        {
            text.push_str(&self.calls(base));
        }
        text
    }

    fn conditions(&self) -> String {
        let Self { envoy, revision, machine, plan, .. } = self;
        let Plan { rounds, seconds, warm_up_seconds, connections, path, host, pace: _ } = plan;
        let all = |value: fn(&Sample) -> f64| {
            Summary::of(self.variants.iter().flat_map(|entry| &entry.samples).map(value))
        };
        let percent = |value: fn(&Sample) -> f64| {
            range(
                all(value).map(|Summary { median, min, max }| Summary {
                    median: 100.0 * median,
                    min: 100.0 * min,
                    max: 100.0 * max,
                }),
                1,
            )
        };
        let warning = match all(|one| one.waited) {
            Some(waited) if waited.median > DISTURBED => {
                "**Disturbed: something else was running. Do not quote these numbers.**\n\n"
            }
            _ => "",
        };
        let pinning = if self.own_core {
            "Envoy under test on one core, upstream and load generator on another"
        } else {
            "everything on one core, because the machine has no second: read the latencies as relative"
        };
        format!(
            "# Cost of a filter in Envoy\n\n{warning}\
             - Envoy: {envoy}, `--concurrency 1`, one process per variant, all running at once\n\
             - Modules: revision {revision}\n\
             - Machine: {}, {} cores, Linux {}, load average at start {}; {pinning}\n\
             - The worker was on its core {} % of the time, and ready but kept waiting {} % of that: the more, the \
             more was the machine disturbed\n\
             - Load: wrk, one thread, {connections} kept-alive connections, `{path}` for host {host} with \
             {} further headers, as fast as answers come\n\
             - Upstream of the filters: a constant answer, 200 with a small JSON document, faster than any Envoy under test\n\
             - {rounds} rounds; each measures every variant once for {seconds} s after {warm_up_seconds} s of \
             warm-up, in an order that moves by one per round. Values are median (min–max) of the rounds\n\
             - CPU: time of Envoy's worker thread on its core (`schedstat`) per request answered\n",
            machine.cpu,
            machine.cores,
            machine.kernel,
            machine.load_average,
            percent(|one| one.busy),
            percent(|one| one.waited),
            crate::load::HEADERS.len(),
        )
    }

    fn filters(&self, base: &Entry) -> String {
        let added = |entry: &Entry| entry.beyond(base);
        let no_op = self.of_kind(&Kind::NoOp, base.forwards);
        let native = |entry: &Entry| self.beside(entry).and_then(added);
        let mut text = String::from(
            "\n| filter | CPU µs/request | added µs | beyond no-op, minima | added ÷ no-op | added ÷ native | requests/s \
             | p50 µs | p99 µs |\n|---|---|---|---|---|---|---|---|---|\n",
        );
        for entry in self
            .variants
            .iter()
            .filter(|entry| entry.forwards == base.forwards && !matches!(entry.kind, Kind::Call { .. }))
        {
            let filtered = entry.kind != Kind::NoFilter;
            let own = added(entry).filter(|_| filtered);
            let beyond = no_op
                .filter(|no_op| filtered && no_op.name != entry.name)
                .and_then(|no_op| entry.minima_beyond(no_op));
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                entry.name,
                range(entry.summary(|one| one.cpu_us), 1),
                range(own, 1),
                beyond.map_or_else(|| "–".to_owned(), |beyond| format!("{beyond:.1}")),
                ratio(own, no_op.and_then(added)),
                ratio(own, native(entry)),
                range(entry.summary(|one| one.per_second), 0),
                range(entry.summary(|one| one.p50_us), 0),
                range(entry.summary(|one| one.p99_us), 0),
            );
        }
        text
    }

    /// What works for the gateways, where something does.
    fn elsewhere(&self, forwards: bool, text: &mut String) {
        let entries = || self.variants.iter().filter(|entry| entry.forwards == forwards);
        let names: BTreeSet<_> = entries()
            .flat_map(|entry| &entry.samples)
            .flat_map(|one| one.elsewhere_us.keys().copied())
            .collect();
        if names.is_empty() {
            return;
        }
        text.push_str("\nCPU µs/request elsewhere, and how much of the time the gateway's worker was on its core:\n\n| filter |");
        for name in &names {
            let _ = write!(text, " {name} |");
        }
        let _ = writeln!(
            text,
            " worker busy % | requests/s ÷ native |\n|---|{}---|---|",
            "---|".repeat(names.len())
        );
        for entry in entries() {
            let _ = write!(text, "| {} |", entry.name);
            for name in &names {
                let own = |one: &Sample| one.elsewhere_us.get(name).copied().unwrap_or(0.0);
                let _ = write!(text, " {} |", range(entry.summary(own), 1));
            }
            let per_second = |entry: &Entry| entry.summary(|one| one.per_second);
            let _ = writeln!(
                text,
                " {} | {} |",
                range(entry.summary(|one| 100.0 * one.busy), 0),
                ratio(per_second(entry), self.beside(entry).and_then(per_second)),
            );
        }
    }

    /// The runs at a moderate rate.
    fn paced(&self, text: &mut String) {
        let Some(pace) = &self.plan.pace else { return };
        let _ = writeln!(
            text,
            "\nAt a moderate rate, with an upstream: about {} requests/s. wrk has no fixed rate: each of {} connections \
             pauses at random between an answer and its next request, so what is slow delays what follows on its \
             connection.\n\n| filter | requests/s | CPU µs/request | p50 µs | p99 µs |\n|---|---|---|---|---|",
            pace.per_second, self.plan.connections,
        );
        for entry in &self.variants {
            let paced = |value: fn(&Paced) -> f64, decimals| {
                let values: Vec<f64> =
                    entry.samples.iter().filter_map(|one| one.paced.as_ref()).map(value).collect();
                Summary::of(values).map(|summary| range(Some(summary), decimals))
            };
            let columns = [
                paced(|one| one.per_second, 0),
                paced(|one| one.cpu_us, 1),
                paced(|one| one.p50_us, 0),
                paced(|one| one.p99_us, 0),
            ];
            if let [Some(rate), Some(cpu), Some(p50), Some(p99)] = columns {
                let _ = writeln!(text, "| {} | {rate} | {cpu} | {p50} | {p99} |", entry.name);
            }
        }
    }

    fn calls(&self, base: &Entry) -> String {
        let mut text = String::from(
            "\nPrice of a host call, in a gateway that answers itself: (CPU with the calls − CPU of the no-op) ÷ calls.\n\n\
             | host call | calls/request | CPU µs/request | µs/call |\n|---|---|---|---|\n",
        );
        let _ = writeln!(text, "| none | 0 | {} | – |", range(base.summary(|one| one.cpu_us), 1));
        for entry in &self.variants {
            let Kind::Call { repeated } = entry.kind else { continue };
            let per_call = entry.beyond(base).map(|added| {
                let one = |value: f64| value / f64::from(repeated);
                Summary { median: one(added.median), min: one(added.min), max: one(added.max) }
            });
            let _ = writeln!(
                text,
                "| {} | {repeated} | {} | {} |",
                entry.name,
                range(entry.summary(|one| one.cpu_us), 1),
                range(per_call, 3),
            );
        }
        text
    }
}

/// `median (min–max)`, or a dash.
pub(crate) fn range(summary: Option<Summary>, decimals: usize) -> String {
    summary.map_or_else(
        || "–".to_owned(),
        |Summary { median, min, max }| format!("{median:.decimals$} ({min:.decimals$}–{max:.decimals$})"),
    )
}

/// Quotient of two medians, or a dash where the divisor is not above the noise.
fn ratio(own: Option<Summary>, reference: Option<Summary>) -> String {
    match (own, reference) {
        (Some(own), Some(reference)) if reference.min > 0.0 => {
            format!("{:.2}", own.median / reference.median)
        }
        _ => "–".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::measure::Pace;
    use crate::variants::Extent;

    fn entry(name: &str, kind: Kind, cpu: &[f64]) -> Entry {
        let sample = |cpu_us: &f64| Sample {
            cpu_us: *cpu_us,
            waited: 0.01,
            busy: 0.99,
            per_second: 1e6 / cpu_us,
            p50_us: 300.0,
            p99_us: 900.0,
            requests: 1000,
            elsewhere_us: BTreeMap::new(),
            paced: None,
        };
        Entry { name: name.to_owned(), kind, forwards: false, samples: cpu.iter().map(sample).collect() }
    }

    fn report() -> Report {
        Report {
            envoy: "1.40.0".to_owned(),
            revision: "unknown".to_owned(),
            machine: Machine {
                cpu: "CPU".to_owned(),
                cores: 2,
                kernel: "6".to_owned(),
                load_average: "0.1".to_owned(),
            },
            own_core: true,
            plan: Plan {
                rounds: 3,
                seconds: 4,
                warm_up_seconds: 1,
                connections: 8,
                path: "/".to_owned(),
                host: "api.example.com".to_owned(),
                pace: None,
            },
            variants: vec![
                entry("no filter", Kind::NoFilter, &[20.0, 22.0, 21.0]),
                entry("no-op", Kind::NoOp, &[25.0, 27.0, 26.0]),
                entry("ours", Kind::Ours(Extent::Shipped), &[30.0, 32.0, 36.0]),
                entry("all of ours", Kind::Ours(Extent::EveryOption), &[40.0, 42.0, 41.0]),
                entry("native", Kind::Native(Extent::Shipped), &[21.0, 22.0, 23.0]),
                entry("all native", Kind::Native(Extent::EveryOption), &[25.0, 27.0, 26.0]),
                entry("get_time", Kind::Call { repeated: 20 }, &[35.0, 37.0, 36.0]),
            ],
        }
    }

    #[test]
    fn added_cost_is_taken_within_a_round() {
        let text = report().markdown();
        let ours = text.lines().find(|line| line.starts_with("| ours")).unwrap();
        assert!(ours.contains("| 32.0 (30.0–36.0) | 10.0 (10.0–15.0) | 5.0 | 2.00 | – |"), "{ours}");
    }

    #[test]
    fn a_filter_is_compared_with_the_native_chain_of_the_same_extent() {
        let text = report().markdown();
        let ours = text.lines().find(|line| line.starts_with("| all of ours")).unwrap();
        assert!(ours.contains("| 20.0 (20.0–20.0) | 15.0 | 4.00 | 4.00 |"), "{ours}");
    }

    #[test]
    fn a_disturbed_run_says_so() {
        let mut report = report();
        assert!(!report.markdown().contains("Disturbed"));
        for sample in report.variants.iter_mut().flat_map(|entry| &mut entry.samples) {
            sample.waited = 0.2;
        }
        assert!(report.markdown().contains("**Disturbed"));
    }

    #[test]
    fn a_reference_within_the_noise_gives_no_ratio() {
        // Native was 0 µs above no filter in one round.
        assert_eq!(ratio(Summary::of([5.0]), Summary::of([0.0, 1.0])), "–");
        assert_eq!(ratio(Summary::of([5.0]), Summary::of([2.0])), "2.50");
    }

    #[test]
    fn what_works_for_a_gateway_is_named_beside_it() {
        let mut report = report();
        assert!(!report.markdown().contains("elsewhere"));
        let samples = report.variants.first_mut().map(|entry| &mut entry.samples).unwrap();
        for (sample, cost) in samples.iter_mut().zip([7.0, 9.0, 8.0]) {
            sample.elsewhere_us.insert("Redis", cost);
        }
        let text = report.markdown();
        assert!(
            text.contains("| filter | Redis | worker busy % | requests/s ÷ native |\n|---|---|---|---|\n"),
            "{text}"
        );
        assert!(text.contains("| no filter | 8.0 (7.0–9.0) | 99 (99–99) | – |"), "{text}");
    }

    #[test]
    fn only_what_ran_at_a_moderate_rate_is_in_its_table() {
        let mut report = report();
        assert!(!report.markdown().contains("moderate"));
        report.plan.pace = Some(Pace { per_second: 1000, script: "paced.lua".into() });
        let samples = report.variants.last_mut().map(|entry| &mut entry.samples).unwrap();
        for sample in samples {
            sample.paced = Some(Paced { cpu_us: 40.0, per_second: 990.0, p50_us: 200.0, p99_us: 700.0 });
        }
        let text = report.markdown();
        let (_, table) = text.split_once("moderate").unwrap();
        assert!(
            table.contains("| get_time | 990 (990–990) | 40.0 (40.0–40.0) | 200 (200–200) | 700 (700–700) |")
        );
        assert!(!table.contains("| no filter | 990"), "{table}");
    }

    #[test]
    fn a_limit_is_compared_with_the_one_named_where_there_is_an_upstream_too() {
        let mut report = report();
        let limits = |beside| Kind::Limits { beside, headers: false };
        for (forwards, native) in [(false, 30.0), (true, 60.0)] {
            let mut both = [
                entry("their limit", limits(None), &[native; 3]),
                entry("our limit", limits(Some("their limit")), &[40.0; 3]),
                entry("nothing", Kind::NoFilter, &[20.0; 3]),
            ];
            both.iter_mut().for_each(|entry| entry.forwards = forwards);
            report.variants.extend(both);
        }
        report.variants.retain(|entry| entry.name != "no filter");
        let text = report.markdown();
        let lines: Vec<_> = text.lines().filter(|line| line.starts_with("| our limit")).collect();
        assert!(lines[0].contains("| 2.00 |") && lines[1].contains("| 0.50 |"), "{lines:?}");
    }

    #[test]
    fn a_call_costs_what_exceeds_the_request_without() {
        let text = report().markdown();
        assert!(text.contains("| get_time | 20 | 36.0 (35.0–37.0) | 0.500 (0.500–0.500) |"), "{text}");
    }
}
