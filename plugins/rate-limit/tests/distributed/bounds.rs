//! Clients without number cost memory within bounds.

use crate::world::{Seen, one};
use filter_core::policy::Timestamp;
use rate_limit::exact::Refusals;
use rate_limit::lease::{Heard, Leases, Spend, Terms, Who};
use rate_limit::quota::Decision;
use serde_json::json;

const NOW: Timestamp = Timestamp(1_767_225_600_000_000);

fn terms() -> Terms {
    Terms::new(&crate::world::bucket(10, 20), 1_000_000)
}

fn spend(leases: &mut Leases<()>, key: u64) -> Spend {
    leases.spend(key, &terms(), NOW, 1, Who::Fresh, || ())
}

#[test]
fn a_million_keys_that_were_answered() {
    let mut leases = Leases::default();
    let refused = Heard { granted: 0, remaining: 0, retry_us: 1_000_000, reset_us: 1_000_000 };
    for key in 0..1_000_000 {
        assert!(matches!(spend(&mut leases, key), Spend::Refill(_)), "{key}");
        leases.heard(key, refused, NOW);
        assert!(leases.len() <= 10_000, "{}", leases.len());
    }
    assert!(matches!(spend(&mut leases, 999_999), Spend::Denied { .. }), "the last ones are remembered");
    assert!(matches!(spend(&mut leases, 0), Spend::Refill(_)));
}

#[test]
fn keys_that_nobody_answers() {
    let mut leases = Leases::default();
    let asked = (0..100_000).filter(|key| matches!(spend(&mut leases, *key), Spend::Refill(_))).count();
    assert_eq!(asked, 2_500);
    assert!(leases.len() <= 10_000, "{}", leases.len());
    assert_eq!(spend(&mut leases, 99_999), Spend::Overflow);
    // Those that were asked about are answered all the same.
    leases.heard(0, Heard { granted: 1, remaining: 19, retry_us: 0, reset_us: 1 }, NOW);
    assert_eq!(leases.held(), 1);
}

#[test]
fn refusals_without_number() {
    let mut refusals = Refusals::default();
    let decision =
        Decision { granted: 0, remaining: 0, retry_us: 1_000_000, reset_us: 1_000_000, excess_milli: 0 };
    for key in 0..1_000_000 {
        refusals.note(key, 1, &decision, NOW);
    }
    assert!(refusals.len() <= 10_000, "{}", refusals.len());
    assert!(refusals.refuses(999_999, 1, NOW).is_some());
    assert!(refusals.refuses(0, 1, NOW).is_none());
}

#[test]
fn what_says_nothing_any_more_is_forgotten() {
    let mut leases = Leases::default();
    for key in 0..1000 {
        let _ = spend(&mut leases, key);
        leases.heard(key, Heard { granted: 1, remaining: 19, retry_us: 0, reset_us: 1 }, NOW);
    }
    let later = Timestamp(NOW.0 + 2_000_000);
    assert_eq!(leases.idle(later).len(), 0, "what was held too long does not go back");
    assert!(leases.is_empty());
}

/// A dear request finds too little; a cheap one passes all the same.
#[test]
fn who_is_too_dear_is_refused_alone() {
    let mut leases = Leases::default();
    let dear = leases.spend(1, &terms(), NOW, 5, Who::Fresh, || ());
    assert!(matches!(dear, Spend::Refill(ask) if ask.least == 5), "{dear:?}");
    leases.heard(1, Heard { granted: 0, remaining: 3, retry_us: 200_000, reset_us: 1 }, NOW);
    assert!(matches!(
        leases.spend(1, &terms(), NOW, 5, Who::Woken, || ()),
        Spend::Denied { remaining: 3, .. }
    ));
    assert!(matches!(leases.denies(1, NOW, 5), Some(Spend::Denied { .. })));
    assert_eq!(leases.denies(1, NOW, 3), None);
    assert!(matches!(leases.spend(1, &terms(), NOW, 3, Who::Fresh, || ()), Spend::Refill(_)));
}

#[test]
fn clients_without_number_through_the_filter() {
    let mut world = one(json!({}));
    for client in 0..20_000 {
        assert_eq!(world.send(&client.to_string()), Seen::Passed);
        world.streams.clear();
    }
}
