//! The clusters that filters call out to: a listener each, with answers and faults as scripted.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result};
use bytes::Bytes;
use hyper::body::Incoming;
use hyper::service::service_fn;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinHandle;

use crate::Recorded;
use crate::connection::{Requests, complete, serve};
use crate::record::Log;
use crate::response::{Body, Rest};
use crate::script::{Answer, Fault, Script, Scripted};

/// No status line (RFC 9112 section 4), and no frame of HTTP/2 that could follow its preface.
const GARBAGE: &[u8] = b"\x00\xff this is not HTTP \xff\x00\r\n\r\n";
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// Listeners on free ports of 127.0.0.1, one per cluster. Each takes connections only while its cluster has an
/// answer, and serves one request per connection, so that closing it leaves nobody connected. They end when this is
/// dropped, and so does everything that was still to be answered.
#[derive(Debug)]
pub struct CallOuts {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
}

#[derive(Debug)]
struct Shared {
    log: Arc<Log>,
    script: Mutex<Script>,
    gates: BTreeMap<Arc<str>, Gate>,
    /// What was called and cannot be answered as the script says.
    problems: Mutex<Vec<String>>,
    stopped: watch::Receiver<bool>,
}

/// The port of a cluster.
#[derive(Debug)]
struct Gate {
    addr: SocketAddr,
    /// Bound and never listening: it keeps the port while the gate is closed.
    _reserved: TcpSocket,
    accepting: Mutex<Option<JoinHandle<()>>>,
}

impl CallOuts {
    /// Reserves a port per cluster and opens those with a standing answer; the servers run as tasks of the current
    /// tokio runtime.
    ///
    /// # Errors
    /// No port of 127.0.0.1 can be bound, or the script asks for what no listener can do.
    pub async fn start(clusters: impl IntoIterator<Item = String>, standing: Vec<Scripted>) -> Result<Self> {
        let gate = |cluster: String| Ok((Arc::from(cluster), Gate::reserve()?));
        let (stop, stopped) = watch::channel(false);
        let shared = Shared {
            log: Arc::default(),
            script: Mutex::new(Script::new(standing)),
            gates: clusters.into_iter().map(gate).collect::<Result<_>>()?,
            problems: Mutex::default(),
            stopped,
        };
        let callouts = Self { shared: Arc::new(shared), stop };
        callouts.begin(Vec::new()).await?;
        Ok(callouts)
    }

    /// Where each cluster is.
    #[must_use]
    pub fn addrs(&self) -> BTreeMap<String, SocketAddr> {
        self.shared.gates.iter().map(|(cluster, gate)| (cluster.to_string(), gate.addr)).collect()
    }

    /// Begins a step with answers of its own. When this returns, every cluster is open or closed as scripted.
    ///
    /// # Errors
    /// A cluster is unknown, or is to refuse and to answer at the same time.
    pub async fn begin(&self, step: Vec<Scripted>) -> Result<()> {
        if let Some(unknown) = step.iter().find(|one| !self.shared.gates.contains_key(one.cluster.as_str())) {
            anyhow::bail!("callouts: there is no cluster {:?} to call", unknown.cluster);
        }
        lock(&self.shared.script).begin(step);
        for cluster in self.shared.gates.keys() {
            if self.shared.listens(cluster)? {
                self.shared.open(cluster)?;
            } else {
                self.shared.close(cluster).await;
            }
        }
        Ok(())
    }

    /// Says how many call-outs each cluster refused, as counted by whoever made them.
    ///
    /// # Errors
    /// A closed listener could not do what the script says, see [`Script::refused`].
    pub fn refused(&self, cluster: &str, count: u64) -> Result<()> {
        lock(&self.shared.script).refused(cluster, count)
    }

    /// How many call-outs were begun, and how many connections brought something unreadable, since the last take.
    #[must_use]
    pub fn contacts(&self) -> usize {
        self.shared.log.contacts()
    }

    /// Every call-out since the last take with its cluster, in order of arrival.
    #[must_use]
    pub fn take(&self) -> Vec<(String, Recorded)> {
        let taken = self.shared.log.take().into_iter();
        taken.map(|(cluster, recorded)| (cluster.to_string(), recorded)).collect()
    }

    /// What came since the last take and was no call-out that the script has an answer to.
    #[must_use]
    pub fn take_problems(&self) -> Vec<String> {
        let mut problems = self.shared.log.take_unreadable();
        problems.append(&mut lock(&self.shared.problems));
        problems
    }

    /// Waits until at least `contacts` call-outs have begun since the last take and all of them were read to their
    /// end, at most `deadline`. Returns whether that came true.
    pub async fn settled(&self, contacts: usize, deadline: Duration) -> bool {
        self.shared.log.settled(contacts, deadline).await
    }
}

impl Drop for CallOuts {
    fn drop(&mut self) {
        // Fails only when every task has ended already.
        let _ = self.stop.send(true);
    }
}

impl Gate {
    fn reserve() -> Result<Self> {
        let reserved = socket(([127, 0, 0, 1], 0).into())?;
        let addr = reserved.local_addr().context("callouts: own address")?;
        Ok(Self { addr, _reserved: reserved, accepting: Mutex::default() })
    }
}

/// A socket that may share its port with another one as long as only one of them listens.
fn socket(addr: SocketAddr) -> Result<TcpSocket> {
    let socket = TcpSocket::new_v4().context("callouts: socket")?;
    socket.set_reuseaddr(true).context("callouts: SO_REUSEADDR")?;
    socket.bind(addr).with_context(|| format!("callouts: bind {addr}"))?;
    Ok(socket)
}

