//! Connections that are made, and ended without a request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use edge::authority::{Authority, Client, HOST};
use serde::Serialize;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use tokio_rustls::rustls::version::TLS13;
use tokio_rustls::rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};

use super::world::Gateway;
use super::{Sample, cost, number};
use crate::measure::Plan;

/// What is the gateway's in a handshake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Handshake {
    /// It shows its certificate.
    OneWay,
    /// It shows its certificate, and verifies the client's.
    Mutual,
    /// It opens a ticket.
    Resumed,
}

impl Handshake {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::OneWay, Self::Mutual, Self::Resumed];
}

/// A client that believes every server: what verifying costs is not the gateway's, and the client must be the faster side. One that
/// verifies was served before.
#[derive(Debug)]
struct Believer;

impl ServerCertVerifier for Believer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        // The gateway then shows its certificate on P-256, as to any client of today.
        vec![SignatureScheme::ECDSA_NISTP256_SHA256, SignatureScheme::RSA_PSS_SHA256]
    }
}

/// So many clients that speak TLS 1.3, HTTP/1.1 within, each with tickets of its own.
pub(super) fn connectors(kind: Handshake, authority: &Authority, count: u32) -> Result<Vec<TlsConnector>> {
    (0..count).map(|_| connector(kind, authority)).collect()
}

fn connector(kind: Handshake, authority: &Authority) -> Result<TlsConnector> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_protocol_versions(&[&TLS13]).context("TLS 1.3")?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(Believer));
    let mut config = if kind == Handshake::Mutual {
        let files = authority.client(Client::Valid);
        let chain = CertificateDer::pem_file_iter(&files.chain)?.collect::<Result<Vec<_>, _>>()?;
        let key = PrivateKeyDer::from_pem_file(&files.key)?;
        builder.with_client_auth_cert(chain, key).context("the client's certificate")?
    } else {
        builder.with_no_client_auth()
    };
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = match kind {
        Handshake::Resumed => Resumption::in_memory_sessions(1),
        Handshake::OneWay | Handshake::Mutual => Resumption::disabled(),
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

/// One warm-up and one sample.
pub(super) async fn sample(
    gateway: &Gateway,
    kind: Handshake,
    connectors: &[TlsConnector],
    plan: &Plan,
) -> Result<Sample> {
    let addresses = gateway.edge.addresses();
    let to = if kind == Handshake::Mutual { addresses.mtls } else { addresses.tls };
    let run = |seconds| connect(connectors, to, Duration::from_secs(u64::from(seconds)));
    run(plan.warm_up_seconds).await?;
    let counted = counted(gateway).await?;
    let start = Instant::now();
    let before = gateway.worker.usage()?;
    let count = run(plan.seconds).await?;
    let used = gateway.worker.usage()?.since(before);
    let elapsed = start.elapsed();
    let after = self::counted(gateway).await?;
    let (made, resumed) = (after.0.saturating_sub(counted.0), after.1.saturating_sub(counted.1));
    ensure!(made == count, "the client counts {count} handshakes, the gateway {made}");
    let (cpu_us, waited, busy) = cost(used, elapsed, count);
    let per_second = number(count) / elapsed.as_secs_f64();
    Ok(Sample {
        cpu_us,
        waited,
        busy,
        per_second,
        count,
        latency: None,
        share: number(resumed) / number(count),
        called: None,
    })
}

/// How many handshakes the gateway has seen, and how many of them resumed a session: on all listeners, which have one name in
/// statistics where their ports are the system's to choose. Nobody else connects meanwhile.
async fn counted(gateway: &Gateway) -> Result<(u64, u64)> {
    let stats = gateway.edge.envoy().stats(r"^listener\..*\.ssl\.(handshake|session_reused)$").await?;
    let sum = |end: &str| {
        stats.iter().filter(|(name, _)| name.ends_with(end)).map(|(_, value)| *value).sum::<u64>()
    };
    Ok((sum(".handshake"), sum(".session_reused")))
}

/// Has each client make connections one after the other until the time is up. How many were made.
async fn connect(connectors: &[TlsConnector], to: SocketAddr, during: Duration) -> Result<u64> {
    let server = ServerName::try_from(HOST).context("server name")?;
    let end = Instant::now().checked_add(during).context("time")?;
    let mut tasks = JoinSet::new();
    for connector in connectors {
        let connector = connector.clone();
        let server = server.clone();
        tasks.spawn(async move {
            let mut made = 0_u64;
            while Instant::now() < end {
                one(&connector, server.clone(), to).await?;
                made = made.saturating_add(1);
            }
            anyhow::Ok(made)
        });
    }
    let mut made = 0_u64;
    while let Some(task) = tasks.join_next().await {
        made = made.saturating_add(task??);
    }
    Ok(made)
}

/// One connection, to its end: the gateway has then seen the client's certificate, and the client the tickets.
async fn one(connector: &TlsConnector, server: ServerName<'static>, to: SocketAddr) -> Result<()> {
    let stream = TcpStream::connect(to).await.context("connect")?;
    stream.set_nodelay(true)?;
    let mut stream = connector.connect(server, stream).await.context("TLS handshake")?;
    stream.shutdown().await.context("close")?;
    let mut rest = Vec::new();
    let read = stream.read_to_end(&mut rest).await.context("the gateway's end")?;
    ensure!(read == 0, "the gateway has something to say");
    Ok(())
}
