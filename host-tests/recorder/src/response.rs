//! The scripted answer.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::{BodyExt as _, Full, combinators::BoxBody};
use hyper::body::Frame;

use crate::record::headers;
use crate::{Headers, RedisAnswer};

/// The body of an answer; its error is a fault that is scripted.
pub(crate) type Body = BoxBody<Bytes, std::io::Error>;

/// What the upstream answers, checked when it is built so that a script cannot fail later inside the server.
#[derive(Debug, Clone)]
pub struct Response {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    trailers: HeaderMap,
    delay: Duration,
    /// Comes instead of status and body.
    redis: Option<RedisAnswer>,
}

impl Default for Response {
    /// `200` with the body `ok\n` and no header of its own.
    fn default() -> Self {
        Self {
            status: StatusCode::OK,
            headers: HeaderMap::new(),
            body: Bytes::from_static(b"ok\n"),
            trailers: HeaderMap::new(),
            delay: Duration::ZERO,
            redis: None,
        }
    }
}

impl Response {
    /// An answer with this status and body.
    ///
    /// # Errors
    /// The status is not between 200 and 999: an interim answer cannot be scripted.
    pub fn new(status: u16, body: impl Into<Bytes>) -> Result<Self> {
        let code = StatusCode::from_u16(status)
            .ok()
            .filter(|code| !code.is_informational())
            .with_context(|| format!("an upstream cannot answer with the status {status}"))?;
        Ok(Self { status: code, body: body.into(), ..Self::default() })
    }

    /// Adds one header, keeping earlier ones of the same name.
    ///
    /// # Errors
    /// The name is not a token, or the value holds a control character other than tab.
    pub fn header(mut self, name: &str, value: &[u8]) -> Result<Self> {
        append(&mut self.headers, name, value)?;
        Ok(self)
    }

    /// Adds one trailer. HTTP/2 always carries it; over HTTP/1 the library sends it only when the client
    /// said `te: trailers` and a `trailer` header announces it.
    ///
    /// # Errors
    /// As [`Response::header`].
    pub fn trailer(mut self, name: &str, value: &[u8]) -> Result<Self> {
        append(&mut self.trailers, name, value)?;
        Ok(self)
    }

    /// Waits this long after the request was read to its end before answering: a slow upstream.
    #[must_use]
    pub fn delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// Answers as Redis, with the status and the body that its gateway makes of it.
    #[must_use]
    pub fn redis(mut self, answer: RedisAnswer) -> Self {
        self.redis = Some(answer);
        self
    }

    /// The answer to a request with this body: that of Redis depends on it.
    #[must_use]
    pub fn to(self, request: &[u8]) -> Self {
        let Some(answer) = &self.redis else { return self };
        let (status, body) = answer.to(request);
        // 200, 400 or 403.
        let status = StatusCode::from_u16(status).unwrap_or(self.status);
        Self { status, body: body.into(), redis: None, ..self }
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status.as_u16()
    }

    /// The headers, as they will be read at the other end.
    #[must_use]
    pub fn headers(&self) -> Headers {
        headers(&self.headers)
    }

    /// The body; not sent where HTTP forbids one (HEAD, 204, 304).
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// The trailers, see [`Response::trailer`].
    #[must_use]
    pub fn trailers(&self) -> Headers {
        headers(&self.trailers)
    }

    /// How long the answer takes, see [`Response::delay`].
    #[must_use]
    pub fn wait(&self) -> Duration {
        self.delay
    }

    /// As it is sent, waiting aside.
    pub(crate) fn into_http(self) -> http::Response<Body> {
        let body = Full::new(self.body).map_err(|never| match never {});
        let body = if self.trailers.is_empty() {
            body.boxed()
        } else {
            let trailers = self.trailers;
            body.with_trailers(async move { Some(Ok(trailers)) }).boxed()
        };
        let mut response = http::Response::new(body);
        *response.status_mut() = self.status;
        *response.headers_mut() = self.headers;
        response
    }

    /// With a body that is announced to be longer than it is.
    pub(crate) fn into_unfinished(mut self, rest: Rest) -> http::Response<Body> {
        let announced = self.body.len() + 1;
        let body = Unfinished { first: Some(std::mem::take(&mut self.body)), rest, flushed: false };
        let mut response = self.into_http();
        response.headers_mut().insert(http::header::CONTENT_LENGTH, announced.into());
        *response.body_mut() = body.boxed();
        response
    }
}

/// What comes of the bytes that were announced and are not there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Rest {
    /// The connection or stream ends.
    CutOff,
    /// Nothing ever.
    Silence,
}

struct Unfinished {
    first: Option<Bytes>,
    rest: Rest,
    flushed: bool,
}

impl hyper::body::Body for Unfinished {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<std::io::Result<Frame<Bytes>>>> {
        if let Some(first) = self.first.take().filter(|first| !first.is_empty()) {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        match self.rest {
            Rest::Silence => Poll::Pending,
            Rest::CutOff if self.flushed => {
                Poll::Ready(Some(Err(std::io::Error::other("cut off as scripted"))))
            }
            // An error drops what is not written yet: the connection gets a turn to write it.
            Rest::CutOff => {
                self.flushed = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }
}

fn append(map: &mut HeaderMap, name: &str, value: &[u8]) -> Result<()> {
    let name = HeaderName::from_bytes(name.as_bytes()).with_context(|| format!("header name {name:?}"))?;
    let value = HeaderValue::from_bytes(value)
        .with_context(|| format!("value of {name}: {:?}", String::from_utf8_lossy(value)))?;
    map.append(name, value);
    Ok(())
}