impl Shared {
    fn listens(&self, cluster: &str) -> Result<bool> {
        lock(&self.script).listens(cluster)
    }

    fn open(self: &Arc<Self>, cluster: &Arc<str>) -> Result<()> {
        let Some(gate) = self.gates.get(cluster) else { return Ok(()) };
        let mut accepting = lock(&gate.accepting);
        if accepting.is_none() {
            let listener = socket(gate.addr)?.listen(BACKLOG).context("callouts: listen")?;
            *accepting = Some(tokio::spawn(accept(listener, Arc::clone(cluster), Arc::clone(self))));
        }
        Ok(())
    }

    async fn close(&self, cluster: &str) {
        let accepting = self.gates.get(cluster).and_then(|gate| lock(&gate.accepting).take());
        if let Some(task) = accepting {
            task.abort();
            // The socket is closed once the task is gone; that it was aborted is no news.
            let _ = task.await;
        }
    }

    fn problem(&self, what: String) {
        lock(&self.problems).push(what);
    }

    async fn stopped(&self) {
        // An error means that the other end is gone, which is the same.
        let _ = self.stopped.clone().wait_for(|stopped| *stopped).await;
    }
}

async fn accept(listener: TcpListener, cluster: Arc<str>, shared: Arc<Shared>) {
    loop {
        tokio::select! {
            () = shared.stopped() => return,
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    tokio::spawn(connection(stream, Arc::clone(&cluster), Arc::clone(&shared)));
                }
                Err(error) => {
                    shared.problem(format!("accept for {cluster:?}: {error}"));
                    tokio::task::yield_now().await;
                }
            },
        }
    }
}

/// What a call-out can do to the connection it came on.
#[derive(Debug)]
struct Wire {
    /// The same socket once more, for what is not HTTP.
    raw: TcpStream,
    /// No further request.
    drain: Notify,
    /// No further byte.
    drop: Notify,
}

async fn connection(stream: TcpStream, cluster: Arc<str>, shared: Arc<Shared>) {
    let (stream, wire) = match twice(stream) {
        Ok((stream, raw)) => (stream, Arc::new(Wire { raw, drain: Notify::new(), drop: Notify::new() })),
        Err(error) => return shared.problem(format!("connection to {cluster:?}: {error}")),
    };
    let handler = (Arc::clone(&cluster), Arc::clone(&shared), Arc::clone(&wire));
    let service = service_fn(move |request| {
        let (cluster, shared, wire) = handler.clone();
        answer(request, cluster, shared, wire)
    });
    let served = tokio::select! {
        served = serve(stream, Requests::One, service, wire.drain.notified()) => served,
        () = wire.drop.notified() => Ok(()),
        () = shared.stopped() => Ok(()),
    };
    if let Err(why) = served {
        shared.log.unreadable(format!("{cluster}: {why}"));
    }
}

/// Two handles of one socket.
fn twice(stream: TcpStream) -> std::io::Result<(TcpStream, TcpStream)> {
    let stream = stream.into_std()?;
    let raw = stream.try_clone()?;
    Ok((TcpStream::from_std(stream)?, TcpStream::from_std(raw)?))
}

async fn answer(
    request: hyper::Request<Incoming>,
    cluster: Arc<str>,
    shared: Arc<Shared>,
    wire: Arc<Wire>,
) -> hyper::Result<http::Response<Body>> {
    let (head, body) = request.into_parts();
    let entry = shared.log.begin(&cluster, &head);
    let path = head.uri.path_and_query().map_or("", |path| path.as_str());
    let answer = lock(&shared.script).next(&cluster, path.as_bytes());
    // Before anybody can know of this answer, so that the next call-out finds the gate as it should be.
    match shared.listens(&cluster) {
        Ok(true) => {}
        Ok(false) => shared.close(&cluster).await,
        Err(error) => shared.problem(error.to_string()),
    }
    wire.drain.notify_one();
    let body = complete(entry, body).await?;
    let Some(Answer { response, fault }) = answer.filter(|answer| answer.fault != Some(Fault::Refused))
    else {
        let what =
            "has no answer, while another path of the cluster has: a real listener is either open or not";
        shared.problem(format!("the call-out to {path} of cluster {cluster:?} {what}"));
        return wire.reset().await;
    };
    let response = response.to(&body);
    if !response.wait().is_zero() {
        tokio::time::sleep(response.wait()).await;
    }
    match fault {
        None => Ok(response.into_http()),
        Some(Fault::Truncated) => Ok(response.into_unfinished(Rest::CutOff)),
        Some(Fault::Stalled) => Ok(response.into_unfinished(Rest::Silence)),
        Some(Fault::Timeout) => std::future::pending().await,
        Some(Fault::Garbage) => wire.write(Bytes::from_static(GARBAGE)).await,
        Some(Fault::Reset | Fault::Refused) => wire.reset().await,
    }
}

impl Wire {
    /// Ends the connection with RST.
    async fn reset<T>(&self) -> T {
        // Where it fails the connection ends all the same.
        let _ = self.raw.set_zero_linger();
        self.drop.notify_one();
        std::future::pending().await
    }

    /// Writes bytes past the HTTP library, then ends the connection.
    async fn write<T>(&self, bytes: Bytes) -> T {
        // Whoever does not read any more has ended the connection itself.
        if self.raw.writable().await.is_ok() {
            let _ = self.raw.try_write(&bytes);
        }
        self.drop.notify_one();
        std::future::pending().await
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing here can leave the data half-written, so a poisoned lock is still good.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
