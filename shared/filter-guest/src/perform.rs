//! An [`Outcome`] performed through host calls.

use crate::abi::{self, MapType, Refused};
use crate::host::Host;
use crate::module::Action;
use filter_core::denial::{Denial, LocalReply, Reason};
use filter_core::effect::HeaderOp;
use filter_core::message::Headers;
use filter_core::redact;
use filter_core::stream::{Flow, Outcome};

/// Performs everything an event asked for; `map` is the header map of that event.
pub(crate) fn perform(host: &Host, outcome: Outcome, map: MapType) -> Action {
    let mut refused = None;
    for op in &outcome.headers {
        if let Err(why) = header(map, op) {
            refused = Some(why);
        }
    }
    for (key, value) in &outcome.exports {
        let _ = abi::set_property(key, value);
    }
    for name in outcome.counters {
        host.count(name);
    }
    for line in &outcome.logs {
        abi::log(line.level, &redact::line(&line.text));
    }
    match (outcome.flow, refused, map) {
        (Flow::Reply(answer), ..) => {
            reply(&answer);
            Action::Pause
        }
        // A request that keeps a header the policy had stripped must not go upstream.
        (_, Some(_), MapType::Request) => {
            reply(&Denial::new(Reason::PolicyPhase).reply(false));
            Action::Pause
        }
        (Flow::Continue, ..) => Action::Continue,
        (Flow::Pause, ..) => Action::Pause,
    }
}

fn header(map: MapType, op: &HeaderOp) -> Result<(), Refused> {
    match op {
        HeaderOp::Set(name, value) => abi::set_header(map, name.as_str().as_bytes(), value.as_bytes()),
        HeaderOp::Add(name, value) => abi::add_header(map, name.as_str().as_bytes(), value.as_bytes()),
        HeaderOp::Remove(name) => abi::remove_header(map, name.as_str().as_bytes()),
        HeaderOp::SetPath(path) => abi::set_header(map, b":path", path),
    }
}

/// The host sends the answer when this callback has returned, through the response callbacks of all filters,
/// ours included. A second one would be ignored.
fn reply(answer: &LocalReply) {
    let headers = Headers::encode(
        answer.headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes())),
    );
    let grpc = answer.grpc_status.map_or(-1, i32::from);
    let _ = abi::send_local_response(answer.status, &answer.details, &answer.body, &headers, grpc);
}
