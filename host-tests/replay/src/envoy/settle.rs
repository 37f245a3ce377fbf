//! Waiting for an Envoy that has answered to be done with everything else.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::{Envoy, POLL};

impl Envoy {
    /// Waits until Envoy has let go of every client connection: the last stream is then over and logged.
    ///
    /// # Errors
    /// A connection is still there at the deadline.
    pub async fn quiet(&self, deadline: Duration) -> Result<()> {
        let left = self.zero(r"^listener\..*\.downstream_cx_active$", deadline).await?;
        left.map_or(Ok(()), |what| bail!("envoy: {what} after {deadline:?}"))
    }

    /// Waits until Envoy serves no request, connections or not.
    ///
    /// # Errors
    /// A request is still there at the deadline.
    pub async fn idle(&self, deadline: Duration) -> Result<()> {
        for _ in 0..2 {
            // Twice, since there is a moment between two requests on one connection.
            if let Some(what) = self.zero(r"^http\..*\.downstream_rq_active$", deadline).await? {
                bail!("envoy: {what} after {deadline:?}");
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Waits until no request to any cluster is under way, call-outs included. Returns whether that came true in
    /// time: a call-out may have a longer deadline of its own.
    ///
    /// # Errors
    /// The administration does not answer.
    pub async fn called(&self, deadline: Duration) -> Result<bool> {
        let gauges = r"^cluster\..*\.upstream_rq_(pending_)?active$";
        Ok(self.zero(gauges, deadline).await?.is_none())
    }

    /// Has every worker take one more connection, which brings nothing but `greeting`. Workers do one thing after
    /// another: whatever they had begun or were told to do before is then done.
    ///
    /// # Errors
    /// A worker does not take one before the deadline.
    pub async fn fence(&self, listener: SocketAddr, greeting: &[u8], deadline: Duration) -> Result<()> {
        let end = Instant::now() + deadline;
        let before = self.taken().await?;
        let mut now = before.clone();
        // The kernel chooses the worker of a connection.
        while now.iter().any(|(worker, count)| before.get(worker) == Some(count)) {
            let mut stream =
                TcpStream::connect(listener).await.with_context(|| format!("connect to {listener}"))?;
            stream.write_all(greeting).await.context("greeting")?;
            let last = total(&now);
            while total(&now) <= last {
                if Instant::now() > end {
                    bail!("envoy: a worker took no connection within {deadline:?}");
                }
                now = self.taken().await?;
            }
            // Not before it is taken: a listener filter gives up on who has left.
            drop(stream);
        }
        Ok(())
    }

    /// Connections each worker has taken so far, whatever the listener: their names do not tell those on free ports
    /// apart.
    async fn taken(&self) -> Result<BTreeMap<String, u64>> {
        let mut taken = BTreeMap::new();
        for (name, count) in self.stats(r"^listener\..*\.worker_\d+\.downstream_cx_total$").await? {
            let worker = name.rsplit('.').nth(1).unwrap_or_default().to_owned();
            *taken.entry(worker).or_default() += count;
        }
        ensure!(!taken.is_empty(), "envoy: there is no worker");
        Ok(taken)
    }

    /// Waits until every line that Envoy wrote before this call is read. Needs
    /// [`Options::traced`](super::Options::traced).
    ///
    /// # Errors
    /// The administration does not answer, or tells nothing of it before the deadline.
    pub async fn caught_up(&self, deadline: Duration) -> Result<()> {
        let mark = format!("/ready?mark={}", self.marks.fetch_add(1, Ordering::Relaxed));
        self.admin(&mark).await?;
        let served = tokio::time::timeout(deadline, self.output.served(&mark)).await;
        served.with_context(|| format!("envoy did not log that it served {mark} within {deadline:?}"))
    }

    /// Waits until the gauges that match are zero, those of this connection to the administration aside; at the
    /// deadline, the first that is not.
    async fn zero(&self, gauges: &str, deadline: Duration) -> Result<Option<String>> {
        let end = Instant::now() + deadline;
        loop {
            let stats = self.stats(gauges).await?;
            let own = |name: &str| name.starts_with("listener.admin.") || name.starts_with("http.admin.");
            let Some((name, count)) = stats.into_iter().find(|(name, count)| *count > 0 && !own(name)) else {
                return Ok(None);
            };
            if Instant::now() > end {
                return Ok(Some(format!("{name} is still {count}")));
            }
            tokio::time::sleep(POLL).await;
        }
    }
}

fn total(counts: &BTreeMap<String, u64>) -> u64 {
    counts.values().sum()
}
