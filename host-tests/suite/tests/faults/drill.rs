//! A real Envoy with the caller, asked by clients who look at the clock.

use std::cell::Cell;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use replay::client::send;
use replay::request::Request;
use serde_json::{Value, json};
use suite::gateway::{Called, Gateway};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{sleep, timeout};

use crate::precedence;

/// Beyond this nothing comes any more: six times the longest pause of the caller's circuit breaker.
const DEADLINE: Duration = Duration::from_secs(60);
/// Between two looks at something that is not announced.
const POLL: Duration = Duration::from_millis(5);
/// Requests at once, where nothing else is said.
pub const AT_ONCE: usize = 8;
/// More than any test here needs.
pub const PLENTY: u32 = 1024;

/// Whoever looks at the clock does it alone: another test's Envoy would be in the way.
pub async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// What a client was told, and when.
#[derive(Debug, Clone)]
pub struct Seen {
    pub status: u16,
    /// `x-caller`.
    pub caller: String,
    pub body: String,
    /// From the connection to the last byte.
    pub took: Duration,
    /// What the request called itself.
    pub id: String,
}

/// What becomes of a request whose call-out fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnFailure {
    Deny,
    Allow,
}

impl OnFailure {
    pub const BOTH: [Self; 2] = [Self::Deny, Self::Allow];

    fn as_str(self) -> &'static str {
        match self {
            Self::Deny => "deny",
            Self::Allow => "allow",
        }
    }
}

/// The gateway.
pub struct Drill {
    gateway: Gateway,
    on_failure: OnFailure,
    asked: Cell<u64>,
}

impl Drill {
    /// Starts one with a single worker. `calls`: what is called, `http` or `redis` of the caller's configuration, whose
    /// cluster has the same name.
    ///
    /// # Errors
    /// As [`Gateway::start`].
    pub async fn start(
        calls: &str,
        timeout: Duration,
        on_failure: OnFailure,
        at: SocketAddr,
    ) -> Result<Self> {
        Self::start_with_most(calls, timeout, on_failure, at, PLENTY).await
    }

    /// The same with so many calls at once at most.
    ///
    /// # Errors
    /// As [`Gateway::start`].
    pub async fn start_with_most(
        calls: &str,
        timeout: Duration,
        on_failure: OnFailure,
        addr: SocketAddr,
        most: u32,
    ) -> Result<Self> {
        let timeout = format!("{}ms", timeout.as_millis());
        let configuration: Value = json!({
            "version": 1,
            calls: { "cluster": calls, "timeout": timeout },
            "on_failure": on_failure.as_str(),
        });
        let called = [Called { name: calls.to_owned(), addr, most }];
        let gateway = Gateway::start(&configuration, &called, 1).await?;
        precedence::give(gateway.envoy.id().context("Envoy has ended")?);
        Ok(Self { gateway, on_failure, asked: Cell::new(0) })
    }

    /// Sends a request.
    ///
    /// # Errors
    /// There is no response.
    pub async fn ask(&self) -> Result<Seen> {
        let number = self.asked.get() + 1;
        self.asked.set(number);
        let id = format!("request-{number}");
        let header = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let headers = vec![header("x-key", "k"), header("x-id", &id)];
        let request = Request { headers, ..Request::new("GET", "/") };
        let started = Instant::now();
        let exchange = timeout(DEADLINE, send(self.gateway.addr, &request));
        let exchange = exchange.await.with_context(|| format!("{id}: no answer"))??;
        let took = started.elapsed();
        let response = exchange.response.map_err(anyhow::Error::msg)?;
        let values = response.headers.iter().filter(|(name, _)| name == "x-caller");
        let values: Vec<_> = values.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect();
        let [caller] = values.as_slice() else { bail!("{id}: x-caller is {values:?}") };
        let body = String::from_utf8_lossy(&response.body).into_owned();
        Ok(Seen { status: response.status, caller: caller.clone(), body, took, id })
    }

    /// Sends so many requests, `at_once` of them at a time.
    ///
    /// # Errors
    /// There is no response to one.
    pub async fn ask_many(&self, count: usize, at_once: usize) -> Result<Vec<Seen>> {
        self.ask_apart(count, at_once, Duration::ZERO).await
    }

    /// The same with clients that begin one after the other: where all have to wait for as long as each other, none finds
    /// the answers to all others in its way.
    ///
    /// # Errors
    /// There is no response to one.
    pub async fn ask_apart(&self, count: usize, at_once: usize, apart: Duration) -> Result<Vec<Seen>> {
        let left = &Cell::new(count);
        let client = |before: u32| async move {
            sleep(apart * before).await;
            let mut seen = Vec::new();
            while let Some(rest) = left.get().checked_sub(1) {
                left.set(rest);
                seen.push(self.ask().await?);
            }
            anyhow::Ok(seen)
        };
        let clients = u32::try_from(at_once.min(count))?;
        let all = all((0..clients).map(client)).await;
        Ok(all.into_iter().collect::<Result<Vec<_>>>()?.concat())
    }

