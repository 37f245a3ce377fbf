//! Several workers.

use crate::subject::{Worker, status};
use filter_core::policy::Cx;
use filter_core::task::Failure;
use filter_core::workers::{announce, others};
use std::time::Duration;
use testkit::TestCx;

#[test]
fn two_workers_make_one_call_out_and_the_other_is_told() {
    let (cx, mut first, mut second, third) = (TestCx::default(), Worker::new(), Worker::new(), Worker::new());
    let (_, one) = first.request(&cx, "/gateway/jwks", true);
    let (_, other) = second.request(&cx, "/gateway/jwks", true);
    let _ = second.request(&cx, "/gateway/jwks", true);
    let [(token, _)] = &cx.dialled()[..] else { panic!("one call-out for both") };

    let finished = first.filter.answered(*token, status(200), &cx).unwrap();
    assert_eq!(finished.outcome.tell.iter().map(|name| &**name).collect::<Vec<_>>(), ["jwks"]);
    let (heard, others) = (first.filter.others(&cx), second.filter.others(&cx));
    assert_eq!((heard.len(), others.len()), (1, 1), "each knows the other, though nobody ticked");
    assert_ne!(heard, others);
    assert_eq!(third.filter.others(&cx).len(), 2, "one that never asked is not told");
    assert_eq!(first.resume(&cx, &finished.waiters, &finished.result), [(one, "go".to_owned())]);

    assert!(second.filter.told("something else", &cx).is_none());
    let told = second.filter.told("jwks", &cx).unwrap();
    assert_eq!((told.waiters.len(), &told.result), (2, &Err(Failure::Elsewhere)));
    assert_eq!(told.outcome.tell.len(), 0);
    // They look into the shared store and, in this policy, await something else.
    assert_eq!(second.resume(&cx, &told.waiters, &told.result)[0], (other, "hold".to_owned()));
    // A notice that comes twice finds nobody.
    assert!(second.filter.told("jwks", &cx).is_none());
}

#[test]
fn what_follows_a_shared_call_out_may_have_its_name() {
    let (cx, mut first, mut second) = (TestCx::default(), Worker::new(), Worker::new());
    let _ = first.request(&cx, "/gateway/pages", true);
    let [(token, _)] = cx.dialled()[..] else { panic!("one call-out") };
    let finished = first.filter.answered(token, status(200), &cx).unwrap();
    assert_eq!(finished.waiters.len(), 1);
    let [(next, _)] = cx.dialled()[..] else { panic!("the next one is sent at once") };
    let _ = second.request(&cx, "/gateway/pages", true);
    assert_eq!(cx.dialled(), [], "and nobody else sends it");
    assert!(first.filter.answered(next, status(200), &cx).is_some());
    let _ = second.filter.told("pages", &cx).unwrap();
    let _ = second.request(&cx, "/gateway/pages", true);
    assert_eq!(cx.dialled().len(), 1, "the lease is free");
}

#[test]
fn a_worker_that_died_with_the_lease_does_not_stop_the_others() {
    let (cx, mut dead, mut other) = (TestCx::default(), Worker::new(), Worker::new());
    let _ = dead.request(&cx, "/gateway/jwks", true);
    assert_eq!(cx.dialled().len(), 1);
    let (_, id) = other.request(&cx, "/gateway/jwks", true);
    assert_eq!(cx.dialled(), []);
    cx.advance(Duration::from_millis(550));
    let lost = other.filter.next_lost(&cx).unwrap();
    assert_eq!(
        (lost.waiters.as_slice(), &lost.result),
        (&[id][..], &Err(Failure::Elsewhere)),
        "it may have left something"
    );
    let _ = other.request(&cx, "/gateway/jwks", true);
    assert_eq!(cx.dialled().len(), 1, "the lease is free");
}

#[test]
fn a_lease_that_somebody_else_took_over_is_not_given_back() {
    let (cx, mut slow, mut quick, mut third) =
        (TestCx::default(), Worker::new(), Worker::new(), Worker::new());
    let _ = slow.request(&cx, "/gateway/jwks", true);
    let [(late, _)] = cx.dialled()[..] else { panic!("one call-out") };
    cx.advance(Duration::from_millis(600));
    let _ = quick.request(&cx, "/gateway/jwks", true);
    assert_eq!(cx.dialled().len(), 1);
    assert!(slow.answer(&cx, late, status(200)).is_some());
    let _ = third.request(&cx, "/gateway/jwks", true);
    assert_eq!(cx.dialled(), [], "the second still has it");
}

#[test]
fn workers_that_fell_silent_are_told_nothing() {
    let cx = TestCx::default();
    let (store, now) = (cx.store(), || cx.now());
    for queue in 0..300 {
        assert!(announce(store, "workers", queue, now()));
    }
    assert_eq!(others(store, "workers", Some(3), now()).len(), 255, "no more than the list holds");
    cx.advance(Duration::from_secs(50));
    assert!(announce(store, "workers", 7, now()));
    cx.advance(Duration::from_secs(20));
    assert_eq!(others(store, "workers", None, now()), [7]);
    assert!(others(store, "nobody", None, now()).is_empty());
}
