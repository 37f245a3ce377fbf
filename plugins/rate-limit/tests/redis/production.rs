//! The scripts as they ship.

use crate::lab::{Lab, NONCE, values};
use backends::resp::RespValue;
use filter_core::redis::{MAX_CALL, MAX_KEY, Value};
use rate_limit::algorithm::Algorithm;
use rate_limit::exact::{lease_question, question, read, read_lease, refund_question};
use rate_limit::lease::Ask;
use rate_limit::quota::Quota;
use rate_limit::script::{Action, CLOCK, key, source};
use std::time::Duration;

fn quota(algorithm: Algorithm) -> Quota {
    let burst = if matches!(algorithm, Algorithm::TokenBucket | Algorithm::LeakyBucket) { 20 } else { 0 };
    Quota::new(algorithm, 30, Duration::from_secs(60), burst).unwrap()
}

const ALL: [Algorithm; 4] =
    [Algorithm::TokenBucket, Algorithm::LeakyBucket, Algorithm::SlidingWindow, Algorithm::FixedWindow];

async fn ask(lab: &mut Lab, action: Action, key: &str, mut args: Vec<String>) -> RespValue {
    args.push(NONCE.to_owned());
    lab.run(&source(action, CLOCK), &[key.to_owned()], &args).await
}

async fn take(lab: &mut Lab, key: &str, quota: &Quota) -> RespValue {
    ask(lab, Action::Take, key, question(1, [quota].into_iter())).await
}

#[tokio::test]
async fn every_key_expires() {
    let mut lab = Lab::start().await;
    for algorithm in ALL {
        let quota = quota(algorithm);
        let key = format!("portcullis:rl:{algorithm:?}");
        let answer = read(&values(&take(&mut lab, &key, &quota).await), 1).unwrap();
        assert_eq!((answer[0].fits, answer[0].remaining), (true, quota.capacity() - 1), "{algorithm:?}");
        let ask_for = Ask { least: 1, need: 2, want: 4 };
        let lease = ask(&mut lab, Action::Lease, &key, lease_question(ask_for, &quota)).await;
        assert_eq!(read_lease(&values(&lease), ask_for).unwrap().granted, 4, "{algorithm:?}");
        let RespValue::Integer(ms) = lab.command(&["PTTL", &key]).await else { panic!("PTTL") };
        assert!((1..=122_000).contains(&ms), "{algorithm:?} {ms}");
        assert_eq!(values(&ask(&mut lab, Action::Refund, &key, refund_question(4, &quota)).await), []);
        let RespValue::Integer(ms) = lab.command(&["PTTL", &key]).await else { panic!("PTTL") };
        assert!(ms > 0, "{algorithm:?} {ms}");
        // What is not there is not made.
        ask(&mut lab, Action::Refund, "portcullis:rl:none", refund_question(4, &quota)).await;
        assert_eq!(lab.kept("portcullis:rl:none").await, None);
    }
}

#[tokio::test]
async fn what_is_no_record_is_as_none() {
    let mut lab = Lab::start().await;
    let many = "9".repeat(400);
    for algorithm in ALL {
        let quota = quota(algorithm);
        for junk in [
            "",
            "x",
            "1",
            "1:2",
            "-1:2:3",
            "1e300:1:1",
            "0x10:1:1",
            "1:2:3:4",
            "nan:inf:0",
            "9007199254740993000:9007199254740993000:1",
            &format!("{many}:{many}:{many}"),
            "\0\0\0",
        ] {
            let key = "portcullis:rl:junk";
            lab.command(&["SET", key, junk]).await;
            let answer = read(&values(&take(&mut lab, key, &quota).await), 1).unwrap();
            assert_eq!(
                (answer[0].fits, answer[0].remaining),
                (true, quota.capacity() - 1),
                "{algorithm:?} {junk:?}"
            );
            lab.command(&["SET", key, junk]).await;
            let answer = ask(&mut lab, Action::Refund, key, refund_question(1, &quota)).await;
            assert_eq!(values(&answer), Vec::<Value>::new(), "{algorithm:?} {junk:?}");
        }
    }
}

/// An error of Redis: the limit's `on_error` decides.
#[tokio::test]
async fn a_key_of_another_type_is_an_error() {
    let mut lab = Lab::start().await;
    let key = "portcullis:rl:hash";
    lab.command(&["HSET", key, "a", "b"]).await;
    for action in [Action::Take, Action::Lease, Action::Refund] {
        let quota = quota(Algorithm::TokenBucket);
        let args = match action {
            Action::Take => question(1, [&quota].into_iter()),
            Action::Lease => lease_question(Ask { least: 1, need: 1, want: 1 }, &quota),
            Action::Refund => refund_question(1, &quota),
        };
        let answer = ask(&mut lab, action, key, args).await;
        assert!(answer.error().is_some_and(|error| error.contains("WRONGTYPE")), "{answer:?}");
    }
}

/// EVALSHA as a rule; but what is sent whole must fit a call, percent-encoded.
#[test]
fn the_scripts_are_small() {
    for action in [Action::Take, Action::Lease, Action::Refund] {
        let script = source(action, CLOCK);
        let sent: usize = script.bytes().map(|byte| if byte.is_ascii_alphanumeric() { 1 } else { 3 }).sum();
        println!("{action:?}: {} bytes, {sent} encoded", script.len());
        assert!(sent < MAX_CALL / 2, "{sent}");
    }
}

#[tokio::test]
async fn twenty_one_of_thirty_at_once() {
    let mut lab = Lab::start().await;
    for algorithm in [Algorithm::TokenBucket, Algorithm::LeakyBucket] {
        let quota = Quota::new(algorithm, 1, Duration::from_secs(60), 20).unwrap();
        let key = format!("portcullis:rl:thirty:{algorithm:?}");
        let mut passed = 0;
        for _ in 0..30 {
            passed += u32::from(read(&values(&take(&mut lab, &key, &quota).await), 1).unwrap()[0].fits);
        }
        assert_eq!(passed, 21, "{algorithm:?}");
    }
}

/// Whatever the operator calls an instance, a key fits, is in one piece, and is no other's.
#[test]
fn keys_fit() {
    let name = "n".repeat(64);
    let made =
        |instance: &str, tag: Option<&str>| key(tag, instance, &name, "0123456789abcdef", &"c".repeat(32));
    let long = [made(&"x".repeat(1000), Some(&name)), made(&"x".repeat(1001), Some(&name))];
    assert!(long.iter().all(|key| key.len() <= MAX_KEY), "{long:?}");
    assert_ne!(long[0], long[1]);
    assert_eq!(made("a:{b} é", None).split(':').count(), 6);
    assert_eq!(
        made("edge", Some("t")),
        format!("portcullis:rl:{{t}}:edge:{name}:0123456789abcdef:{}", "c".repeat(32))
    );
}
