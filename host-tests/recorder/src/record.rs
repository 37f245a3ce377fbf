//! What was recorded, and the log it is kept in while requests are still arriving.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use tokio::sync::Notify;

use crate::Headers;

/// How far a request came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The head arrived; the body is still open.
    Open,
    /// The request was read to its end, trailers included.
    Complete,
    /// The connection or stream ended before the request did.
    CutOff,
}

/// One request as it reached the upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recorded {
    /// The method, as sent.
    pub method: String,
    /// `:authority`, or the target's authority, or the first `host` header.
    pub authority: Option<Vec<u8>>,
    /// Path and query, undecoded.
    pub path: Vec<u8>,
    /// All headers but the pseudo headers; over HTTP/1 with `host`.
    pub headers: Headers,
    /// The body bytes that arrived, framing removed.
    pub body: Vec<u8>,
    /// The trailers.
    pub trailers: Headers,
    /// HTTP/1.0, HTTP/1.1 or HTTP/2.
    pub version: http::Version,
    /// Whether the rest of the request came.
    pub end: End,
}

/// The shared state of one recorder.
#[derive(Debug, Default)]
pub(crate) struct Log {
    state: Mutex<State>,
    /// Told at every change: a request began or ended, or bytes were refused.
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Each with whom it was sent to.
    entries: Vec<(Arc<str>, Arc<Mutex<Recorded>>)>,
    unreadable: Vec<String>,
}

impl Log {
    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing here can leave the state half-written, so a poisoned lock is still good.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(self: &Arc<Self>, to: &Arc<str>, head: &http::request::Parts) -> Entry {
        let host = head.headers.get(http::header::HOST).map(|host| host.as_bytes().to_vec());
        let recorded = Arc::new(Mutex::new(Recorded {
            method: head.method.to_string(),
            authority: head.uri.authority().map(|authority| authority.as_str().into()).or(host),
            path: head.uri.path_and_query().map_or_else(Vec::new, |path| path.as_str().into()),
            headers: headers(&head.headers),
            body: Vec::new(),
            trailers: Headers::new(),
            version: head.version,
            end: End::Open,
        }));
        self.state().entries.push((Arc::clone(to), Arc::clone(&recorded)));
        self.changed.notify_waiters();
        Entry { log: Arc::clone(self), recorded }
    }

    pub(crate) fn unreadable(&self, why: String) {
        self.state().unreadable.push(why);
        self.changed.notify_waiters();
    }

    pub(crate) fn take_unreadable(&self) -> Vec<String> {
        std::mem::take(&mut self.state().unreadable)
    }

    /// Requests begun plus refusals since the last take.
    pub(crate) fn contacts(&self) -> usize {
        let state = self.state();
        state.entries.len() + state.unreadable.len()
    }

    fn any_open(&self) -> bool {
        self.state().entries.iter().any(|(_, entry)| lock(entry).end == End::Open)
    }

    pub(crate) fn take(&self) -> Vec<(Arc<str>, Recorded)> {
        let entries = std::mem::take(&mut self.state().entries);
        entries.into_iter().map(|(to, entry)| (to, lock(&entry).clone())).collect()
    }

    /// Waits until at least `contacts` requests have begun since the last take and none is open, at most
    /// `deadline`. Returns whether that came true.
    pub(crate) async fn settled(&self, contacts: usize, deadline: Duration) -> bool {
        let settled = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                // Registered before the check, so that a change in between is not missed.
                changed.as_mut().enable();
                if self.contacts() >= contacts && !self.any_open() {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(deadline, settled).await.is_ok()
    }
}

/// A request in the log while its body arrives. Dropped early — the library drops the handler when the
/// client resets the stream — it marks the request as cut off.
#[derive(Debug)]
pub(crate) struct Entry {
    log: Arc<Log>,
    recorded: Arc<Mutex<Recorded>>,
}

impl Entry {
    pub(crate) fn data(&self, bytes: &[u8]) {
        lock(&self.recorded).body.extend_from_slice(bytes);
    }

    /// What arrived of the body so far.
    pub(crate) fn body(&self) -> Vec<u8> {
        lock(&self.recorded).body.clone()
    }

    pub(crate) fn trailers(&self, trailers: &HeaderMap) {
        lock(&self.recorded).trailers = headers(trailers);
    }

    pub(crate) fn end(&self, end: End) {
        lock(&self.recorded).end = end;
        self.log.changed.notify_waiters();
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if lock(&self.recorded).end == End::Open {
            self.end(End::CutOff);
        }
    }
}

fn lock(entry: &Mutex<Recorded>) -> MutexGuard<'_, Recorded> {
    entry.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn headers(map: &HeaderMap) -> Headers {
    map.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}
