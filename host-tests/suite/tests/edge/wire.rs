//! Connections over TLS on which a test says the bytes that it wants and hears all that the gateway answers, and how HTTP is
//! written and read as bytes.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use edge::authority::{Authority, HOST, Identity};
use edge::gateway::EdgeGateway;
use serde_json::Value;
use suite::patience::{in_time, until};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The manager of HTTP on 443, in the bootstrap.
pub(crate) const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/1/typed_config";
/// Between two bytes of a slow client.
const PAUSE: Duration = Duration::from_millis(100);

/// Replaces a value of the bootstrap, which ships as `from`.
pub(crate) fn replace(tree: &mut Value, pointer: &str, from: Value, to: Value) -> Result<()> {
    let place = tree.pointer_mut(pointer).with_context(|| format!("{pointer}: there is none"))?;
    ensure!(*place == from, "{pointer} ships as {place}, not {from}");
    *place = to;
    Ok(())
}

/// Makes connections, each from an address of its own, so that no limit by address is met.
#[derive(Clone)]
pub(crate) struct Dialer(TlsConnector);

impl Dialer {
    /// One that offers this protocol (ALPN), and shows this certificate where it is asked for one.
    pub(crate) fn new(authority: &Authority, protocol: &[u8], shown: Option<&Identity>) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(authority.root())?)?;
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions()?.with_root_certificates(roots);
        let mut config = match shown {
            None => builder.with_no_client_auth(),
            Some(Identity { chain, key }) => {
                let chain = CertificateDer::pem_file_iter(chain)?.collect::<Result<Vec<_>, _>>()?;
                builder.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key)?)?
            }
        };
        config.alpn_protocols = vec![protocol.to_vec()];
        Ok(Self(TlsConnector::from(Arc::new(config))))
    }

    /// Connects.
    pub(crate) async fn dial(&self, gateway: SocketAddr) -> Result<Wire> {
        let stream = tcp(gateway).await?;
        let peer = stream.local_addr()?;
        let name = ServerName::try_from(HOST)?;
        let stream = in_time("a handshake", self.0.connect(name, stream)).await?.context("handshake")?;
        Ok(Wire { stream, peer })
    }

    /// Connects, says this, and hears until the gateway ends the connection.
    pub(crate) async fn ask(&self, gateway: SocketAddr, bytes: &[u8]) -> Result<Heard> {
        let mut wire = self.dial(gateway).await?;
        wire.say(bytes).await?;
        wire.hear_out().await
    }
}

/// A connection without TLS, from an address of its own.
pub(crate) async fn tcp(gateway: SocketAddr) -> Result<TcpStream> {
    static NEXT: AtomicU32 = AtomicU32::new(1);
    let socket = TcpSocket::new_v4()?;
    // Addresses that end in 0 or 255 are as good as others on loopback.
    let source = Ipv4Addr::from(0x7f10_0000 | NEXT.fetch_add(1, Ordering::Relaxed) & 0xf_ffff);
    socket.bind((source, 0).into())?;
    let stream = in_time("a connection", socket.connect(gateway)).await??;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// One exchange without TLS.
pub(crate) async fn plain(gateway: SocketAddr, request: &[u8]) -> Result<Heard> {
    let mut stream = tcp(gateway).await?;
    let peer = stream.local_addr()?;
    stream.write_all(request).await?;
    let mut bytes = Vec::new();
    in_time("an answer", stream.read_to_end(&mut bytes)).await??;
    Ok(Heard { peer, bytes })
}

/// A connection.
pub(crate) struct Wire {
    stream: TlsStream<TcpStream>,
    /// Its address in the gateway's log.
    pub peer: SocketAddr,
}

impl Wire {
    /// Says this.
    pub(crate) async fn say(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes).await.context("say")?;
        self.stream.flush().await.context("say")
    }

    /// Hears the head of an answer and a body that ends in `}`; the connection stays.
    pub(crate) async fn answer(&mut self) -> Result<String> {
        let mut heard = Vec::new();
        while !heard.ends_with(b"}") && !heard.ends_with(b"}\n") {
            let count = in_time("an answer", self.stream.read_buf(&mut heard)).await?.context("hear")?;
            ensure!(count > 0, "the gateway ends the connection after {:?}", String::from_utf8_lossy(&heard));
        }
        Ok(String::from_utf8_lossy(&heard).into_owned())
    }

    /// Hears until the gateway ends the connection: this side does not.
    pub(crate) async fn hear_out(self) -> Result<Heard> {
        self.drip(Vec::new()).await
    }

    /// The same, and says this meanwhile, a byte at a time.
    pub(crate) async fn drip(self, bytes: Vec<u8>) -> Result<Heard> {
        let Self { stream, peer } = self;
        let (mut reader, mut writer) = tokio::io::split(stream);
        let speaker = tokio::spawn(async move {
            for byte in bytes {
                // Whoever was sent away cannot speak.
                if writer.write_all(&[byte]).await.is_err() || writer.flush().await.is_err() {
                    break;
                }
                tokio::time::sleep(PAUSE).await;
            }
            writer
        });
        let mut bytes = Vec::new();
        // An end without a goodbye is one, too: what counts is that the gateway made it.
        let _ = in_time("the end of the connection", reader.read_to_end(&mut bytes)).await?;
        speaker.abort();
        Ok(Heard { peer, bytes })
    }
}

