//! The result of the whole gateway, for people (Markdown) and for programs (JSON).

use std::fmt::Write as _;

use serde::Serialize;

use super::{Entry, Handshake, Latency, PER_SECOND, Request, Sample, Subject, Which};
use crate::machine::Machine;
use crate::measure::Plan;
use crate::report::{DISTURBED, range};
use crate::stats::Summary;

/// What is the same for both gateways, and what was changed in the file.
const NOTE: &str = "Both gateways are `envoy-configs/envoy/gateway.yaml` with one worker, certificates made for the run (P-256), \
    TLS 1.3 and HTTP/1.1, in front of an API that answers at once with 200. Changed in both: ports and addresses; access logs \
    are formatted and written, but to /dev/null. Changed in the one: it has no filter that is WebAssembly. Changed in the \
    other: its limits let 1,000,000 requests a second pass, and Redis has 1 s to answer about a revocation (50 ms else). Redis \
    (without a file), three Webdis, the key server, the API and the load generator share the other core: what they need is not in \
    CPU µs, but in the latencies. Before measuring, both gateways must answer each of these requests with 200, verified, and \
    the whole chain must refuse one without a token (401) and an order that is none (422). A token that is not remembered \
    is one of 6,000 in turn: jwt-auth verifies an ES256 signature and asks Redis whether it was revoked. They are of 100 users; with \
    another user each, rate-limit asks Redis for a quota of each, too. A sample with a remembered token that asks about revocations \
    (more often than an answer ages), or one of the others that does not each time, ends the run.";

/// What is said about handshakes.
const HANDSHAKES: &str = "Connections without a request, with the whole chain behind them; made by a client of our own (rustls), so \
    many at a time as above, which says goodbye and waits for the gateway's: TCP, TLS 1.3 with X25519, ECDSA on P-256, a stapled \
    OCSP answer, the end. It verifies nothing, as its own work is not to be measured; where the worker was not busy all the \
    time, it is the client that was too slow, and what the gateway can do is the third column: 1 s ÷ CPU per handshake. The \
    gateway must have counted as many as the client; resumed means by a ticket, every one of them, and with a new key exchange.";

/// Everything that was measured, and under which conditions.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// What `envoy --version` says.
    pub envoy: String,
    /// Revision of the source the modules were built from.
    pub revision: String,
    /// The machine.
    pub machine: Machine,
    /// Whether the Envoys under test had a core to themselves.
    pub own_core: bool,
    /// Rounds, durations, connections.
    pub plan: Plan,
    /// One entry per subject.
    pub entries: Vec<Entry>,
}

impl Entry {
    fn summary(&self, value: impl Fn(&Sample) -> f64) -> Option<Summary> {
        Summary::of(self.samples.iter().map(value))
    }

    /// By how much a value exceeds that of another in the same round.
    fn beyond(&self, other: &Self, value: impl Fn(&Sample) -> f64) -> Option<Summary> {
        Summary::of(self.samples.iter().zip(&other.samples).map(|(own, other)| value(own) - value(other)))
    }
}

impl Report {
    /// The report as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut text = self.conditions();
        self.requests(&mut text);
        let _ = write!(text, "\n{NOTE}\n");
        self.handshakes(&mut text);
        let _ = write!(text, "\n{HANDSHAKES}\n");
        text
    }

    fn conditions(&self) -> String {
        let Self { envoy, revision, machine, plan, .. } = self;
        let samples = || self.entries.iter().flat_map(|entry| &entry.samples);
        let waited = Summary::of(samples().map(|one| 100.0 * one.waited));
        let warning = match Summary::of(samples().map(|one| one.waited)) {
            Some(waited) if waited.median > DISTURBED => {
                "**Disturbed: something else was running. Do not quote these numbers.**\n\n"
            }
            _ => "",
        };
        let pinning = if self.own_core {
            "both Envoys on one core (one works at a time), everything else on another"
        } else {
            "everything on one core, because the machine has no second: read the latencies as relative"
        };
        format!(
            "# The whole gateway\n\n{warning}\
             - Envoy: {envoy}, `--concurrency 1`\n\
             - Modules: revision {revision}\n\
             - Machine: {}, {} cores, Linux {}, load average at start {}; {pinning}\n\
             - The worker was ready but kept waiting {} % of its time on the core: the more, the more was the machine disturbed\n\
             - {} connections, {} further headers; {} rounds, each measures everything once for {} s after {} s of warm-up, in an \
             order that moves by one per round. Values are median (min–max) of the rounds; what is added is taken within a round\n",
            machine.cpu,
            machine.cores,
            machine.kernel,
            machine.load_average,
            range(waited, 1),
            plan.connections,
            crate::load::HEADERS.len(),
            plan.rounds,
            plan.seconds,
            plan.warm_up_seconds,
        )
    }

    fn of(&self, subject: Subject) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.subject == subject)
    }

    fn requests(&self, text: &mut String) {
        let _ = writeln!(
            text,
            "\nRequests over TLS connections that stay open, by wrk: as fast as answers come, or about {PER_SECOND} a second. (wrk \
             has no fixed rate: each connection pauses at random between an answer and its next request.)\n\n\
             | request | gateway | requests/s | CPU µs/request | added µs | p50 µs | p99 µs | p99 added µs | worker busy % | \
             Redis, revocation/request | Redis, all/request |\n\
             |---|---|---|---|---|---|---|---|---|---|---|"
        );
        for request in Request::ALL {
            let bare = self.of(Subject::Requests(Which::Bare, request));
            for which in [Which::Bare, Which::Whole] {
                let Some(entry) = self.of(Subject::Requests(which, request)) else { continue };
                let beside = bare.filter(|_| which == Which::Whole);
                let p99 = |one: &Sample| latency(one, |latency| latency.p99_us);
                let _ = writeln!(
                    text,
                    "| {} | {} | {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                    title(request),
                    match which {
                        Which::Bare => "without our filters",
                        Which::Whole => "whole chain",
                    },
                    range(entry.summary(|one| one.per_second), 0),
                    range(entry.summary(|one| one.cpu_us), 1),
                    range(beside.and_then(|bare| entry.beyond(bare, |one| one.cpu_us)), 1),
                    range(entry.summary(|one| latency(one, |latency| latency.p50_us)), 0),
                    range(entry.summary(p99), 0),
                    range(beside.and_then(|bare| entry.beyond(bare, p99)), 0),
                    range(entry.summary(|one| 100.0 * one.busy), 0),
                    range(entry.summary(|one| one.share), 2),
                    range(entry.summary(|one| one.called.unwrap_or(f64::NAN)), 2),
                );
            }
        }
    }

    fn handshakes(&self, text: &mut String) {
        text.push_str(
            "\n| handshake | handshakes/s | gateway CPU µs/handshake | a core of the gateway/s | worker busy % | sessions resumed % |\n\
             |---|---|---|---|---|---|\n",
        );
        for kind in Handshake::ALL {
            let Some(entry) = self.of(Subject::Handshakes(kind)) else { continue };
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} | {} | {} |",
                match kind {
                    Handshake::OneWay => "one-way",
                    Handshake::Mutual => "mTLS",
                    Handshake::Resumed => "one-way, resumed",
                },
                range(entry.summary(|one| one.per_second), 0),
                range(entry.summary(|one| one.cpu_us), 1),
                range(entry.summary(|one| 1e6 / one.cpu_us), 0),
                range(entry.summary(|one| 100.0 * one.busy), 0),
                range(entry.summary(|one| 100.0 * one.share), 0),
            );
        }
    }
}

