//! Header maps.

use super::{Done, Handed, host_functions};
use crate::abi::{AbiVersion, MapType, Status};
use crate::headers::{HeaderMap, Kind};
use crate::memory::{Guest, bytes, hand_over, split, write_u32};
use crate::pairs;
use crate::stream::{BodyView, Direction};
use crate::vm::VmState;

host_functions! {
    pub(super) FUNCTIONS {
        "proxy_add_header_map_value"(map: u32, name: u32, name_size: u32, value: u32, value_size: u32) = add;
        "proxy_get_header_map_value"(map: u32, name: u32, name_size: u32, to: u32, size_to: u32) = get;
        "proxy_replace_header_map_value"(map: u32, name: u32, name_size: u32, value: u32, value_size: u32) = replace;
        "proxy_remove_header_map_value"(map: u32, name: u32, name_size: u32) = remove;
        "proxy_get_header_map_pairs"(map: u32, to: u32, size_to: u32) = get_all;
        "proxy_set_header_map_pairs"(map: u32, pairs: u32, size: u32) = set_all;
        "proxy_get_header_map_size"(map: u32, to: u32) = byte_size;
    }
}

fn map_type(number: u32) -> Result<MapType, Status> {
    MapType::from_number(number).ok_or(Status::BadArgument)
}

fn direction(map: MapType) -> Option<Direction> {
    match map {
        MapType::RequestHeaders | MapType::RequestTrailers => Some(Direction::Decode),
        MapType::ResponseHeaders | MapType::ResponseTrailers => Some(Direction::Encode),
        _ => None,
    }
}

fn is_headers(map: MapType) -> bool {
    matches!(map, MapType::RequestHeaders | MapType::ResponseHeaders)
}

/// The map to read in (`Context::getConstMap`).
fn readable(state: &VmState, map: MapType) -> Option<&HeaderMap> {
    let call = || state.contexts.get(&state.root_id()).map(|root| &root.call);
    match map {
        MapType::GrpcReceiveInitialMetadata => return call()?.grpc_initial.as_ref(),
        MapType::GrpcReceiveTrailingMetadata => return call()?.grpc_trailing.as_ref(),
        MapType::HttpCallResponseHeaders => return Some(&call()?.response.as_ref()?.headers),
        MapType::HttpCallResponseTrailers => return call()?.response.as_ref()?.trailers.as_ref(),
        _ => {}
    }
    let (id, filter) = state.stream()?;
    let stream = state.world.streams.get(&id)?;
    let slot = stream.slots.get(filter)?;
    let (message, sight) = match direction(map)? {
        Direction::Decode => (&stream.request, slot.request),
        Direction::Encode => (&stream.response, slot.response),
    };
    let (found, seen) =
        if is_headers(map) { (&message.headers, sight.headers) } else { (&message.trailers, sight.trailers) };
    let visible = if stream.logging { map != MapType::RequestTrailers } else { seen };
    found.as_ref().filter(|_| visible)
}

/// The map to write in (`Context::getMap`). Trailers are made where the body has ended without them, as long as the
/// filter holds it.
fn writable(state: &mut VmState, map: MapType) -> Option<&mut HeaderMap> {
    let (id, filter) = state.stream()?;
    let stream = state.world.streams.get_mut(&id)?;
    let direction = direction(map)?;
    let slot = stream.slot(filter)?;
    let ended = slot.progress(direction).end_stream;
    let sight = slot.sight(direction);
    if is_headers(map) {
        let seen = sight.headers;
        return stream.message(direction).headers.as_mut().filter(|_| seen);
    }
    if !sight.trailers && ended && sight.body != BodyView::None {
        sight.trailers = true;
        let message = stream.message(direction);
        return Some(message.trailers.get_or_insert_with(|| HeaderMap::new(Kind::Trailers)));
    }
    let seen = sight.trailers;
    stream.message(direction).trailers.as_mut().filter(|_| seen)
}

