//! The scripts as they ship: Redis's own clock, its Cluster, keys that hold something else.

use crate::lab::{NONCE, values};
use crate::world::{Pair, SECOND, limits, quota, who};
use backends::resp::RespValue;
use filter_core::redis::Value;
use login_guard::ledger::Outcome;
use login_guard::limits::Limits;
use login_guard::lock::Lock;
use login_guard::script::{self, attempt_source, read_attempt, read_settled, settle_source};
use login_guard::who::Who;
use rate_limit::script::CLOCK;

fn small() -> Limits {
    let lock = Some(Lock { first: 3000 * SECOND, longest: 6000 * SECOND });
    let known_for = 5000 * SECOND;
    Limits {
        address: quota(1, 3600, 5),
        username: quota(1, 3600, 1),
        pair: quota(1, 3600, 0),
        known_for,
        ..limits(lock)
    }
}

async fn run(pair: &mut Pair, source: String, who: &Who, args: Vec<String>) -> Vec<Value> {
    let args = [args, vec![NONCE.to_owned()]].concat();
    let keys = pair.keys(who);
    values(&pair.lab.run(&source, &keys, &args).await)
}

async fn attempt(pair: &mut Pair, who: &Who) -> login_guard::ledger::Waits {
    let args = script::attempt(&pair.limits);
    let values = run(pair, attempt_source(CLOCK), who, args).await;
    read_attempt(&values, &pair.limits).unwrap()
}

async fn settle(pair: &mut Pair, who: &Who, known: bool, outcome: Outcome) -> login_guard::ledger::Settled {
    let args = script::settle(who, known, outcome, &pair.limits);
    let values = run(pair, settle_source(CLOCK), who, args).await;
    read_settled(&values).unwrap()
}

/// The user of the shipped ACL may do all of it, and every key ends.
#[tokio::test]
async fn a_login_by_the_clock_of_redis() {
    let mut pair = Pair::start_with(small(), &["+pttl"]).await;
    let (alice, bob) = (who(1, Some(1)), who(1, Some(2)));
    assert_eq!(attempt(&mut pair, &alice).await.longest(), 0);
    assert_eq!(settle(&mut pair, &alice, false, Outcome::Failure).await.locked, 1);
    let waits = attempt(&mut pair, &alice).await;
    assert!((2990 * SECOND..=3000 * SECOND).contains(&waits.lock), "{waits:?}");
    assert!((3590 * SECOND..=3600 * SECOND).contains(&waits.pair), "{waits:?}");
    assert_eq!(attempt(&mut pair, &bob).await.longest(), 0);
    let settled = settle(&mut pair, &bob, false, Outcome::Success).await;
    assert!(settled.new);
    assert!(attempt(&mut pair, &bob).await.known);
    for user in [&alice, &bob] {
        for key in pair.keys(user) {
            match pair.lab.command(&["PTTL", &key]).await {
                // Not there, or gone within the longest of what it is about and a second.
                RespValue::Integer(-2 | 1..=12_001_000) => {}
                other => panic!("{key}: {other:?}"),
            }
        }
    }
}

#[tokio::test]
async fn what_is_not_ours_reads_as_nothing() {
    let mut pair = Pair::start(small()).await;
    for junk in ["", "x", "1", "-1:2:3", "99999999999999999999:9:9", "1e9:1:1", "\u{fffd}"] {
        let alice = who(1, Some(1));
        let keys = pair.keys(&alice);
        for (index, key) in keys.iter().enumerate() {
            // A mark is one whatever it says.
            if index != 3 {
                pair.lab.command(&["SET", key, junk]).await;
            }
        }
        assert_eq!(attempt(&mut pair, &alice).await.longest(), 0, "{junk}");
        settle(&mut pair, &alice, false, Outcome::Nothing).await;
    }
}

/// A hash tag, and the same for all keys of an attempt.
#[tokio::test]
async fn an_attempt_is_on_one_node() {
    let pair = Pair::start(small()).await;
    let keys = pair.keys(&who(1, Some(1)));
    assert_eq!(keys.len(), 6);
    assert!(keys.iter().all(|key| key.starts_with("portcullis:rl:{login:edge}:")), "{keys:?}");
    assert_eq!(pair.keys(&who(1, None)), keys[..1]);
}
