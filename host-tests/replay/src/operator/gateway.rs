//! Redis through Webdis: a batch of commands is one script, whose answer proves by a nonce that it is the answer to it.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use anyhow::{Context as _, Result, anyhow};
use backends::resp::RespValue;
use filter_core::config::{At, Env, FromTree as _, Tree};
use filter_core::message::Headers;
use filter_core::policy::{Cx, Timestamp};
use filter_core::redis::{BackendError, By, Redis, RedisConfig, Script, Value};
use filter_core::store::{MemoryStore, SharedStore};
use filter_core::task::{CallOut, Failure, Reply, TaskResult};
use tokio::net::lookup_host;

use super::{Command, Login};
use crate::client;
use crate::request::Request;

/// Runs commands, each given as the number of its words and these. An answer becomes values of a flat array: a string
/// `$…`, a status `+…`, an error `-…`, an array `*<members>` and these; what is not printable ASCII is percent-encoded.
const SCRIPT: &str = "local out = {}
local function plain(text)
  return (string.gsub(text, '[^ -$&-~]', function(c) return string.format('%%%02X', string.byte(c)) end))
end
local function put(answer)
  if type(answer) == 'string' then out[#out + 1] = '$' .. plain(answer)
  elseif type(answer) ~= 'table' then out[#out + 1] = answer
  elseif answer.err then out[#out + 1] = '-' .. plain(answer.err)
  elseif answer.ok then out[#out + 1] = '+' .. plain(answer.ok)
  else
    out[#out + 1] = '*' .. #answer
    for i = 1, #answer do put(answer[i]) end
  end
end
local at = 1
while at < #ARGV do
  local count = tonumber(ARGV[at])
  put(redis.pcall(unpack(ARGV, at + 1, at + count)))
  at = at + 1 + count
end
out[#out + 1] = ARGV[#ARGV]
return out";

/// Arrays within arrays: SCAN has two levels.
const MAX_DEPTH: u8 = 4;

/// A Webdis, which gets a connection for each call.
pub(super) struct Gateway {
    addrs: Vec<SocketAddr>,
    redis: Redis,
    script: Script,
    cx: Native,
}

impl Gateway {
    pub(super) async fn open(
        place: &str,
        path: &str,
        login: Option<&Login>,
        limit: Duration,
    ) -> Result<Self> {
        let addrs: Vec<SocketAddr> = lookup_host(place).await.context("no such host")?.collect();
        let redis = compile(place, path, login, limit)?;
        Ok(Self { addrs, redis, script: Script::new(SCRIPT), cx: Native::default() })
    }

    /// Runs commands at once. `keys` are those that are written: Redis wants them declared.
    pub(super) async fn run(&mut self, keys: &[&str], commands: &[Command]) -> Result<Vec<RespValue>> {
        let counts: Vec<String> = commands.iter().map(|command| command.len().to_string()).collect();
        let words = counts.iter().zip(commands);
        let args: Vec<&str> = words
            .flat_map(|(count, command)| std::iter::once(count).chain(command).map(String::as_str))
            .collect();
        let call = self.redis.call(&self.script, By::Source, keys, &args, &self.cx);
        let (call, sent) = call.context("no random bytes, or a call that is too long")?;
        let result = self.post(&call).await?;
        let values = self.redis.read(&sent, &result).map_err(|error| anyhow!("{}", said(error)))?;
        let mut values = values.into_iter();
        let answers = commands.iter().map(|_| answer(&mut values, 0)).collect::<Option<Vec<_>>>();
        let answers = answers.filter(|_| values.next().is_none());
        answers.with_context(|| said(BackendError::Malformed))
    }

    async fn post(&self, call: &CallOut) -> Result<TaskResult> {
        let mut request = Request::new(call.method.as_str(), &call.path);
        request.authority = call.authority.as_bytes().to_vec();
        let headers = call.headers.iter();
        request.headers =
            headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        request.body = Some(vec![call.body.clone()]);
        request.frame();
        let mut last = None;
        for addr in &self.addrs {
            match client::send(*addr, &request).await {
                Ok(exchange) => {
                    let response = exchange.response.map_err(|error| anyhow!("{error}"))?;
                    return Ok(if response.cut_off.is_some() {
                        Err(Failure::Incomplete)
                    } else if response.body.len() > call.max_reply {
                        Err(Failure::TooLarge)
                    } else {
                        let (status, body) = (response.status, response.body);
                        Ok(Reply { status, headers: Headers::default(), body })
                    });
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no address")?)
    }
}

/// The backend of the filters, with the gateway instead of a cluster.
fn compile(place: &str, path: &str, login: Option<&Login>, limit: Duration) -> Result<Redis> {
    const PASSWORD: &str = "PASSWORD";
    struct Password<'l>(Option<&'l Login>);
    impl Env for Password<'_> {
        fn var(&self, name: &str) -> Option<String> {
            let login = self.0.filter(|_| name == PASSWORD)?;
            Some(login.password.expose().clone())
        }
    }
    let timeout = format!("{}ms", limit.as_millis());
    let mut config = serde_json::json!({ "cluster": place, "path": path, "timeout": timeout });
    if let (Some(login), Some(object)) = (login, config.as_object_mut()) {
        object.insert("username".to_owned(), login.user.clone().into());
        object.insert("password".to_owned(), serde_json::json!({ "env": PASSWORD }));
    }
    let tree: Tree = serde_json::from_value(config).context("gateway")?;
    let errors = RefCell::default();
    let at = At::root(&errors);
    let redis =
        RedisConfig::read(&tree, &at).and_then(|config| Redis::compile(config, &Password(login), &at));
    let errors: Vec<String> = errors.borrow().iter().map(ToString::to_string).collect();
    redis.with_context(|| errors.join("; "))
}

/// An answer and what belongs to it. `None`: the script does not write such.
fn answer(values: &mut impl Iterator<Item = Value>, depth: u8) -> Option<RespValue> {
    let text = match values.next()? {
        Value::Nil => return Some(RespValue::Nil),
        Value::Integer(number) => return Some(RespValue::Integer(number)),
        Value::Text(text) => text,
    };
    let (kind, rest) = text.split_at_checked(1)?;
    let bytes = || percent_encoding::percent_decode_str(rest);
    match kind {
        "$" => Some(RespValue::Bulk(bytes().collect())),
        "+" => Some(RespValue::Simple(bytes().decode_utf8_lossy().into_owned())),
        "-" => Some(RespValue::Error(bytes().decode_utf8_lossy().into_owned())),
        "*" if depth < MAX_DEPTH => {
            let count: usize = rest.parse().ok()?;
            let members = (0..count).map(|_| answer(values, depth.saturating_add(1)));
            members.collect::<Option<Vec<_>>>().map(RespValue::Array)
        }
        _ => None,
    }
}

/// What an operator can do about it.
fn said(error: BackendError) -> String {
    let what = match error {
        BackendError::Denied => "the gateway refuses name or password, or its user of Redis may not do this",
        BackendError::Unreachable => "the gateway has no connection to Redis",
        BackendError::TooLarge => "the answer is too large for a gateway; ask Redis itself",
        BackendError::Malformed | BackendError::Status => "not an answer of Webdis to a script",
        BackendError::Nonce => "the answer to somebody else's call",
        BackendError::OutOfMemory => "Redis is out of memory",
        BackendError::Loading => "Redis is loading its data",
        BackendError::MaxClients => "Redis takes no more clients",
        BackendError::ReadOnly => "Redis may not write",
        _ => "no answer that is of use",
    };
    format!("{what} ({error})")
}

/// The world of a process of its own.
#[derive(Debug, Default)]
struct Native(MemoryStore);

impl Cx for Native {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Timestamp(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        getrandom::fill(bytes).is_ok()
    }

    fn property(&self, _: &[&str]) -> Option<Vec<u8>> {
        None
    }

    fn store(&self) -> &dyn SharedStore {
        &self.0
    }
}
