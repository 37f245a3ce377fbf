//! Clients that post, over HTTP/2 with prior knowledge.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use h2::client::SendRequest;
use http::Request;
use suite::patience::in_time;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What came of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The last part of the problem's type; empty where the answer is none of the gateway's.
    pub code: String,
}

/// Connections to all gateways, in turns.
pub struct Crowd {
    senders: Vec<SendRequest<Bytes>>,
    _connections: JoinSet<()>,
}

impl Crowd {
    /// Opens so many to each gateway.
    pub async fn of(gateways: &[SocketAddr], each: usize) -> Result<Self> {
        let (mut senders, mut connections) = (Vec::new(), JoinSet::new());
        for _ in 0..each {
            for gateway in gateways {
                let stream = TcpStream::connect(gateway).await.context("connect")?;
                let (sender, connection) = h2::client::handshake(stream).await?;
                senders.push(sender);
                connections.spawn(async move {
                    // Whoever waits for an answer on it is told what happened.
                    let _ = connection.await;
                });
            }
        }
        Ok(Self { senders, _connections: connections })
    }

    /// Posts a payment on the connection of this number, and waits for the answer.
    pub fn post(
        &self,
        number: usize,
        key: &str,
        body: &'static str,
    ) -> Result<impl Future<Output = Result<Answer>> + Send + 'static> {
        let connection = number % self.senders.len();
        let sender = self.senders.get(connection).context("no connection")?.clone();
        let request = Request::post("http://api.example.com/payments").header("idempotency-key", key);
        Ok(asked(sender, request.body(())?, body))
    }

    /// The same request so many times at once, in turns over all connections.
    pub fn posts(&self, count: usize, key: &str, body: &'static str) -> Result<JoinSet<Result<Answer>>> {
        let mut asking = JoinSet::new();
        for number in 0..count {
            asking.spawn(self.post(number, key, body)?);
        }
        Ok(asking)
    }
}

async fn asked(sender: SendRequest<Bytes>, request: Request<()>, body: &'static str) -> Result<Answer> {
    let mut sender = in_time("room for a request", sender.ready()).await??;
    let (response, mut sending) = sender.send_request(request, false)?;
    sending.send_data(Bytes::from_static(body.as_bytes()), true)?;
    let response = in_time("an answer", response).await?.context("an answer")?;
    let (head, mut stream) = response.into_parts();
    let mut text = Vec::new();
    while let Some(data) = in_time("a body", stream.data()).await? {
        let data = data.context("a body")?;
        stream.flow_control().release_capacity(data.len())?;
        text.extend_from_slice(&data);
    }
    let problem: Option<serde_json::Value> = serde_json::from_slice(&text).ok();
    let kind = problem.as_ref().and_then(|problem| problem.get("type")?.as_str()).unwrap_or_default();
    let code = kind.rsplit(':').next().unwrap_or_default().to_owned();
    Ok(Answer { status: head.status.as_u16(), code })
}

/// The answers of so many of them, the first that come.
pub async fn answers(asking: &mut JoinSet<Result<Answer>>, count: usize) -> Result<Vec<Answer>> {
    let mut answers = Vec::with_capacity(count);
    while answers.len() < count {
        answers.push(in_time("an answer", asking.join_next()).await?.context("no more requests")???);
    }
    Ok(answers)
}

/// How many were answered so.
pub fn count(answers: &[Answer], status: u16, code: &str) -> usize {
    answers.iter().filter(|answer| answer.status == status && answer.code == code).count()
}
