//! HTTP requests of a guest's own.

use std::time::Duration;

use super::{Done, host_functions};
use crate::abi::Status;
use crate::headers::{HeaderMap, Kind};
use crate::memory::{Guest, bytes, split, write_u32};
use crate::message::{CallOut, StreamId};
use crate::pairs;
use crate::vm::VmState;
use crate::world::{Dialled, World};

host_functions! {
    pub(super) FUNCTIONS {
        "proxy_http_call"(
            cluster: u32, cluster_size: u32, headers: u32, headers_size: u32, body: u32, body_size: u32,
            trailers: u32, trailers_size: u32, timeout: u32, token_to: u32
        ) = http_call;
    }
}

/// What a call-out is; its number has it in the lowest two bits (`WasmBase::CalloutType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum CallKind {
    Http = 0,
    Grpc = 1,
    GrpcStream = 2,
}

impl CallKind {
    const BITS: u32 = 3;
    const STEP: u32 = 4;

    pub(super) fn of(token: u32) -> Option<Self> {
        match token & Self::BITS {
            0 => Some(Self::Http),
            1 => Some(Self::Grpc),
            2 => Some(Self::GrpcStream),
            _ => None,
        }
    }
}

/// The numbers of a VM's call-outs, for all of its root contexts together.
#[derive(Debug, Default)]
pub(crate) struct Tokens {
    http: u32,
    grpc: u32,
    grpc_stream: u32,
}

impl Tokens {
    pub(super) fn next(&mut self, kind: CallKind) -> u32 {
        let made = match kind {
            CallKind::Http => &mut self.http,
            CallKind::Grpc => &mut self.grpc,
            CallKind::GrpcStream => &mut self.grpc_stream,
        };
        *made = made.wrapping_add(CallKind::STEP);
        *made | kind as u32
    }
}

#[allow(clippy::too_many_arguments, reason = "the signature of the ABI")]
fn http_call(
    guest: &mut Guest<'_>,
    cluster: u32,
    cluster_size: u32,
    headers: u32,
    headers_size: u32,
    body: u32,
    body_size: u32,
    trailers: u32,
    trailers_size: u32,
    timeout: u32,
    token_to: u32,
) -> Done {
    let (memory, state) = split(guest);
    let cluster = bytes(memory, cluster, cluster_size)?;
    let body = bytes(memory, body, body_size)?;
    let headers = pairs::decode(bytes(memory, headers, headers_size)?);
    let trailers = pairs::decode(bytes(memory, trailers, trailers_size)?);
    // Whether the number can be written is seen before anything is done.
    bytes(memory, token_to, 4)?;
    let called = request(state, cluster, headers, body, trailers, timeout).and_then(|call| dial(state, call));
    write_u32(memory, token_to, *called.as_ref().unwrap_or(&0))?;
    called.map(drop)
}

/// What `Context::httpCall` makes of the arguments, or refuses.
fn request(
    state: &VmState,
    cluster: &[u8],
    headers: pairs::Pairs,
    body: &[u8],
    trailers: pairs::Pairs,
    timeout: u32,
) -> Result<CallOut, Status> {
    let timeout = i32::try_from(timeout).map_err(|_| Status::BadArgument)?.unsigned_abs();
    let cluster = known_cluster(&state.world, cluster).ok_or(Status::BadArgument)?;
    let mut headers = HeaderMap::from_pairs(Kind::Request, headers);
    let missing = |name: &[u8]| headers.get(name).is_none();
    if missing(b":path") || missing(b":method") || missing(b":authority") {
        return Err(Status::BadArgument);
    }
    room_for(&state.world, body)?;
    if !body.is_empty() {
        headers.set(b"content-length", body.len().to_string().as_bytes());
    }
    Ok(CallOut {
        cluster,
        headers,
        body: body.to_vec(),
        trailers: (!trailers.is_empty()).then(|| HeaderMap::from_pairs(Kind::Trailers, trailers)),
        timeout: (timeout > 0).then(|| Duration::from_millis(timeout.into())),
    })
}

/// The call-out belongs to the root context.
fn dial(state: &mut VmState, call: CallOut) -> Result<u32, Status> {
    let token = state.tokens.next(CallKind::Http);
    let (vm, root, cause) = (state.at, state.root_id(), cause(state));
    let world = &state.world;
    let outstanding = world.outstanding.get(&call.cluster).copied().unwrap_or_default();
    if outstanding >= world.limits.call_outs {
        return Err(Status::InternalFailure);
    }
    let open = &mut state.root().ok_or(Status::InternalFailure)?.call.open;
    open.insert(token, call.cluster.clone());
    let world = &mut state.world;
    world.outstanding.insert(call.cluster.clone(), outstanding + 1);
    world.dialled.push(Dialled::Http { vm, root, token, call, cause });
    Ok(token)
}

/// For which request a call-out is made: that of the context in whose name the guest acts.
pub(super) fn cause(state: &VmState) -> Option<StreamId> {
    state.stream().map(|(id, _)| id).or(state.world.cause)
}

/// The name of a cluster there is.
pub(super) fn known_cluster(world: &World, name: &[u8]) -> Option<String> {
    let name = String::from_utf8_lossy(name).into_owned();
    world.clusters.as_ref().is_none_or(|clusters| clusters.contains(&name)).then_some(name)
}

/// Bodies that nobody has been asked about together have the bound of one body.
pub(super) fn room_for(world: &World, body: &[u8]) -> Done {
    let waiting = world.dialled.iter().map(|dialled| match dialled {
        Dialled::Http { call, .. } => call.body.len(),
        Dialled::Grpc { call, .. } => call.message.len(),
    });
    let bytes = waiting.sum::<usize>().saturating_add(body.len());
    if bytes > world.limits.buffer_h2 { Err(Status::InternalFailure) } else { Ok(()) }
}
