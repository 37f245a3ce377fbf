//! A client over TLS, or without: one request per connection, so that each has an address of its own in a gateway's log.

mod http;
mod tls;
mod websocket;

use std::net::Ipv4Addr;

use ::http::HeaderMap;
use anyhow::{Context as _, Result};
use bytes::Bytes;
use tokio_rustls::rustls::pki_types::ServerName;

pub use self::http::Protocol;
pub use tls::{Identity, Trust};

/// A client of a gateway.
#[derive(Debug, Clone)]
pub struct Client {
    trust: Trust,
    server: ServerName<'static>,
    identity: Option<Identity>,
    source: Ipv4Addr,
}

/// What came back.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The fields of the head.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
    /// The trailers.
    pub trailers: HeaderMap,
}

impl Answer {
    /// A field of the head; empty where there is none, or it is not text.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// `grpc-status`, from the trailers or from an answer without a body.
    #[must_use]
    pub fn grpc_status(&self) -> Option<&str> {
        let value = self.trailers.get("grpc-status").or_else(|| self.headers.get("grpc-status"));
        value.and_then(|value| value.to_str().ok())
    }
}

impl Client {
    /// One that asks for the server of this name (SNI), whose certificate must come from this authority, and shows none of its own.
    ///
    /// # Errors
    /// That is no name.
    pub fn new(trust: Trust, server: &str) -> Result<Self> {
        let server =
            ServerName::try_from(server.to_owned()).with_context(|| format!("server name {server:?}"))?;
        Ok(Self { trust, server, identity: None, source: Ipv4Addr::LOCALHOST })
    }

    /// The same, and it shows this certificate where it is asked for one.
    #[must_use]
    pub fn with(&self, identity: Identity) -> Self {
        Self { identity: Some(identity), ..self.clone() }
    }

    /// The same at another address: all of 127.0.0.0/8 is this machine's.
    #[must_use]
    pub fn at(&self, source: Ipv4Addr) -> Self {
        Self { source, ..self.clone() }
    }
}
