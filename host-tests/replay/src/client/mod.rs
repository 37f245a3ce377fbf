//! Clients that send exactly what a case says, one request per connection.

mod h1;
mod h2;

use std::net::SocketAddr;

use recorder::Headers;
use tokio::net::TcpStream;

use crate::request::{Protocol, Request};

/// Bytes of response head a client accepts, as many as a gateway can be made to send.
const MAX_HEAD_BYTES: usize = 1 << 20;

/// A response, framing removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status.
    pub status: u16,
    /// Headers in order, names in lower case.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
    /// The trailers.
    pub trailers: Headers,
    /// Why the body is not whole, if it is not.
    pub cut_off: Option<String>,
}

/// An exchange with the gateway.
#[derive(Debug)]
pub struct Exchange {
    /// The client's address, which names the connection in the access log.
    pub local: SocketAddr,
    /// The response, or why there was none.
    pub response: Result<Response, String>,
    /// The connection, where it can carry more than one request: open until this is dropped.
    pub open: Option<TcpStream>,
}

/// Sends `request` on a fresh connection and reads the (first) response to its end.
///
/// # Errors
/// The connection cannot be made, or the request cannot be said over its protocol.
pub async fn send(gateway: SocketAddr, request: &Request) -> anyhow::Result<Exchange> {
    match request.protocol {
        Protocol::H1 => h1::send(gateway, request).await,
        Protocol::H2 => h2::send(gateway, request).await,
    }
}

pub(crate) use h1::get;
