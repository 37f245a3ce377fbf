//! A server that answers when it is told to, and counts who asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::Full;
use suite::server::Server;
use tokio::sync::watch;

/// The server; it ends when this is dropped.
pub struct Gated {
    pub addr: SocketAddr,
    requests: Arc<AtomicUsize>,
    open: watch::Sender<bool>,
    _server: Server,
}

impl Gated {
    /// Listens on a free port of 127.0.0.1. The answer to request number n has this status and the body `answer n`, once the
    /// gate is open.
    pub fn start(status: http::StatusCode) -> Result<Self> {
        let requests = Arc::<AtomicUsize>::default();
        let (open, opened) = watch::channel(false);
        let count = Arc::clone(&requests);
        let server = Server::start(0, move |_| {
            let number = count.fetch_add(1, Ordering::SeqCst) + 1;
            let mut opened = opened.clone();
            async move {
                // An error means that nobody will open it any more.
                opened.wait_for(|open| *open).await.context("never opened")?;
                let mut answer = http::Response::new(Full::new(Bytes::from(format!("answer {number}"))));
                *answer.status_mut() = status;
                anyhow::Ok(answer)
            }
        })?;
        Ok(Self { addr: server.addr(), requests, open, _server: server })
    }

    /// How many requests have come.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// Lets every answer go, those to come too.
    pub fn open(&self) {
        self.open.send_replace(true);
    }
}
