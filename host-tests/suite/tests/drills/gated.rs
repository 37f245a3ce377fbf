//! A server that answers when it is told to, and counts who asked.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::Full;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// As many as the kernel lets wait for `accept`.
const BACKLOG: u32 = 4096;

/// The server; it ends when this is dropped.
pub struct Gated {
    pub addr: SocketAddr,
    requests: Arc<AtomicUsize>,
    open: watch::Sender<bool>,
    _serving: JoinSet<()>,
}

impl Gated {
    /// Listens on a free port of 127.0.0.1. The answer to request number n has this status and the body `answer n`, once the
    /// gate is open.
    pub fn start(status: http::StatusCode) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(([127, 0, 0, 1], 0).into()).context("bind 127.0.0.1:0")?;
        let listener = socket.listen(BACKLOG)?;
        let addr = listener.local_addr()?;
        let requests = Arc::<AtomicUsize>::default();
        let (open, opened) = watch::channel(false);
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, status, Arc::clone(&requests), opened));
        Ok(Self { addr, requests, open, _serving: serving })
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

async fn serve(
    listener: TcpListener,
    status: http::StatusCode,
    requests: Arc<AtomicUsize>,
    opened: watch::Receiver<bool>,
) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let (requests, opened) = (Arc::clone(&requests), opened.clone());
        let service = service_fn(move |_| {
            let number = requests.fetch_add(1, Ordering::SeqCst) + 1;
            let mut opened = opened.clone();
            async move {
                // An error means that nobody will open it any more.
                opened.wait_for(|open| *open).await.context("never opened")?;
                let mut answer = http::Response::new(Full::new(Bytes::from(format!("answer {number}"))));
                *answer.status_mut() = status;
                anyhow::Ok(answer)
            }
        });
        connections.spawn(async move {
            // Whoever leaves while waiting ends it.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}
