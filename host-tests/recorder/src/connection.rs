//! One connection: HTTP/1.1 or HTTP/2 with prior knowledge, whatever the client begins with.

use std::error::Error;
use std::future::Future;

use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::Service;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;

use crate::End;
use crate::record::Entry;
use crate::response::Body;

/// As many headers as Envoy can be configured to forward.
const MAX_HEADERS: usize = 4096;
/// Bytes of one header block. The HTTP/1 buffer gets the same again for the request line.
const MAX_HEADER_BYTES: usize = 1 << 20;

/// How many requests an HTTP/1 connection may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Requests {
    Any,
    One,
}

/// Serves until the client leaves, or until `drained` when the requests in flight are done. What came and was no
/// HTTP is the error.
pub(crate) async fn serve<S>(
    stream: TcpStream,
    requests: Requests,
    service: S,
    drained: impl Future<Output = ()>,
) -> Result<(), String>
where
    S: Service<hyper::Request<Incoming>, Response = http::Response<Body>>,
    S::Future: Send + 'static,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
{
    // Latency only; the connection works without it.
    let _ = stream.set_nodelay(true);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .max_headers(MAX_HEADERS)
        .max_buf_size(2 * MAX_HEADER_BYTES)
        .auto_date_header(false)
        .keep_alive(requests == Requests::Any);
    builder
        .http2()
        .max_header_list_size(u32::try_from(MAX_HEADER_BYTES).unwrap_or(u32::MAX))
        .auto_date_header(false);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = drained => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    match result {
        Err(error) => refusal(error.as_ref()).map_or(Ok(()), Err),
        Ok(()) => Ok(()),
    }
}

/// The reason when bytes were refused; a connection that merely ended early is no contact of its own.
fn refusal(error: &(dyn Error + 'static)) -> Option<String> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(hyper) = error.downcast_ref::<hyper::Error>()
            && hyper.is_parse()
        {
            return Some(hyper.to_string());
        }
        cause = error.source();
    }
    None
}

/// Reads the rest of a request into the log; its body. An early return drops the entry, which then counts as cut off.
pub(crate) async fn complete(entry: Entry, mut body: Incoming) -> hyper::Result<Vec<u8>> {
    while let Some(frame) = body.frame().await {
        match frame?.into_data() {
            Ok(data) => entry.data(&data),
            Err(frame) => {
                if let Ok(trailers) = frame.into_trailers() {
                    entry.trailers(&trailers);
                }
            }
        }
    }
    entry.end(End::Complete);
    Ok(entry.body())
}
