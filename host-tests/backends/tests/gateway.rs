//! Webdis with the configuration that ships: what it lets through, and to whom.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use backends::{Answer, Configuration, Options, Redis, User, Webdis, encode};
use sha1::{Digest as _, Sha1};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const NONCE: &str = "0123456789abcdef0123456789abcdef";
/// Counts, and returns its last argument as its last value, as the filters' scripts do.
const COUNT: &str = "return {redis.call('INCRBY', KEYS[1], ARGV[1]), ARGV[#ARGV]}";

async fn pair(user: User) -> Result<(Redis, Webdis)> {
    let redis = Redis::start(&Options::default()).await?;
    let webdis = Webdis::start(&redis, user, &Options::default()).await?;
    Ok((redis, webdis))
}

fn sha(script: &str) -> String {
    Sha1::digest(script.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn expect(answer: &Answer, status: u16, body: &str) -> Result<()> {
    ensure!(answer.status == status && answer.text() == body, "{} {}", answer.status, answer.text());
    Ok(())
}

#[tokio::test]
async fn a_script_that_redis_does_not_know_is_sent_whole_once_and_then_by_its_sum() -> Result<()> {
    let (_redis, webdis) = pair(User::GatewayRateLimit).await?;
    let rest = ["1", "portcullis:rl:{a/b?c.d%25+e}", "2", NONCE];
    let by = |command: &'static str, what: String| {
        let words: Vec<String> =
            [command.to_owned(), what].into_iter().chain(rest.map(str::to_owned)).collect();
        words
    };
    let call = |words: Vec<String>| {
        let webdis = &webdis;
        async move { webdis.call(&words.iter().map(String::as_str).collect::<Vec<_>>()).await }
    };
    let unknown = call(by("EVALSHA", sha(COUNT))).await?;
    expect(&unknown, 200, r#"{"EVALSHA":[false,"NOSCRIPT No matching script. Please use EVAL."]}"#)?;
    expect(&call(by("EVAL", COUNT.to_owned())).await?, 200, &format!(r#"{{"EVAL":[2,"{NONCE}"]}}"#))?;
    expect(&call(by("EVALSHA", sha(COUNT))).await?, 200, &format!(r#"{{"EVALSHA":[4,"{NONCE}"]}}"#))
}

/// Whatever a key holds, Redis gets these bytes.
#[tokio::test]
async fn percent_encoded_arguments_arrive_as_they_were() -> Result<()> {
    let (_redis, webdis) = pair(User::GatewayRateLimit).await?;
    let printable: String = (' '..='~').collect();
    for argument in [printable.as_str(), "/", "?", ".txt", "a.json", "%2f", "+", "a//b", "\r\n", "é", "\u{1}"]
    {
        let script = "return {redis.call('SET', KEYS[1], ARGV[1]) and redis.call('GET', KEYS[1]), ARGV[2]}";
        let key = format!("portcullis:rl:{argument}");
        let answer = webdis.call(&["EVAL", script, "1", &key, argument, NONCE]).await?;
        let expected = serde_json::json!({ "EVAL": [argument, NONCE] });
        let seen: serde_json::Value = serde_json::from_slice(&answer.body).context(answer.text())?;
        ensure!(seen == expected, "{argument:?}: {seen}");
    }
    Ok(())
}

#[tokio::test]
async fn the_keys_of_another_purpose_are_out_of_reach() -> Result<()> {
    for (user, own) in [
        (User::GatewayRateLimit, "portcullis:rl:x"),
        (User::GatewayIdempotency, "portcullis:idem:x"),
        (User::GatewayRevocation, "portcullis:rev:x"),
    ] {
        let (_redis, webdis) = pair(user).await?;
        for key in ["portcullis:rl:x", "portcullis:idem:x", "portcullis:rev:x", "x"] {
            let script = "return {redis.call('GET', KEYS[1]), ARGV[1]}";
            let answer = webdis.call(&["EVAL", script, "1", key, NONCE]).await?;
            let refused = answer.text().starts_with(r#"{"EVAL":[false,"NOPERM "#);
            let served = answer.text() == format!(r#"{{"EVAL":[null,"{NONCE}"]}}"#);
            ensure!(if key == own { served } else { refused }, "{}: {key}: {}", user.name(), answer.text());
        }
    }
    Ok(())
}

#[tokio::test]
async fn nothing_but_scripts_is_let_through() -> Result<()> {
    let (_redis, webdis) = pair(User::GatewayRateLimit).await?;
    for words in [
        vec!["GET", "portcullis:rl:x"],
        vec!["get", "portcullis:rl:x"],
        vec!["SET", "portcullis:rl:x", "1"],
        vec!["FLUSHALL"],
        vec!["CONFIG", "GET", "*"],
        vec!["KEYS", "*"],
        vec!["INFO"],
        vec!["PING"],
        vec!["AUTH", "operator-revoke", "x"],
        vec!["SUBSCRIBE", "x"],
        vec!["MULTI"],
        vec!["SELECT", "1"],
        vec!["SCRIPT", "FLUSH"],
        vec!["EVALSHA_RO", "x", "0"],
        vec!["FCALL", "x", "0"],
        vec![""],
        vec![],
    ] {
        let answer = webdis.call(&words).await?;
        expect(&answer, 403, "").with_context(|| format!("{words:?}"))?;
    }
    // A path instead of a body.
    for path in ["/GET/portcullis:rl:x", "/FLUSHALL", "/CONFIG/GET/*.txt", "/"] {
        let seen = raw(&webdis, format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await?;
        ensure!(seen.starts_with("HTTP/1.0 403 "), "{path}: {seen}");
    }
    Ok(())
}

#[tokio::test]
async fn with_an_http_password_only_who_knows_it_is_served() -> Result<()> {
    let redis = Redis::start_with(Configuration::render_with_http_password()?, &Options::default()).await?;
    let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await?;
    let body = encode(&["EVAL", "return 1", "0"]).into_bytes();
    expect(&webdis.send(body.clone()).await?, 200, r#"{"EVAL":1}"#)?;
    for wrong in [
        None,
        Some("Basic "),
        Some("Basic cG9ydGN1bGxpczo="),
        Some("Basic cG9ydGN1bGxpczpwb3J0Y3VsbGlz"),
        Some("Bearer x"),
    ] {
        let answer = webdis.send_as(wrong, body.clone()).await?;
        expect(&answer, 403, "").with_context(|| format!("{wrong:?}"))?;
    }
    Ok(())
}

#[tokio::test]
async fn a_request_beyond_the_limit_is_refused_and_does_nothing() -> Result<()> {
    let (redis, webdis) = pair(User::GatewayRateLimit).await?;
    let count = |padding: &str| encode(&["EVAL", COUNT, "1", "portcullis:rl:x", "1", padding]).into_bytes();
    // As large as a call of the filters can become: a script of some KB, percent-encoded.
    let large = webdis.send(count(&"a".repeat(60_000))).await?;
    ensure!(large.status == 200, "{} {}", large.status, large.text());
    // One read of Webdis more than it allows.
    let body = count(&"a".repeat(65_536 + 4096));
    let head = format!("POST / HTTP/1.0\r\ncontent-length: {}\r\n\r\n", body.len());
    let seen = raw(&webdis, &[head.as_bytes(), &body].concat()).await?;
    ensure!(seen.starts_with("HTTP/1.0 413 ") || seen.is_empty(), "{seen}");
    let counted = redis.command(User::OperatorRead, &["GET", "portcullis:rl:x"]).await?;
    ensure!(counted == backends::resp::RespValue::bulk("1"), "{counted:?}");
    let again = webdis.send(count("a")).await?;
    ensure!(again.status == 200, "{} {}", again.status, again.text());
    Ok(())
}

#[tokio::test]
async fn both_listen_on_loopback_only() -> Result<()> {
    let (redis, webdis) = pair(User::GatewayRateLimit).await?;
    for (name, id, port) in
        [("Redis", redis.id(), redis.addr().port()), ("Webdis", webdis.id(), webdis.addr().port())]
    {
        let id = id.context("process id")?;
        // proc_pid_net(5): local address and state are the second and the fourth field, all of it in hexadecimal.
        let mut listening = Vec::new();
        for table in ["tcp", "tcp6"] {
            let text = std::fs::read_to_string(format!("/proc/{id}/net/{table}")).unwrap_or_default();
            for line in text.lines() {
                let fields: Vec<&str> = line.split_whitespace().collect();
                let local = fields.get(1).copied().unwrap_or_default();
                if fields.get(3) == Some(&"0A") && local.ends_with(&format!(":{port:04X}")) {
                    listening.push(local.to_owned());
                }
            }
        }
        let loopback = u32::from_ne_bytes([127, 0, 0, 1]);
        ensure!(listening == [format!("{loopback:08X}:{port:04X}")], "{name}: {listening:?}");
    }
    Ok(())
}

/// Sends these bytes and reads what comes until the connection ends; an error counts as its end.
async fn raw(webdis: &Webdis, bytes: &[u8]) -> Result<String> {
    let mut stream = TcpStream::connect(webdis.addr()).await?;
    let mut seen = Vec::new();
    let exchange = async {
        // Who refuses a request does not read all of it.
        let _ = stream.write_all(bytes).await;
        let _ = stream.read_to_end(&mut seen).await;
    };
    timeout(Duration::from_secs(20), exchange).await.context("the connection does not end")?;
    Ok(String::from_utf8_lossy(&seen).into_owned())
}
