//! Headers as the connection manager keeps them, in the form policies read.

use filter_core::message::Headers;
use proxy_wasm_host::{HeaderMap, Kind};
use recorder::Headers as List;

use crate::gateway::connection_manager as manager;
use crate::request::Request;

/// The map a filter reads for this request.
pub(super) fn of_request(request: &Request) -> Headers {
    converted(&manager::request_headers(request))
}

/// Joins as Envoy does, again after every change.
pub(super) fn join_request(map: &mut Headers) {
    *map = converted(&HeaderMap::from_pairs(Kind::Request, map.iter()));
}

/// The same for a response.
pub(super) fn join_response(map: &mut Headers) {
    *map = converted(&HeaderMap::from_pairs(Kind::Response, map.iter()));
}

fn converted(map: &HeaderMap) -> Headers {
    Headers::from_pairs(map.iter())
}

/// The fields that are no pseudo headers, as a list.
pub(super) fn regular(map: &Headers) -> List {
    let fields = map.iter().filter(|(name, _)| !name.starts_with(b":"));
    fields.map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), value.to_vec())).collect()
}
