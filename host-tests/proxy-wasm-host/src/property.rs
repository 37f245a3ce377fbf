//! Attributes of streams and gateways, and filter state (`Context::findValue`, `Context::getProperty` and
//! `Context::setProperty` in Envoy's `source/extensions/common/wasm/context.cc`; what there is of a request, a
//! response and a connection: `source/extensions/filters/common/expr/context.cc`).
//!
//! A path is a list of names separated by NUL. What a test says of a request wins, then what it says of the whole
//! gateway, then what the host knows itself. Routes, clusters, addresses and TLS are for a test to say: without it the
//! connection is plain, and there is neither `upstream` nor `destination` nor anything of `xds`. The names that Envoy
//! once had outside of `xds` (`node`, `cluster_name`, `route_name`, `listener_direction`) are no longer there in 1.40.
//! There is no dynamic metadata, and `response.flags` is 0. While it logs, a filter that answered during the response
//! sees its answer; in Envoy, what it answered in the place of.

use std::collections::BTreeMap;

use crate::abi::Status;
use crate::headers::HeaderMap;
use crate::pairs;
use crate::reply::grpc_status;
use crate::stream::{Slot, Stream};
use crate::vm::VmState;

/// The value as bytes: texts as they are, numbers, durations and points in time (in ns) as 64 bits, booleans as one
/// byte, header maps as pairs.
pub(crate) fn get(state: &VmState, path: &[u8]) -> Result<Vec<u8>, Status> {
    if path.is_empty() {
        // Nothing is a value too, but none that can be handed over.
        return Err(Status::SerializationFailure);
    }
    let path = path.strip_suffix(b"\0").unwrap_or(path);
    let seen = Seen::new(state);
    if let Some(given) = given(state, seen.as_ref(), path) {
        return Ok(given.to_vec());
    }
    let mut names = path.split(|byte| *byte == 0);
    let first = names.next().unwrap_or_default();
    let found = match of_plugin(state, first) {
        Some(value) => Some(Found::Value(value)),
        // Of the gateway itself there is something without a stream, too.
        None if seen.is_none() && first == b"xds" => names.next().is_none().then_some(Found::Map),
        None => seen.and_then(|seen| seen.find(first, &mut names)),
    };
    match found {
        None => Err(Status::NotFound),
        Some(_) if names.next().is_some() => Err(Status::NotFound),
        Some(Found::Map) => Err(Status::SerializationFailure),
        Some(Found::Value(value)) => Ok(value),
    }
}

/// Keeps a value as filter state of the stream, which is `wasm.` and this path.
pub(crate) fn set(state: &mut VmState, path: &[u8], value: &[u8]) -> Result<(), Status> {
    let limit = state.world.limits.filter_state;
    let (id, _) = state.stream().ok_or(Status::NotFound)?;
    let stream = state.world.streams.get_mut(&id).ok_or(Status::NotFound)?;
    let before = stream.filter_state.get(path).map_or(0, |value| size(path, value));
    let bytes = stream.filter_state_bytes - before + size(path, value);
    if bytes > limit {
        return Err(Status::InternalFailure);
    }
    stream.filter_state_bytes = bytes;
    stream.filter_state.insert(path.to_vec(), value.to_vec());
    Ok(())
}

/// What an entry of filter state counts.
fn size(path: &[u8], value: &[u8]) -> usize {
    const ENTRY: usize = 64;
    path.len() + value.len() + ENTRY
}

/// What a test said. Outside of a stream only the gateway itself is known.
fn given<'a>(state: &'a VmState, seen: Option<&Seen<'a>>, path: &[u8]) -> Option<&'a [u8]> {
    let Some(seen) = seen else {
        let of_node = path == b"xds\0node" || path.starts_with(b"xds\0node\0");
        return state.world.attributes.get(path).filter(|_| of_node).map(Vec::as_slice);
    };
    // Nothing is known of the upstream before there is one.
    let early = path.starts_with(b"upstream\0") && seen.stream.upstream.is_none();
    let of_all = || state.world.attributes.get(path).filter(|_| !early);
    seen.stream.properties.get(path).or_else(of_all).map(Vec::as_slice)
}

