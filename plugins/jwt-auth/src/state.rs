//! What a worker holds: fetched keys, verified tokens, deny-lists.

use crate::alg::{Algorithm, Algorithms};
use crate::cache::Cache;
use crate::config::Crypto;
use crate::crypto::{Engine, host_works};
use crate::jwks;
use crate::policy::JwtAuth;
use crate::revocation::Kept;
use filter_core::effect::{Level, LogLine};
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
    /// What is to be said about the host's cryptography, once.
    pub crypto: Option<LogLine>,
}

impl State {
    /// What there is, made at the first event: nothing may be asked of the host while it configures.
    pub fn worker(&mut self, policy: &JwtAuth, cx: &dyn Cx) -> &mut Worker {
        self.0.get_or_insert_with(|| {
            let host = if policy.crypto == Crypto::Rust { Algorithms::default() } else { host_works(cx) };
            Worker {
                engine: match policy.crypto {
                    Crypto::Auto => Engine::Auto(host),
                    Crypto::HostOnly => Engine::Host,
                    Crypto::Rust => Engine::Rust,
                },
                sources: policy.sources.iter().map(|_| jwks::Worker::default()).collect(),
                cache: Cache::new(policy.cache_entries, policy.cache_bytes),
                lists: policy.lists.iter().map(|_| Kept::default()).collect(),
                breakers: (0..policy.breakers).map(|_| Breaker::default()).collect(),
                crypto: said(policy, host),
            }
        })
    }
}

/// Which of the algorithms that are accepted the host does not verify.
fn said(policy: &JwtAuth, host: Algorithms) -> Option<LogLine> {
    let accepted = |algorithm: &Algorithm| policy.providers.iter().any(|one| one.algorithms.has(*algorithm));
    let left: Vec<&str> = Algorithm::ALL
        .iter()
        .filter(|algorithm| accepted(algorithm) && !host.has(**algorithm))
        .map(|algorithm| algorithm.name())
        .collect();
    if left.is_empty() {
        return None;
    }
    let left = left.join(", ");
    let (level, text) = match policy.crypto {
        Crypto::Auto => (Level::Info, format!("jwt-auth: verified by this filter, not by the host: {left}")),
        Crypto::HostOnly => {
            (Level::Critical, format!("jwt-auth: the host verifies no {left}: such tokens are refused"))
        }
        Crypto::Rust => return None,
    };
    Some(LogLine { level, text })
}
