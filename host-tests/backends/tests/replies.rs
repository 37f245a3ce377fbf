//! What Webdis answers in each situation, byte for byte: `data/replies.txt` is what a decoder is tested with, and this is
//! what keeps it true.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use backends::resp::RespValue;
use backends::{Answer, Data, Options, Redis, User, Webdis};
use serde_json::json;
use tokio::time::sleep;

const NONCE: &str = "0123456789abcdef0123456789abcdef";
const READ: &str = "return {redis.call('GET', KEYS[1]), ARGV[#ARGV]}";
const WRITE: &str = "return {redis.call('SET', KEYS[1], 1) and 1, ARGV[#ARGV]}";
const KEY: &str = "portcullis:rl:x";

/// A table entry: situation, status, body.
fn table() -> Result<Vec<(String, u16, String)>> {
    let text = include_str!("data/replies.txt");
    let entries = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let entry = |line: &str| {
        let mut fields = line.splitn(3, '\t').map(str::to_owned);
        let (situation, status) = (fields.next()?, fields.next()?.parse().ok()?);
        Some((situation, status, fields.next()?))
    };
    entries.map(|line| entry(line).with_context(|| format!("replies.txt: {line}"))).collect()
}

/// Whether the table has this answer for the situation: versions of Redis differ in their wording.
fn known(situation: &str, answer: &Answer) -> Result<()> {
    let line = format!("{situation}\t{}\t{}", answer.status, answer.text());
    println!("{line}");
    let table = table()?;
    let found = table
        .iter()
        .any(|(s, status, body)| s == situation && *status == answer.status && *body == answer.text());
    ensure!(found, "not in replies.txt: {line}");
    Ok(())
}

async fn pair(redis: &[&str]) -> Result<(Redis, Webdis)> {
    let redis = Redis::start(&Options::arguments(redis).listens()).await?;
    let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await?;
    Ok((redis, webdis))
}

/// A script without keys that gets the nonce.
async fn run(webdis: &Webdis, script: &str) -> Result<Answer> {
    webdis.call(&["EVAL", script, "0", NONCE]).await
}

/// A script with our key.
async fn on(webdis: &Webdis, script: &str) -> Result<Answer> {
    webdis.call(&["EVAL", script, "1", KEY, NONCE]).await
}

/// Asks again until the answer has this in it: for a state that Redis gets into by itself.
async fn until(webdis: &Webdis, script: &str, part: &str) -> Result<Answer> {
    let mut last = String::new();
    for _ in 0..2000 {
        let answer = on(webdis, script).await?;
        if answer.text().contains(part) {
            return Ok(answer);
        }
        last = format!("{} {}", answer.status, answer.text());
        sleep(Duration::from_millis(5)).await;
    }
    anyhow::bail!("never {part}: {last}")
}