fn of_plugin(state: &VmState, name: &[u8]) -> Option<Vec<u8>> {
    let plugin = state.context()?.plugin.as_ref();
    match name {
        b"plugin_name" => Some(plugin?.name.clone().into_bytes()),
        b"plugin_root_id" => {
            Some(plugin.map(|plugin| plugin.root_id.clone()).unwrap_or_default().into_bytes())
        }
        b"plugin_vm_id" => Some(state.vm_id.as_bytes().to_vec()),
        _ => None,
    }
}

/// What a path leads to.
enum Found {
    Value(Vec<u8>),
    /// Something with names of its own that is no value.
    Map,
}

impl From<&[u8]> for Found {
    fn from(text: &[u8]) -> Self {
        Self::Value(text.to_vec())
    }
}

impl From<u64> for Found {
    fn from(number: u64) -> Self {
        Self::Value(number.to_le_bytes().to_vec())
    }
}

impl From<usize> for Found {
    fn from(count: usize) -> Self {
        u64::try_from(count).unwrap_or(u64::MAX).into()
    }
}

/// A stream as a filter in it sees it.
struct Seen<'a> {
    stream: &'a Stream,
    slot: &'a Slot,
    now: u64,
}

impl<'a> Seen<'a> {
    fn new(state: &'a VmState) -> Option<Self> {
        let (id, filter) = state.stream()?;
        let stream = state.world.streams.get(&id)?;
        Some(Self { stream, slot: stream.slots.get(filter)?, now: state.world.now })
    }

