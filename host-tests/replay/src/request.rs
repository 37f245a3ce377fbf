//! One request, ready to be sent: what every executor starts from.

use std::fmt;

use recorder::Headers;

/// The protocol between the client and the gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1
    H1,
    /// HTTP/2 with prior knowledge
    H2,
}

/// A request with its framing decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: String,
    /// `:path`, undecoded.
    pub path: Vec<u8>,
    /// `:authority`, or `host` over HTTP/1.
    pub authority: Vec<u8>,
    /// `http` or `https`.
    pub scheme: String,
    /// The protocol it is sent over.
    pub protocol: Protocol,
    /// Headers in order, names as written, framing headers included.
    pub headers: Headers,
    /// The body in the pieces it is sent in; `None` when the head ends the request.
    pub body: Option<Vec<Vec<u8>>>,
    /// Trailers in order.
    pub trailers: Headers,
    /// HTTP/1 only: the body is sent with chunked framing.
    pub chunked: bool,
    /// The exact bytes to send instead of all of the above.
    pub raw: Option<Vec<u8>>,
}

impl Request {
    /// A request over plain HTTP/1.1 for `api.example.com`, with nothing but its request line.
    #[must_use]
    pub fn new(method: &str, path: &str) -> Self {
        Self {
            method: method.to_owned(),
            path: path.into(),
            authority: b"api.example.com".to_vec(),
            scheme: "http".to_owned(),
            protocol: Protocol::H1,
            headers: Vec::new(),
            body: None,
            trailers: Vec::new(),
            chunked: false,
            raw: None,
        }
    }

    /// Adds the header that says where the body ends, unless the case wrote its own: a body that is split
    /// or has trailers is `transfer-encoding: chunked` over HTTP/1 and without length over HTTP/2, any
    /// other body has a `content-length`.
    pub(crate) fn frame(&mut self) {
        let has = |name: &str| self.headers.iter().any(|(have, _)| have.eq_ignore_ascii_case(name));
        let pieces = self.body.as_ref().map_or(0, Vec::len);
        let (has_length, has_coding) = (has("content-length"), has("transfer-encoding"));
        let streamed = pieces > 1 || !self.trailers.is_empty();
        let h1 = self.protocol == Protocol::H1;
        self.chunked = h1 && !has_length && (has_coding || streamed);
        if self.chunked && !has_coding {
            self.headers.push(("transfer-encoding".to_owned(), b"chunked".to_vec()));
        }
        if let Some(body) = &self.body
            && !(streamed || has_length || has_coding)
        {
            let length: usize = body.iter().map(Vec::len).sum();
            self.headers.push(("content-length".to_owned(), length.to_string().into_bytes()));
        }
    }

    /// Whether the answer to this request never has a body.
    #[must_use]
    pub fn is_head(&self) -> bool {
        match &self.raw {
            Some(raw) => raw.starts_with(b"HEAD "),
            None => self.method == "HEAD",
        }
    }
}

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.raw {
            Some(raw) => {
                let line = raw.split(|byte| *byte == b'\r' || *byte == b'\n').next().unwrap_or_default();
                write!(f, "raw {}", line.escape_ascii())
            }
            None => write!(f, "{} {}", self.method, self.path.escape_ascii()),
        }
    }
}
