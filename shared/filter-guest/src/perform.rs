//! An [`Outcome`] performed through host calls.

use crate::abi::{self, MapType, Refused};
use crate::host::Host;
use crate::module::Action;
use filter_core::denial::LocalReply;
use filter_core::effect::HeaderOp;
use filter_core::filter::{Flow, Outcome};
use filter_core::message::Headers;
use filter_core::redact;

/// Performs everything an event asked for; `map` is the header map of that event.
///
/// # Errors
/// An operation on the request's headers that the host refused; nothing was answered then.
pub(crate) fn perform(host: &Host, outcome: Outcome, map: MapType) -> Result<Action, Refused> {
    let mut refused = Ok(());
    for op in &outcome.headers {
        refused = refused.and(header(map, op));
    }
    let flow = effects(host, outcome);
    match flow {
        Flow::Reply(answer) => {
            reply(&answer);
            Ok(Action::Pause)
        }
        _ if map == MapType::Request => refused.map(|()| action(&flow)),
        flow => Ok(action(&flow)),
    }
}

/// Performs what needs no header map.
pub(crate) fn effects(host: &Host, outcome: Outcome) -> Flow {
    for (key, value) in &outcome.exports {
        let _ = abi::set_property(key, value);
    }
    for name in outcome.counters {
        host.count(name);
    }
    for (name, value) in outcome.gauges {
        host.record(name, value);
    }
    for line in &outcome.logs {
        abi::log(line.level, &redact::line(&line.text));
    }
    outcome.flow
}

fn action(flow: &Flow) -> Action {
    if *flow == Flow::Continue { Action::Continue } else { Action::Pause }
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
