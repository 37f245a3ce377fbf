//! A real Envoy with request-policy in front of upstreams that answer while they read.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, ensure};
use http::{HeaderMap, Response};
use replay::envoy::Envoy;
use replay::envoy_config::{Bootstrap, Rewrite};
use suite::{root, settings};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};

use crate::in_time;

const CONFIG: &str = "host-tests/suite/envoy/upgrades.yaml";

/// The gateway and what is behind it.
pub struct World {
    envoy: Envoy,
    /// Where Envoy listens.
    pub gateway: SocketAddr,
    /// What each connection to the upstream of HTTP/1 brought, heads included.
    seen: Arc<Mutex<Vec<Vec<u8>>>>,
    upstream: JoinHandle<()>,
    stop: oneshot::Sender<()>,
    grpc: JoinHandle<()>,
}

impl World {
    /// Starts all of it.
    pub async fn start() -> Result<Self> {
        let settings = settings()?;
        let api = TcpListener::bind(("127.0.0.1", 0)).await.context("bind 127.0.0.1:0")?;
        let grpc = TcpListener::bind(("127.0.0.1", 0)).await.context("bind 127.0.0.1:0")?;
        let rewrite = Rewrite { upstream: api.local_addr()?, dist: &settings.dist, access_log: None };
        let called = BTreeMap::from([("grpc".to_owned(), grpc.local_addr()?)]);
        let config = Bootstrap::read(&root()?.join(CONFIG))?.calling(&called)?.rewritten(&rewrite)?;
        let envoy = Envoy::start(&config, &settings.launch()).await?;
        let gateway = envoy.listener("ingress").await?;
        let seen = Arc::default();
        let (stop, stopped) = oneshot::channel();
        let upstream = tokio::spawn(serve(api, Arc::clone(&seen), stopped));
        Ok(Self { envoy, gateway, seen, upstream, stop, grpc: tokio::spawn(serve_grpc(grpc)) })
    }

    /// What the upstream of HTTP/1 got, a text for each connection. Envoy is ended first: nothing is on its way then.
    pub async fn end(mut self) -> Result<Vec<String>> {
        let failures = self.envoy.failures().await?;
        ensure!(failures.is_empty(), "{}", failures.join("\n"));
        self.envoy.stop().await?;
        // An error means that it has ended already.
        let _ = self.stop.send(());
        in_time("the upstream", self.upstream).await?.context("the upstream")?;
        self.grpc.abort();
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(seen.iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned()).collect())
    }
}

/// An upstream that takes every upgrade at once, unless it is asked for `/none`, and says back what it hears.
async fn serve(listener: TcpListener, seen: Arc<Mutex<Vec<Vec<u8>>>>, mut stopped: oneshot::Receiver<()>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            // What waits to be accepted comes before the end.
            biased;
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { break };
                let seen = Arc::clone(&seen);
                connections.spawn(async move {
                    let mut bytes = Vec::new();
                    // A connection that is reset has ended, too.
                    let _ = echo(stream, &mut bytes).await;
                    seen.lock().unwrap_or_else(PoisonError::into_inner).push(bytes);
                });
            }
            _ = &mut stopped => break,
        }
    }
    connections.join_all().await;
}

async fn echo(mut stream: TcpStream, seen: &mut Vec<u8>) -> std::io::Result<()> {
    let end = |seen: &[u8]| seen.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4);
    while end(seen).is_none() && stream.read_buf(seen).await? > 0 {}
    let mut said = end(seen).unwrap_or(seen.len());
    let head = seen.get(..said).unwrap_or_default().to_ascii_lowercase();
    if head.starts_with(b"get /none ") || !head.windows(10).any(|part| part == b"\r\nupgrade:") {
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await?;
        return stream.read_to_end(seen).await.map(|_| ());
    }
    let answer: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\
                          x-powered-by: PHP/8.3\r\n\r\n";
    stream.write_all(answer).await?;
    loop {
        stream.write_all(seen.get(said..).unwrap_or_default()).await?;
        said = seen.len();
        if stream.read_buf(seen).await? == 0 {
            return Ok(());
        }
    }
}

/// An upstream of gRPC: each message comes back at once, then a status that is no success.
async fn serve_grpc(listener: TcpListener) {
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(async move {
            let Ok(mut connection) = h2::server::handshake(stream).await else { return };
            while let Some(Ok((request, mut respond))) = connection.accept().await {
                tokio::spawn(async move {
                    let mut response = Response::new(());
                    response.headers_mut().extend(headers(&[("content-type", "application/grpc")]));
                    let mut answer = respond.send_response(response, false)?;
                    let mut body = request.into_body();
                    while let Some(message) = body.data().await {
                        let message = message?;
                        body.flow_control().release_capacity(message.len())?;
                        answer.send_data(message, false)?;
                    }
                    let status = [("grpc-status", "5"), ("grpc-message", "no such order"), ("x-sum", "7")];
                    answer.send_trailers(headers(&status))
                });
            }
        });
    }
}

fn headers(list: &[(&'static str, &'static str)]) -> HeaderMap {
    let header = |(name, value): &(&'static str, &'static str)| {
        (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
    };
    list.iter().map(header).collect()
}
