//! HTTP/1.1, HTTP/2 and, on that, gRPC.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, HeaderValue, TE};
use http::uri::{PathAndQuery, Scheme};
use http::{Request, Response, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::{Answer, Client};
use crate::framing;

/// Beyond this nobody answers any more.
const DEADLINE: Duration = Duration::from_secs(60);

/// What is spoken over a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 over TLS.
    Http1,
    /// HTTP/2 over TLS.
    Http2,
    /// HTTP/1.1 without TLS.
    Plain,
}

impl std::fmt::Display for Protocol {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Self::Http1 => "HTTP/1.1",
            Self::Http2 => "HTTP/2",
            Self::Plain => "plain",
        })
    }
}

impl Client {
    /// Sends a request, whose URI is a path and which has a `host`, over an open connection and reads the answer to its end.
    ///
    /// # Errors
    /// The connection ends without an answer.
    pub async fn send(
        &self,
        stream: TcpStream,
        protocol: Protocol,
        request: Request<Bytes>,
    ) -> Result<Answer> {
        let exchange = async {
            match protocol {
                Protocol::Plain => over_http1(stream, request).await,
                Protocol::Http1 => over_http1(self.encrypted(stream, &[b"http/1.1"]).await?, request).await,
                Protocol::Http2 => {
                    let stream = self.encrypted(stream, &[b"h2"]).await?;
                    ensure!(
                        stream.get_ref().1.alpn_protocol() == Some(b"h2"),
                        "the server does not speak HTTP/2"
                    );
                    over_http2(stream, request).await
                }
            }
        };
        timeout(DEADLINE, exchange).await.context("no answer")?
    }

    /// Calls a method of gRPC with one message. The answer's body is the message that comes back, or empty.
    ///
    /// # Errors
    /// As [`Client::send`], or what comes back is not one message.
    pub async fn call(&self, stream: TcpStream, request: Request<Bytes>) -> Result<Answer> {
        let (mut head, message) = request.into_parts();
        head.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
        head.headers.insert(TE, HeaderValue::from_static("trailers"));
        let request = Request::from_parts(head, framing::framed(&message)?);
        let mut answer = self.send(stream, Protocol::Http2, request).await?;
        if !answer.body.is_empty() {
            answer.body = Bytes::copy_from_slice(framing::message(&answer.body)?);
        }
        Ok(answer)
    }
}

async fn over_http1<S>(stream: S, request: Request<Bytes>) -> Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.context("HTTP/1.1")?;
    let exchange = async move { read(sender.send_request(request.map(Full::new)).await?).await };
    driven(exchange, connection).await.context("an answer over HTTP/1.1")
}

async fn over_http2<S>(stream: S, mut request: Request<Bytes>) -> Result<Answer>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    // What HTTP/1.1 has in a field and a path is one URI here.
    let host = request.headers_mut().remove(HOST).context("a request without a host")?;
    let path = request.uri().path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/"));
    let uri = Uri::builder().scheme(Scheme::HTTPS).authority(host.as_bytes()).path_and_query(path);
    *request.uri_mut() = uri.build().context("URI")?;
    let handshake = http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.context("HTTP/2")?;
    let exchange = async move { read(sender.send_request(request.map(Full::new)).await?).await };
    driven(exchange, connection).await.context("an answer over HTTP/2")
}

/// What the exchange comes to while the connection is driven. Where the connection failed, that says more than what the
/// exchange makes of it.
async fn driven(
    exchange: impl Future<Output = hyper::Result<Answer>>,
    connection: impl Future<Output = hyper::Result<()>> + Send + 'static,
) -> hyper::Result<Answer> {
    let driver = tokio::spawn(connection);
    match exchange.await {
        Ok(answer) => {
            driver.abort();
            Ok(answer)
        }
        Err(error) => match driver.await {
            Ok(Err(why)) => Err(why),
            _ => Err(error),
        },
    }
}

async fn read(response: Response<Incoming>) -> hyper::Result<Answer> {
    let (head, body) = response.into_parts();
    let collected = body.collect().await?;
    let trailers = collected.trailers().cloned().unwrap_or_default();
    let (status, headers) = (head.status.as_u16(), head.headers);
    Ok(Answer { status, headers, body: collected.to_bytes(), trailers })
}