    /// Holds an answer against what is configured for a failure with this reason.
    ///
    /// # Errors
    /// It is another one.
    pub fn failed(&self, seen: &Seen, reason: &str) -> Result<()> {
        let expected = match self.on_failure {
            OnFailure::Deny => (503, reason, reason),
            OnFailure::Allow => (200, reason, ""),
        };
        ensure!((seen.status, &*seen.caller, &*seen.body) == expected, "{expected:?} and {seen:?}");
        Ok(())
    }

    /// Asks until Redis answers, while each failure has one of these reasons. An answer that is not this request's own is
    /// an error whenever it comes.
    ///
    /// # Errors
    /// Another failure, or none of it ends in time.
    pub async fn heals(&self, reasons: &[&str]) -> Result<Seen> {
        self.heals_to(reasons, |seen| counted(seen).is_ok()).await
    }

    /// The same until an answer is as it should be.
    ///
    /// # Errors
    /// As [`Drill::heals`].
    pub async fn heals_to(&self, reasons: &[&str], well: impl Fn(&Seen) -> bool) -> Result<Seen> {
        let until = Instant::now() + DEADLINE;
        loop {
            let seen = self.ask().await?;
            if well(&seen) {
                return Ok(seen);
            }
            ensure!(reasons.contains(&&*seen.caller), "{seen:?} instead of one of {reasons:?}");
            self.failed(&seen, &seen.caller)?;
            ensure!(Instant::now() < until, "it does not heal: {seen:?}");
            sleep(POLL).await;
        }
    }

    /// How many calls have been made.
    ///
    /// # Errors
    /// Envoy does not answer.
    pub async fn calls(&self) -> Result<u64> {
        let stats = self.gateway.envoy.stats(r"^cluster\.[a-z]+\.upstream_rq_total$").await?;
        Ok(stats.iter().map(|(_, count)| count).sum())
    }

    /// Waits until so many calls are sent and so many wait for a connection.
    ///
    /// # Errors
    /// It does not come to that.
    pub async fn under_way(&self, sent: usize, waiting: usize) -> Result<()> {
        let until = Instant::now() + DEADLINE;
        let expected = [u64::try_from(sent)?, u64::try_from(waiting)?];
        loop {
            let mut gauges =
                self.gateway.envoy.stats(r"^cluster\.[a-z]+\.upstream_rq_(pending_)?active$").await?;
            gauges.sort();
            let have = gauges.iter().map(|(_, value)| *value);
            if have.eq(expected) {
                return Ok(());
            }
            ensure!(Instant::now() < until, "{sent} calls sent and {waiting} waiting, but {gauges:?}");
            sleep(POLL).await;
        }
    }

    /// Nothing is under way any more: no call, no request, and nobody waits for a connection.
    ///
    /// # Errors
    /// Something is.
    pub async fn nothing_pending(&self) -> Result<()> {
        const GAUGES: &str = r"^(cluster\.[a-z]+\.upstream_rq_(active|pending_active)|http\.ingress\.downstream_rq_active|cluster\.[a-z]+\.circuit_breakers\.default\.(rq|rq_pending)_open)$";
        let until = Instant::now() + DEADLINE;
        loop {
            let gauges = self.gateway.envoy.stats(GAUGES).await?;
            ensure!(gauges.len() == 5, "of five gauges there are {gauges:?}");
            if gauges.iter().all(|(_, value)| *value == 0) {
                return Ok(());
            }
            ensure!(Instant::now() < until, "still pending: {gauges:?}");
            sleep(POLL).await;
        }
    }

    /// Nothing is pending, and nothing failed: no filter, no Envoy.
    ///
    /// # Errors
    /// Something is, or did.
    pub async fn end(self) -> Result<()> {
        self.nothing_pending().await?;
        self.gateway.end().await
    }
}

/// The count in an answer of Redis to this very request.
///
/// # Errors
/// It is none, or another request's.
pub fn counted(seen: &Seen) -> Result<u64> {
    let (count, id) = seen.caller.split_once('/').with_context(|| format!("no count: {seen:?}"))?;
    ensure!(seen.status == 200 && id == seen.id, "the answer to another request: {seen:?}");
    count.parse().with_context(|| format!("{seen:?}"))
}

/// Runs them all at once, in this thread.
async fn all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut futures: Vec<_> = futures.map(Box::pin).collect();
    let mut outputs: Vec<Option<T>> = futures.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        let mut open = false;
        for (future, output) in futures.iter_mut().zip(&mut outputs) {
            if output.is_none() {
                match future.as_mut().poll(cx) {
                    std::task::Poll::Ready(value) => *output = Some(value),
                    std::task::Poll::Pending => open = true,
                }
            }
        }
        if open { std::task::Poll::Pending } else { std::task::Poll::Ready(()) }
    })
    .await;
    outputs.into_iter().flatten().collect()
}
