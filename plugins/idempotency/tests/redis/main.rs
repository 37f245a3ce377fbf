//! The scripts in a real Redis, as the user that ships may run them; and gateways that share one through a real Webdis.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

use backends::resp::{Connection, RespValue};
use backends::{Options, Redis, User};
use idempotency::script::{Action, source};

const KEY: &str = "portcullis:idem:edge:0123456789abcdef0123456789abcdef";
const NONCE: &str = "0123456789abcdef0123456789abcdef";
const ONE: &str = "11111111111111111111111111111111";
const TWO: &str = "22222222222222222222222222222222";

struct Lab {
    /// Lives as long as the connection.
    redis: Redis,
    connection: Connection,
}

impl Lab {
    async fn start() -> Self {
        let redis = Redis::start(&Options::default()).await.unwrap();
        let connection = redis.connect(User::GatewayIdempotency).await.unwrap();
        Self { redis, connection }
    }

    async fn command(&mut self, words: &[&str]) -> RespValue {
        self.connection.command(words).await.unwrap()
    }

    /// The numbers that a script answers.
    async fn run(&mut self, action: Action, args: &[&str]) -> Vec<i64> {
        let text = source(action);
        let words = [&["EVAL", text.as_str(), "1", KEY], args, &[NONCE]].concat();
        let RespValue::Array(values) = self.command(&words).await else { panic!("{action:?}") };
        let (nonce, values) = values.split_last().unwrap();
        assert_eq!(*nonce, RespValue::bulk(NONCE));
        let number = |value: &RespValue| match value {
            RespValue::Integer(number) => *number,
            other => panic!("{other:?}"),
        };
        values.iter().map(number).collect()
    }

    async fn claim(&mut self, fingerprint: &str) -> (i64, i64) {
        let answer = self.run(Action::Claim, &[fingerprint, "60000"]).await;
        (answer[0], answer[1])
    }

    async fn complete(&mut self, number: i64, fingerprint: &str) -> i64 {
        self.run(Action::Complete, &[&number.to_string(), fingerprint, "3600000"]).await[0]
    }

    async fn free(&mut self, number: i64) -> i64 {
        self.run(Action::Free, &[&number.to_string()]).await[0]
    }

    /// How long the record lasts, in ms.
    async fn lasts(&self) -> i64 {
        let mut operator = self.redis.connect(User::OperatorRead).await.unwrap();
        let RespValue::Integer(lasts) = operator.command(&["PTTL", KEY]).await.unwrap() else {
            panic!("PTTL")
        };
        lasts
    }

    async fn kept(&mut self) -> Option<String> {
        match self.command(&["GET", KEY]).await {
            RespValue::Bulk(bytes) => Some(String::from_utf8(bytes).unwrap()),
            RespValue::Nil => None,
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn a_key_from_the_first_request_to_the_last() {
    let mut lab = Lab::start().await;
    let (first, number) = lab.claim(ONE).await;
    assert_eq!(first, 0);
    assert!(number > 1_700_000_000_000_000, "µs since 1970: {number}");
    assert_eq!(lab.kept().await, Some(format!("f:{number}:{ONE}")));
    assert!((1..=60_000).contains(&lab.lasts().await));
    let (what, rest) = lab.claim(ONE).await;
    assert_eq!(what, 1);
    assert!((1..=60_000).contains(&rest));
    assert_eq!(lab.claim(TWO).await.0, 3);
    assert_eq!(lab.complete(number, ONE).await, 1);
    assert_eq!(lab.kept().await, Some(format!("c:{number}:{ONE}")));
    assert!((60_001..=3_600_000).contains(&lab.lasts().await));
    assert_eq!(lab.claim(ONE).await.0, 2);
    assert_eq!(lab.claim(TWO).await.0, 3);
    // Said twice, and said by somebody late.
    assert_eq!(lab.complete(number, ONE).await, 1);
    assert_eq!(lab.free(number).await, 0);
    assert_eq!(lab.complete(1, TWO).await, 0);
    assert_eq!(lab.kept().await, Some(format!("c:{number}:{ONE}")));
}

#[tokio::test]
async fn a_key_is_freed_by_whoever_claimed_it() {
    let mut lab = Lab::start().await;
    let (_, first) = lab.claim(ONE).await;
    assert_eq!(lab.free(first + 1).await, 0);
    assert_eq!(lab.free(first).await, 1);
    assert_eq!(lab.free(first).await, 0);
    assert_eq!(lab.kept().await, None);
    let (what, second) = lab.claim(TWO).await;
    assert_eq!(what, 0);
    assert!(second > first, "{second} {first}");
    assert_eq!(lab.free(first).await, 0);
    assert_eq!(lab.claim(TWO).await.0, 1);
}

#[tokio::test]
async fn a_record_that_is_gone_is_completed_all_the_same() {
    let mut lab = Lab::start().await;
    assert_eq!(lab.complete(0, ONE).await, 1);
    assert_eq!(lab.kept().await, Some(format!("c:0:{ONE}")));
    assert_eq!(lab.claim(ONE).await.0, 2);
}

#[tokio::test]
async fn a_record_that_is_none_of_ours_is_left_alone() {
    let mut lab = Lab::start().await;
    for junk in ["", "text", "f:1", "f:x:11", "x:1:11", "f:1:11:11", "c:1:zz", "f:-1:11"] {
        assert_eq!(lab.command(&["SET", KEY, junk]).await, RespValue::Simple("OK".to_owned()));
        assert_eq!(lab.claim(ONE).await, (4, 0), "{junk:?}");
        assert_eq!(lab.free(1).await, 0, "{junk:?}");
        assert_eq!(lab.complete(1, ONE).await, 0, "{junk:?}");
        assert_eq!(lab.kept().await.as_deref(), Some(junk));
    }
}

/// Whatever is written ends by itself.
#[tokio::test]
async fn no_record_is_for_good() {
    let mut lab = Lab::start().await;
    let (_, number) = lab.claim(ONE).await;
    assert!(lab.lasts().await > 0);
    lab.complete(number, ONE).await;
    assert!(lab.lasts().await > 0);
}
