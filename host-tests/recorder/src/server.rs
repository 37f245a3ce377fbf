//! The upstream.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result};
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use crate::connection::{Requests, complete, serve};
use crate::record::Log;
use crate::response::Body;
use crate::{Recorded, Response};

/// A running upstream on a free port of 127.0.0.1. It ends when dropped: no new connection is taken,
/// requests in flight are finished.
#[derive(Debug)]
pub struct Recorder {
    addr: SocketAddr,
    log: Arc<Log>,
    script: watch::Sender<Response>,
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
        let (script, scripted) = watch::channel(Response::default());
        let (stop, stopped) = watch::channel(false);
        tokio::spawn(accept(listener, Arc::clone(&log), scripted, stopped));
        Ok(Self { addr, log, script, stop })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The answer to every request whose end is read from now on, until the next call.
    pub fn script(&self, response: Response) {
        self.script.send_replace(response);
    }

    /// How many requests were begun, and how many connections were refused as unreadable, since the
    /// last take.
    #[must_use]
    pub fn contacts(&self) -> usize {
        self.log.contacts()
    }

    /// Everything recorded since the last take, in order of arrival. A request still [`crate::End::Open`] is
    /// handed out as it is now.
    #[must_use]
    pub fn take(&self) -> Vec<Recorded> {
        self.log.take().into_iter().map(|(_, recorded)| recorded).collect()
    }

    /// Why bytes sent to this upstream could not be read as a request, since the last take.
    #[must_use]
    pub fn take_unreadable(&self) -> Vec<String> {
        self.log.take_unreadable()
    }

    /// Waits until at least `contacts` requests have begun and none is open, at most `deadline`.
    /// Returns whether that came true.
    pub async fn settled(&self, contacts: usize, deadline: Duration) -> bool {
        self.log.settled(contacts, deadline).await
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // Fails only when every task has ended already.
        let _ = self.stop.send(true);
    }
}

async fn accept(
    listener: TcpListener,
    log: Arc<Log>,
    script: watch::Receiver<Response>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            _ = stopped.changed() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(connection(stream, Arc::clone(&log), script.clone(), stopped.clone()));
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

async fn connection(
    stream: TcpStream,
    log: Arc<Log>,
    script: watch::Receiver<Response>,
    mut stopped: watch::Receiver<bool>,
) {
    let handler_log = Arc::clone(&log);
    let service = service_fn(move |request| answer(request, Arc::clone(&handler_log), script.clone()));
    let drained = async move {
        // An error means that the recorder is gone, which is the same.
        let _ = stopped.changed().await;
    };
    if let Err(why) = serve(stream, Requests::Any, service, drained).await {
        log.unreadable(why);
    }
}

async fn answer(
    request: hyper::Request<Incoming>,
    log: Arc<Log>,
    script: watch::Receiver<Response>,
) -> hyper::Result<http::Response<Body>> {
    let (head, body) = request.into_parts();
    complete(log.begin(&Arc::from("upstream"), &head), body).await?;
    let response = script.borrow().clone();
    if !response.wait().is_zero() {
        tokio::time::sleep(response.wait()).await;
    }
    Ok(response.into_http())
}
