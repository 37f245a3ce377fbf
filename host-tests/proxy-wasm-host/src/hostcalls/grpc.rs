//! gRPC calls of a guest's own.

use prost::Message as _;

use super::callout::{CallKind, cause, known_cluster, room_for};
use super::{Done, host_functions};
use crate::abi::Status;
use crate::memory::{Guest, OutOfBounds, bytes, split, write_u32};
use crate::message::{GrpcAnswer, GrpcCall};
use crate::pairs;
use crate::vm::VmState;
use crate::world::{Dialled, Event, World};

host_functions! {
    pub(super) FUNCTIONS {
        "proxy_grpc_call"(
            target: u32, target_size: u32, service: u32, service_size: u32, method: u32, method_size: u32,
            metadata: u32, metadata_size: u32, message: u32, message_size: u32, timeout: u32, token_to: u32
        ) = grpc_call;
        "proxy_grpc_stream"(
            target: u32, target_size: u32, service: u32, service_size: u32, method: u32, method_size: u32,
            metadata: u32, metadata_size: u32, token_to: u32
        ) = grpc_stream;
        "proxy_grpc_cancel"(token: u32) = cancel;
        "proxy_grpc_close"(token: u32) = close;
        "proxy_grpc_send"(token: u32, message: u32, size: u32, end: u32) = send;
    }
}

/// ns until a call that cannot be made is over: more than nothing, so that a guest that calls again does not stop time.
const AT_ONCE: u64 = 100_000;

/// `envoy.config.core.v3.GrpcService`, as far as it says where a call goes. Google's client, which Envoy also has, is
/// not modelled, and a description of nothing, at which Envoy aborts, is a bad argument.
#[derive(prost::Message)]
struct GrpcService {
    #[prost(message, optional, tag = "1")]
    envoy_grpc: Option<EnvoyGrpc>,
}

#[derive(prost::Message)]
struct EnvoyGrpc {
    #[prost(string, tag = "1")]
    cluster_name: String,
}

#[allow(clippy::too_many_arguments, reason = "the signature of the ABI")]
fn grpc_call(
    guest: &mut Guest<'_>,
    target: u32,
    target_size: u32,
    service: u32,
    service_size: u32,
    method: u32,
    method_size: u32,
    metadata: u32,
    metadata_size: u32,
    message: u32,
    message_size: u32,
    _timeout: u32,
    token_to: u32,
) -> Done {
    let (memory, state) = split(guest);
    let names = [(target, target_size), (service, service_size), (method, method_size)];
    let call = Arguments::read(memory, names, (metadata, metadata_size), (message, message_size))?;
    let token = dial(state, &call, CallKind::Grpc)?;
    write_u32(memory, token_to, token)?;
    Ok(())
}

#[allow(clippy::too_many_arguments, reason = "the signature of the ABI")]
fn grpc_stream(
    guest: &mut Guest<'_>,
    target: u32,
    target_size: u32,
    service: u32,
    service_size: u32,
    method: u32,
    method_size: u32,
    metadata: u32,
    metadata_size: u32,
    token_to: u32,
) -> Done {
    let (memory, state) = split(guest);
    let names = [(target, target_size), (service, service_size), (method, method_size)];
    let call = Arguments::read(memory, names, (metadata, metadata_size), (0, 0))?;
    let token = dial(state, &call, CallKind::GrpcStream)?;
    write_u32(memory, token_to, token)?;
    Ok(())
}

/// What a guest says of a call.
struct Arguments<'a> {
    target: &'a [u8],
    service: &'a [u8],
    method: &'a [u8],
    metadata: &'a [u8],
    message: &'a [u8],
}

impl<'a> Arguments<'a> {
    fn read(
        memory: &'a [u8],
        names: [(u32, u32); 3],
        metadata: (u32, u32),
        message: (u32, u32),
    ) -> Result<Self, OutOfBounds> {
        let at = |(pointer, size)| bytes(memory, pointer, size);
        let [target, service, method] = names;
        Ok(Self {
            target: at(target)?,
            service: at(service)?,
            method: at(method)?,
            metadata: at(metadata)?,
            message: at(message)?,
        })
    }
}

