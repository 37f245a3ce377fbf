//! Four workers and a real Redis behind a real Webdis, as they ship.
//!
//! The clock of Redis is its own: the limits here bring next to nothing within an hour.

use crate::redis::Redis as Fake;
use crate::world::{Seen, World, config, limit};
use backends::resp::RespValue;
use backends::{Options, Redis, User, Webdis};
use filter_core::message::Headers;
use filter_core::task::Reply;
use serde_json::{Value, json};

fn hourly(algorithm: &str, mode: &str) -> Value {
    let mut limit = limit("hourly", 1, 20, json!({ "mode": mode, "on_error": "deny" }));
    limit["algorithm"] = algorithm.into();
    match algorithm {
        "leaky_bucket" => limit["rate"] = "1r/m".into(),
        "token_bucket" => limit["rate"] = "1r/h".into(),
        _ => {
            limit["rate"] = "21r/31d".into();
            limit.as_object_mut().unwrap().remove("burst");
        }
    }
    limit
}

/// Answers every call through Webdis until there is none left.
async fn settle(worlds: &mut [World], webdis: &Webdis) {
    loop {
        let mut quiet = true;
        for world in &mut *worlds {
            for (token, call) in world.cx.dialled() {
                quiet = false;
                let answer = webdis.send(call.body).await.unwrap();
                let reply = Reply { status: answer.status, headers: Headers::default(), body: answer.body };
                world.answer(token, Ok(reply));
            }
        }
        if quiet {
            return;
        }
    }
}

#[tokio::test]
async fn as_many_pass_as_the_limit_says() {
    let redis = Redis::start(&Options::default()).await.unwrap();
    let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await.unwrap();
    for algorithm in ["token_bucket", "leaky_bucket", "sliding_window", "fixed_window"] {
        for mode in ["lease", "exact"] {
            let config = config(vec![hourly(algorithm, mode)], json!({}));
            let mut worlds: Vec<World> = (0..4).map(|_| World::new(&config, Fake::default())).collect();
            let (client, mut passed) = (format!("{algorithm} {mode}"), 0);
            for _ in 0..10 {
                for world in &mut worlds {
                    // Some at once, so that they wait for each other.
                    for _ in 0..3 {
                        passed += u32::from(world.begin(&client) == Seen::Passed);
                    }
                }
                settle(&mut worlds, &webdis).await;
            }
            for world in &mut worlds {
                for (_, seen) in std::mem::take(&mut world.ended) {
                    assert_ne!(seen.status(), 503, "{client}");
                    passed += u32::from(seen == Seen::Passed);
                }
                assert!(
                    world.logs.iter().all(|line| !line.contains("could not be asked")),
                    "{:?}",
                    world.logs
                );
            }
            assert_eq!(passed, 21, "{client}");
        }
    }
    // Whatever was written there ends by itself.
    let mut operator = redis.connect(User::OperatorRead).await.unwrap();
    let RespValue::Array(found) = operator.command(&["SCAN", "0", "COUNT", "1000"]).await.unwrap() else {
        panic!("SCAN")
    };
    let RespValue::Array(keys) = &found[1] else { panic!("{found:?}") };
    assert_eq!(keys.len(), 8, "{keys:?}");
    for key in keys {
        let RespValue::Bulk(key) = key else { panic!("{key:?}") };
        let key = String::from_utf8(key.clone()).unwrap();
        assert!(key.starts_with("portcullis:rl:edge:hourly:"), "{key}");
        let RespValue::Integer(ttl) = operator.command(&["PTTL", &key]).await.unwrap() else {
            panic!("PTTL")
        };
        assert!(ttl > 0, "{key} {ttl}");
    }
}
