//! Tests alone have a user who may do anything.

use anyhow::{Result, ensure};
use backends::resp::RespValue;
use backends::{Configuration, Options, Redis, User, Webdis};

#[tokio::test]
async fn a_test_can_do_what_no_user_that_ships_can() -> Result<()> {
    let redis = Redis::start_with(Configuration::render_with_administrator()?, &Options::default()).await?;
    let ok = RespValue::Simple("OK".to_owned());
    ensure!(redis.administer(&["CONFIG", "SET", "min-replicas-to-write", "1"]).await? == ok);
    let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await?;
    let write = ["EVAL", "return {redis.call('SET', KEYS[1], 1)}", "1", "portcullis:rl:x"];
    let answer = webdis.call(&write).await?.text();
    ensure!(answer.contains("NOREPLICAS"), "{answer}");
    for user in User::ALL {
        let answer = redis.command(user, &["CONFIG", "SET", "maxmemory", "1"]).await?;
        ensure!(
            answer.error().is_some_and(|error| error.starts_with("NOPERM")),
            "{}: {answer:?}",
            user.name()
        );
    }
    Ok(())
}

#[tokio::test]
async fn without_being_asked_for_there_is_none() -> Result<()> {
    let redis = Redis::start(&Options::default()).await?;
    ensure!(redis.administer(&["PING"]).await.is_err());
    let users = redis.configuration().folder().join("users.acl");
    ensure!(!std::fs::read_to_string(users)?.contains("administrator"));
    Ok(())
}
