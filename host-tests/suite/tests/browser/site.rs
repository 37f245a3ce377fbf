//! The site whose pages call the API: one page, served under every host name, that does what the test asks for and
//! reports what came of it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinHandle;

const PAGE: &str = include_str!("page.html");

/// The running site. It ends when dropped.
#[derive(Debug)]
pub struct Site {
    addr: SocketAddr,
    tasks: mpsc::UnboundedSender<Value>,
    results: Mutex<mpsc::UnboundedReceiver<Value>>,
    server: JoinHandle<()>,
}

/// What the connections share.
#[derive(Debug)]
struct Shared {
    tasks: Mutex<mpsc::UnboundedReceiver<Value>>,
    results: mpsc::UnboundedSender<Value>,
}

impl Site {
    /// Starts listening on a free port of 127.0.0.1.
    pub async fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.context("the site: bind 127.0.0.1:0")?;
        let addr = listener.local_addr().context("the site: own address")?;
        let (tasks, open) = mpsc::unbounded_channel();
        let (done, results) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared { tasks: Mutex::new(open), results: done });
        let server = tokio::spawn(serve(listener, shared));
        Ok(Self { addr, tasks, results: Mutex::new(results), server })
    }

    /// The origin of its pages under a host name.
    pub fn origin(&self, host: &str) -> String {
        format!("http://{host}:{}", self.addr.port())
    }

    /// Hands a task to the page that is open.
    pub fn ask(&self, task: Value) -> Result<()> {
        self.tasks.send(task).context("the site has ended")
    }

    /// The next report of a page: one for each task, and one of a page that was opened.
    pub async fn report(&self) -> Result<Value> {
        self.results.lock().await.recv().await.context("the site has ended")
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    // Dropped with this task, and every connection with them.
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let shared = Arc::clone(&shared);
        connections.spawn(async move {
            let service = service_fn(|request| answer(request, Arc::clone(&shared)));
            // The browser hangs up when it likes.
            let _ = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    shared: Arc<Shared>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (status, media_type, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => (StatusCode::OK, "text/html", PAGE.to_owned()),
        (&Method::GET, "/next") => match shared.tasks.lock().await.recv().await {
            Some(task) => (StatusCode::OK, "application/json", task.to_string()),
            None => (StatusCode::GONE, "text/plain", String::new()),
        },
        (&Method::POST, "/result") => (result(request, &shared).await, "text/plain", String::new()),
        // The icon of the site, for one.
        _ => (StatusCode::NOT_FOUND, "text/plain", String::new()),
    };
    let mut response = Response::new(Full::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(hyper::header::CONTENT_TYPE, hyper::header::HeaderValue::from_static(media_type));
    Ok(response)
}

async fn result(request: Request<Incoming>, shared: &Shared) -> StatusCode {
    let Ok(body) = request.into_body().collect().await else { return StatusCode::BAD_REQUEST };
    match serde_json::from_slice(&body.to_bytes()) {
        // Nobody waits for it any more when the test is over.
        Ok(result) => shared.results.send(result).map_or(StatusCode::GONE, |()| StatusCode::NO_CONTENT),
        Err(_) => StatusCode::BAD_REQUEST,
    }
}
