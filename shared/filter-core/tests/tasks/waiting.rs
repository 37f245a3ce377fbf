//! Requests of one worker.

use crate::subject::{DENIED, Worker, flow, status};
use filter_core::task::Failure;
use std::time::Duration;
use testkit::TestCx;

#[test]
fn a_request_waits_for_its_own_call_out_and_decides_by_its_answer() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    for (answer, expected) in [(status(200), "go"), (status(503), DENIED), (Err(Failure::Incomplete), DENIED)]
    {
        let (outcome, id) = worker.request(&cx, "/own", true);
        assert_eq!(flow(&outcome), "hold");
        let [(token, call)] = &cx.dialled()[..] else { panic!("one call-out") };
        assert_eq!((call.path.as_str(), worker.filter.max_reply(*token)), ("/own", Some(100)));
        assert_eq!(worker.answer(&cx, *token, answer), Some(vec![(id, expected.to_owned())]));
        // A second answer, and one to a call-out nobody made.
        assert_eq!(worker.filter.max_reply(*token), None);
        assert_eq!(worker.answer(&cx, *token, status(200)), None);
        assert_eq!(worker.answer(&cx, 999, status(200)), None);
    }
}

#[test]
fn two_thousand_requests_share_one_call_out_and_all_are_resumed_once() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    for _ in 0..2000 {
        assert_eq!(flow(&worker.request(&cx, "/worker/jwks", true).0), "hold");
    }
    let [(token, _)] = &cx.dialled()[..] else { panic!("one call-out") };
    // One is gone meanwhile.
    let _ = worker.streams[7].done(&mut worker.filter, &cx);
    let resumed = worker.answer(&cx, *token, status(200)).unwrap();
    assert_eq!(resumed.len(), 1999);
    assert!(resumed.iter().all(|(id, flow)| *id != 7 && flow == "go"));
    // The next request needs a call-out of its own again.
    let _ = worker.request(&cx, "/worker/jwks", true);
    assert_eq!(cx.dialled().len(), 1);
}

#[test]
fn a_host_that_sends_nothing_is_heard_of_at_once() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    cx.refuse_call_outs(true);
    for path in ["/own", "/worker/jwks", "/gateway/jwks"] {
        let (outcome, _) = worker.request(&cx, path, true);
        assert_eq!(flow(&outcome), DENIED, "{path}");
        let heard = outcome.counters.iter().filter(|name| name.contains("heard")).count();
        assert_eq!(heard, usize::from(path != "/own"), "{path}");
    }
    // A lease was given back: the host may be well again.
    cx.refuse_call_outs(false);
    assert_eq!(flow(&worker.request(&cx, "/gateway/jwks", true).0), "hold");
    assert_eq!(cx.dialled().len(), 1);
}

#[test]
fn whoever_awaits_for_ever_is_refused_in_the_end() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    let (_, id) = worker.request(&cx, "/again", true);
    for expected in ["hold", "hold", "503 portcullis_policy.phase"] {
        let [(token, _)] = &cx.dialled()[..] else { panic!("one call-out") };
        assert_eq!(worker.answer(&cx, *token, status(200)), Some(vec![(id, expected.to_owned())]));
    }
    assert_eq!(cx.dialled(), []);
    // The same where the host sends nothing: it ends within the event.
    cx.refuse_call_outs(true);
    assert_eq!(flow(&worker.request(&cx, "/again", true).0), "503 portcullis_policy.phase");
}

#[test]
fn nothing_of_a_request_passes_while_it_waits() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    let (_, id) = worker.request(&cx, "/own", false);
    assert_eq!(worker.data(&cx, id, 4, false), "hold");
    assert_eq!(worker.data(&cx, id, 8, true), "hold");
    assert_eq!(worker.trailers(&cx, id), "hold");
    let [(token, _)] = &cx.dialled()[..] else { panic!("one call-out") };
    assert_eq!(worker.answer(&cx, *token, status(200)), Some(vec![(id, "go".to_owned())]));
    assert_eq!(worker.data(&cx, id, 0, true), "go");
}

