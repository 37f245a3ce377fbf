//! A server of a test's own.

use std::future::Future;
use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;

/// As many as the kernel lets wait for `accept`.
const BACKLOG: u32 = 4096;

/// An HTTP/1 server on 127.0.0.1; it ends when this is dropped, its connections too.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    _serving: JoinSet<()>,
}

impl Server {
    /// Listens on this port, 0: a free one. An answer that is an error ends its connection.
    ///
    /// # Errors
    /// The port is not free.
    pub fn start<A, F>(port: u16, answer: A) -> Result<Self>
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Response<Full<Bytes>>>> + Send + 'static,
    {
        let socket = TcpSocket::new_v4()?;
        // One that ends may leave connections behind, and come again.
        socket.set_reuseaddr(true)?;
        socket.bind(([127, 0, 0, 1], port).into()).with_context(|| format!("bind 127.0.0.1:{port}"))?;
        let listener = socket.listen(BACKLOG)?;
        let addr = listener.local_addr()?;
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, answer));
        Ok(Self { addr, _serving: serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

async fn serve<A, F>(listener: TcpListener, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Response<Full<Bytes>>>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let service = service_fn(answer.clone());
        connections.spawn(async move {
            // Whoever leaves while waiting ends it.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}
