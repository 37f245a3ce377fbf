//! What is asked of a gateway.

use std::net::Ipv4Addr;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::request::Builder;
use http::{Method, Request};
use serde_json::Value;

use crate::client::Protocol;
use crate::services::api::CASE;

/// The host that the gateways serve.
pub(super) const SERVED: &str = "api.example.com";

/// Which of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Which {
    A,
    B,
}

/// The listener of a gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Door {
    /// 443.
    Tls,
    /// 8443.
    Mutual,
    /// 80.
    Plain,
}

/// What is sent.
#[derive(Debug, Clone)]
pub(super) enum Kind {
    /// A request of HTTP.
    Http,
    /// A call of gRPC with the body as its message.
    Call,
    /// A WebSocket, over which these are said.
    Socket(&'static [&'static str]),
}

/// A client's certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shown {
    /// None.
    Nothing,
    /// That of a partner.
    Valid,
    /// One that has expired.
    Expired,
    /// One of somebody else's authority.
    Foreign,
}

/// A request and how it is sent.
#[derive(Debug, Clone)]
pub(super) struct Ask {
    pub(super) which: Which,
    pub(super) door: Door,
    pub(super) protocol: Protocol,
    pub(super) kind: Kind,
    pub(super) shown: Shown,
    /// The client's address.
    pub(super) from: Ipv4Addr,
    method: Method,
    path: String,
    host: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

/// Asks for a path over HTTP/2.
pub(super) fn ask(which: Which, method: &Method, path: &str) -> Ask {
    Ask {
        which,
        door: Door::Tls,
        protocol: Protocol::Http2,
        kind: Kind::Http,
        shown: Shown::Nothing,
        from: Ipv4Addr::LOCALHOST,
        method: method.clone(),
        path: path.to_owned(),
        host: SERVED.to_owned(),
        headers: Vec::new(),
        body: Bytes::new(),
    }
}

pub(super) fn get(which: Which, path: &str) -> Ask {
    ask(which, &Method::GET, path)
}

pub(super) fn post(which: Which, path: &str, body: &Value) -> Ask {
    ask(which, &Method::POST, path).header("content-type", "application/json").body(body.to_string())
}

impl Ask {
    /// Over HTTP/1.1.
    pub(super) fn http1(self) -> Self {
        Self { protocol: Protocol::Http1, ..self }
    }

    /// On the port without TLS.
    pub(super) fn plain(self) -> Self {
        Self { protocol: Protocol::Plain, door: Door::Plain, ..self }
    }

    /// On the port that wants a certificate.
    pub(super) fn mutual(self, shown: Shown) -> Self {
        Self { door: Door::Mutual, shown, ..self }
    }

    /// As a call of gRPC with this message.
    pub(super) fn call(self, message: &'static str) -> Self {
        Self { kind: Kind::Call, body: Bytes::from_static(message.as_bytes()), ..self }
    }

    /// As a WebSocket that says these.
    pub(super) fn socket(self, says: &'static [&'static str]) -> Self {
        Self { kind: Kind::Socket(says), protocol: Protocol::Http1, ..self }
    }

    /// From this address of the machine's own.
    pub(super) fn from(self, from: Ipv4Addr) -> Self {
        Self { from, ..self }
    }

    pub(super) fn host(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.retain(|(have, _)| have != name);
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn token(self, token: &str) -> Self {
        self.header(AUTHORIZATION.as_str(), &format!("Bearer {token}"))
    }

    pub(super) fn media(self, media: &str) -> Self {
        self.header(CONTENT_TYPE.as_str(), media)
    }

    pub(super) fn body(self, body: impl Into<Bytes>) -> Self {
        Self { body: body.into(), ..self }
    }

    /// Method and path, without the query.
    pub(super) fn title(&self) -> String {
        let path = self.path.split('?').next().unwrap_or_default();
        match self.kind {
            Kind::Http => format!("{} {path}", self.method),
            Kind::Call => format!("gRPC {path}"),
            Kind::Socket(_) => format!("WebSocket {path}"),
        }
    }

    /// The request, named so that the API can say whether it came.
    pub(super) fn request(&self, case: &str) -> http::Result<Request<Bytes>> {
        self.head(case).body(self.body.clone())
    }

    /// Its head alone.
    pub(super) fn handshake(&self, case: &str) -> http::Result<Request<()>> {
        self.head(case).body(())
    }

    fn head(&self, case: &str) -> Builder {
        let builder = Request::builder().method(&self.method).uri(&self.path);
        let builder = builder.header(HOST, &self.host).header(CASE, case);
        self.headers.iter().fold(builder, |builder, (name, value)| builder.header(name, value))
    }
}
