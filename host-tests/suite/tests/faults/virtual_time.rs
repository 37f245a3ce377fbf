//! Every fault in virtual time: what ends at the timeout ends exactly then, everything else at once.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use proxy_wasm_host::{Engine, Limits};
use replay::envoy_config::{FailurePolicy, PluginSpec, Surroundings};
use replay::gateway::{Gateway, Setup};
use replay::step::{CallOut, Step};
use serde_json::{Value, json};

use crate::table::{Fault, answer, of_a_gateway, of_a_service, of_redis};

const TIMEOUT: Duration = Duration::from_millis(50);
/// What the modelled host needs for a call-out that is answered at once.
const AT_ONCE: Duration = Duration::from_micros(100);
/// Between two requests: whatever the first left behind has happened by then.
const LATER: Duration = Duration::from_secs(12);

/// The caller with a configuration, in a gateway with a clock of its own.
struct Model {
    gateway: Gateway,
}

/// What a request came to.
#[derive(Debug, PartialEq, Eq)]
struct Seen {
    status: String,
    caller: String,
    body: String,
    took: Duration,
    calls: usize,
}

impl Model {
    fn start(configuration: &Value) -> Result<Self> {
        let settings = suite::settings()?;
        let spec = PluginSpec {
            name: "caller".to_owned(),
            root_id: String::new(),
            vm_id: String::new(),
            wasm: PathBuf::from("caller.wasm"),
            configuration: configuration.to_string().into_bytes(),
            environment: Default::default(),
            host_environment: Vec::new(),
            vm_configuration: Vec::new(),
            failure_policy: FailurePolicy::FailClosed,
            reload_backoff: Duration::from_secs(1),
            allowed_capabilities: Default::default(),
            allow_on_headers_stop_iteration: true,
        };
        let clusters = Some(["service", "redis"].map(str::to_owned).into());
        let gateway = Gateway::start(Setup {
            engine: &Engine::new(false)?,
            plugins: &[(spec, settings.dist.join("caller.wasm"))],
            environment: &|_| None,
            surroundings: &Surroundings { clusters, ..Surroundings::default() },
            callouts: &[],
            workers: 1,
            seed: 0,
            start: Duration::from_secs(1_800_000_000),
            // Whoever compiles this in debug on a busy machine is not to be cut off.
            limits: Limits { callback: Duration::from_secs(10), ..Limits::default() },
        })?;
        Ok(Self { gateway })
    }

    /// Sends a request whose call-outs are answered so. `at`: since the start.
    fn ask_at(&mut self, at: Duration, answers: Vec<CallOut>) -> Result<Seen> {
        let step = json!({ "headers": [["x-key", "k"], ["x-id", "me"]] });
        let mut step: Step = serde_json::from_value(step)?;
        step.callouts = answers;
        self.gateway.submit(at, &step, None)?;
        self.gateway.run();
        let took = self.gateway.now().saturating_sub(at);
        let exchange = self.gateway.next_finished().context("the request did not end")?;
        ensure!(exchange.traps.is_empty(), "{:?}", exchange.traps);
        let response = exchange.response.filter(|response| response.complete).context("no whole response")?;
        let text =
            |name: &[u8]| String::from_utf8_lossy(response.headers.get(name).unwrap_or(b"none")).into();
        let passed = exchange.upstream.is_some();
        let caller: String = text(b"x-caller");
        if passed {
            // The upstream is told the same.
            let told = exchange.upstream.as_ref().and_then(|request| request.headers.get(b"x-caller"));
            ensure!(told == Some(caller.as_bytes()), "{told:?} and {caller}");
        }
        ensure!(passed == (text(b":status") == "200"), "a request went on and did not");
        Ok(Seen {
            status: text(b":status"),
            caller,
            body: String::from_utf8_lossy(&response.body).into_owned(),
            took,
            calls: exchange.call_outs.len(),
        })
    }

    /// The same a while after everything before.
    fn ask(&mut self, answers: Vec<CallOut>) -> Result<Seen> {
        let at = self.gateway.now() + LATER;
        self.ask_at(at, answers)
    }

    /// Whatever is left of earlier requests happens: to nobody.
    fn nothing_pending(&mut self) -> Result<()> {
        self.gateway.run_until(self.gateway.now() + LATER);
        ensure!(self.gateway.next_finished().is_none(), "somebody was answered");
        let traps = self.gateway.take_traps();
        ensure!(traps.is_empty(), "{traps:?}");
        Ok(())
    }
}

fn matrix(cluster: &str, configuration: &Value, faults: &[Fault], healthy: (&Value, &str)) -> Result<()> {
    for on_failure in ["deny", "allow"] {
        let mut configuration = configuration.clone();
        configuration.as_object_mut().context("an object")?.insert("on_failure".into(), on_failure.into());
        let mut model = Model::start(&configuration)?;
        for fault in faults {
            let what = format!("{} ({on_failure})", fault.name);
            let seen = model.ask(vec![fault.scripted(cluster)?]).with_context(|| what.clone())?;
            let expected = match on_failure {
                "deny" => ("503", fault.reason, fault.reason),
                _ => ("200", fault.reason, "ok\n"),
            };
            ensure!((&*seen.status, &*seen.caller, &*seen.body) == expected, "{what}: {seen:?}");
            // NOSCRIPT is asked again, once.
            let calls = if fault.reason == "no_script" { 2 } else { 1 };
            ensure!(seen.calls == calls, "{what}: {seen:?}");
            let took = if fault.silent { TIMEOUT } else { AT_ONCE * u32::try_from(calls)? };
            ensure!(seen.took == took, "{what}: {seen:?}");
            model.nothing_pending().with_context(|| what.clone())?;
            let after = model.ask(vec![answer(cluster, healthy.0)?])?;
            ensure!((&*after.status, &*after.caller) == ("200", healthy.1), "after {what}: {after:?}");
        }
    }
    Ok(())
}

