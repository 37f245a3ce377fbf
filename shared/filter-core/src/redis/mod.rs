//! Redis over an HTTP gateway: one Lua script per call, its answer proved to be the answer to this call.
//!
//! Stock Envoy gives a filter no way to Redis but HTTP. Webdis hands replies to the wrong connection after a client's
//! timeout, so every script gets a nonce as its last argument and must return it as its last value; an answer without
//! it is not believed ([`BackendError::Nonce`]).

mod breaker;
mod complaints;
mod config;
mod query;
mod upstash;
mod webdis;

pub use breaker::Breaker;
pub use complaints::Complaints;
pub use config::{Dialect, RedisConfig};
pub use query::{Progress, Query};

use crate::config::{At, Env, Secret};
use crate::policy::{Cx, hex, random_digits};
use crate::task::{CallOut, Failure, TaskResult};
use http::HeaderValue;
use sha1::{Digest as _, Sha1};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Longest key, in bytes. Whatever a client can put into one is hashed before.
pub const MAX_KEY: usize = 512;
/// Largest call, in bytes of its body. Webdis takes 64 KiB as configured here; what is beyond it reads as the next command
/// on the same connection (0.1.22), so that whoever can make a call larger chooses that command.
pub const MAX_CALL: usize = 32 * 1024;
/// Most bytes of an answer: a flat array of a few numbers and the nonce.
const MAX_REPLY: usize = 64 * 1024;
/// Most values in an answer.
const MAX_VALUES: usize = 4096;

/// A script, known to Redis by its SHA-1 once it ran.
#[derive(Debug, Clone)]
pub struct Script {
    source: Arc<str>,
    /// 40 hex digits.
    sha: String,
}

impl Script {
    /// `source` returns a flat array whose last member is its last argument, the nonce.
    #[must_use]
    pub fn new(source: &str) -> Self {
        let sha = hex(&Sha1::digest(source.as_bytes()));
        Self { source: source.into(), sha }
    }
}

/// How a script is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    /// EVALSHA: 41 bytes, whatever the script.
    Sha,
    /// EVAL, once Redis answered NOSCRIPT: it was restarted, or never saw the script.
    Source,
}

impl By {
    fn command(self) -> &'static str {
        match self {
            Self::Sha => "EVALSHA",
            Self::Source => "EVAL",
        }
    }
}

/// The compiled backend.
#[derive(Debug, Clone)]
pub struct Redis {
    cluster: Arc<str>,
    authority: Arc<str>,
    path: String,
    dialect: Dialect,
    authorization: Option<Secret<HeaderValue>>,
    timeout: Duration,
}

/// A call that was sent: what its answer must carry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sent {
    by: By,
    nonce: String,
}

/// A value of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// An integer.
    Integer(i64),
    /// ASCII text.
    Text(String),
    /// Nothing.
    Nil,
}

/// Why an answer is of no use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackendError {
    /// The call could not be sent: no such cluster or endpoint, its circuit breakers are full, no random bytes.
    NotSent,
    /// Nothing was sent: the backend failed too often ([`Breaker`]).
    CircuitOpen,
    /// Envoy found nobody who listens, or the connection failed (503).
    Unreachable,
    /// There was no answer in time (504).
    Timeout,
    /// The head or the body never came whole.
    Incomplete,
    /// The answer is larger than any script's.
    TooLarge,
    /// Another HTTP status than 200.
    Status,
    /// The gateway refuses the credentials, or they may not do this (401, 403, NOAUTH, WRONGPASS, NOPERM).
    Denied,
    /// Not what the dialect says: no JSON, another command's answer, nested or too many values, a number that is no
    /// 64-bit integer, text that is not ASCII.
    Malformed,
    /// The answer to somebody else's call.
    Nonce,
    /// Redis does not know the script: to be sent again [`By::Source`]. Not a failure by itself.
    NoScript,
    /// Redis is loading its data, or a replica without its master (LOADING, MASTERDOWN).
    Loading,
    /// Redis is out of memory (OOM).
    OutOfMemory,
    /// Redis takes no more clients.
    MaxClients,
    /// Redis may not write (READONLY, MISCONF, NOREPLICAS).
    ReadOnly,
    /// Redis is busy with a script that does not end (BUSY).
    Busy,
    /// Another error of Redis.
    Redis,
}

