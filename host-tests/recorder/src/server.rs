//! The listening side.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, combinators::BoxBody};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::record::Log;
use crate::{End, Recorded, Response};

/// As many headers as Envoy can be configured to forward.
const MAX_HEADERS: usize = 4096;
/// Bytes of one header block. The HTTP/1 buffer gets the same again for the request line.
const MAX_HEADER_BYTES: usize = 1 << 20;

/// A running upstream on a free port of 127.0.0.1. It ends when dropped: no new connection is taken,
/// requests in flight are finished.
#[derive(Debug)]
pub struct Recorder {
    addr: SocketAddr,
    log: Arc<Log>,
    stop: watch::Sender<bool>,
}

impl Recorder {
    /// Starts listening; the server runs as tasks of the current tokio runtime.
    ///
    /// # Errors
    /// No port of 127.0.0.1 can be bound.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("recorder: bind 127.0.0.1:0")?;
        let addr = listener.local_addr().context("recorder: own address")?;
        let log = Arc::new(Log::default());
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(accept(listener, Arc::clone(&log), stopped));
        Ok(Self { addr, log, stop })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The answer to every request whose end is read from now on, until the next call.
    pub fn script(&self, response: Response) {
        self.log.set_script(response);
    }

    /// How many requests were begun, and how many connections were refused as unreadable, since the
    /// last take.
    #[must_use]
    pub fn contacts(&self) -> usize {
        self.log.contacts()
    }

    /// Everything recorded since the last take, in order of arrival. A request still [`End::Open`] is
    /// handed out as it is now.
    #[must_use]
    pub fn take(&self) -> Vec<Recorded> {
        self.log.take()
    }

    /// Why bytes sent to this upstream could not be read as a request, since the last take.
    #[must_use]
    pub fn take_unreadable(&self) -> Vec<String> {
        self.log.take_unreadable()
    }

    /// Waits until at least `contacts` requests have begun and none is open, at most `deadline`.
    /// Returns whether that came true.
    pub async fn settled(&self, contacts: usize, deadline: Duration) -> bool {
        let settled = async {
            loop {
                let changed = self.log.changed.notified();
                tokio::pin!(changed);
                // Registered before the check, so that a change in between is not missed.
                changed.as_mut().enable();
                if self.log.contacts() >= contacts && !self.log.any_open() {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(deadline, settled).await.is_ok()
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Fails only when every task has ended already.
        let _ = self.stop.send(true);
    }
}

async fn accept(listener: TcpListener, log: Arc<Log>, mut stopped: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(serve(stream, Arc::clone(&log), stopped.clone()));
                }
                // Out of descriptors or a connection that died in the queue: say so, do not spin.
                Err(error) => {
                    log.unreadable(format!("accept: {error}"));
                    tokio::task::yield_now().await;
                }
            },
        }
    }
}

async fn serve(stream: TcpStream, log: Arc<Log>, mut stopped: watch::Receiver<bool>) {
    // Latency only; the connection works without it.
    let _ = stream.set_nodelay(true);
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().max_headers(MAX_HEADERS).max_buf_size(2 * MAX_HEADER_BYTES).auto_date_header(false);
    builder
        .http2()
        .max_header_list_size(u32::try_from(MAX_HEADER_BYTES).unwrap_or(u32::MAX))
        .auto_date_header(false);
    let handler_log = Arc::clone(&log);
    let service = service_fn(move |request| answer(request, Arc::clone(&handler_log)));
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    tokio::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result
        && let Some(why) = refusal(error.as_ref())
    {
        log.unreadable(why);
    }
}

/// The reason when bytes were refused; a connection that merely ended early is no contact of its own.
fn refusal(error: &(dyn std::error::Error + 'static)) -> Option<String> {
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

async fn answer(
    request: hyper::Request<Incoming>,
    log: Arc<Log>,
) -> Result<http::Response<BoxBody<Bytes, Infallible>>, hyper::Error> {
    let (head, mut body) = request.into_parts();
    let entry = log.begin(&head);
    while let Some(frame) = body.frame().await {
        // An early return drops the entry, which then counts as cut off.
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
    let response = log.script();
    if !response.wait().is_zero() {
        tokio::time::sleep(response.wait()).await;
    }
    Ok(response.into_http())
}
