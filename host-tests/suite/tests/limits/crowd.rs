//! Clients of one or more gateways, and what they were told.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use suite::clients::{Answer, Clients};
use suite::gateway::Gateway;
use tokio::task::JoinSet;

use crate::WORKERS;

/// Connections to each gateway: enough that every worker has some.
const CONNECTIONS: usize = 16;

/// Clients of all gateways.
#[derive(Clone)]
pub struct Crowd(Vec<Arc<Clients>>);

impl Crowd {
    /// Connects to all of them, until every worker has clients.
    pub async fn of(gateways: &[Gateway]) -> Result<Self> {
        let mut all = Vec::new();
        for gateway in gateways {
            let clients = Clients::connect(gateway.addr, CONNECTIONS).await?;
            for connection in 0..CONNECTIONS {
                clients.ask(connection, &[("x-client", "nobody")]).await?;
            }
            let serving = gateway.serving().await?;
            ensure!(serving == usize::try_from(WORKERS)?, "clients of {serving} workers");
            all.push(Arc::new(clients));
        }
        Ok(Self(all))
    }

    /// How many connections there are.
    pub fn len(&self) -> usize {
        self.0.len() * CONNECTIONS
    }

    /// One request on the connection of this number, gateways in turns.
    pub async fn ask(&self, number: usize, client: &str) -> Result<Answer> {
        let at = number % self.len();
        let clients = self.0.get(at % self.0.len()).context("no gateway")?;
        clients.ask(at / self.0.len(), &[("x-client", client)]).await
    }

    /// One request after the other on every connection for so long, all as one client.
    pub async fn flood(&self, client: &'static str, time: Duration) -> Result<Vec<Answer>> {
        let begin = Instant::now();
        let mut asking = JoinSet::new();
        for number in 0..self.len() {
            let crowd = self.clone();
            asking.spawn(async move {
                let mut answers = Vec::new();
                while begin.elapsed() < time {
                    answers.push(crowd.ask(number, client).await?);
                }
                anyhow::Ok(answers)
            });
        }
        gathered(asking).await
    }

    /// So many requests at once, all as one client.
    pub async fn burst(&self, client: &'static str, count: usize) -> Result<Vec<Answer>> {
        let mut asking = JoinSet::new();
        for number in 0..count {
            let crowd = self.clone();
            asking.spawn(async move { anyhow::Ok(vec![crowd.ask(number, client).await?]) });
        }
        gathered(asking).await
    }
}

/// The answers in the order in which their requests were sent.
async fn gathered(mut asking: JoinSet<Result<Vec<Answer>>>) -> Result<Vec<Answer>> {
    let mut answers = Vec::new();
    while let Some(one) = asking.join_next().await {
        answers.extend(one??);
    }
    answers.sort_by_key(|answer| answer.sent);
    Ok(answers)
}

/// How many were answered so.
pub fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}
