//! HTTP/2 with prior knowledge.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, Uri, Version};
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper_util::rt::{TokioExecutor, TokioIo};
use recorder::Headers;
use tokio::net::TcpStream;

use super::{Exchange, MAX_HEAD_BYTES, Response};
use crate::request::Request;

pub(super) async fn send(gateway: SocketAddr, request: &Request) -> Result<Exchange> {
    let request = message(request).context("cannot be said over HTTP/2")?;
    let stream = TcpStream::connect(gateway).await.with_context(|| format!("connect to {gateway}"))?;
    let local = stream.local_addr().context("own address")?;
    let mut builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    builder.max_header_list_size(u32::try_from(MAX_HEAD_BYTES).unwrap_or(u32::MAX));
    let (mut sender, connection) =
        builder.handshake(TokioIo::new(stream)).await.context("HTTP/2 handshake")?;
    let exchange = async {
        let response = sender.send_request(request).await.map_err(|error| reason(&error))?;
        Ok(read(response).await)
    };
    // The connection is driven here rather than in a task, so that it is closed when this returns.
    tokio::pin!(exchange, connection);
    let response = tokio::select! {
        response = &mut exchange => response,
        // The connection ended first; what it brought is still to be handed out.
        _ = &mut connection => exchange.await,
    };
    Ok(Exchange { local, response, open: None })
}

fn message(request: &Request) -> Result<http::Request<Frames>> {
    let target = Uri::builder()
        .scheme(request.scheme.as_str())
        .authority(request.authority.as_slice())
        .path_and_query(request.path.as_slice())
        .build()
        .with_context(|| format!("target {}", request.path.escape_ascii()))?;
    let mut message = http::Request::builder()
        .method(request.method.as_str())
        .uri(target)
        .version(Version::HTTP_2)
        .body(Frames::new(request)?)
        .context("request line")?;
    *message.headers_mut() = map(&request.headers)?;
    Ok(message)
}

/// The pieces of the body, then the trailers, a frame each; without any, the head ends the stream.
struct Frames(VecDeque<Frame<Bytes>>);

impl Frames {
    fn new(request: &Request) -> Result<Self> {
        let pieces = request.body.iter().flatten().filter(|piece| !piece.is_empty());
        let mut frames: VecDeque<Frame<Bytes>> =
            pieces.map(|piece| Frame::data(piece.clone().into())).collect();
        if !request.trailers.is_empty() {
            frames.push_back(Frame::trailers(map(&request.trailers)?));
        }
        Ok(Self(frames))
    }
}

impl Body for Frames {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.pop_front().map(Ok))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_empty()
    }
}

async fn read(response: http::Response<Incoming>) -> Response {
    let (head, mut incoming) = response.into_parts();
    let mut response = Response {
        status: head.status.as_u16(),
        headers: list(&head.headers),
        body: Vec::new(),
        trailers: Headers::new(),
        cut_off: None,
    };
    while let Some(frame) = incoming.frame().await {
        match frame.map(Frame::into_data) {
            Ok(Ok(data)) => response.body.extend_from_slice(&data),
            Ok(Err(frame)) => {
                if let Ok(trailers) = frame.into_trailers() {
                    response.trailers = list(&trailers);
                }
            }
            Err(error) => {
                response.cut_off = Some(reason(&error));
                break;
            }
        }
    }
    response
}

/// The whole chain of causes: hyper's own text is only "http2 error".
fn reason(error: &hyper::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

fn map(headers: &Headers) -> Result<HeaderMap> {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name =
            HeaderName::from_bytes(name.as_bytes()).with_context(|| format!("header name {name:?}"))?;
        map.append(&name, HeaderValue::from_bytes(value).with_context(|| format!("value of {name}"))?);
    }
    Ok(map)
}

fn list(map: &HeaderMap) -> Headers {
    map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}
