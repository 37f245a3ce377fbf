//! TLS connections.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore, ServerConfig};

use super::Client;

/// The authorities that certificates of servers must come from.
#[derive(Debug, Clone)]
pub struct Trust(Arc<RootCertStore>);

impl Trust {
    /// The certificates in this PEM file.
    ///
    /// # Errors
    /// It cannot be read, or holds none.
    pub fn read(file: &Path) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        for certificate in certificates(file)? {
            roots.add(certificate).with_context(|| file.display().to_string())?;
        }
        Ok(Self(Arc::new(roots)))
    }
}

/// A certificate with its chain, and its key.
#[derive(Debug)]
pub struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self { chain: self.chain.clone(), key: self.key.clone_key() }
    }
}

impl Identity {
    /// The certificates in the one PEM file, the key in the other.
    ///
    /// # Errors
    /// One cannot be read, or holds none.
    pub fn read(chain: &Path, key: &Path) -> Result<Self> {
        let private = PrivateKeyDer::from_pem_file(key).with_context(|| key.display().to_string())?;
        Ok(Self { chain: certificates(chain)?, key: private })
    }

    /// A server that has this certificate and asks clients for none.
    ///
    /// # Errors
    /// The key is not the certificate's.
    pub fn serves(self) -> Result<Arc<ServerConfig>> {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().context("TLS versions")?;
        let config = builder.with_no_client_auth().with_single_cert(self.chain, self.key);
        let mut config = config.context("the server's certificate")?;
        config.alpn_protocols = [b"h2".to_vec(), b"http/1.1".to_vec()].into();
        Ok(Arc::new(config))
    }
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let context = || file.display().to_string();
    let all = CertificateDer::pem_file_iter(file).with_context(context)?;
    let all = all.collect::<Result<Vec<_>, _>>().with_context(context)?;
    ensure!(!all.is_empty(), "{}: no certificate", file.display());
    Ok(all)
}

impl Client {
    /// Connects to a gateway; nothing is said yet.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn open(&self, gateway: SocketAddr) -> Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((self.source, 0).into()).with_context(|| format!("bind {}", self.source))?;
        let stream = socket.connect(gateway).await.with_context(|| format!("connect to {gateway}"))?;
        stream.set_nodelay(true).context("TCP_NODELAY")?;
        Ok(stream)
    }

    /// Speaks TLS over a connection and offers these protocols (ALPN, RFC 7301).
    pub(super) async fn encrypted(
        &self,
        stream: TcpStream,
        protocols: &[&[u8]],
    ) -> Result<TlsStream<TcpStream>> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().context("TLS versions")?;
        let builder = builder.with_root_certificates(Arc::clone(&self.trust.0));
        let mut config = match self.identity.clone() {
            None => builder.with_no_client_auth(),
            Some(Identity { chain, key }) => {
                builder.with_client_auth_cert(chain, key).context("the client's certificate")?
            }
        };
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        TlsConnector::from(Arc::new(config))
            .connect(self.server.clone(), stream)
            .await
            .context("TLS handshake")
    }
}
