//! Clients of a gateway: HTTP/2 with prior knowledge, so that thousands of requests need few sockets.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::{HeaderMap, Request};
use tokio::net::TcpStream;
use tokio::task::{JoinHandle, JoinSet};

use crate::patience::in_time;

/// Requests on one connection: as many as a client may begin before it has Envoy's settings.
pub const STREAMS: usize = 100;

/// Connections to a gateway.
#[derive(Debug)]
pub struct Clients {
    senders: Vec<SendRequest<Bytes>>,
    connections: JoinSet<()>,
}

/// What came of a request.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The fields of its head.
    pub headers: HeaderMap,
    /// When the request was sent.
    pub sent: Instant,
    /// From the sending to the head of the answer.
    pub took: Duration,
}

impl Answer {
    /// A field of the head; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> Cow<'_, str> {
        self.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes())).unwrap_or_default()
    }

    /// `x-caller`.
    #[must_use]
    pub fn said(&self) -> Cow<'_, str> {
        self.header("x-caller")
    }
}

/// A request that was sent. Its client leaves when this is aborted.
pub type Sent = JoinHandle<Result<Answer>>;

impl Clients {
    /// Opens so many.
    ///
    /// # Errors
    /// The gateway does not listen, or speaks something else.
    pub async fn connect(gateway: SocketAddr, count: usize) -> Result<Self> {
        let mut clients = Self { senders: Vec::with_capacity(count), connections: JoinSet::new() };
        for _ in 0..count {
            let stream = TcpStream::connect(gateway).await.context("connect")?;
            let (sender, connection) = h2::client::handshake(stream).await?;
            clients.senders.push(sender);
            clients.connections.spawn(async move {
                // Whoever waits for an answer on it is told what happened.
                let _ = connection.await;
            });
        }
        Ok(clients)
    }

    /// Sends a request on a connection, with these fields.
    ///
    /// # Errors
    /// There is no such connection, or it is closed.
    pub async fn send(&self, connection: usize, fields: &[(&str, &str)]) -> Result<Sent> {
        let sender = self.senders.get(connection).context("no such connection")?;
        let mut request = Request::get("http://api.example.com/");
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let mut sender = in_time("room for a request", sender.clone().ready()).await??;
        let begin = Instant::now();
        let (response, _) = sender.send_request(request.body(())?, true)?;
        Ok(tokio::spawn(answer(begin, response)))
    }

    /// Sends so many on every connection, in turns; returns when all were handed to the connections.
    ///
    /// # Errors
    /// A connection is closed.
    pub async fn send_each(&self, count: usize) -> Result<Vec<Sent>> {
        let mut sent = Vec::with_capacity(count.saturating_mul(self.senders.len()));
        for _ in 0..count {
            for connection in 0..self.senders.len() {
                sent.push(self.send(connection, &[]).await?);
            }
        }
        Ok(sent)
    }

    /// Sends one and waits for its answer.
    ///
    /// # Errors
    /// As [`Clients::send`], or there is no answer.
    pub async fn ask(&self, connection: usize, fields: &[(&str, &str)]) -> Result<Answer> {
        let sent = self.send(connection, fields).await?;
        in_time("an answer", sent).await??
    }
}

async fn answer(begin: Instant, response: ResponseFuture) -> Result<Answer> {
    let response = response.await.context("an answer")?;
    let took = begin.elapsed();
    let (head, mut body) = response.into_parts();
    while let Some(data) = body.data().await {
        body.flow_control().release_capacity(data.context("a body")?.len())?;
    }
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, sent: begin, took })
}

/// Waits for all of them.
///
/// # Errors
/// One has no answer.
pub async fn answers(sent: Vec<Sent>) -> Result<Vec<Answer>> {
    let mut answers = Vec::with_capacity(sent.len());
    for one in sent {
        answers.push(in_time("an answer", one).await???);
    }
    Ok(answers)
}