/// What wrk saw; not a number where it saw none, which no summary accepts.
fn latency(sample: &Sample, value: impl Fn(&Latency) -> f64) -> f64 {
    sample.latency.as_ref().map_or(f64::NAN, value)
}

fn title(request: Request) -> String {
    match request {
        Request::Get { paced: false } => "GET, remembered token".to_owned(),
        Request::Get { paced: true } => format!("GET, remembered token, {PER_SECOND}/s"),
        Request::Order { bytes, strangers } => {
            let whose = if strangers { "another user each" } else { "another token each" };
            format!("POST of {bytes} B, {whose}, {PER_SECOND}/s")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(subject: Subject, cpu: &[f64], p99: Option<f64>) -> Entry {
        let sample = |cpu_us: &f64| Sample {
            cpu_us: *cpu_us,
            waited: 0.01,
            busy: 0.5,
            per_second: 990.0,
            count: 990,
            latency: p99.map(|p99_us| Latency { p50_us: 100.0, p99_us }),
            share: 1.0,
            called: p99.map(|_| 1.0),
        };
        Entry { subject, samples: cpu.iter().map(sample).collect() }
    }

    fn report() -> Report {
        let machine = Machine {
            cpu: "CPU".to_owned(),
            cores: 2,
            kernel: "6".to_owned(),
            load_average: "0.1".to_owned(),
        };
        let plan = Plan {
            rounds: 2,
            seconds: 4,
            warm_up_seconds: 1,
            connections: 16,
            path: "/".to_owned(),
            host: "api.example.com".to_owned(),
            pace: None,
        };
        let order = Request::Order { bytes: 98, strangers: false };
        Report {
            envoy: "1.40.0".to_owned(),
            revision: "unknown".to_owned(),
            machine,
            own_core: true,
            plan,
            entries: vec![
                entry(Subject::Requests(Which::Bare, order), &[50.0, 60.0], Some(400.0)),
                entry(Subject::Requests(Which::Whole, order), &[250.0, 280.0], Some(1900.0)),
                entry(Subject::Handshakes(Handshake::Resumed), &[200.0, 200.0], None),
            ],
        }
    }

    #[test]
    fn what_the_chain_adds_is_taken_within_a_round() {
        let text = report().markdown();
        let line = text.lines().find(|line| line.contains("whole chain |")).unwrap();
        assert!(line.starts_with("| POST of 98 B, another token each, 500/s | whole chain | 990"), "{line}");
        assert!(line.contains("| 210.0 (200.0–220.0) |"), "{line}");
        assert!(line.contains("| 1500 (1500–1500) |"), "{line}");
        let bare = text.lines().find(|line| line.contains("without our filters |")).unwrap();
        assert!(bare.contains("| 55.0 (50.0–60.0) | – |"), "{bare}");
    }

    #[test]
    fn what_a_core_can_do_is_beside_what_the_client_asked_for() {
        let text = report().markdown();
        assert!(
            text.contains("| one-way, resumed | 990 (990–990) | 200.0 (200.0–200.0) | 5000 (5000–5000) | 50"),
            "{text}"
        );
        assert!(!text.contains("| mTLS"), "{text}");
    }

    #[test]
    fn a_disturbed_run_says_so() {
        let mut report = report();
        assert!(!report.markdown().contains("Disturbed"));
        report.entries.iter_mut().flat_map(|entry| &mut entry.samples).for_each(|one| one.waited = 0.2);
        assert!(report.markdown().contains("**Disturbed"));
    }
}
