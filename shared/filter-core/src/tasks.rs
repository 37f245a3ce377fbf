//! The call-outs of one worker: which are under way, and who waits for each.
//!
//! Pure bookkeeping; the guest in Envoy and the native executor perform it. A call-out belongs to the root context: it
//! goes on when the request that caused it is gone, and nobody is told twice.

use crate::policy::{Timestamp, micros};
use crate::task::{Key, Task};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A request that waits, by the host's number for its context.
pub type Waiter = u32;

/// What a host calls a call-out that it sent.
pub type Token = u32;

/// How long after its timeout a call-out counts as lost. The host answers at the timeout; this is for one that does not.
const GRACE: Duration = Duration::from_secs(1);

/// Most requests that may wait at once on one worker; more are told [`crate::task::Failure::NotSent`].
const MAX_WAITERS: usize = 100_000;

/// The call-outs of one worker.
#[derive(Debug, Default)]
pub struct Tasks {
    pending: BTreeMap<Id, Pending>,
    by_token: BTreeMap<Token, Id>,
    by_name: BTreeMap<Arc<str>, Id>,
    next: Id,
    /// What each waiter waits for. One that is gone is not here any more, whatever list it still is in.
    waiting: BTreeMap<Waiter, Id>,
}

type Id = u64;

#[derive(Debug)]
struct Pending {
    /// `None`: another worker has sent it.
    token: Option<Token>,
    name: Option<Arc<str>>,
    /// The end of the lease it holds; other workers wait for it.
    lease: Option<Timestamp>,
    waiters: Vec<Waiter>,
    /// When it counts as lost, in µs.
    lost_at: u64,
    /// Most bytes of a body that are of use.
    max_reply: usize,
}

/// A call-out that is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// Its name, where it was shared.
    pub name: Option<Arc<str>>,
    /// The end of the lease it held: to be given back, and other workers to be told.
    pub lease: Option<Timestamp>,
    /// Who waited.
    pub waiters: Vec<Waiter>,
    /// Whether another worker had sent it.
    pub elsewhere: bool,
}

impl Tasks {
    /// Joins the call-out of this name that is under way. `false`: there is none.
    pub fn join(&mut self, key: &Key, waiter: Option<Waiter>) -> bool {
        let Some(id) = key.name().and_then(|name| self.by_name.get(name)).copied() else { return false };
        let Some(pending) = self.pending.get_mut(&id) else { return false };
        if pending.waiters.len() >= MAX_WAITERS.saturating_mul(2) {
            // Most of them are gone: room was checked before.
            pending.waiters.retain(|waiter| self.waiting.get(waiter) == Some(&id));
        }
        pending.waiters.extend(waiter);
        self.waiting.extend(waiter.map(|waiter| (waiter, id)));
        true
    }

    /// Whether one more request may wait.
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.waiting.len() < MAX_WAITERS
    }

    /// A call-out was sent. `token`: `None` where another worker has sent it, whose lease ends at `until`.
    pub fn add(&mut self, task: &Task, sent: Sent, waiter: Option<Waiter>) {
        let id = self.next;
        self.next = self.next.wrapping_add(1);
        let (token, lost_at, lease) = match sent {
            Sent::Here { token, now, lease } => {
                (Some(token), now.0.saturating_add(micros(task.call.timeout.saturating_add(GRACE))), lease)
            }
            Sent::Elsewhere(until) => (None, until.0, None),
        };
        let name = task.key.name().cloned();
        if let Some(token) = token {
            self.by_token.insert(token, id);
        }
        if let Some(name) = &name {
            self.by_name.insert(name.clone(), id);
        }
        self.waiting.extend(waiter.map(|waiter| (waiter, id)));
        let waiters = waiter.into_iter().collect();
        let max_reply = task.call.max_reply;
        self.pending.insert(id, Pending { token, name, lease, waiters, lost_at, max_reply });
    }

    /// Most bytes of a body that are of use in the answer to a call-out. `None`: it is not ours, or was answered before.
    #[must_use]
    pub fn max_reply(&self, token: Token) -> Option<usize> {
        self.by_token.get(&token).and_then(|id| self.pending.get(id)).map(|pending| pending.max_reply)
    }

    /// The host answers a call-out. `None`: it is not ours, or was answered before.
    pub fn answered(&mut self, token: Token) -> Option<Finished> {
        let id = self.by_token.get(&token).copied()?;
        self.finish(id)
    }

    /// Another worker says that it is done with what has this name.
    pub fn told(&mut self, name: &str) -> Option<Finished> {
        let id = self.by_name.get(name).copied()?;
        self.pending.get(&id).filter(|pending| pending.token.is_none())?;
        self.finish(id)
    }

    /// One that counts as lost by now.
    pub fn next_lost(&mut self, now: Timestamp) -> Option<Finished> {
        let (id, _) = self.pending.iter().find(|(_, pending)| pending.lost_at <= now.0)?;
        self.finish(*id)
    }

    /// A request is gone; what it waited for goes on.
    pub fn forget(&mut self, waiter: Waiter) {
        self.waiting.remove(&waiter);
    }

    /// Whether nothing is under way.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.pending.is_empty()
    }

    fn finish(&mut self, id: Id) -> Option<Finished> {
        let mut pending = self.pending.remove(&id)?;
        if let Some(token) = pending.token {
            self.by_token.remove(&token);
        }
        if let Some(name) = &pending.name {
            self.by_name.remove(name);
        }
        let mut waiters = std::mem::take(&mut pending.waiters);
        waiters.retain(|waiter| self.waiting.get(waiter) == Some(&id));
        for waiter in &waiters {
            self.waiting.remove(waiter);
        }
        let Pending { token, name, lease, .. } = pending;
        Some(Finished { name, lease, waiters, elsewhere: token.is_none() })
    }
}

/// Who sent a call-out.
#[derive(Debug, Clone, Copy)]
pub enum Sent {
    /// This worker.
    Here {
        /// The host's name for it.
        token: Token,
        /// When.
        now: Timestamp,
        /// The end of the lease it holds.
        lease: Option<Timestamp>,
    },
    /// Another one, whose lease ends then.
    Elsewhere(Timestamp),
}
