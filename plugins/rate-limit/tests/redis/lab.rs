//! A Redis, and scripts in it.

use backends::resp::{Connection, RespValue};
use backends::{Configuration, Options, Redis, User};
use filter_core::redis::Value;
use rate_limit::script::{Action, source};

/// The time, in µs, is the last argument but one; keys outlive the test.
pub const INJECTED: &str = "local now = tonumber(ARGV[#ARGV - 1])\nlocal spare = 3600000";

pub const NONCE: &str = "0123456789abcdef0123456789abcdef";

pub struct Lab {
    /// Lives as long as the connection.
    _redis: Redis,
    connection: Connection,
}

impl Lab {
    pub async fn start() -> Self {
        let redis = Redis::start(&Options::default()).await.unwrap();
        let connection = redis.connect(User::GatewayRateLimit).await.unwrap();
        Self { _redis: redis, connection }
    }

    /// The gateway's user may run these commands, too.
    pub async fn start_with(commands: &[&str]) -> Self {
        let configuration = Configuration::render_with_administrator().unwrap();
        let redis = Redis::start_with(configuration, &Options::default()).await.unwrap();
        let words = [&["ACL", "SETUSER", User::GatewayRateLimit.name()], commands].concat();
        assert_eq!(redis.administer(&words).await.unwrap(), RespValue::Simple("OK".to_owned()));
        let connection = redis.connect(User::GatewayRateLimit).await.unwrap();
        Self { _redis: redis, connection }
    }

    pub async fn command(&mut self, words: &[&str]) -> RespValue {
        self.connection.command(words).await.unwrap()
    }

    /// What a script answers.
    pub async fn run(&mut self, script: &str, keys: &[String], args: &[String]) -> RespValue {
        let count = keys.len().to_string();
        let words = ["EVAL", script, &count].into_iter().chain(keys.iter().chain(args).map(String::as_str));
        self.command(&words.collect::<Vec<_>>()).await
    }

    /// The values before the nonce that one of our scripts answers at this time.
    pub async fn ask(&mut self, action: Action, keys: &[String], args: Vec<String>, now: u64) -> Vec<Value> {
        let args = [args, vec![now.to_string(), NONCE.to_owned()]].concat();
        values(&self.run(&source(action, INJECTED), keys, &args).await)
    }

    /// What is kept under a key.
    pub async fn kept(&mut self, key: &str) -> Option<String> {
        match self.command(&["GET", key]).await {
            RespValue::Bulk(bytes) => Some(String::from_utf8(bytes).unwrap()),
            RespValue::Nil => None,
            other => panic!("{other:?}"),
        }
    }
}

/// The members of an answer, without the nonce at its end.
pub fn values(answer: &RespValue) -> Vec<Value> {
    let RespValue::Array(members) = answer else { panic!("{answer:?}") };
    let (nonce, members) = members.split_last().unwrap();
    assert_eq!(*nonce, RespValue::bulk(NONCE));
    let value = |member: &RespValue| match member {
        RespValue::Integer(number) => Value::Integer(*number),
        other => panic!("{other:?}"),
    };
    members.iter().map(value).collect()
}