#[test]
fn a_body_without_end_behind_a_request_that_waits_is_refused_and_the_answer_comes_too_late() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    let (_, id) = worker.request(&cx, "/own", false);
    assert_eq!(worker.data(&cx, id, 1024 * 1024, false), "hold");
    assert_eq!(worker.data(&cx, id, 1024 * 1024 + 1, false), "413 portcullis_size.body");
    let [(token, _)] = &cx.dialled()[..] else { panic!("one call-out") };
    assert_eq!(worker.answer(&cx, *token, status(200)), Some(vec![(id, "hold".to_owned())]));
}

#[test]
fn after_a_call_out_the_body_may_be_asked_for() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    let token = || cx.dialled().first().map(|(token, _)| *token).unwrap();
    // It came whole meanwhile, with or without trailers.
    for trailers in [false, true] {
        let (_, id) = worker.request(&cx, "/body", false);
        assert_eq!(worker.data(&cx, id, 4, !trailers), "hold");
        if trailers {
            assert_eq!(worker.trailers(&cx, id), "hold");
        }
        assert_eq!(worker.answer(&cx, token(), status(200)), Some(vec![(id, "go".to_owned())]));
    }
    // It is still to come.
    let (_, id) = worker.request(&cx, "/body", false);
    assert_eq!(worker.answer(&cx, token(), status(200)), Some(vec![(id, "hold".to_owned())]));
    assert_eq!(worker.data(&cx, id, 4, true), "go");
    // There is none.
    let (_, id) = worker.request(&cx, "/body", true);
    assert_eq!(
        worker.answer(&cx, token(), status(200)),
        Some(vec![(id, "415 portcullis_media.type".to_owned())])
    );
    // It is too large already, or becomes so.
    let (_, id) = worker.request(&cx, "/body", false);
    assert_eq!(worker.data(&cx, id, 11, false), "hold");
    assert_eq!(
        worker.answer(&cx, token(), status(200)),
        Some(vec![(id, "413 portcullis_size.body".to_owned())])
    );
    let (_, id) = worker.request(&cx, "/count", false);
    assert_eq!(worker.data(&cx, id, 6, false), "hold");
    assert_eq!(worker.answer(&cx, token(), status(200)), Some(vec![(id, "go".to_owned())]));
    assert_eq!(worker.data(&cx, id, 4, false), "go");
    assert_eq!(worker.data(&cx, id, 1, false), "413 portcullis_size.body");
}

#[test]
fn what_has_come_of_an_awaited_body_is_not_let_go_before_the_rest() {
    let (cx, mut worker) =
        (TestCx::default(), Worker::configured(r#"{"version": 1, "hold_headers": false}"#));
    let token = || cx.dialled().first().map(|(token, _)| *token).unwrap();
    // The rest is longer than what came before: by its length alone it could be the whole.
    let (_, id) = worker.request(&cx, "/body", false);
    assert_eq!(worker.data(&cx, id, 1, false), "hold");
    assert_eq!(worker.answer(&cx, token(), status(200)), Some(vec![(id, "hold".to_owned())]));
    assert_eq!(worker.data(&cx, id, 4, true), "go");
    // Nothing has come: the head goes ahead.
    let (_, id) = worker.request(&cx, "/body", false);
    assert_eq!(worker.answer(&cx, token(), status(200)), Some(vec![(id, "go".to_owned())]));
    assert_eq!(worker.data(&cx, id, 4, true), "go");
}

#[test]
fn a_call_out_of_which_the_host_says_nothing_ends_by_itself() {
    let (cx, mut worker) = (TestCx::default(), Worker::new());
    let (_, own) = worker.request(&cx, "/own", true);
    let (_, shared) = worker.request(&cx, "/worker/jwks", true);
    cx.advance(Duration::from_millis(1049));
    assert!(worker.filter.next_lost(&cx).is_none());
    cx.advance(Duration::from_millis(1));
    for id in [own, shared] {
        let lost = worker.filter.next_lost(&cx).unwrap();
        assert_eq!(lost.waiters, [id]);
        assert_eq!(worker.resume(&cx, &lost.waiters, &lost.result), [(id, DENIED.to_owned())]);
    }
    assert!(worker.filter.next_lost(&cx).is_none());
    for (token, _) in cx.dialled() {
        assert_eq!(worker.answer(&cx, token, status(200)), None);
    }
}