/// What the gateway said on a connection that it ended.
#[derive(Debug)]
pub(crate) struct Heard {
    pub peer: SocketAddr,
    pub bytes: Vec<u8>,
}

impl Heard {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// The status of an answer of HTTP/1.1.
    pub(crate) fn status(&self) -> Result<u16> {
        let text = self.text();
        let status = text.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3));
        status.with_context(|| format!("no answer: {text:?}"))?.parse().context("status")
    }

    /// A field of its head.
    pub(crate) fn field(&self, name: &str) -> Option<String> {
        let text = self.text();
        let head = text.split("\r\n\r\n").next()?;
        let field = head.lines().skip(1).find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        field.map(str::to_owned)
    }

    /// Its body.
    pub(crate) fn body(&self) -> String {
        self.text().split_once("\r\n\r\n").map_or_else(String::new, |(_, body)| body.to_owned())
    }
}

/// A request of HTTP/1.1 without a body, after whose answer the gateway ends the connection.
pub(crate) fn http1(method: &[u8], path: &[u8], host: &[u8], fields: &[(&[u8], &[u8])]) -> Vec<u8> {
    let mut bytes = [method, b" ", path, b" HTTP/1.1\r\nHost: ", host, b"\r\nConnection: close\r\n"].concat();
    for (name, value) in fields {
        bytes.extend([name, b": ".as_slice(), value, b"\r\n"].concat());
    }
    bytes.extend(b"\r\n");
    bytes
}

/// The preface of HTTP/2 (RFC 9113 section 3.4) and these settings.
pub(crate) fn preface(settings: &[(u16, u32)]) -> Vec<u8> {
    let settings =
        settings.iter().flat_map(|(id, value)| [&id.to_be_bytes()[..], &value.to_be_bytes()].concat());
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(4, 0, 0, &settings.collect::<Vec<_>>())].concat()
}

/// A frame (RFC 9113 section 4.1) of this type, with these flags, of this stream.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap_or(u32::MAX).to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The head of a request on stream 1: `flags` are those of its first frame but END_HEADERS, which `whole` stands for.
pub(crate) fn http2(fields: &[(&[u8], &[u8])], flags: u8, whole: bool) -> Vec<u8> {
    // Below what a frame may hold (RFC 9113 section 4.2).
    const MOST: usize = 16_000;
    let mut block = Vec::new();
    for (name, value) in fields {
        // A literal without indexing (RFC 7541 section 6.2.2).
        block.push(0);
        for text in [name, value] {
            integer(&mut block, text.len());
            block.extend_from_slice(text);
        }
    }
    let pieces = block.chunks(MOST).count();
    let frames = block.chunks(MOST).enumerate().flat_map(|(index, piece)| {
        let end = if whole && index + 1 == pieces { 4 } else { 0 };
        let (kind, flags) = if index == 0 { (1, flags | end) } else { (9, end) };
        frame(kind, flags, 1, piece)
    });
    frames.collect()
}

/// An integer with a prefix of 7 bits (RFC 7541 section 5.1).
fn integer(block: &mut Vec<u8>, value: usize) {
    if value < 127 {
        block.push(u8::try_from(value).unwrap_or(0));
        return;
    }
    block.push(127);
    let mut rest = value - 127;
    while rest >= 128 {
        block.push(u8::try_from(rest % 128).unwrap_or(0) | 128);
        rest /= 128;
    }
    block.push(u8::try_from(rest).unwrap_or(0));
}

/// The lines of the access logs about a connection, at least one.
pub(crate) async fn logged(gateway: &EdgeGateway, peer: SocketAddr) -> Result<Vec<Value>> {
    let of_it = || -> Result<Vec<Value>> {
        let said = |line: &Value| line.get("peer").and_then(Value::as_str) == Some(&*peer.to_string());
        Ok(gateway.access_log()?.into_iter().filter(said).collect())
    };
    until(&format!("a line about {peer} in the access log"), || async { Ok(!of_it()?.is_empty()) }).await?;
    of_it()
}
