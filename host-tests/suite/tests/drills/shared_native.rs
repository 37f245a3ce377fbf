//! Two thousand requests wait for one call-out, on the native policy.

use anyhow::{Context as _, Result, ensure};
use caller::Caller;
use filter_core::effect::HeaderOp;
use filter_core::filter::{Filter, Flow, Outcome};
use filter_core::message::{Headers, RequestHead};
use filter_core::stream::Stream;
use filter_core::task::{Reply, TaskResult};
use serde_json::Value;
use std::time::Duration;
use testkit::{TestCx, request};

use crate::shared::{MANY, configuration};

/// A worker with streams that have numbers.
struct Worker {
    filter: Filter<Caller>,
    streams: Vec<Stream<Caller>>,
}

impl Worker {
    fn new(configuration: &Value) -> Result<Self> {
        let mut filter = Filter::default();
        let configured = filter.configure("caller", configuration.to_string().as_bytes(), &());
        configured.map_err(|errors| anyhow::anyhow!("{errors:?}"))?;
        Ok(Self { filter, streams: Vec::new() })
    }

    fn request(&mut self, cx: &TestCx) -> Result<Outcome> {
        let mut stream = Stream::new(u32::try_from(self.streams.len())?);
        let headers: Headers = request("GET", "/").into();
        let outcome = stream.request_headers(
            &mut self.filter,
            &RequestHead { headers: &headers, end_of_stream: true },
            cx,
        );
        self.streams.push(stream);
        Ok(outcome)
    }

    /// So many requests, all of which wait.
    fn hold(&mut self, cx: &TestCx, count: usize) -> Result<()> {
        for number in 0..count {
            ensure!(self.request(cx)?.flow == Flow::Pause, "request {number} does not wait");
        }
        Ok(())
    }

    /// Those that waited are told; how many go on with this answer.
    fn resume(&mut self, cx: &TestCx, waiters: &[u32], result: &TaskResult, answer: &str) -> Result<usize> {
        let mut count = 0;
        for waiter in waiters {
            let stream = self.streams.get_mut(usize::try_from(*waiter)?).context("an unknown waiter")?;
            let outcome = stream.resume(&mut self.filter, result, &mut || None, cx);
            ensure!(goes_on(&outcome, answer), "request {waiter}: {outcome:?}");
            count += 1;
        }
        Ok(count)
    }

    /// Nothing is under way, whatever time brings.
    fn idle(&mut self, cx: &TestCx) -> Result<()> {
        cx.advance(Duration::from_secs(60));
        ensure!(self.filter.next_lost(cx).is_none(), "something is still awaited");
        Ok(())
    }
}

fn goes_on(outcome: &Outcome, answer: &str) -> bool {
    let said =
        |op: &HeaderOp| matches!(op, HeaderOp::Set(name, value) if name == "x-caller" && value == answer);
    outcome.flow == Flow::Continue && outcome.headers.iter().any(said)
}

fn ok(body: &str) -> TaskResult {
    Ok(Reply { status: 200, headers: Headers::default(), body: body.into() })
}

#[test]
fn many_requests_of_a_worker_share_one_call_out() -> Result<()> {
    let (cx, mut worker) = (TestCx::default(), Worker::new(&configuration("worker"))?);
    worker.hold(&cx, MANY)?;
    // In Envoy they go on bit by bit, by way of this queue.
    ensure!(worker.filter.queue().is_some(), "a worker that many wait on cannot wake itself");
    let dialled = cx.dialled();
    let [(token, _)] = dialled.as_slice() else { anyhow::bail!("{} call-outs", dialled.len()) };
    let over = worker.filter.answered(*token, ok("one"), &cx).context("nobody waits")?;
    ensure!(worker.resume(&cx, &over.waiters, &over.result, "one")? == MANY);
    // The outcome serves the next ones, and the host that tells twice is not listened to.
    ensure!(goes_on(&worker.request(&cx)?, "one") && cx.dialled().is_empty());
    ensure!(worker.filter.answered(*token, ok("two"), &cx).is_none());
    worker.idle(&cx)
}

#[test]
fn those_who_leave_meanwhile_are_not_told() -> Result<()> {
    let (cx, mut worker) = (TestCx::default(), Worker::new(&configuration("worker"))?);
    worker.hold(&cx, MANY)?;
    for stream in worker.streams.iter_mut().step_by(2) {
        let _ = stream.done(&mut worker.filter, &cx);
    }
    let dialled = cx.dialled();
    let [(token, _)] = dialled.as_slice() else { anyhow::bail!("{} call-outs", dialled.len()) };
    let over = worker.filter.answered(*token, ok("one"), &cx).context("nobody waits")?;
    ensure!(over.waiters.iter().all(|waiter| waiter % 2 == 1), "one that left is told");
    ensure!(worker.resume(&cx, &over.waiters, &over.result, "one")? == MANY / 2);
    worker.idle(&cx)
}

#[test]
fn the_requests_of_two_workers_share_one_call_out() -> Result<()> {
    let (cx, configuration) = (TestCx::default(), configuration("gateway"));
    let (mut one, mut two) = (Worker::new(&configuration)?, Worker::new(&configuration)?);
    one.hold(&cx, MANY / 2)?;
    two.hold(&cx, MANY / 2)?;
    let dialled = cx.dialled();
    let [(token, _)] = dialled.as_slice() else { anyhow::bail!("{} call-outs", dialled.len()) };
    let over = one.filter.answered(*token, ok("one"), &cx).context("nobody waits")?;
    ensure!(one.resume(&cx, &over.waiters, &over.result, "one")? == MANY / 2);
    // The second is told through its queue; the clock has not moved.
    ensure!(one.filter.others(&cx).len() == 1, "the second worker is unknown to the first");
    let [name] = over.outcome.tell.as_slice() else { anyhow::bail!("nobody is told") };
    let woken = two.filter.told(name, &cx).context("nobody waits")?;
    ensure!(two.resume(&cx, &woken.waiters, &woken.result, "one")? == MANY / 2);
    ensure!(two.filter.told(name, &cx).is_none(), "told twice");
    ensure!(goes_on(&two.request(&cx)?, "one") && cx.dialled().is_empty(), "a second call-out");
    one.idle(&cx)?;
    two.idle(&cx)
}

/// A worker whose call-out nobody of its own waits for any more tells the others all the same.
#[test]
fn a_worker_whose_requests_all_left_wakes_the_other() -> Result<()> {
    let (cx, configuration) = (TestCx::default(), configuration("gateway"));
    let (mut one, mut two) = (Worker::new(&configuration)?, Worker::new(&configuration)?);
    one.hold(&cx, MANY / 2)?;
    two.hold(&cx, MANY / 2)?;
    for stream in &mut one.streams {
        let _ = stream.done(&mut one.filter, &cx);
    }
    let (token, _) = cx.dialled().pop().context("no call-out")?;
    let over = one.filter.answered(token, ok("one"), &cx).context("the answer is ignored")?;
    ensure!(over.waiters.is_empty(), "{} that left are told", over.waiters.len());
    let [name] = over.outcome.tell.as_slice() else { anyhow::bail!("nobody is told") };
    let woken = two.filter.told(name, &cx).context("nobody waits")?;
    ensure!(two.resume(&cx, &woken.waiters, &woken.result, "one")? == MANY / 2);
    ensure!(cx.dialled().is_empty(), "a second call-out");
    Ok(())
}