#[test]
fn every_fault_of_a_service_is_answered_as_configured_at_its_time() -> Result<()> {
    let configuration = json!({ "version": 1, "http": { "cluster": "service", "timeout": "50ms" } });
    matrix("service", &configuration, &of_a_service(), (&json!({ "body": "well" }), "well"))
}

fn redis() -> Value {
    json!({ "version": 1, "redis": { "cluster": "redis", "timeout": "50ms" } })
}

fn healthy() -> Value {
    json!({ "redis": { "values": [7, "me"] } })
}

#[test]
fn every_fault_of_redis_is_answered_as_configured_at_its_time() -> Result<()> {
    let faults = [of_a_gateway(), of_redis()?].concat();
    matrix("redis", &redis(), &faults, (&healthy(), "7/me"))
}

#[test]
fn an_answer_just_in_time_is_taken_and_one_at_the_timeout_is_not() -> Result<()> {
    let mut model = Model::start(&redis())?;
    for (delay, expected) in [(49, ("200", "7/me")), (50, ("503", "timeout"))] {
        let members = json!({ "delay_ms": delay, "redis": { "values": [7, "me"] } });
        let seen = model.ask(vec![answer("redis", &members)?])?;
        ensure!((&*seen.status, &*seen.caller) == expected, "{delay}: {seen:?}");
        ensure!(seen.took == Duration::from_millis(delay), "{delay}: {seen:?}");
    }
    model.nothing_pending()
}

#[test]
fn what_is_asked_again_after_noscript_has_a_timeout_of_its_own() -> Result<()> {
    let mut model = Model::start(&redis())?;
    let unknown = json!({ "redis": { "error": "NOSCRIPT No matching script. Please use EVAL." } });
    let seen = model.ask(vec![answer("redis", &unknown)?, answer("redis", &healthy())?])?;
    ensure!((&*seen.caller, seen.calls, seen.took) == ("7/me", 2, AT_ONCE * 2), "{seen:?}");
    let silence = json!({ "fault": "timeout" });
    let seen = model.ask(vec![answer("redis", &unknown)?, answer("redis", &silence)?])?;
    ensure!((&*seen.caller, seen.calls, seen.took) == ("timeout", 2, AT_ONCE + TIMEOUT), "{seen:?}");
    model.nothing_pending()
}

/// The fifth failure opens the circuit for 250 ms. The probe that then fails makes it 500 ms, one that succeeds closes it.
#[test]
fn the_circuit_opens_probes_and_closes_to_the_microsecond() -> Result<()> {
    let mut model = Model::start(&redis())?;
    let (silence, well) = (json!({ "fault": "timeout" }), healthy());
    let mut ask = |at: Duration, members: &Value| model.ask_at(at, vec![answer("redis", members)?]);
    let mut at = Duration::from_secs(1);
    for _ in 0..5 {
        let seen = ask(at, &silence)?;
        ensure!((&*seen.caller, seen.calls, seen.took) == ("timeout", 1, TIMEOUT), "{seen:?}");
        at += TIMEOUT;
    }
    let (mut opened, mut pause) = (at, Duration::from_millis(250));
    for _ in 0..2 {
        for early in [opened, opened + pause / 2, opened + pause - Duration::from_micros(1)] {
            let seen = ask(early, &well)?;
            ensure!(
                (&*seen.caller, seen.calls, seen.took) == ("circuit_open", 0, Duration::ZERO),
                "{seen:?}"
            );
        }
        let probe = opened + pause;
        let seen = ask(probe, &silence)?;
        ensure!((&*seen.caller, seen.calls, seen.took) == ("timeout", 1, TIMEOUT), "{seen:?}");
        (opened, pause) = (probe + TIMEOUT, pause * 2);
    }
    let seen = ask(opened + pause - Duration::from_micros(1), &well)?;
    ensure!(seen.caller == "circuit_open", "{seen:?}");
    for more in 0..10 {
        let seen = ask(opened + pause + Duration::from_millis(more), &well)?;
        ensure!((&*seen.caller, seen.calls) == ("7/me", 1), "{seen:?}");
    }
    model.nothing_pending()
}

#[test]
fn what_the_host_does_not_send_is_answered_without_waiting() -> Result<()> {
    for (configuration, reason) in [
        (json!({ "version": 1, "http": { "cluster": "nowhere" } }), "NotSent"),
        (json!({ "version": 1, "redis": { "cluster": "nowhere" } }), "not_sent"),
    ] {
        let mut model = Model::start(&configuration)?;
        let seen = model.ask(Vec::new())?;
        ensure!((&*seen.status, &*seen.caller, seen.took) == ("503", reason, Duration::ZERO), "{seen:?}");
        model.nothing_pending()?;
    }
    Ok(())
}
