//! What a worker holds: fetched keys, verified tokens, deny-lists.

use crate::cache::Cache;
use crate::config::Crypto;
use crate::crypto::{Engine, host_works};
use crate::jwks;
use crate::policy::JwtAuth;
use crate::revocation::Kept;
use filter_core::policy::Cx;
use filter_core::redis::Breaker;

/// What a worker holds.
#[derive(Default)]
pub struct State(Option<Worker>);

/// The same, once there was an event.
pub struct Worker {
    /// Who verifies signatures.
    pub engine: Engine,
    /// Keys, a source each.
    pub sources: Vec<jwks::Worker>,
    /// Tokens.
    pub cache: Cache,
    /// Deny-lists that are kept.
    pub lists: Vec<Kept>,
    /// Circuit breakers of those that are asked.
    pub breakers: Vec<Breaker>,
}

impl State {
    /// What there is, made at the first event: nothing may be asked of the host while it configures.
    pub fn worker(&mut self, policy: &JwtAuth, cx: &dyn Cx) -> &mut Worker {
        self.0.get_or_insert_with(|| Worker {
            engine: match policy.crypto {
                Crypto::Auto => Engine::Auto(host_works(cx)),
                Crypto::HostOnly => Engine::Host,
                Crypto::Rust => Engine::Rust,
            },
            sources: policy.sources.iter().map(|_| jwks::Worker::default()).collect(),
            cache: Cache::new(policy.cache_entries, policy.cache_bytes),
            lists: policy.lists.iter().map(|_| Kept::default()).collect(),
            breakers: (0..policy.breakers).map(|_| Breaker::default()).collect(),
        })
    }
}