/// Where a call goes: a service description, or, where the bytes are none, the plain name of a cluster. `Err` is the
/// name of a cluster that is not there.
fn cluster(world: &World, target: &[u8]) -> Result<Result<String, String>, Status> {
    let Ok(service) = GrpcService::decode(target) else {
        return known_cluster(world, target).map(Ok).ok_or(Status::ParseFailure);
    };
    let envoy = service.envoy_grpc.ok_or(Status::BadArgument)?;
    Ok(known_cluster(world, envoy.cluster_name.as_bytes()).ok_or(envoy.cluster_name))
}

/// The call belongs to the root context.
fn dial(state: &mut VmState, arguments: &Arguments<'_>, kind: CallKind) -> Result<u32, Status> {
    let cluster = cluster(&state.world, arguments.target)?;
    room_for(&state.world, arguments.message)?;
    let token = state.tokens.next(kind);
    let (vm, root, cause) = (state.at, state.root_id(), cause(state));
    let (limit, room) = (state.world.limits.call_outs, state.world.has_room());
    let open = &mut state.root().ok_or(Status::InternalFailure)?.call.open_grpc;
    if open.len() >= limit || !room {
        return Err(Status::InternalFailure);
    }
    open.insert(token, cluster.clone().unwrap_or_else(|name| name));
    let Ok(cluster) = cluster else {
        // The call has failed already; its end is told all the same, though the guest never learns the number.
        let text = "Cluster not available".to_owned();
        let answer = Box::new(GrpcAnswer { status: UNAVAILABLE, text, ..GrpcAnswer::default() });
        state.world.after(AT_ONCE, Event::Grpc { vm, root, token, answer, cause });
        return Err(Status::InternalFailure);
    };
    let call = GrpcCall {
        cluster,
        service: String::from_utf8_lossy(arguments.service).into_owned(),
        method: String::from_utf8_lossy(arguments.method).into_owned(),
        metadata: pairs::decode(arguments.metadata),
        message: arguments.message.to_vec(),
        streaming: kind == CallKind::GrpcStream,
    };
    state.world.dialled.push(Dialled::Grpc { vm, root, token, call, cause });
    Ok(token)
}

/// A status of gRPC.
const UNAVAILABLE: u32 = 14;

fn cancel(guest: &mut Guest<'_>, token: u32) -> Done {
    match CallKind::of(token) {
        Some(CallKind::Grpc | CallKind::GrpcStream) => forget(guest.data_mut(), token),
        _ => Err(Status::BadArgument),
    }
}

/// A call is cancelled; a stream still brings what comes from the other side.
fn close(guest: &mut Guest<'_>, token: u32) -> Done {
    match CallKind::of(token) {
        Some(CallKind::Grpc) => forget(guest.data_mut(), token),
        Some(CallKind::GrpcStream) => is_open(guest.data_mut(), token),
        _ => Err(Status::BadArgument),
    }
}

fn send(guest: &mut Guest<'_>, token: u32, message: u32, size: u32, _end: u32) -> Done {
    let (memory, state) = split(guest);
    bytes(memory, message, size)?;
    match CallKind::of(token) {
        Some(CallKind::GrpcStream) => is_open(state, token),
        _ => Err(Status::BadArgument),
    }
}

fn is_open(state: &mut VmState, token: u32) -> Done {
    let open = state.root().is_some_and(|root| root.call.open_grpc.contains_key(&token));
    if open { Ok(()) } else { Err(Status::NotFound) }
}

fn forget(state: &mut VmState, token: u32) -> Done {
    let open = state.root().and_then(|root| root.call.open_grpc.remove(&token));
    open.map(drop).ok_or(Status::NotFound)
}
