//! The log that gateways read: in order, and no longer than what is live.

use backends::resp::RespValue;

use crate::lab::{Lab, now};

const LOG: &str = "portcullis:rev:{idp}:log";

fn revoke(lab: &Lab, route: &[String; 2], id: &str) {
    lab.by(route, &["revoke", "--jti", id, "--exp", "+1h", "--provider", "idp"]).ok();
}

#[tokio::test]
async fn scores_grow_even_after_the_clock_was_set_back() {
    let lab = Lab::start().await;
    let ahead = i64::try_from((now() + 1_000_000) * 1000).unwrap();
    lab.admin(&["ZADD", LOG, &ahead.to_string(), "jti:ahead:9999999999"]).await;
    for route in lab.routes() {
        for id in ["a", "b", "a"] {
            revoke(&lab, &route, id);
        }
    }
    let scores: Vec<i64> = lab.log("idp").await.into_iter().map(|(_, score)| score).collect();
    // Six writes about two ids.
    assert_eq!(scores, [ahead, ahead + 5, ahead + 6], "{:?}", lab.log("idp").await);
}

#[tokio::test]
async fn a_score_is_the_time_in_milliseconds() {
    let lab = Lab::start().await;
    let earliest = now() * 1000;
    revoke(&lab, &lab.routes()[0], "a");
    let score = u64::try_from(lab.log("idp").await[0].1).unwrap();
    assert!((earliest..=(now() + 1) * 1000).contains(&score), "{score}");
}

#[tokio::test]
async fn what_has_expired_goes_with_the_next_write_and_what_nobody_knows_stays() {
    let lab = Lab::start().await;
    let live = now() + 3600;
    for route in lab.routes() {
        let script = "for i = 1, 1000 do redis.call('ZADD', KEYS[1], i, 'jti:old' .. i .. ':' .. i) end";
        lab.admin(&["EVAL", script, "1", LOG]).await;
        let (keeps, sub) = (format!("cancel:jti:keeps:{live}"), format!("sub:keeps:1:{live}"));
        lab.admin(&[
            "ZADD",
            LOG,
            "7",
            "of another program",
            "8",
            "cancel:sid:old:8",
            "9",
            &keeps,
            "10",
            &sub,
        ])
        .await;
        revoke(&lab, &route, "new");
        let members = lab.members("idp").await;
        let new = members.last().unwrap().clone();
        assert!(new.starts_with("jti:new:"), "{new}");
        assert_eq!(members, ["of another program".to_owned(), keeps, sub, new]);
        lab.admin(&["FLUSHALL"]).await;
    }
}

#[tokio::test]
async fn a_log_that_is_none_is_an_error_and_nothing_is_revoked() {
    let lab = Lab::start().await;
    let arguments = ["revoke", "--jti", "a", "--exp", "+1h", "--provider", "idp"];
    for route in lab.routes() {
        lab.admin(&["SET", LOG, "x"]).await;
        lab.by(&route, &arguments).refused("ZRANGE: WRONGTYPE");
        lab.admin(&["DEL", LOG]).await;
        for score in ["inf", "-1", "1e300", "1.5"] {
            lab.admin(&["ZADD", LOG, score, "x"]).await;
            lab.by(&route, &arguments).refused("the last score in the log is no time in ms");
        }
        assert_eq!(lab.get("portcullis:rev:{idp}:jti:a").await, None);
        lab.admin(&["DEL", LOG]).await;
    }
    assert_eq!(lab.admin(&["DBSIZE"]).await, RespValue::Integer(0));
}