#[tokio::test]
async fn of_values() -> Result<()> {
    let (_redis, webdis) = pair(&[]).await?;
    for (situation, script) in [
        ("values", "return {1, -1, 0, 'text', ARGV[#ARGV]}"),
        ("nil_in_array", "return {false, ARGV[#ARGV]}"),
        ("true_in_array", "return {true, ARGV[#ARGV]}"),
        ("array_ends_at_nil", "return {1, nil, ARGV[#ARGV]}"),
        ("fraction_in_array", "return {3.99, ARGV[#ARGV]}"),
        ("integer_2_53", "return {9007199254740992, ARGV[#ARGV]}"),
        ("integer_2_63", "return {9223372036854775807, ARGV[#ARGV]}"),
        ("digits_in_array", "return {'9223372036854775807', ARGV[#ARGV]}"),
        ("status_in_array", "return {redis.status_reply('OK'), ARGV[#ARGV]}"),
        ("error_in_array", "return {redis.error_reply('ERR x'), ARGV[#ARGV]}"),
        ("array_in_array", "return {{1, 2}, ARGV[#ARGV]}"),
        ("empty_array", "return {}"),
        ("integer", "return 1"),
        ("text", "return ARGV[#ARGV]"),
        ("nil", "return nil"),
        ("true", "return true"),
        ("status", "return redis.status_reply('OK')"),
        ("false_and_text", "return {false, 'NOSCRIPT No matching script. Please use EVAL.'}"),
        ("quotes_in_array", r#"return {'"\\/', ARGV[#ARGV]}"#),
        ("control_in_array", "return {'\\r\\n\\t', ARGV[#ARGV]}"),
        ("utf8_in_array", "return {'\\195\\169', ARGV[#ARGV]}"),
        // Left out, and the rest moves up.
        ("not_utf8_in_array", "return {1, '\\255', ARGV[#ARGV]}"),
        ("not_utf8", "return '\\255'"),
        ("nul_in_array", "return {'a\\000b', ARGV[#ARGV]}"),
    ] {
        known(situation, &run(&webdis, script).await?)?;
    }
    known("lower_case", &webdis.call(&["eval", "return {ARGV[1]}", "0", NONCE]).await?)
}

#[tokio::test]
async fn of_errors_of_a_script() -> Result<()> {
    let (_redis, webdis) = pair(&[]).await?;
    let unknown = "0".repeat(40);
    known("noscript", &webdis.call(&["EVALSHA", &unknown, "1", KEY, NONCE]).await?)?;
    known("no_sha", &webdis.call(&["EVALSHA", "x", "1", KEY, NONCE]).await?)?;
    for (situation, script) in [
        ("does_not_compile", "retur 1"),
        ("fails", "return nil + 1"),
        ("its_own_error", "return redis.error_reply('MYERR text')"),
        ("wrong_type", "redis.call('HSET', KEYS[1], 'a', 1) return redis.call('INCRBY', KEYS[1], 1)"),
        ("command_inside_not_permitted", "return redis.call('FLUSHALL')"),
        ("key_inside_not_permitted", "return redis.call('GET', 'other')"),
        ("pcall_inside_not_permitted", "return redis.pcall('GET', 'other')"),
        ("command_inside_not_for_scripts", "return redis.call('CONFIG', 'GET', '*')"),
    ] {
        known(situation, &on(&webdis, script).await?)?;
    }
    known("key_not_permitted", &webdis.call(&["EVAL", READ, "1", "other", NONCE]).await?)?;
    known("too_few_words", &webdis.call(&["EVAL"]).await?)?;
    known("count_of_keys_too_large", &webdis.call(&["EVAL", READ, "9", KEY]).await?)?;
    known("count_of_keys_no_number", &webdis.call(&["EVAL", READ, "x", KEY]).await?)?;
    // Enabled commands match by their beginnings.
    known("unknown_command", &webdis.call(&["EV", "x"]).await?)
}

#[tokio::test]
async fn of_webdis_itself() -> Result<()> {
    let (mut redis, webdis) = pair(&[]).await?;
    known("forbidden", &webdis.call(&["GET", KEY]).await?)?;
    known("empty_body", &webdis.send(Vec::new()).await?)?;
    redis.kill().await?;
    known("redis_down", &on(&webdis, READ).await?)
}

#[tokio::test]
async fn of_a_login_that_redis_refuses() -> Result<()> {
    let redis = Redis::start(&Options::default()).await?;
    let wrong = json!(["gateway-rate-limit", "wrong"]);
    let members = vec![("redis_auth".to_owned(), wrong)];
    let options = Options { members, ..Options::default().listens() };
    let webdis = Webdis::start(&redis, User::GatewayRateLimit, &options).await?;
    known("not_logged_in", &until(&webdis, READ, "NOAUTH").await?)?;
    ensure!(webdis.log().contains("WRONGPASS"), "{}", webdis.log());
    Ok(())
}

#[tokio::test]
async fn of_no_room_for_a_connection() -> Result<()> {
    let redis = Redis::start(&Options::arguments(&["--maxclients", "1"])).await?;
    let held = redis.connect(User::OperatorRead).await?;
    let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default().listens()).await?;
    known("max_clients", &on(&webdis, READ).await?)?;
    drop(held);
    Ok(())
}

