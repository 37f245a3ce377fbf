//! Counters in Redis: one INCRBY and one PEXPIRE per hit, pipelined over one connection that stays.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

/// As many hits go out in one write.
const BATCH: usize = 64;
/// `:`, an integer of 64 bits and the end of the line are shorter; errors may be longer.
const LINE: usize = 64;

/// Where hits are counted. Its clones share the connection.
#[derive(Clone, Debug)]
pub struct Counter {
    queue: mpsc::UnboundedSender<Hit>,
}

/// One count, and who waits for it.
#[derive(Debug)]
struct Hit {
    key: String,
    by: u32,
    expires_ms: u64,
    waits: oneshot::Sender<Result<u64>>,
}

impl Counter {
    /// Connects and logs in. The connection lives as long as the runtime, and as somebody may count.
    ///
    /// # Errors
    /// Nobody listens there, or the login is refused.
    pub async fn connect(addr: SocketAddr, user: &str, password: &str) -> Result<Self> {
        let stream = TcpStream::connect(addr).await.with_context(|| format!("Redis at {addr}"))?;
        stream.set_nodelay(true)?;
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        let mut login = Vec::new();
        command(&mut login, &[b"AUTH", user.as_bytes(), password.as_bytes()]);
        write.write_all(&login).await.context("AUTH")?;
        let answer = line(&mut read).await.context("AUTH")?;
        ensure!(answer == "+OK", "AUTH {user}: {answer}");
        let (queue, hits) = mpsc::unbounded_channel();
        let (sent, waiting) = mpsc::unbounded_channel();
        tokio::spawn(send(write, hits, sent));
        tokio::spawn(receive(read, waiting));
        Ok(Self { queue })
    }

    /// Counts a hit under this key, which lives so long from now on; gives the sum once Redis has said it.
    ///
    /// # Errors
    /// Redis answers with an error, or the connection has ended.
    pub fn hit(&self, key: String, by: u32, expires_ms: u64) -> impl Future<Output = Result<u64>> + use<> {
        let (waits, sum) = oneshot::channel();
        // Where nobody takes it, nobody answers: the sender is dropped.
        let _ = self.queue.send(Hit { key, by, expires_ms, waits });
        async { sum.await.context("the connection to Redis has ended")? }
    }
}

/// Sends what has gathered, in one write.
async fn send(
    mut write: OwnedWriteHalf,
    mut hits: mpsc::UnboundedReceiver<Hit>,
    sent: mpsc::UnboundedSender<oneshot::Sender<Result<u64>>>,
) {
    let (mut batch, mut bytes) = (Vec::new(), Vec::new());
    while hits.recv_many(&mut batch, BATCH).await > 0 {
        bytes.clear();
        for Hit { key, by, expires_ms, waits } in batch.drain(..) {
            command(&mut bytes, &[b"INCRBY", key.as_bytes(), by.to_string().as_bytes()]);
            command(&mut bytes, &[b"PEXPIRE", key.as_bytes(), expires_ms.to_string().as_bytes()]);
            if sent.send(waits).is_err() {
                return;
            }
        }
        if write.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// Hands every sum to who waits for it: answers come in the order of the commands.
async fn receive(
    mut read: BufReader<OwnedReadHalf>,
    mut waiting: mpsc::UnboundedReceiver<oneshot::Sender<Result<u64>>>,
) {
    while let Some(waits) = waiting.recv().await {
        let (Ok(sum), Ok(expiry)) = (line(&mut read).await, line(&mut read).await) else { return };
        // Nobody waits any more where the stream of the call has been reset.
        let _ = waits.send(total(&sum, &expiry));
    }
}

/// What the answers to INCRBY and PEXPIRE say.
fn total(sum: &str, expiry: &str) -> Result<u64> {
    ensure!(expiry == ":1", "PEXPIRE: {expiry}");
    let Some(sum) = sum.strip_prefix(':') else { bail!("INCRBY: {sum}") };
    sum.parse().context("INCRBY")
}

/// A command in RESP2.
fn command(bytes: &mut Vec<u8>, words: &[&[u8]]) {
    let size = |bytes: &mut Vec<u8>, kind: u8, size: usize| {
        bytes.push(kind);
        bytes.extend_from_slice(size.to_string().as_bytes());
        bytes.extend_from_slice(b"\r\n");
    };
    size(bytes, b'*', words.len());
    for word in words {
        size(bytes, b'$', word.len());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
}

/// A simple answer, without its end.
async fn line(read: &mut BufReader<OwnedReadHalf>) -> Result<String> {
    let mut line = String::with_capacity(LINE);
    read.read_line(&mut line).await.context("read from Redis")?;
    ensure!(line.ends_with("\r\n"), "Redis has closed the connection");
    line.truncate(line.len().saturating_sub(2));
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_an_array_of_strings() {
        let mut bytes = Vec::new();
        command(&mut bytes, &[b"INCRBY", b"k", b"12"]);
        assert_eq!(bytes, b"*3\r\n$6\r\nINCRBY\r\n$1\r\nk\r\n$2\r\n12\r\n");
    }

    #[test]
    fn an_error_is_no_sum() {
        assert_eq!(total(":7", ":1").unwrap(), 7);
        for (sum, expiry) in [("-OOM x", ":0"), (":7", ":0"), ("-WRONGTYPE x", ":1"), (":x", ":1")] {
            assert!(total(sum, expiry).is_err(), "{sum} {expiry}");
        }
    }
}
