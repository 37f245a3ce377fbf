//! Random sequences, event for event.

use crate::world::{Pair, SECOND, START, limits, who};
use login_guard::ledger::Outcome;
use login_guard::lock::Lock;
use login_guard::who::Who;

/// The output function of SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % end
    }

    fn later(&mut self, now: u64) -> u64 {
        match self.below(100) {
            0..50 => now,
            50..80 => now + self.below(3 * SECOND),
            80..92 => now + self.below(20 * SECOND),
            92..97 => now + self.below(200 * SECOND),
            97..99 => now - self.below(SECOND),
            _ => now - self.below(300 * SECOND),
        }
    }
}

async fn agrees(lock: Option<Lock>, seed: u64) {
    let mut pair = Pair::start(limits(lock)).await;
    let (mut random, mut now) = (Random(seed), START);
    let mut open: Vec<(Who, bool)> = Vec::new();
    let (mut passed, mut refused, mut locked, mut known_seen) = (0, 0, 0, 0);
    for event in 0..6000 {
        now = random.later(now).max(START - 1000 * SECOND);
        if open.is_empty() || random.below(2) == 0 {
            let user = (random.below(10) > 0).then(|| random.below(3) as u8);
            let who = who(random.below(4) as u8, user);
            let (here, there) = pair.attempt(&who, now).await;
            assert_eq!(here, there, "{event} {who:?} {now}");
            known_seen += u32::from(here.known);
            if here.longest() == 0 {
                passed += 1;
                open.push((who, here.known));
            } else {
                refused += 1;
            }
        } else {
            let (who, known) = open.remove(random.below(open.len() as u64) as usize);
            let outcome = match random.below(10) {
                0..7 => Outcome::Failure,
                7..8 => Outcome::Success,
                _ => Outcome::Nothing,
            };
            if outcome == Outcome::Failure && (lock.is_none() || who.user.is_none()) {
                // Nothing is asked then.
                continue;
            }
            let (here, there) = pair.settle(&who, known, outcome, now).await;
            assert_eq!(here, there, "{event} {who:?} {known} {outcome:?} {now}");
            locked += here.locked;
        }
    }
    println!("{passed} passed, {refused} refused, {known_seen} known, {locked} locks");
    assert!(passed > 500 && refused > 200 && known_seen > 100);
    assert_eq!(locked > 20, lock.is_some());
}

#[tokio::test]
async fn with_locks() {
    for seed in 0..3 {
        agrees(Some(Lock { first: 5 * SECOND, longest: 60 * SECOND }), seed).await;
    }
}

#[tokio::test]
async fn without_locks() {
    agrees(None, 9).await;
}
