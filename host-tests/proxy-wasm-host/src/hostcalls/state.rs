//! What outlives a callback: shared data, shared queues, metrics.

use super::{Done, Handed, host_functions};
use crate::abi::Status;
use crate::memory::{Guest, bytes, hand_over, split, write_u32, write_u64};
use crate::shared::Reader;
use crate::world::Event;

host_functions! {
    pub(super) FUNCTIONS {
        "proxy_get_shared_data"(key: u32, key_size: u32, to: u32, size_to: u32, version_to: u32) = get_data;
        "proxy_set_shared_data"(key: u32, key_size: u32, value: u32, value_size: u32, version: u32) = set_data;
        "proxy_register_shared_queue"(name: u32, name_size: u32, token_to: u32) = register_queue;
        "proxy_resolve_shared_queue"(vm_id: u32, vm_id_size: u32, name: u32, name_size: u32, token_to: u32)
            = resolve_queue;
        "proxy_dequeue_shared_queue"(token: u32, to: u32, size_to: u32) = dequeue;
        "proxy_enqueue_shared_queue"(token: u32, item: u32, size: u32) = enqueue;
        "proxy_define_metric"(kind: u32, name: u32, name_size: u32, to: u32) = define_metric;
        "proxy_increment_metric"(metric: u32, offset: u64) = increment_metric;
        "proxy_record_metric"(metric: u32, value: u64) = record_metric;
        "proxy_get_metric"(metric: u32, to: u32) = get_metric;
    }
}

/// A name that the host keeps for good.
fn name(memory: &[u8], pointer: u32, size: u32) -> Result<&[u8], Status> {
    const MAX_BYTES: usize = 4096;
    let name = bytes(memory, pointer, size)?;
    if name.len() > MAX_BYTES { Err(Status::InternalFailure) } else { Ok(name) }
}

/// ns until another VM is told about an item: more than nothing, so that VMs that wake each other for ever do not
/// stop time.
const WAKE: u64 = 10_000;

fn get_data(
    guest: &mut Guest<'_>,
    key: u32,
    key_size: u32,
    to: u32,
    size_to: u32,
    version_to: u32,
) -> Handed {
    let (memory, state) = split(guest);
    let key = bytes(memory, key, key_size)?;
    let (value, version) = state.world.data.get(&state.vm_id, key).ok_or(Status::NotFound)?;
    let value = value.to_vec();
    hand_over(guest, &value, to, size_to)?;
    write_u32(split(guest).0, version_to, version)?;
    Ok(())
}

fn set_data(
    guest: &mut Guest<'_>,
    key: u32,
    key_size: u32,
    value: u32,
    value_size: u32,
    version: u32,
) -> Done {
    let (memory, state) = split(guest);
    let (key, value) = (bytes(memory, key, key_size)?, bytes(memory, value, value_size)?);
    let limit = state.world.limits.shared_data;
    state.world.data.set(&state.vm_id, key, value, version, limit)
}

/// Who registers last is told about items: the root context, on this thread.
fn register_queue(guest: &mut Guest<'_>, name: u32, name_size: u32, token_to: u32) -> Done {
    let (memory, state) = split(guest);
    let name = self::name(memory, name, name_size)?;
    let reader = Reader { vm: state.at, context: state.root_id() };
    let limit = state.world.limits.queues;
    let token = state.world.queues.register(&state.vm_id, name, reader, limit)?;
    write_u32(memory, token_to, token)?;
    Ok(())
}

fn resolve_queue(
    guest: &mut Guest<'_>,
    vm_id: u32,
    vm_id_size: u32,
    name: u32,
    name_size: u32,
    token_to: u32,
) -> Done {
    let (memory, state) = split(guest);
    let (vm_id, name) = (bytes(memory, vm_id, vm_id_size)?, bytes(memory, name, name_size)?);
    let vm_id = if vm_id.is_empty() { Ok(&*state.vm_id) } else { std::str::from_utf8(vm_id) };
    let token = vm_id.ok().and_then(|vm_id| state.world.queues.resolve(vm_id, name));
    write_u32(memory, token_to, token.ok_or(Status::NotFound)?)?;
    Ok(())
}

fn dequeue(guest: &mut Guest<'_>, token: u32, to: u32, size_to: u32) -> Handed {
    let item = guest.data_mut().world.queues.dequeue(token)?;
    hand_over(guest, &item, to, size_to)
}

fn enqueue(guest: &mut Guest<'_>, token: u32, item: u32, size: u32) -> Done {
    let (memory, state) = split(guest);
    let item = bytes(memory, item, size)?;
    let world = &mut state.world;
    if !world.has_room() {
        return Err(Status::InternalFailure);
    }
    let reader = world.queues.enqueue(token, item, world.limits.queued)?;
    let cause = world.cause;
    world.after(WAKE, Event::QueueReady { reader, token, cause });
    Ok(())
}

fn define_metric(guest: &mut Guest<'_>, kind: u32, name: u32, name_size: u32, to: u32) -> Done {
    let (memory, state) = split(guest);
    let name = self::name(memory, name, name_size)?;
    let world = &mut state.world;
    let metric = state.metrics.define(&mut world.metrics, kind, name, world.limits.metrics)?;
    write_u32(memory, to, metric)?;
    Ok(())
}

fn increment_metric(guest: &mut Guest<'_>, metric: u32, offset: u64) -> Done {
    let state = guest.data_mut();
    state.metrics.increment(&mut state.world.metrics, metric, offset.cast_signed())
}

fn record_metric(guest: &mut Guest<'_>, metric: u32, value: u64) -> Done {
    let state = guest.data_mut();
    state.metrics.record(&mut state.world.metrics, metric, value)
}

fn get_metric(guest: &mut Guest<'_>, metric: u32, to: u32) -> Done {
    let (memory, state) = split(guest);
    let value = state.metrics.get(&state.world.metrics, metric)?;
    write_u64(memory, to, value)?;
    Ok(())
}
