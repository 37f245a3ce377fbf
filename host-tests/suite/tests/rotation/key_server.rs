//! A key server that does what it is told to, and remembers when it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use serde_json::{Value, json};
use suite::gateway::{Called, Gateway};
use testkit::jwt::{SigningKey, jwks};

use crate::WORKERS;
use crate::tokens::issuer;

/// The server; it ends when this is dropped.
pub struct KeyServer {
    addr: SocketAddr,
    server: Option<suite::server::Server>,
    said: Arc<Mutex<Said>>,
}

#[derive(Default)]
struct Said {
    status: StatusCode,
    body: String,
    asked: Vec<Instant>,
}

impl KeyServer {
    /// Starts one with these keys.
    pub fn start(keys: &[SigningKey]) -> Result<Self> {
        let said = Arc::new(Mutex::new(Said { body: jwks(keys).to_string(), ..Said::default() }));
        let server = serve(0, &said)?;
        Ok(Self { addr: server.addr(), server: Some(server), said })
    }

    /// A gateway that has its keys from here, with these members in `remote`.
    pub async fn gateway(&self, members: &Value) -> Result<Gateway> {
        let mut remote = json!({ "cluster": "keys", "authority": "idp.example.com", "path": "/jwks" });
        let all = remote.as_object_mut().context("members")?;
        all.extend(members.as_object().context("members")?.clone());
        let provider = json!({
            "name": "idp",
            "issuers": [issuer("idp")],
            "audiences": ["api"],
            "algorithms": ["RS256", "ES256"],
            "keys": [{ "remote": remote }],
        });
        let cluster = Called { name: "keys".to_owned(), addr: self.addr, most: 1024 };
        let configuration = json!({ "version": 1, "providers": [provider] });
        Gateway::start_with("jwt-auth", &configuration, &[cluster], WORKERS).await
    }

    /// From now on it has these keys.
    pub fn publish(&self, keys: &[SigningKey]) {
        self.answers(StatusCode::OK, &jwks(keys).to_string());
    }

    /// The same, if it was last asked so long ago.
    pub fn publish_if(&self, keys: &[SigningKey], last: impl Fn(Duration) -> bool) -> bool {
        let body = jwks(keys).to_string();
        self.with(|said| {
            let so = said.asked.last().is_some_and(|asked| last(asked.elapsed()));
            if so {
                said.body = body;
            }
            so
        })
    }

    /// From now on it answers so.
    pub fn answers(&self, status: StatusCode, body: &str) {
        self.with(|said| (said.status, said.body) = (status, body.to_owned()));
    }

    /// When it was asked.
    pub fn asked(&self) -> Vec<Instant> {
        self.with(|said| said.asked.clone())
    }

    /// The least time between two fetches from this one on; `None`: there are no two.
    pub fn nearest(&self, from: usize) -> Option<Duration> {
        let asked = self.asked();
        let times = asked.iter().skip(from);
        times.clone().skip(1).zip(times).map(|(later, one)| later.saturating_duration_since(*one)).min()
    }

    /// Nobody listens any more.
    pub fn goes(&mut self) {
        self.server = None;
    }

    /// It listens again, in the same place.
    pub fn comes(&mut self) -> Result<()> {
        self.server = Some(serve(self.addr.port(), &self.said)?);
        Ok(())
    }

    fn with<T>(&self, what: impl FnOnce(&mut Said) -> T) -> T {
        what(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn serve(port: u16, said: &Arc<Mutex<Said>>) -> Result<suite::server::Server> {
    let said = Arc::clone(said);
    suite::server::Server::start(port, move |_| {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        said.asked.push(Instant::now());
        let mut answer = Response::new(Full::new(Bytes::from(said.body.clone())));
        *answer.status_mut() = said.status;
        std::future::ready(anyhow::Ok(answer))
    })
}