/// Changes a map that may grow by so many bytes.
fn change(state: &mut VmState, map: MapType, growth: usize, act: impl FnOnce(&mut HeaderMap)) -> Done {
    let limit = state.world.limits.headers;
    let map = writable(state, map).ok_or(Status::BadArgument)?;
    if growth > 0 && size(map).saturating_add(growth).saturating_add(FIELD) > limit {
        return Err(Status::InternalFailure);
    }
    act(map);
    Ok(())
}

/// What a header is counted as beside its name and value.
const FIELD: usize = 32;

fn size(map: &HeaderMap) -> usize {
    map.byte_size().saturating_add(map.len().saturating_mul(FIELD))
}

fn add(guest: &mut Guest<'_>, map: u32, name: u32, name_size: u32, value: u32, value_size: u32) -> Done {
    let map = map_type(map)?;
    let (memory, state) = split(guest);
    let (name, value) = (bytes(memory, name, name_size)?, bytes(memory, value, value_size)?);
    change(state, map, name.len() + value.len() + 1, |map| map.add(name, value))
}

fn replace(guest: &mut Guest<'_>, map: u32, name: u32, name_size: u32, value: u32, value_size: u32) -> Done {
    let map = map_type(map)?;
    let (memory, state) = split(guest);
    let (name, value) = (bytes(memory, name, name_size)?, bytes(memory, value, value_size)?);
    change(state, map, name.len() + value.len() + 1, |map| map.set(name, value))
}

fn remove(guest: &mut Guest<'_>, map: u32, name: u32, name_size: u32) -> Done {
    let map = map_type(map)?;
    let (memory, state) = split(guest);
    let name = bytes(memory, name, name_size)?;
    change(state, map, 0, |map| map.remove(name))
}

fn get(guest: &mut Guest<'_>, map: u32, name: u32, name_size: u32, to: u32, size_to: u32) -> Handed {
    let map = map_type(map)?;
    let (memory, state) = split(guest);
    let name = bytes(memory, name, name_size)?;
    let value = match readable(state, map) {
        Some(map) => map.get(name).map(<[u8]>::to_vec),
        // In the access log phase maps are never «not available».
        None if is_logging(state) => None,
        None => return Err(Status::BadArgument.into()),
    };
    let value = match value {
        Some(value) => value,
        None if state.abi == AbiVersion::V0_1_0 => Vec::new(),
        None => return Err(Status::NotFound.into()),
    };
    hand_over(guest, &value, to, size_to)
}

fn is_logging(state: &VmState) -> bool {
    let stream = state.stream().and_then(|(id, _)| state.world.streams.get(&id));
    stream.is_some_and(|stream| stream.logging)
}

fn get_all(guest: &mut Guest<'_>, map: u32, to: u32, size_to: u32) -> Handed {
    let map = map_type(map)?;
    let all = match readable(guest.data(), map).filter(|map| !map.is_empty()) {
        Some(map) => pairs::encode(map.iter()),
        None => Vec::new(),
    };
    hand_over(guest, &all, to, size_to)
}

fn set_all(guest: &mut Guest<'_>, map: u32, pairs: u32, size: u32) -> Done {
    let map = map_type(map)?;
    let (memory, state) = split(guest);
    let pairs = pairs::decode(bytes(memory, pairs, size)?);
    let limit = state.world.limits.headers;
    let kind = match map {
        MapType::RequestHeaders => Kind::Request,
        MapType::ResponseHeaders => Kind::Response,
        _ => Kind::Trailers,
    };
    let have = writable(state, map).ok_or(Status::BadArgument)?;
    let new = HeaderMap::from_pairs(kind, pairs);
    if self::size(&new) > limit {
        return Err(Status::InternalFailure);
    }
    *have = new;
    Ok(())
}

fn byte_size(guest: &mut Guest<'_>, map: u32, to: u32) -> Done {
    let map = map_type(map)?;
    let (memory, state) = split(guest);
    let size = writable(state, map).ok_or(Status::BadArgument)?.byte_size();
    write_u32(memory, to, u32::try_from(size).unwrap_or(u32::MAX))?;
    Ok(())
}
