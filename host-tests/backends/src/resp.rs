//! A client of Redis for tests: RESP2, one command at a time.
//!
//! The `redis` crate brings some thirty crates (`url`, `idna` and their Unicode tables) for what is a hundred lines here,
//! and hides what a test wants to see: the error text as Redis wrote it.

use std::net::SocketAddr;
use std::pin::Pin;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufStream};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::CALL_DEADLINE;

/// Bytes of a line or a string.
const MAX_BYTES: usize = 16 << 20;
/// Members of an array.
const MAX_MEMBERS: usize = 1 << 20;
/// Arrays within arrays.
const MAX_DEPTH: u8 = 8;

/// What Redis answers (RESP2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RespValue {
    /// `+OK`
    Simple(String),
    /// `-ERR …`, without the minus.
    Error(String),
    /// `:1`
    Integer(i64),
    /// `$5`, then the bytes.
    Bulk(Vec<u8>),
    /// `$-1` or `*-1`
    Nil,
    /// `*2`, then the members.
    Array(Vec<RespValue>),
}

impl RespValue {
    /// A string of bytes.
    #[must_use]
    pub fn bulk(text: &str) -> Self {
        Self::Bulk(text.as_bytes().to_vec())
    }

    /// The error text, if it is one.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        match self {
            Self::Error(text) => Some(text),
            _ => None,
        }
    }
}

/// A connection to Redis.
#[derive(Debug)]
pub struct Connection {
    stream: BufStream<TcpStream>,
}

impl Connection {
    /// Connects; nobody is logged in yet.
    ///
    /// # Errors
    /// Nobody listens there.
    pub async fn open(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).await.with_context(|| format!("connect to Redis at {addr}"))?;
        Ok(Self { stream: BufStream::new(stream) })
    }

    /// Sends a command and reads its answer; that it is an error of Redis is no error.
    ///
    /// # Errors
    /// The connection ends, there is no answer in time, or it is not RESP2.
    pub async fn command(&mut self, words: &[&str]) -> Result<RespValue> {
        let mut request = format!("*{}\r\n", words.len()).into_bytes();
        for word in words {
            request.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes());
        }
        let exchange = async {
            self.stream.write_all(&request).await?;
            self.stream.flush().await?;
            self.value(0).await
        };
        let name = words.first().copied().unwrap_or_default();
        timeout(CALL_DEADLINE, exchange)
            .await
            .with_context(|| format!("{name}: no answer of Redis"))?
            .with_context(|| name.to_owned())
    }

    /// Reads an answer without a command before it: what Redis says to a connection that it does not want.
    ///
    /// # Errors
    /// As [`Connection::command`].
    pub async fn unasked(&mut self) -> Result<RespValue> {
        timeout(CALL_DEADLINE, self.value(0)).await.context("Redis says nothing")?
    }

    fn value(&mut self, depth: u8) -> Pin<Box<dyn Future<Output = Result<RespValue>> + Send + '_>> {
        Box::pin(async move {
            let line = self.line().await?;
            let (kind, rest) = line.split_at_checked(1).context("an empty line")?;
            match kind {
                "+" => Ok(RespValue::Simple(rest.to_owned())),
                "-" => Ok(RespValue::Error(rest.to_owned())),
                ":" => Ok(RespValue::Integer(rest.parse().context("an integer")?)),
                "$" | "*" if rest == "-1" => Ok(RespValue::Nil),
                "$" => Ok(RespValue::Bulk(self.bytes(size(rest, MAX_BYTES)?).await?)),
                "*" => {
                    ensure!(depth < MAX_DEPTH, "arrays in arrays in arrays");
                    let mut members = Vec::new();
                    for _ in 0..size(rest, MAX_MEMBERS)? {
                        members.push(self.value(depth.saturating_add(1)).await?);
                    }
                    Ok(RespValue::Array(members))
                }
                _ => bail!("not RESP2: {line:?}"),
            }
        })
    }

    async fn line(&mut self) -> Result<String> {
        let mut line = Vec::new();
        let most = u64::try_from(MAX_BYTES)?;
        (&mut self.stream).take(most).read_until(b'\n', &mut line).await.context("read")?;
        let line = line.strip_suffix(b"\r\n").context("Redis closed the connection")?;
        Ok(String::from_utf8_lossy(line).into_owned())
    }

    async fn bytes(&mut self, size: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; size.saturating_add(2)];
        self.stream.read_exact(&mut bytes).await.context("read")?;
        ensure!(bytes.ends_with(b"\r\n"), "a string without its end");
        bytes.truncate(size);
        Ok(bytes)
    }
}

fn size(digits: &str, most: usize) -> Result<usize> {
    let size = digits.parse().context("a size")?;
    ensure!(size <= most, "a size of {size}");
    Ok(size)
}
