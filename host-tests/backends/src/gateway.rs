//! What a client and Webdis say to each other.

use std::net::SocketAddr;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::Request;
use http::header::{AUTHORIZATION, HOST};
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::CALL_DEADLINE;

/// What Webdis and HTTP parsers read as nothing but themselves.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC.remove(b'_').remove(b':').remove(b'-');

/// An answer of Webdis.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, all of it.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A command and its arguments as the body of a request: between slashes, percent-encoded.
#[must_use]
pub fn encode(parts: &[&str]) -> String {
    parts.iter().map(|part| utf8_percent_encode(part, PLAIN).to_string()).collect::<Vec<_>>().join("/")
}

/// Posts a body on a fresh connection.
///
/// # Errors
/// Nobody listens, the connection breaks, or there is no answer in time.
pub(crate) async fn post(addr: SocketAddr, authorization: Option<&str>, body: Vec<u8>) -> Result<Answer> {
    let exchange = async {
        let stream = TcpStream::connect(addr).await.context("connect to Webdis")?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.context("handshake")?;
        // It ends with the exchange, whose errors are reported below.
        tokio::spawn(connection);
        let mut request = Request::post("/").header(HOST, addr.to_string());
        if let Some(value) = authorization {
            request = request.header(AUTHORIZATION, value);
        }
        let request = request.body(Full::new(Bytes::from(body))).context("request")?;
        let response = sender.send_request(request).await.context("exchange with Webdis")?;
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.context("body of Webdis")?.to_bytes().to_vec();
        Ok(Answer { status, body })
    };
    timeout(CALL_DEADLINE, exchange).await.context("no answer of Webdis")?
}
