//! Gateways that share a Redis, in any order of events: what was done is never done again.

use crate::redis::{Fault, Redis};
use crate::world::{Gateway, Seen, config};
use proptest::prelude::*;
use serde_json::json;

/// What happens next. Numbers choose among what there is.
#[derive(Debug, Clone)]
enum Event {
    /// The request comes to a gateway.
    Comes(usize),
    /// Redis answers one of the calls of a gateway; with a fault, or without.
    Redis(usize, usize, Option<Fault>),
    /// The upstream answers one of the requests that it has.
    Upstream(usize, bool),
    /// A client leaves.
    Leaves(usize),
    /// Half a second passes at a gateway.
    Tick(usize),
}

const GATEWAYS: usize = 3;

fn event() -> impl Strategy<Value = Event> {
    let fault = prop_oneof![8 => Just(None), 1 => Just(Some(Fault::Refused)), 1 => Just(Some(Fault::Lost))];
    prop_oneof![
        4 => (0..GATEWAYS).prop_map(Event::Comes),
        8 => (0..GATEWAYS, any::<usize>(), fault).prop_map(|(gateway, call, fault)| Event::Redis(gateway, call, fault)),
        2 => (any::<usize>(), any::<bool>()).prop_map(|(which, done)| Event::Upstream(which, done)),
        1 => any::<usize>().prop_map(Event::Leaves),
        2 => (0..GATEWAYS).prop_map(Event::Tick),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    /// Clocks stand still but for ticks, which are far shorter than a claim: no key is forgotten.
    #[test]
    fn a_request_is_with_the_upstream_once_and_done_once(events in prop::collection::vec(event(), 1..120)) {
        let config = config(json!({ "in_flight_ttl": "1h" }));
        let mut redis = Redis::default();
        let mut gateways: Vec<Gateway> = (0..GATEWAYS).map(|_| Gateway::new(&config)).collect();
        // Requests by gateway and number: those that wait, and those that the upstream has.
        let mut waiting: Vec<(usize, u32)> = Vec::new();
        let mut upstream: Vec<(usize, u32)> = Vec::new();
        let (mut done, mut abandoned) = (0, 0);
        for event in events {
            match event {
                Event::Comes(at) => {
                    let (id, seen) = gateways[at].begin("k");
                    prop_assert_ne!(&seen, &Seen::Passed, "nobody was asked");
                    if seen == Seen::Waits {
                        waiting.push((at, id));
                    }
                }
                Event::Redis(at, call, fault) => {
                    let gateway = &mut gateways[at];
                    if !gateway.calls.is_empty() {
                        redis.fault = fault;
                        let call = call % gateway.calls.len();
                        gateway.answer(call, &mut redis);
                        for (id, seen) in std::mem::take(&mut gateway.ended) {
                            waiting.retain(|other| *other != (at, id));
                            if seen == Seen::Passed {
                                upstream.push((at, id));
                            }
                        }
                    }
                }
                Event::Upstream(which, success) => {
                    if !upstream.is_empty() {
                        let (at, id) = upstream.remove(which % upstream.len());
                        gateways[at].answers(id, if success { 200 } else { 500 });
                        done += usize::from(success);
                    }
                }
                Event::Leaves(which) => {
                    let count = waiting.len() + upstream.len();
                    if count > 0 {
                        let which = which % count;
                        let (at, id) = if which < waiting.len() {
                            waiting.remove(which)
                        } else {
                            abandoned += 1;
                            upstream.remove(which - waiting.len())
                        };
                        gateways[at].leaves(id);
                    }
                }
                Event::Tick(at) => {
                    // All gateways have the same time.
                    for gateway in &gateways {
                        gateway.cx.advance(std::time::Duration::from_millis(500));
                    }
                    gateways[at].tick();
                }
            }
            // One that a client left may still be done: nobody else comes then.
            prop_assert!(upstream.len() + done + abandoned <= 1, "{upstream:?}, {done} done, {abandoned} abandoned");
        }
    }
}
