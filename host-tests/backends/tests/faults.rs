//! What comes of a Redis or a Webdis that stops, ends or starts anew.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use backends::resp::{Connection, RespValue};
use backends::{Answer, Data, Options, Ready, Redis, User, Webdis};
use serde_json::json;
use tokio::time::timeout;

const NONCE: &str = "0123456789abcdef0123456789abcdef";
const COUNT: &str = "return {redis.call('INCRBY', KEYS[1], ARGV[1]), ARGV[#ARGV]}";
/// Long enough for an answer, were there one. What is asserted is that there can be none, not how long something takes.
const A_WHILE: Duration = Duration::from_millis(100);

async fn pair() -> Result<(Redis, Webdis)> {
    let redis = Redis::start(&Options::default()).await?;
    let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await?;
    Ok((redis, webdis))
}

async fn count(webdis: &Webdis) -> Result<Answer> {
    webdis.call(&["EVAL", COUNT, "1", "portcullis:rl:x", "1", NONCE]).await
}

/// Asks until there is an answer of Redis. Webdis connects anew after 100 ms.
async fn until_served(webdis: &Webdis) -> Result<Answer> {
    for _ in 0..400 {
        let answer = count(webdis).await?;
        if answer.status != 503 {
            return Ok(answer);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    anyhow::bail!("Webdis does not come back: {}", webdis.log())
}

fn counted(answer: &Answer, expected: i64) -> Result<()> {
    let body = json!({ "EVAL": [expected, NONCE] }).to_string();
    ensure!(answer.status == 200 && answer.text() == body, "{} {}", answer.status, answer.text());
    Ok(())
}

#[tokio::test]
async fn a_stopped_redis_answers_nothing_until_it_goes_on() -> Result<()> {
    let (mut redis, webdis) = pair().await?;
    counted(&count(&webdis).await?, 1)?;
    redis.pause().await?;
    let mut waiting = Box::pin(count(&webdis));
    ensure!(timeout(A_WHILE, &mut waiting).await.is_err(), "an answer of a stopped Redis");
    redis.resume()?;
    counted(&waiting.await?, 2)
}

#[tokio::test]
async fn a_stopped_webdis_takes_connections_and_answers_nothing_until_it_goes_on() -> Result<()> {
    let (_redis, mut webdis) = pair().await?;
    webdis.pause().await?;
    {
        let mut waiting = Box::pin(count(&webdis));
        ensure!(timeout(A_WHILE, &mut waiting).await.is_err(), "an answer of a stopped Webdis");
    }
    webdis.resume()?;
    // The one that nobody waits for any more may have counted.
    let answer = count(&webdis).await?;
    ensure!(answer.status == 200, "{} {}", answer.status, answer.text());
    Ok(())
}

#[tokio::test]
async fn without_redis_webdis_answers_503_and_recovers_by_itself() -> Result<()> {
    let (mut redis, webdis) = pair().await?;
    counted(&count(&webdis).await?, 1)?;
    redis.kill().await?;
    let down = count(&webdis).await?;
    ensure!((down.status, down.text()) == (503, String::new()), "{} {}", down.status, down.text());
    redis.restart(Data::Kept, &Options::default()).await?;
    counted(&until_served(&webdis).await?, 2)
}

#[tokio::test]
async fn a_redis_that_lost_everything_is_given_the_script_again() -> Result<()> {
    let (mut redis, webdis) = pair().await?;
    counted(&count(&webdis).await?, 1)?;
    redis.restart(Data::Lost, &Options::default()).await?;
    until_served(&webdis).await?;
    counted(&count(&webdis).await?, 2)
}

#[tokio::test]
async fn a_call_whose_redis_ends_is_answered_503() -> Result<()> {
    let (mut redis, webdis) = pair().await?;
    redis.pause().await?;
    let mut waiting = Box::pin(count(&webdis));
    ensure!(timeout(A_WHILE, &mut waiting).await.is_err(), "an answer of a stopped Redis");
    redis.kill().await?;
    let answer = waiting.await?;
    ensure!((answer.status, answer.text()) == (503, String::new()), "{} {}", answer.status, answer.text());
    Ok(())
}

#[tokio::test]
async fn a_killed_webdis_is_refused_connections_until_it_is_started_again() -> Result<()> {
    let (_redis, mut webdis) = pair().await?;
    counted(&count(&webdis).await?, 1)?;
    webdis.kill().await?;
    let refused = count(&webdis).await.err().context("a killed Webdis answers")?;
    ensure!(format!("{refused:#}").contains("Connection refused"), "{refused:#}");
    webdis.restart(Ready::Serves).await?;
    counted(&count(&webdis).await?, 2)
}

/// The deny list must not come back shorter: one command, several in a transaction, several in a script.
#[tokio::test]
async fn what_was_written_is_there_after_redis_was_killed() -> Result<()> {
    let mut redis = Redis::start(&Options::default()).await?;
    let mut operator = redis.connect(User::OperatorRevoke).await?;
    for words in [
        vec!["SET", "portcullis:rev:{idp}:jti:1", "1", "EXAT", "4102444800"],
        vec!["MULTI"],
        vec!["SET", "portcullis:rev:{idp}:jti:2", "1", "EXAT", "4102444800"],
        vec!["ZADD", "portcullis:rev:{idp}:log", "1", "jti:2"],
        vec!["EXEC"],
    ] {
        let answer = operator.command(&words).await?;
        ensure!(answer.error().is_none(), "{words:?}: {answer:?}");
    }
    let script = "redis.call('SET', KEYS[1], ARGV[1]) redis.call('SET', KEYS[2], ARGV[1]) return 1";
    let keys = ["portcullis:idem:1", "portcullis:idem:2"];
    let answer =
        redis.command(User::GatewayIdempotency, &["EVAL", script, "2", keys[0], keys[1], "x"]).await?;
    ensure!(answer == RespValue::Integer(1), "{answer:?}");
    redis.restart(Data::Kept, &Options::default()).await?;
    let all = [
        "portcullis:rev:{idp}:jti:1",
        "portcullis:rev:{idp}:jti:2",
        "portcullis:rev:{idp}:log",
        keys[0],
        keys[1],
    ];
    let words: Vec<&str> = ["EXISTS"].into_iter().chain(all).collect();
    let there = redis.command(User::OperatorRead, &words).await?;
    ensure!(there == RespValue::Integer(5), "{there:?} of 5\n{}", redis.log());
    Ok(())
}

#[tokio::test]
async fn whoever_comes_after_the_last_client_is_told_so() -> Result<()> {
    let redis = Redis::start(&Options::arguments(&["--maxclients", "3"])).await?;
    let mut held = Vec::new();
    for _ in 0..3 {
        held.push(redis.connect(User::OperatorRead).await?);
    }
    let told = Connection::open(redis.addr()).await?.unasked().await?;
    ensure!(told == RespValue::Error("ERR max number of clients reached".to_owned()), "{told:?}");
    // Through Webdis nobody learns of it: its own login gets the error.
    let listens = Options::default().listens();
    let webdis = Webdis::start(&redis, User::GatewayRateLimit, &listens).await?;
    let answer = count(&webdis).await?;
    ensure!((answer.status, answer.text()) == (503, String::new()), "{} {}", answer.status, answer.text());
    drop(held);
    counted(&until_served(&webdis).await?, 1)
}

#[tokio::test]
async fn nothing_is_evicted_when_memory_is_full() -> Result<()> {
    let mut redis = Redis::start(&Options::default()).await?;
    let key = "portcullis:rev:{idp}:jti:1";
    redis.command(User::OperatorRevoke, &["SET", key, "1", "EXAT", "4102444800"]).await?;
    let full = Options::arguments(&["--maxmemory", "1kb", "--maxmemory-clients", "0"]);
    redis.restart(Data::Kept, &full).await?;
    let refused = redis.command(User::OperatorRevoke, &["SET", "portcullis:rev:x", "1"]).await?;
    ensure!(refused.error().is_some_and(|error| error.starts_with("OOM ")), "{refused:?}");
    let there = redis.command(User::GatewayRevocation, &["GET", key]).await?;
    ensure!(there == RespValue::bulk("1"), "{there:?}");
    Ok(())
}

#[tokio::test]
async fn redis_does_not_start_without_its_users() -> Result<()> {
    let configuration = backends::Configuration::render()?;
    std::fs::remove_file(configuration.folder().join("users.acl"))?;
    let error = Redis::start_with(configuration, &Options::default()).await.err().context("it started")?;
    ensure!(format!("{error:#}").contains("users.acl"), "{error:#}");
    Ok(())
}

#[tokio::test]
async fn a_handle_that_is_dropped_leaves_no_process() -> Result<()> {
    let (mut redis, webdis) = pair().await?;
    let ids = [redis.id(), webdis.id()].map(|id| id.unwrap_or_default());
    redis.pause().await?;
    drop((redis, webdis));
    for id in ids {
        for _ in 0..2000 {
            if !std::path::Path::new(&format!("/proc/{id}")).exists() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        ensure!(!std::path::Path::new(&format!("/proc/{id}")).exists(), "{id} lives");
    }
    Ok(())
}
