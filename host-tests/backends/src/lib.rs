//! Real Redis and real Webdis as child processes, with the configuration that ships; and a real nginx to compare limits with.
//!
//! `envoy-configs/redis/render.sh` fills a temporary folder as it would for a user, with random passwords; only the
//! ports are others. What a test needs beyond that it says in its options. Nothing outlives the test: a handle kills its
//! process when dropped, and the kernel does when the thread that started it ends.

mod configuration;
mod gateway;
mod nginx;
mod process;
mod programs;
mod redis;
pub mod resp;
mod user;
mod webdis;

pub use configuration::Configuration;
pub use gateway::{Answer, encode};
pub use nginx::Nginx;
pub use process::{end_with_parent, free_port};
pub use programs::{curl, jq, nginx, openssl, redis_server, root, webdis};
pub use redis::{Data, Redis};
pub use user::User;
pub use webdis::Webdis;

use std::time::Duration;

/// Starting takes some 10 ms; a busy machine may take seconds.
const START_DEADLINE: Duration = Duration::from_secs(30);
/// Beyond this an exchange of a test hangs.
const CALL_DEADLINE: Duration = Duration::from_secs(20);
/// Between two looks at something that is not announced.
const POLL: Duration = Duration::from_millis(5);
/// Somebody else may take a port between the look at it and its use.
const ATTEMPTS: usize = 5;

/// When a start is complete.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Ready {
    /// It does what it is there for: Redis answers an operator, Webdis has a script run.
    #[default]
    Serves,
    /// It takes connections, whatever it says there: for one that cannot serve.
    Listens,
}

/// What is other than in the files that ship.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Redis: directives as on its command line, `--maxmemory`, `1mb`. Webdis takes none.
    pub arguments: Vec<String>,
    /// Webdis: members of its configuration that are replaced. Redis has none.
    pub members: Vec<(String, serde_json::Value)>,
    /// When the start is complete.
    pub ready: Ready,
}

impl Options {
    /// Directives for Redis.
    #[must_use]
    pub fn arguments(arguments: &[&str]) -> Self {
        Self { arguments: arguments.iter().map(|&word| word.to_owned()).collect(), ..Self::default() }
    }

    /// One that cannot serve: its start is complete once it listens.
    #[must_use]
    pub fn listens(self) -> Self {
        Self { ready: Ready::Listens, ..self }
    }
}
