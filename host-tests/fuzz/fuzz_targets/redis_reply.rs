//! A gateway to Redis answers anything: it is read without a panic, and believed only when it carries the nonce.
//!
//! The first byte of the input chooses dialect and status, the rest is the body, in which `NONCE` stands for the one that
//! was sent.

#![no_main]

use std::cell::RefCell;

use filter_core::config::{At, FromTree as _};
use filter_core::message::Headers;
use filter_core::redis::{By, Redis, RedisConfig, Script};
use filter_core::task::Reply;
use libfuzzer_sys::fuzz_target;
use testkit::TestCx;

fn redis(dialect: &str) -> Redis {
    let errors = RefCell::default();
    let at = At::root(&errors);
    let tree = serde_json::from_str(&format!(r#"{{"cluster": "redis", "dialect": "{dialect}"}}"#)).unwrap();
    RedisConfig::read(&tree, &at).and_then(|config| Redis::compile(config, &(), &at)).unwrap()
}

fuzz_target!(|input: &[u8]| {
    let Some((&choice, body)) = input.split_first() else { return };
    let redis = redis(if choice & 1 == 0 { "webdis" } else { "upstash" });
    let status = if choice & 2 == 0 { 200 } else { 400 };
    let script = Script::new("return {ARGV[#ARGV]}");
    let (call, sent) = redis.call(&script, By::Sha, &["key"], &[], &TestCx::default()).unwrap();
    let text = String::from_utf8(call.body).unwrap();
    let hex: Vec<char> = text.chars().filter(char::is_ascii_hexdigit).collect();
    let nonce: String = hex[hex.len() - 32..].iter().collect();
    // Byte for byte, what is no UTF-8 included.
    let mut filled = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((byte, tail)) = rest.split_first() {
        match rest.strip_prefix(b"NONCE") {
            Some(tail) => {
                filled.extend(nonce.as_bytes());
                rest = tail;
            }
            None => {
                filled.push(*byte);
                rest = tail;
            }
        }
    }
    let carries = body.windows(5).any(|part| part == b"NONCE");
    let read = redis.read(&sent, &Ok(Reply { status, headers: Headers::default(), body: filled }));
    assert!(carries || read.is_err(), "an answer without the nonce was believed");
});
