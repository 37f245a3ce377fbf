//! Buffers: bodies, configurations, what call-outs brought.

use super::{Done, Handed, host_functions};
use crate::abi::{BufferType, Status};
use crate::memory::{Guest, bytes, hand_over, split, write_u32};
use crate::stream::{BodyView, Message, Stream};
use crate::vm::VmState;

host_functions! {
    pub(super) FUNCTIONS {
        "proxy_get_buffer_bytes"(buffer: u32, start: u32, length: u32, to: u32, size_to: u32) = get;
        "proxy_get_buffer_status"(buffer: u32, length_to: u32, flags_to: u32) = status;
        "proxy_set_buffer_bytes"(buffer: u32, start: u32, length: u32, data: u32, size: u32) = set;
    }
}

fn buffer_type(number: u32) -> Result<BufferType, Status> {
    BufferType::from_number(number).ok_or(Status::BadArgument)
}

/// The buffer to read in (`Context::getBuffer`). A body that is not there is empty.
fn readable(state: &VmState, buffer: BufferType) -> Option<&[u8]> {
    let call = || state.contexts.get(&state.root_id()).map(|root| &root.call);
    match buffer {
        BufferType::HttpRequestBody | BufferType::HttpResponseBody => {
            let (id, filter) = state.stream().unzip();
            let stream = id.and_then(|id| state.world.streams.get(&id));
            let body = stream.zip(filter).and_then(|(stream, filter)| {
                let slot = stream.slots.get(filter)?;
                Some(match buffer {
                    BufferType::HttpRequestBody => stream.request.body(slot.request.body),
                    _ => stream.response.body(slot.response.body),
                })
            });
            Some(body.unwrap_or_default())
        }
        BufferType::NetworkDownstreamData | BufferType::NetworkUpstreamData | BufferType::CallData => {
            Some(&[])
        }
        BufferType::HttpCallResponseBody => Some(&call()?.response.as_ref()?.body),
        BufferType::GrpcReceiveBuffer => Some(call()?.grpc_message.as_deref().unwrap_or_default()),
        BufferType::VmConfiguration => Some(&state.vm_configuration),
        BufferType::PluginConfiguration => plugin_configuration(state),
    }
}

/// The plugin's configuration: only the context that is configured sees it.
pub(super) fn plugin_configuration(state: &VmState) -> Option<&[u8]> {
    let plugin = state.configuring.as_ref().filter(|_| state.context_id() == state.current)?;
    Some(&plugin.configuration)
}

/// The body to write in. Everything else is only to be read.
fn writable(state: &mut VmState, buffer: BufferType) -> Result<&mut Vec<u8>, Status> {
    if readable(state, buffer).is_none() {
        return Err(Status::NotFound);
    }
    let (id, filter) = state.stream().ok_or(Status::BadArgument)?;
    let stream = state.world.streams.get_mut(&id).ok_or(Status::BadArgument)?;
    let slot = stream.slots.get(filter).ok_or(Status::BadArgument)?;
    let (message, view): (fn(&mut Stream) -> &mut Message, BodyView) = match buffer {
        BufferType::HttpRequestBody => (|stream| &mut stream.request, slot.request.body),
        BufferType::HttpResponseBody => (|stream| &mut stream.response, slot.response.body),
        _ => return Err(Status::BadArgument),
    };
    message(stream).body_mut(view).ok_or(Status::BadArgument)
}

fn get(guest: &mut Guest<'_>, buffer: u32, start: u32, length: u32, to: u32, size_to: u32) -> Handed {
    let buffer = buffer_type(buffer)?;
    let all = readable(guest.data(), buffer).ok_or(Status::NotFound)?;
    let all = all.get(index(start)..).unwrap_or_default();
    let part = all.get(..index(length)).unwrap_or(all).to_vec();
    hand_over(guest, &part, to, size_to)
}

/// An offset of a guest as one of the host, which has at least as many bits.
fn index(offset: u32) -> usize {
    usize::try_from(offset).unwrap_or(usize::MAX)
}

fn status(guest: &mut Guest<'_>, buffer: u32, length_to: u32, flags_to: u32) -> Done {
    let buffer = buffer_type(buffer)?;
    let (memory, state) = split(guest);
    let length = readable(state, buffer).ok_or(Status::NotFound)?.len();
    write_u32(memory, length_to, u32::try_from(length).unwrap_or(u32::MAX))?;
    write_u32(memory, flags_to, 0)?;
    Ok(())
}

/// `Buffer::copyFrom`: at the start the new bytes take the place of `length` old ones, from the end on they are
/// appended, anywhere between is a mistake.
fn set(guest: &mut Guest<'_>, buffer: u32, start: u32, length: u32, data: u32, size: u32) -> Done {
    let buffer = buffer_type(buffer)?;
    let (memory, state) = split(guest);
    if readable(state, buffer).is_none() {
        return Err(Status::NotFound);
    }
    let data = bytes(memory, data, size)?;
    // Twice what a body may have: a filter can write a whole one beside the one it holds.
    let limit = state.world.limits.buffer_h2.saturating_mul(2);
    let have = writable(state, buffer)?;
    let old = if start == 0 { 0..index(length).min(have.len()) } else { have.len()..have.len() };
    if start != 0 && index(start) < have.len() {
        return Err(Status::BadArgument);
    }
    if have.len() - old.len() + data.len() > limit {
        return Err(Status::InternalFailure);
    }
    have.splice(old, data.iter().copied());
    Ok(())
}
