//! A load balancer in front of the gateway that tells it the client's address with the PROXY protocol, version 1
//! (<https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The line of a connection that brings no request of a client.
pub(crate) const UNKNOWN: &[u8] = b"PROXY UNKNOWN\r\n";

/// Takes one connection and passes it on; gone when dropped.
#[derive(Debug)]
pub(crate) struct Proxy {
    /// Where it takes the connection.
    pub(crate) addr: SocketAddr,
    /// The address of its own connection to the gateway.
    pub(crate) local: SocketAddr,
    passing: JoinHandle<()>,
}

impl Proxy {
    /// Connects to `gateway` for a client with the address `src`, or else with its own.
    ///
    /// # Errors
    /// The gateway takes no connection.
    pub(crate) async fn start(gateway: SocketAddr, src: Option<SocketAddr>) -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("proxy: bind 127.0.0.1:0")?;
        let addr = listener.local_addr().context("proxy: own address")?;
        let back = TcpStream::connect(gateway).await.with_context(|| format!("connect to {gateway}"))?;
        let local = back.local_addr().context("proxy: own address")?;
        let passing = tokio::spawn(pass(listener, back, src, gateway));
        Ok(Self { addr, local, passing })
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.passing.abort();
    }
}

/// An error on one side ends both, which the other side notices.
async fn pass(listener: TcpListener, mut back: TcpStream, src: Option<SocketAddr>, gateway: SocketAddr) {
    let Ok((mut front, peer)) = listener.accept().await else { return };
    // Latency only.
    let _ = (front.set_nodelay(true), back.set_nodelay(true));
    if back.write_all(line(src.unwrap_or(peer), gateway).as_bytes()).await.is_ok() {
        let _ = copy_bidirectional(&mut front, &mut back).await;
    }
}

/// Both addresses of one family, as version 1 wants.
fn line(src: SocketAddr, gateway: SocketAddr) -> String {
    let (family, dst): (_, IpAddr) = match src {
        SocketAddr::V4(_) => ("TCP4", Ipv4Addr::LOCALHOST.into()),
        SocketAddr::V6(_) => ("TCP6", Ipv6Addr::LOCALHOST.into()),
    };
    format!("PROXY {family} {} {dst} {} {}\r\n", src.ip(), src.port(), gateway.port())
}
