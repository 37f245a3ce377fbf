//! A server with a defect: it answers each call of a script twice on a connection that it keeps.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::{Context as _, Result};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// The server; it ends when this is dropped.
pub struct Doubling {
    addr: SocketAddr,
    twice: Arc<AtomicBool>,
    accepting: JoinHandle<()>,
}

impl Doubling {
    /// # Errors
    /// There is no port.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.context("bind")?;
        let addr = listener.local_addr().context("own address")?;
        let twice = Arc::new(AtomicBool::new(true));
        let shared = Arc::clone(&twice);
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        Ok(Self { addr, twice, accepting })
    }

    /// Where it is.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// It is repaired.
    pub fn only_once(&self) {
        self.twice.store(false, Ordering::Relaxed);
    }
}

impl Drop for Doubling {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Until the other side leaves, or says something that is no call.
async fn serve(mut stream: TcpStream, twice: Arc<AtomicBool>) -> Option<()> {
    let mut bytes = Vec::new();
    loop {
        let answer = loop {
            if let Some(answer) = answer(&bytes) {
                break answer;
            }
            if stream.read_buf(&mut bytes).await.ok()? == 0 {
                return None;
            }
        };
        bytes.clear();
        let times = if twice.load(Ordering::Relaxed) { 2 } else { 1 };
        stream.write_all(answer.repeat(times).as_bytes()).await.ok()?;
    }
}

/// What the script returns for a call that is whole: 1, the id of the request, the nonce.
fn answer(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let mut lines = head.lines().filter_map(|line| line.split_once(": "));
    let (_, length) = lines.find(|(name, _)| name.eq_ignore_ascii_case("content-length"))?;
    if length.parse::<usize>().ok()? != body.len() {
        return None;
    }
    let words: Vec<&str> = body.split('/').collect();
    let [command, .., id, nonce] = words.as_slice() else { return None };
    let body = format!(r#"{{"{command}":[1,"{id}","{nonce}"]}}"#);
    Some(format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}