    fn find<'b>(&self, first: &[u8], names: &mut impl Iterator<Item = &'b [u8]>) -> Option<Found> {
        match first {
            b"request" | b"response" | b"source" | b"filter_state" | b"connection" | b"destination"
            | b"upstream" | b"xds" => {}
            b"metadata" => return metadata(names.next()),
            b"connection_id" => return Some(self.stream.id.0.into()),
            other => return self.stream.filter_state.get(other).map(|value| value.as_slice().into()),
        }
        let Some(name) = names.next() else { return Some(Found::Map) };
        match (first, name) {
            (b"request", b"headers") => headers(self.request_headers(), names.next()),
            (b"request", name) => self.of_request(name),
            (b"response", b"headers") => headers(self.response_headers(), names.next()),
            (b"response", b"trailers") => headers(self.response_trailers(), names.next()),
            (b"response", name) => self.of_response(name),
            (b"source", b"address") => Some(self.stream.source.as_bytes().into()),
            (b"source", b"port") => {
                self.stream.source.rsplit_once(':')?.1.parse::<u64>().ok().map(Found::from)
            }
            // A plain connection, and a listener without a direction.
            (b"connection", b"id") => Some(self.stream.id.0.into()),
            (b"connection", b"mtls") => Some(Found::Value(vec![0])),
            (b"connection", b"requested_server_name") | (b"xds", b"filter_chain_name") => {
                Some(Found::Value(Vec::new()))
            }
            (b"xds", b"listener_direction") => Some(0_u64.into()),
            (b"filter_state", name) => {
                let value = self.stream.filter_state.get(name.strip_prefix(b"wasm.")?)?;
                Some(value.as_slice().into())
            }
            _ => None,
        }
    }

    fn request_headers(&self) -> Option<&'a HeaderMap> {
        let seen = self.slot.request.headers || self.stream.logging;
        self.stream.request.headers.as_ref().filter(|_| seen)
    }

    fn response_headers(&self) -> Option<&'a HeaderMap> {
        let seen = self.slot.response.headers || self.stream.logging;
        self.stream.response.headers.as_ref().filter(|_| seen)
    }

    fn response_trailers(&self) -> Option<&'a HeaderMap> {
        let seen = self.slot.response.trailers || self.stream.logging;
        self.stream.response.trailers.as_ref().filter(|_| seen)
    }

    fn of_request(&self, name: &[u8]) -> Option<Found> {
        let header = |name: &[u8]| self.request_headers()?.get(name);
        let path = || header(b":path").map(|path| path.splitn(2, |byte| *byte == b'?'));
        match name {
            b"path" => header(b":path").map(Found::from),
            b"url_path" => path()?.next().map(Found::from),
            b"query" => {
                let query = path()?.nth(1).unwrap_or_default();
                query.split(|byte| *byte == b'#').next().map(Found::from)
            }
            b"host" => header(b":authority").map(Found::from),
            b"scheme" => header(b":scheme").map(Found::from),
            b"method" => header(b":method").map(Found::from),
            b"referer" => header(b"referer").map(Found::from),
            b"useragent" => header(b"user-agent").map(Found::from),
            b"id" => header(b"x-request-id").map(Found::from),
            b"time" => Some(self.stream.started.into()),
            b"protocol" => Some(self.stream.protocol.as_str().as_bytes().into()),
            b"duration" => self.stream.logging.then(|| self.now.saturating_sub(self.stream.started).into()),
            b"size" => match header(b"content-length") {
                Some(length) => number(length).map(Found::from),
                None => Some(self.received().into()),
            },
            b"total_size" => {
                let headers = self.request_headers().map_or(0, HeaderMap::byte_size);
                Some((self.received() + headers).into())
            }
            b"headers_bytes" => Some(self.request_headers().map_or(0, HeaderMap::byte_size).into()),
            _ => None,
        }
    }

    fn received(&self) -> usize {
        self.stream.received
    }

    fn of_response(&self, name: &[u8]) -> Option<Found> {
        match name {
            b"code" => self.status().map(Found::from),
            b"code_details" => self.stream.details.as_deref().map(|details| details.as_bytes().into()),
            // None of the things that Envoy flags is modelled.
            b"flags" => Some(0_u64.into()),
            b"grpc_status" => self.grpc_status().map(Found::from),
            b"size" => Some(self.sent().into()),
            b"total_size" => {
                let headers = self.response_headers().map_or(0, HeaderMap::byte_size);
                let trailers = self.response_trailers().map_or(0, HeaderMap::byte_size);
                Some((self.sent() + headers + trailers).into())
            }
            b"headers_bytes" => Some(self.response_headers().map_or(0, HeaderMap::byte_size).into()),
            _ => None,
        }
    }

    fn sent(&self) -> usize {
        self.stream.client.as_ref().map_or(0, |client| client.body.len())
    }

    fn status(&self) -> Option<u64> {
        number(self.stream.response.headers.as_ref()?.get(b":status")?)
    }

    fn grpc_status(&self) -> Option<u64> {
        let of = |map: Option<&HeaderMap>| number(map?.get(b"grpc-status")?);
        let own = of(self.response_trailers()).or_else(|| of(self.response_headers()));
        // What the status would be for gRPC, where there is none (`Grpc::Common::getGrpcStatus`).
        let status = || u32::try_from(self.status()?).ok().map(|status| grpc_status(status).into());
        own.or_else(status)
    }
}

/// There is no dynamic metadata: an empty message with two empty maps.
fn metadata(field: Option<&[u8]>) -> Option<Found> {
    match field {
        None => Some(Found::Value(Vec::new())),
        Some(b"filter_metadata" | b"typed_filter_metadata") => headers(None, None),
        Some(_) => None,
    }
}

fn number(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// Whether it can be the name of a header (RFC 9110 section 5.6.2), or of a pseudo header.
fn is_name(name: &[u8]) -> bool {
    let token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    let name = name.strip_prefix(b":").unwrap_or(name);
    !name.is_empty() && name.iter().all(token)
}

/// One header with all of its values, or all headers; of a map that is not there, none.
fn headers(map: Option<&HeaderMap>, name: Option<&[u8]>) -> Option<Found> {
    match (map, name) {
        (map, Some(name)) => map?.joined(name).filter(|_| is_name(name)).map(Found::Value),
        (map, None) => {
            let mut all: BTreeMap<&[u8], Vec<u8>> = BTreeMap::new();
            for (name, value) in map.into_iter().flat_map(HeaderMap::iter) {
                match all.get_mut(name) {
                    Some(have) => {
                        have.push(b',');
                        have.extend_from_slice(value);
                    }
                    None => {
                        all.insert(name, value.to_vec());
                    }
                }
            }
            Some(Found::Value(pairs::encode(all.iter().map(|(name, value)| (*name, value.as_slice())))))
        }
    }
}