#[tokio::test]
async fn of_memory_that_is_full() -> Result<()> {
    let (_redis, webdis) = pair(&["--maxmemory", "1kb", "--maxmemory-clients", "0"]).await?;
    known("oom", &on(&webdis, WRITE).await?)?;
    known("oom_at_the_start_of_a_script", &on(&webdis, &format!("#!lua\n{WRITE}")).await?)?;
    known("oom_pcall", &on(&webdis, "return redis.pcall('SET', KEYS[1], 1)").await?)?;
    known("read_at_oom", &on(&webdis, READ).await?)
}

#[tokio::test]
async fn of_a_replica() -> Result<()> {
    // Nobody listens on the port of its master.
    let (_redis, webdis) = pair(&["--replicaof", "127.0.0.1 1"]).await?;
    known("readonly", &on(&webdis, WRITE).await?)?;
    let stale = ["--replicaof", "127.0.0.1 1", "--replica-serve-stale-data", "no"];
    let redis = Redis::start(&Options::arguments(&stale).listens()).await?;
    let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default().listens()).await?;
    known("masterdown", &until(&webdis, READ, "MASTERDOWN").await?)?;
    let (_redis, webdis) = pair(&["--min-replicas-to-write", "1"]).await?;
    known("noreplicas", &on(&webdis, WRITE).await?)
}

#[tokio::test]
async fn of_files_that_cannot_be_written() -> Result<()> {
    let (redis, webdis) = pair(&["--save", "1 1"]).await?;
    // A folder of that name is in the way of the snapshot.
    std::fs::create_dir(redis.configuration().folder().join("dump.rdb"))?;
    known("misconf", &until(&webdis, WRITE, "MISCONF").await?)
}

#[tokio::test]
async fn of_data_that_is_being_loaded() -> Result<()> {
    let snapshot = ["--appendonly", "no", "--save", "3600 1"];
    let mut redis = Redis::start(&Options::arguments(&snapshot)).await?;
    let fill = "for i = 1, 4000 do redis.call('SET', KEYS[1] .. i, i) end";
    redis.command(User::GatewayRateLimit, &["EVAL", fill, "1", "portcullis:rl:"]).await?;
    let there = redis.command(User::OperatorRead, &["GET", "portcullis:rl:4000"]).await?;
    ensure!(there == RespValue::bulk("4000"), "{there:?}");
    redis.stop().await?;
    // 500 µs a key: 2 s.
    let slow = ["--key-load-delay", "500", "--loading-process-events-interval-bytes", "1024"];
    let slow = Options::arguments(&[&snapshot[..], &slow[..]].concat()).listens();
    redis.restart(Data::Kept, &slow).await?;
    let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default().listens()).await?;
    known("loading", &until(&webdis, READ, "LOADING").await?)?;
    until(&webdis, READ, NONCE).await.map(drop)
}

#[tokio::test]
async fn of_a_script_that_does_not_end() -> Result<()> {
    let (_redis, webdis) = pair(&[]).await?;
    let stuck = run(&webdis, "while true do end");
    let others = until(&webdis, READ, "BUSY");
    tokio::select! {
        answer = stuck => anyhow::bail!("it ended: {answer:?}"),
        answer = others => known("busy", &answer?),
    }
}

#[test]
fn no_line_of_the_table_is_for_a_situation_that_is_not_made_here() -> Result<()> {
    let source = include_str!("replies.rs");
    for (situation, ..) in table()? {
        ensure!(source.contains(&format!("\"{situation}\"")), "{situation}");
    }
    Ok(())
}
