//! Why no call may be as large as `http_max_request_size`: Webdis 0.1.22 refuses it, keeps the connection, and takes the rest
//! of the body for a command.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use backends::{Options, Redis, User, Webdis};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// Beyond this the test hangs.
const DEADLINE: Duration = Duration::from_secs(20);
/// `http_max_request_size` in `webdis.json`, in bytes, the head included.
const MOST: usize = 65_536;

/// Reads until the answer ends so.
async fn answer(stream: &mut TcpStream, end: &str) -> Result<String> {
    let mut seen = Vec::new();
    let read = async {
        while !seen.ends_with(end.as_bytes()) {
            ensure!(stream.read_buf(&mut seen).await? > 0, "the connection ends");
        }
        Ok(())
    };
    let result = timeout(DEADLINE, read).await.context("no answer").and_then(|result| result);
    let seen = String::from_utf8_lossy(&seen).into_owned();
    result.with_context(|| format!("{end:?} is not the end of {seen:?}")).map(|()| seen)
}

fn head(length: usize) -> String {
    format!("POST / HTTP/1.1\r\nhost: webdis\r\ncontent-length: {length}\r\n\r\n")
}

#[tokio::test]
async fn the_rest_of_a_body_that_is_too_large_is_run_as_a_command() -> Result<()> {
    let redis = Redis::start(&Options::default()).await?;
    let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await?;
    let mut stream = TcpStream::connect(webdis.addr()).await?;
    let first = "EVAL/return%201/0";
    stream.write_all(format!("{}{first}", head(first.len())).as_bytes()).await?;
    answer(&mut stream, r#"{"EVAL":1}"#).await?;
    // One command whose argument is long; the head has as many digits whatever the rest is.
    let rest = "EVAL/return%201337/0";
    let argument = "A".repeat(MOST + 1 - head(MOST).len() - first.len() - 1);
    let length = first.len() + 1 + argument.len() + rest.len();
    // One byte too much: nothing of it is left when it is refused.
    stream.write_all(format!("{}{first}/{argument}", head(length)).as_bytes()).await?;
    let refused = answer(&mut stream, "\r\n\r\n").await?;
    ensure!(refused.starts_with("HTTP/1.1 413 "), "{refused}");
    stream.write_all(rest.as_bytes()).await?;
    answer(&mut stream, r#"{"EVAL":1337}"#).await.map(drop)
}