impl BackendError {
    /// Every error there is.
    pub const ALL: &'static [Self] = &[
        Self::NotSent,
        Self::CircuitOpen,
        Self::Unreachable,
        Self::Timeout,
        Self::Incomplete,
        Self::TooLarge,
        Self::Status,
        Self::Denied,
        Self::Malformed,
        Self::Nonce,
        Self::NoScript,
        Self::Loading,
        Self::OutOfMemory,
        Self::MaxClients,
        Self::ReadOnly,
        Self::Busy,
        Self::Redis,
    ];

    /// The name in logs and metrics.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NotSent => "not_sent",
            Self::CircuitOpen => "circuit_open",
            Self::Unreachable => "unreachable",
            Self::Timeout => "timeout",
            Self::Incomplete => "incomplete",
            Self::TooLarge => "too_large",
            Self::Status => "status",
            Self::Denied => "denied",
            Self::Malformed => "malformed",
            Self::Nonce => "nonce",
            Self::NoScript => "no_script",
            Self::Loading => "loading",
            Self::OutOfMemory => "out_of_memory",
            Self::MaxClients => "max_clients",
            Self::ReadOnly => "read_only",
            Self::Busy => "busy",
            Self::Redis => "redis",
        }
    }

    /// What an error of Redis says by its first word (`redis/src/server.c`, `createSharedObjects`).
    fn of_redis(text: &str) -> Self {
        let text = text.trim_start_matches('-');
        if text.contains("max number of clients reached") {
            return Self::MaxClients;
        }
        match text.split(' ').next().unwrap_or_default() {
            "NOSCRIPT" => Self::NoScript,
            "LOADING" | "MASTERDOWN" => Self::Loading,
            "OOM" => Self::OutOfMemory,
            "READONLY" | "MISCONF" | "NOREPLICAS" => Self::ReadOnly,
            "BUSY" => Self::Busy,
            "NOAUTH" | "WRONGPASS" | "NOPERM" => Self::Denied,
            // An error inside a script carries the cause further back.
            _ if text.contains("OOM command not allowed") => Self::OutOfMemory,
            // Redis 8, then 7.
            _ if text.contains("ACL failure in script") => Self::Denied,
            _ if text.contains("The user executing the script can't") => Self::Denied,
            _ => Self::Redis,
        }
    }
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for BackendError {}

impl Redis {
    /// Resolves the secrets. `None`: an error was reported below `at`.
    pub fn compile(config: RedisConfig, env: &dyn Env, at: &At<'_>) -> Option<Self> {
        config::compile(config, env, at)
    }

    /// The call-out that runs a script. `None`: the host has no random bytes, a key is longer than [`MAX_KEY`] or all of it
    /// larger than [`MAX_CALL`]: then nothing may be sent.
    pub fn call(
        &self,
        script: &Script,
        by: By,
        keys: &[&str],
        args: &[&str],
        cx: &dyn Cx,
    ) -> Option<(CallOut, Sent)> {
        if keys.iter().any(|key| key.len() > MAX_KEY) {
            return None;
        }
        let nonce = random_digits(cx)?;
        let what = match by {
            By::Sha => script.sha.as_str(),
            By::Source => &script.source,
        };
        let count = keys.len().to_string();
        let parts = [by.command(), what, &count].into_iter();
        let parts = parts.chain(keys.iter().copied()).chain(args.iter().copied()).chain([nonce.as_str()]);
        let body = match self.dialect {
            Dialect::Webdis => webdis::encode(parts),
            Dialect::Upstash => upstash::encode(parts),
        };
        if body.len() > MAX_CALL {
            return None;
        }
        let authorization = self.authorization.iter();
        let call = CallOut {
            cluster: self.cluster.clone(),
            method: http::Method::POST,
            path: self.path.clone(),
            authority: self.authority.clone(),
            headers: authorization
                .map(|value| (http::header::AUTHORIZATION, value.expose().clone()))
                .chain(self.dialect.content_type())
                .collect(),
            body,
            timeout: self.timeout,
            max_reply: MAX_REPLY,
        };
        Some((call, Sent { by, nonce }))
    }

    /// The values of an answer, without the nonce.
    ///
    /// # Errors
    /// Why it is of no use.
    pub fn read(&self, sent: &Sent, result: &TaskResult) -> Result<Vec<Value>, BackendError> {
        let reply = result.as_ref().map_err(|failure| match failure {
            Failure::NotSent | Failure::TooManyAwaits => BackendError::NotSent,
            Failure::Incomplete | Failure::Elsewhere => BackendError::Incomplete,
            Failure::TooLarge => BackendError::TooLarge,
            Failure::Deadline => BackendError::Timeout,
        })?;
        let body = reply.body.as_slice();
        let values = match (self.dialect, reply.status) {
            (_, 503) => return Err(BackendError::Unreachable),
            (_, 504) => return Err(BackendError::Timeout),
            (_, 401 | 403) => return Err(BackendError::Denied),
            (Dialect::Webdis, 200) => webdis::decode(sent.by.command(), body)?,
            // An error of Redis comes as 400 there.
            (Dialect::Upstash, 200 | 400) => upstash::decode(body)?,
            _ => return Err(BackendError::Status),
        };
        believed(values, &sent.nonce)
    }
}

/// The values, if the last is the nonce.
fn believed(mut values: Vec<Value>, nonce: &str) -> Result<Vec<Value>, BackendError> {
    match values.pop() {
        Some(Value::Text(last)) if last == nonce => Ok(values),
        _ => Err(BackendError::Nonce),
    }
}

/// A flat array of integers, ASCII text and nothing.
fn flat(values: Vec<serde_json::Value>) -> Result<Vec<Value>, BackendError> {
    if values.len() > MAX_VALUES {
        return Err(BackendError::Malformed);
    }
    let one = |value| match value {
        serde_json::Value::Number(number) => number.as_i64().map(Value::Integer),
        serde_json::Value::String(text) if text.is_ascii() => Some(Value::Text(text)),
        serde_json::Value::Null => Some(Value::Nil),
        _ => None,
    };
    values.into_iter().map(one).collect::<Option<_>>().ok_or(BackendError::Malformed)
}
