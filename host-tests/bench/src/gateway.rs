//! The running Envoys, and what they must answer before anything is measured.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use replay::client::{self, Response};
use replay::envoy::{Envoy, Launch};
use replay::request::Request;

use crate::bootstrap;
use crate::load::HEADERS;
use crate::machine::Cores;
use crate::measure::Plan;
use crate::sched::Worker;
use crate::variants::{Extent, Kind, STRICT, Sent, Variant};

/// A variant with its Envoy running.
#[derive(Debug)]
pub struct Gateway {
    /// What is measured.
    pub variant: Variant,
    /// The thread whose CPU time counts.
    pub worker: Worker,
    /// Where its listener takes requests.
    pub address: SocketAddr,
    envoy: Envoy,
}

impl Gateway {
    /// Starts the Envoy of a variant, on the core under test where there are two.
    ///
    /// # Errors
    ///
    /// When Envoy refuses the configuration or does not start.
    pub async fn start(
        variant: Variant,
        upstream: u16,
        launch: &Launch,
        cores: Option<Cores>,
    ) -> Result<Self> {
        let config = bootstrap::gateway(&variant.chain, upstream, variant.forwards).to_string();
        let envoy = Envoy::start(&config, launch).await?;
        let pid = envoy.id().context("Envoy has ended")?;
        if let Some(cores) = cores {
            cores.test(pid)?;
        }
        let address = envoy.listener(bootstrap::LISTENER).await?;
        Ok(Self { variant, worker: Worker::of(pid)?, address, envoy })
    }

    /// Ends the Envoy.
    ///
    /// # Errors
    ///
    /// When it cannot be ended, or has ended or failed before: then its samples mean nothing.
    pub async fn stop(mut self) -> Result<()> {
        let failures = self.envoy.failures().await?;
        ensure!(failures.is_empty(), "variant {}: {}", self.variant.name, failures.join("\n"));
        self.envoy.stop().await
    }

    /// Sends the measured request, with another method if need be.
    async fn send(&self, method: &str, plan: &Plan) -> Result<Response> {
        self.send_as(method, plan, &self.variant.sent).await
    }

    async fn send_as(&self, method: &str, plan: &Plan, sent: &Sent) -> Result<Response> {
        let mut further = Vec::new();
        let mut body = None;
        match sent {
            Sent::Plain => {}
            Sent::Token(token) => further.push(("authorization", format!("Bearer {token}"))),
            Sent::Strict(value) => further.push((STRICT, value.clone())),
            Sent::Body(text) => {
                further.push(("content-type", "application/json".to_owned()));
                further.push(("content-length", text.len().to_string()));
                body = Some(vec![text.clone().into_bytes()]);
            }
        }
        let further = further.iter().map(|(name, value)| (*name, value.as_str()));
        let header = |(name, value): (&str, &str)| (name.to_owned(), value.as_bytes().to_vec());
        let method = if body.is_some() { "POST" } else { method };
        let request = Request {
            authority: plan.host.clone().into_bytes(),
            headers: HEADERS.into_iter().chain(further).map(header).collect(),
            body,
            ..Request::new(method, &plan.path)
        };
        let exchange = client::send(self.address, &request).await?;
        exchange
            .response
            .map_err(anyhow::Error::msg)
            .with_context(|| format!("variant {}", self.variant.name))
    }
}

/// Has every gateway answer the measured request once: all with 200, ours and the native chain beside it with the
/// same headers, and these two must refuse a method that the configuration does not allow. So must the others refuse what
/// they are there to refuse.
///
/// # Errors
///
/// Names the variant that answers otherwise: what it costs would be compared with something else.
pub async fn verify(gateways: &[Gateway], plan: &Plan) -> Result<()> {
    let (mut ours, mut native) = (Answers::new(), Answers::new());
    for gateway in gateways {
        let name = &gateway.variant.name;
        let response = gateway.send("GET", plan).await?;
        ensure!(response.status == 200, "variant {name} answers {}", response.status);
        let slot = match gateway.variant.kind {
            Kind::Ours(extent) => ours.entry((extent, gateway.variant.forwards)),
            Kind::Native(extent) => native.entry((extent, gateway.variant.forwards)),
            Kind::Tokens { .. } => {
                ensure!(
                    gateway.send_as("GET", plan, &Sent::Plain).await?.status == 401,
                    "variant {name} asks for no token"
                );
                continue;
            }
            Kind::Bodies { refuses } => {
                let wrong = Sent::Body("{}".to_owned());
                let expected = refuses.unwrap_or(200);
                let status = gateway.send_as("POST", plan, &wrong).await?.status;
                ensure!(status == expected, "variant {name} answers an invalid body with {status}");
                continue;
            }
            Kind::Limits { headers, .. } => {
                let told = response.headers.iter().any(|(name, _)| name == "x-ratelimit-remaining");
                ensure!(told == headers, "variant {name}: headers that say what is left: {told}");
                // Filters of one domain count together; no other gateway has this value.
                let strict = Sent::Strict(gateway.address.port().to_string());
                for expected in [200, 429] {
                    let status = gateway.send_as("GET", plan, &strict).await?.status;
                    ensure!(status == expected, "variant {name} answers {status} instead of {expected}");
                }
                continue;
            }
            Kind::NoFilter | Kind::NoOp | Kind::Machinery | Kind::Call { .. } => continue,
        };
        let refused = gateway.send("TRACE", plan).await?.status;
        ensure!((400..500).contains(&refused), "variant {name} answers TRACE with {refused}");
        let (answer, first) = (comparable(response), slot.or_default());
        if first.is_empty() {
            first.clone_from(&answer);
        }
        ensure!(*first == answer, "variant {name} answers {answer:?}, another build of it {first:?}");
    }
    ensure!(ours == native, "the answers differ: ours {ours:?}, native {native:?}");
    Ok(())
}

/// What was answered, by what is on and whether there is an upstream.
type Answers = BTreeMap<(Extent, bool), Vec<String>>;

/// Headers in a fixed order, as text, without the one that tells the time.
fn comparable(response: Response) -> Vec<String> {
    let line = |(name, value): (String, Vec<u8>)| format!("{name}: {}", String::from_utf8_lossy(&value));
    let mut lines: Vec<_> = response.headers.into_iter().map(line).collect();
    lines.retain(|line| !line.starts_with("date: "));
    lines.sort();
    lines
}
