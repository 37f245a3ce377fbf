//! The script that is to be found everywhere, beside `fixed_window`.

use crate::lab::Lab;
use backends::resp::RespValue;
use rate_limit::algorithm::Algorithm;
use rate_limit::exact::{question, read};
use rate_limit::quota::Quota;
use rate_limit::script::Action;
use std::time::Duration;

const CHECKLIST: &str = "local c = redis.call('INCR', KEYS[1])
if c == 1 then redis.call('EXPIRE', KEYS[1], ARGV[2]) end
if c > tonumber(ARGV[1]) then return 0 end
return 1
";

const SECOND: u64 = 1_000_000;
/// The beginning of a minute.
const START: u64 = 1_767_225_600 * SECOND;
const LIMIT: u32 = 5;
const WINDOW: u64 = 60;

/// Both, side by side. Redis has no clock to be set: what ends by EXPIRE at a time is removed then.
struct Pair {
    lab: Lab,
    quota: Quota,
    /// When the other one's window ends, in µs.
    ends: u64,
}

impl Pair {
    async fn start() -> Self {
        let quota = Quota::new(Algorithm::FixedWindow, LIMIT, Duration::from_secs(WINDOW), 0).unwrap();
        let lab = Lab::start_with(&["+incr", "+expire"]).await;
        Self { lab, quota, ends: 0 }
    }

    /// What ours and theirs decide about one request.
    async fn decide(&mut self, now: u64) -> (bool, bool) {
        let ours = ["portcullis:rl:ours".to_owned()];
        let values = self.lab.ask(Action::Take, &ours, question(1, [&self.quota].into_iter()), now).await;
        let theirs = ["portcullis:rl:theirs".to_owned()];
        if now >= self.ends {
            self.lab.command(&["DEL", &theirs[0]]).await;
            self.ends = now + WINDOW * SECOND;
        }
        let args = [LIMIT.to_string(), WINDOW.to_string()];
        let answer = self.lab.run(CHECKLIST, &theirs, &args).await;
        (read(&values, 1).unwrap()[0].fits, answer == RespValue::Integer(1))
    }
}

/// Where the first request of every window comes at its beginning.
#[tokio::test]
async fn the_same_decisions_event_for_event() {
    let mut pair = Pair::start().await;
    let (mut state, mut passed, mut refused) = (1_u64, 0, 0);
    for window in 0..400 {
        let begins = START + window * WINDOW * SECOND;
        let mut at = begins;
        for event in 0..25 {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if event > 0 {
                at = (at + (state >> 33) % (4 * SECOND)).min(begins + WINDOW * SECOND - 1);
            }
            let (ours, theirs) = pair.decide(at).await;
            assert_eq!(ours, theirs, "{window} {event}");
            passed += u32::from(ours);
            refused += u32::from(!ours);
        }
    }
    assert_eq!((passed, refused), (2000, 8000));
}

/// Theirs begins with the first request, ours with the minute.
#[tokio::test]
async fn windows_that_begin_elsewhere() {
    let mut pair = Pair::start().await;
    let mut seen = Vec::new();
    for second in [50, 51, 52, 53, 54, 55, 60, 61, 62, 63, 64, 65, 110, 111] {
        seen.push((second, pair.decide(START + second * SECOND).await));
    }
    let differ: Vec<_> = seen.iter().filter(|(_, (ours, theirs))| ours != theirs).collect();
    let expected = [60, 61, 62, 63, 64, 110, 111];
    assert_eq!(differ.iter().map(|(second, _)| *second).collect::<Vec<_>>(), expected, "{seen:?}");
}
