//! What becomes of a stream: it goes on, is cut off, or is answered.

use super::{Done, host_functions};
use crate::abi::{Level, Status, StreamType};
use crate::hostcalls::system::log_line;
use crate::memory::{Guest, bytes, split};
use crate::pairs;
use crate::stream::{BodyView, LocalReply, Sight};
use crate::vm::{Action, VmState};

host_functions! {
    pub(super) FUNCTIONS {
        "proxy_send_local_response"(
            status: u32, details: u32, details_size: u32, body: u32, body_size: u32, headers: u32, headers_size: u32,
            grpc_status: u32
        ) = send_local_response;
    }

    /// What only the first version of the ABI has.
    pub(super) V0_1_0 {
        "proxy_continue_request"() = continue_request;
        "proxy_continue_response"() = continue_response;
        "proxy_clear_route_cache"() = clear_route_cache;
    }

    /// What came with 0.2.0.
    pub(super) V0_2 {
        "proxy_continue_stream"(stream: u32) = continue_stream;
        "proxy_close_stream"(stream: u32) = close_stream;
    }
}

/// Deferred actions of one callback; more are lost, with an answer that says so.
const MAX_ACTIONS: usize = 1024;

fn defer(state: &mut VmState, action: Action) -> Done {
    if state.actions.len() >= MAX_ACTIONS {
        return Err(Status::InternalFailure);
    }
    state.actions.push_back(action);
    Ok(())
}

fn continue_stream(guest: &mut Guest<'_>, stream: u32) -> Done {
    match StreamType::from_number(stream).ok_or(Status::BadArgument)? {
        StreamType::Downstream => Ok(()),
        StreamType::Upstream => Err(Status::Unimplemented),
        http => go_on(guest.data_mut(), http),
    }
}

fn continue_request(guest: &mut Guest<'_>) -> Done {
    go_on(guest.data_mut(), StreamType::Request)
}

fn continue_response(guest: &mut Guest<'_>) -> Done {
    go_on(guest.data_mut(), StreamType::Response)
}

/// Whatever goes on, the filter does not see the request any longer (`Context::continueStream`).
fn go_on(state: &mut VmState, what: StreamType) -> Done {
    let Some((stream, filter)) = state.stream() else { return Ok(()) };
    defer(state, Action::Continue { stream, filter, what })?;
    let slot = state.world.streams.get_mut(&stream).and_then(|stream| stream.slot(filter));
    if let Some(Sight { headers, trailers, body, buffering }) = slot.map(|slot| &mut slot.request) {
        (*headers, *trailers) = (false, false);
        // What the filter let the chain keep stays within its reach.
        if !*buffering {
            *body = BodyView::None;
        }
    }
    Ok(())
}

fn close_stream(guest: &mut Guest<'_>, stream: u32) -> Done {
    let what = StreamType::from_number(stream).ok_or(Status::BadArgument)?;
    let state = guest.data_mut();
    let (StreamType::Request | StreamType::Response, Some((id, _))) = (what, state.stream()) else {
        return Ok(());
    };
    defer(state, Action::Close { stream: id })?;
    if let Some(stream) = state.world.streams.get_mut(&id) {
        stream.details.get_or_insert_with(|| "wasm_close_stream".to_owned());
    }
    Ok(())
}

/// Routes are not modelled: there is nothing to clear.
fn clear_route_cache(_: &mut Guest<'_>) -> Done {
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "the signature of the ABI")]
fn send_local_response(
    guest: &mut Guest<'_>,
    status: u32,
    details: u32,
    details_size: u32,
    body: u32,
    body_size: u32,
    headers: u32,
    headers_size: u32,
    grpc_status: u32,
) -> Done {
    let (memory, state) = split(guest);
    let details = bytes(memory, details, details_size)?;
    let body = bytes(memory, body, body_size)?;
    let headers = pairs::decode(bytes(memory, headers, headers_size)?);
    state.stopped = true;
    let Some((stream, filter)) = state.stream() else { return Ok(()) };
    let first = |action: &Action| matches!(action, Action::Reply { stream: other, .. } if *other == stream);
    if state.actions.iter().any(first) {
        // Only the first answer counts.
        return Ok(());
    }
    if body.len() > state.world.limits.buffer_h2.saturating_mul(2) {
        return Err(Status::InternalFailure);
    }
    let reply = LocalReply {
        // Envoy's status has 16 bits, and it does not look at them.
        status: status & 0xffff,
        headers: harmless(state, headers),
        body: body.to_vec(),
        grpc_status: Some(grpc_status).filter(|status| *status <= MAX_GRPC_STATUS),
        details: detail(details),
    };
    defer(state, Action::Reply { stream, filter, reply })
}

/// `WellKnownGrpcStatus::MaximumKnown`; SDKs say 2³² − 1 for none.
const MAX_GRPC_STATUS: u32 = 16;

/// Details without white space (`StringUtil::replaceAllEmptySpace`).
fn detail(details: &[u8]) -> String {
    let blank = |letter| matches!(letter, ' ' | '\t' | '\n' | '\r' | '\x0b' | '\x0c');
    String::from_utf8_lossy(details).replace(blank, "_")
}

/// Headers that cannot change the framing of a message: one with a line break could, and is left out.
fn harmless(state: &mut VmState, headers: pairs::Pairs) -> pairs::Pairs {
    let broken = |part: &[u8]| part.iter().any(|byte| matches!(byte, b'\r' | b'\n' | b'\0'));
    let (bad, good): (pairs::Pairs, _) =
        headers.into_iter().partition(|(name, value)| broken(name) || broken(value));
    for (name, _) in bad {
        let text = format!("left out of a local reply, line break or NUL inside: {}", name.escape_ascii());
        log_line(state, Level::Warn, text.as_bytes());
    }
    good
}
