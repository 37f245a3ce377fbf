//! The upstream: it counts what it is asked, and answers when it is let.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use suite::server::Server;
use tokio::sync::watch;

/// What the upstream does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// It takes its time.
    Waits,
    /// It answers with this status.
    Answers(u16),
}

/// The upstream.
pub struct Api {
    server: Server,
    does: watch::Sender<Does>,
    /// Requests by key.
    seen: Arc<Mutex<BTreeMap<String, usize>>>,
}

impl Api {
    /// Starts it; it waits.
    pub fn start() -> Result<Self> {
        let (does, told) = watch::channel(Does::Waits);
        let seen = Arc::default();
        let counted = Arc::clone(&seen);
        let server = Server::start(0, move |request| answer(request, told.clone(), Arc::clone(&counted)))?;
        Ok(Self { server, does, seen })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// What it does from now on, also with those that wait.
    pub fn does(&self, what: Does) {
        self.does.send_replace(what);
    }

    /// How many requests with this key have come.
    pub fn seen(&self, key: &str) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(key).copied().unwrap_or(0)
    }

    /// How many have come in all.
    pub fn all(&self) -> usize {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).values().sum()
    }
}

async fn answer(
    request: Request<Incoming>,
    mut told: watch::Receiver<Does>,
    seen: Arc<Mutex<BTreeMap<String, usize>>>,
) -> Result<Response<Full<Bytes>>> {
    let key = request.headers().get("idempotency-key").context("no key")?.to_str()?.to_owned();
    *seen.lock().unwrap_or_else(PoisonError::into_inner).entry(key).or_default() += 1;
    request.into_body().collect().await.context("the body")?;
    let does = *told.wait_for(|does| *does != Does::Waits).await?;
    let Does::Answers(status) = does else { anyhow::bail!("it waits") };
    Ok(Response::builder().status(status).body(Full::default())?)
}
