//! Clients that verify the gateway, for the look before measuring.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use edge::authority::{Authority, Client as Certificate, HOST};
use edge::client::{Client, Identity, Protocol, Trust};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST as HOST_FIELD};

use super::PATH;
use crate::load::HEADERS;
use crate::measure::Plan;

/// How long a gateway may take until it has found its API healthy and has fetched the keys of tokens.
const READY: Duration = Duration::from_secs(60);
/// Between two looks at it.
const POLL: Duration = Duration::from_millis(100);

/// One without a certificate, one with.
pub(super) struct Clients {
    nothing: Client,
    known: Client,
    host: String,
}

impl Clients {
    pub(super) fn new(authority: &Authority, plan: &Plan) -> Result<Self> {
        let nothing = Client::new(Trust::read(&authority.root())?, HOST)?;
        let files = authority.client(Certificate::Valid);
        let known = nothing.with(Identity::read(&files.chain, &files.key)?);
        Ok(Self { nothing, known, host: plan.host.clone() })
    }

    /// Waits until a request is answered with 200.
    pub(super) async fn served(&self, gateway: SocketAddr, token: Option<&str>) -> Result<()> {
        let begin = Instant::now();
        loop {
            let status = self.ask(gateway, PATH, None, token).await?;
            if status == 200 {
                return Ok(());
            }
            ensure!(begin.elapsed() < READY, "still answers {status}");
            tokio::time::sleep(POLL).await;
        }
    }

    /// What a request is answered with, that of wrk: GET, or POST of a JSON document.
    pub(super) async fn ask(
        &self,
        gateway: SocketAddr,
        path: &str,
        body: Option<String>,
        token: Option<&str>,
    ) -> Result<u16> {
        let method = if body.is_some() { "POST" } else { "GET" };
        let mut request = Request::builder().method(method).uri(path).header(HOST_FIELD, &self.host);
        for (name, value) in HEADERS {
            request = request.header(name, value);
        }
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(Bytes::from(body.unwrap_or_default()))?;
        let stream = self.nothing.open(gateway).await?;
        Ok(self.nothing.send(stream, Protocol::Http1, request).await?.status)
    }

    /// Sees to it that who has a certificate is answered, and who has none is not.
    pub(super) async fn mutual(&self, gateway: SocketAddr, token: Option<&str>) -> Result<()> {
        let with = |client: &Client| {
            let client = client.clone();
            let token = token.unwrap_or_default();
            let request = Request::builder().uri(PATH).header(HOST_FIELD, &self.host);
            let request = request.header(AUTHORIZATION, format!("Bearer {token}")).body(Bytes::new());
            async move {
                let stream = client.open(gateway).await?;
                client.send(stream, Protocol::Http1, request?).await
            }
        };
        let status = with(&self.known).await.context("a client with a certificate")?.status;
        ensure!(status == 200, "a client with a certificate is answered {status}");
        ensure!(with(&self.nothing).await.is_err(), "a client without a certificate is answered");
        Ok(())
    }
}
