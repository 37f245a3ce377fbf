//! Clients that ask all the time, and what they are told.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use suite::clients::{Answer, Clients};
use suite::figures::spread;
use suite::gateway::Gateway;
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::WORKERS;

/// Client connections, each with one request at a time. Enough that every worker has some.
const CONNECTIONS: usize = 32;
/// Requests that are answered in a second, at least.
const LEAST: f64 = 1000.0;

/// Clients that ask.
pub struct Load {
    common: Arc<Common>,
    clients: JoinSet<Result<()>>,
}

struct Common {
    clients: Clients,
    over: AtomicBool,
    next: AtomicUsize,
    tokens: Mutex<Arc<Vec<String>>>,
    answered: Mutex<Answered>,
}

/// What was answered since then.
struct Answered {
    since: Instant,
    answers: Vec<Answer>,
}

impl Answered {
    fn now() -> Self {
        Self { since: Instant::now(), answers: Vec::new() }
    }
}

/// What is behind a mutex that no one holds while it panics.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Load {
    /// Asks with these tokens in turns until something else is said.
    pub async fn start(gateway: &Gateway, tokens: &[String]) -> Result<Self> {
        let common = Arc::new(Common {
            clients: Clients::connect(gateway.addr, CONNECTIONS).await?,
            over: AtomicBool::default(),
            next: AtomicUsize::default(),
            tokens: Mutex::new(Arc::new(tokens.to_vec())),
            answered: Mutex::new(Answered::now()),
        });
        let mut clients = JoinSet::new();
        for connection in 0..CONNECTIONS {
            clients.spawn(ask(Arc::clone(&common), connection));
        }
        let load = Self { common, clients };
        load.runs("at the start", Duration::from_secs(1)).await?;
        let serving = gateway.serving().await?;
        ensure!(serving == usize::try_from(WORKERS)?, "clients of {serving} workers");
        Ok(load)
    }

    /// From now on with these.
    pub fn switch(&self, tokens: &[String]) {
        *locked(&self.common.tokens) = Arc::new(tokens.to_vec());
    }

    /// For so long, and since the last look, nobody is refused, and enough are answered.
    pub async fn runs(&self, what: &str, time: Duration) -> Result<()> {
        sleep(time).await;
        self.ran(what)
    }

    /// The same since the last look alone.
    pub fn ran(&self, what: &str) -> Result<()> {
        let Answered { since, answers } =
            std::mem::replace(&mut *locked(&self.common.answered), Answered::now());
        let took = since.elapsed();
        let per_second = answers.len() as f64 / took.as_secs_f64();
        let refused = answers.iter().filter(|answer| answer.status != 200);
        println!(
            "{what}: {} requests in {took:.1?}, {per_second:.0}/s, {} refused; {}",
            answers.len(),
            refused.clone().count(),
            spread(answers.iter().map(|answer| answer.took)),
        );
        if let Some(first) = refused.min_by_key(|answer| answer.sent) {
            bail!("{what}: after {:.2?}: {first:?}", first.sent.saturating_duration_since(since));
        }
        ensure!(per_second >= LEAST, "{what}: the machine is too slow");
        Ok(())
    }

    /// Ends it.
    pub async fn end(mut self) -> Result<()> {
        self.common.over.store(true, Ordering::SeqCst);
        while let Some(ended) = self.clients.join_next().await {
            ended??;
        }
        Ok(())
    }
}

async fn ask(common: Arc<Common>, connection: usize) -> Result<()> {
    while !common.over.load(Ordering::SeqCst) {
        let tokens = Arc::clone(&locked(&common.tokens));
        let number = common.next.fetch_add(1, Ordering::Relaxed) % tokens.len();
        let token = tokens.get(number).context("no token")?;
        let answer = common.clients.ask(connection, &[("authorization", token)]).await?;
        locked(&common.answered).answers.push(answer);
    }
    Ok(())
}

/// Asks with each of these once, the connections in turns, so many at a time.
pub async fn each(clients: &Clients, connections: usize, tokens: &[String]) -> Result<Vec<Answer>> {
    let mut answers = Vec::with_capacity(tokens.len());
    for some in tokens.chunks(connections) {
        let mut sent = Vec::with_capacity(connections);
        for (connection, token) in some.iter().enumerate() {
            sent.push(clients.send(connection, &[("authorization", token)]).await?);
        }
        answers.extend(suite::clients::answers(sent).await?);
    }
    Ok(answers)
}

/// Clients beside the load, on every worker.
pub struct Probe {
    clients: Clients,
    token: String,
}

impl Probe {
    /// Asks with this token.
    pub async fn start(gateway: &Gateway, token: &str) -> Result<Self> {
        Ok(Self { clients: Clients::connect(gateway.addr, CONNECTIONS).await?, token: token.to_owned() })
    }

    /// Asks once on every connection.
    pub async fn ask(&self) -> Result<Vec<Answer>> {
        each(&self.clients, CONNECTIONS, &vec![self.token.clone(); CONNECTIONS]).await
    }

    /// Asks until every answer has been `expected` for so long. The others are `before`. When the last of these was
    /// asked for; `None`: there was none.
    pub async fn becomes(&self, before: u16, expected: u16, sure: Duration) -> Result<Option<Instant>> {
        let (begin, mut last) = (Instant::now(), None);
        loop {
            for answer in self.ask().await? {
                ensure!([before, expected].contains(&answer.status), "{answer:?}");
                if answer.status != expected {
                    last = last.max(Some(answer.sent));
                }
            }
            if last.unwrap_or(begin).elapsed() >= sure {
                return Ok(last);
            }
            ensure!(begin.elapsed() < suite::patience::DEADLINE, "still {before} instead of {expected}");
        }
    }
}
