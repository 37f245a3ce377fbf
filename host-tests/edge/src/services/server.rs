//! A server of HTTP/1.1 and HTTP/2 on one port, with or without TLS.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

use super::Answer;

/// As many as the kernel lets wait for `accept`.
const BACKLOG: u32 = 4096;

/// A server on 127.0.0.1. It ends when this is dropped, its connections too: what it is asked then is refused by the kernel.
#[derive(Debug)]
pub struct Server {
    addr: SocketAddr,
    _serving: JoinSet<()>,
}

impl Server {
    /// Listens on this port, 0: a free one. Without TLS a connection that begins with the preface of HTTP/2 speaks that (h2c with
    /// prior knowledge, RFC 9113 section 3.3).
    ///
    /// # Errors
    /// The port is not free.
    pub fn start<A, F>(port: u16, tls: Option<Arc<ServerConfig>>, answer: A) -> Result<Self>
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Result<Answer>> + Send + 'static,
    {
        let socket = TcpSocket::new_v4()?;
        // One that ends may leave connections behind, and come again.
        socket.set_reuseaddr(true)?;
        socket.bind(([127, 0, 0, 1], port).into()).with_context(|| format!("bind 127.0.0.1:{port}"))?;
        let listener = socket.listen(BACKLOG)?;
        let addr = listener.local_addr()?;
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, tls.map(TlsAcceptor::from), answer));
        Ok(Self { addr, _serving: serving })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

async fn serve<A, F>(listener: TcpListener, tls: Option<TlsAcceptor>, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Answer>> + Send + 'static,
{
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(connection(stream, tls.clone(), answer.clone()));
        while connections.try_join_next().is_some() {}
    }
}

/// Whoever leaves, or speaks something else, ends it: there is nobody to tell.
async fn connection<A, F>(stream: TcpStream, tls: Option<TlsAcceptor>, answer: A)
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Answer>> + Send + 'static,
{
    // What is written is a whole answer or a frame of a WebSocket: nothing gains by waiting for more.
    let _ = stream.set_nodelay(true);
    match tls {
        None => speak(stream, answer).await,
        Some(tls) => {
            if let Ok(stream) = tls.accept(stream).await {
                speak(stream, answer).await;
            }
        }
    }
}

async fn speak<S, A, F>(stream: S, answer: A)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Result<Answer>> + Send + 'static,
{
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // WebSockets over HTTP/2 (RFC 8441).
    builder.http2().enable_connect_protocol();
    let service = service_fn(move |request| {
        let answered = answer(request);
        // hyper closes the connection of an answer that is an error.
        async move { answered.await.map_err(std::io::Error::other) }
    });
    let _ = builder.serve_connection_with_upgrades(TokioIo::new(stream), service).await;
}
