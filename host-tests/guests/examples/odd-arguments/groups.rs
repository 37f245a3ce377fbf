//! The calls, by group: each logs the statuses of its calls.

use log::info;
use proxy_wasm::hostcalls::get_buffer;
use proxy_wasm::types::BufferType;

use crate::abi::*;

const REQUEST_HEADERS: u32 = 0;
const REQUEST_TRAILERS: u32 = 1;
const RESPONSE_HEADERS: u32 = 2;
const GRPC_METADATA: u32 = 4;
const CALL_HEADERS: u32 = 6;
const CALL_TRAILERS: u32 = 7;
const REQUEST_BODY: u32 = 0;
const RESPONSE_BODY: u32 = 1;
const CALL_BODY: u32 = 4;
const VM_CONFIGURATION: u32 = 6;
const PLUGIN_CONFIGURATION: u32 = 7;
const NAME: &[u8] = b"name";
const VALUE: &[u8] = b"value";

/// Makes each call and logs its status.
macro_rules! statuses {
    ($($what:literal: $call:expr;)*) => {
        $(info!(concat!($what, ": {}"), unsafe { $call });)*
    };
}

pub fn maps() {
    let (name, n, value, v) = (at(NAME), NAME.len(), at(VALUE), VALUE.len());
    let map = pairs(&[("x-a", "1")]);
    statuses! {
        "pairs of a map that is none": proxy_get_header_map_pairs(ODD, out(0), out(1));
        "pairs of request trailers": proxy_get_header_map_pairs(REQUEST_TRAILERS, out(0), out(1));
        "pairs of response headers": proxy_get_header_map_pairs(RESPONSE_HEADERS, out(0), out(1));
        "pairs of call headers": proxy_get_header_map_pairs(CALL_HEADERS, out(0), out(1));
        "pairs of gRPC metadata": proxy_get_header_map_pairs(GRPC_METADATA, out(0), out(1));
        "size of a map that is none": proxy_get_header_map_size(ODD, out(0));
        "size of response headers": proxy_get_header_map_size(RESPONSE_HEADERS, out(0));
        "size of request headers": proxy_get_header_map_size(REQUEST_HEADERS, out(0));
        "value of a map that is none": proxy_get_header_map_value(ODD, name, n, out(0), out(1));
        "value of response headers": proxy_get_header_map_value(RESPONSE_HEADERS, name, n, out(0), out(1));
        "value of request trailers": proxy_get_header_map_value(REQUEST_TRAILERS, name, n, out(0), out(1));
        "value without a name": proxy_get_header_map_value(REQUEST_HEADERS, name, 0, out(0), out(1));
        "value of an absent name": proxy_get_header_map_value(REQUEST_HEADERS, name, n, out(0), out(1));
        "replace in a map that is none": proxy_replace_header_map_value(ODD, name, n, value, v);
        "replace in response headers": proxy_replace_header_map_value(RESPONSE_HEADERS, name, n, value, v);
        "replace in call headers": proxy_replace_header_map_value(CALL_HEADERS, name, n, value, v);
        "replace without a name": proxy_replace_header_map_value(REQUEST_HEADERS, name, 0, value, v);
        "add to a map that is none": proxy_add_header_map_value(ODD, name, n, value, v);
        "add to response headers": proxy_add_header_map_value(RESPONSE_HEADERS, name, n, value, v);
        "add to request trailers": proxy_add_header_map_value(REQUEST_TRAILERS, name, n, value, v);
        "remove from a map that is none": proxy_remove_header_map_value(ODD, name, n);
        "remove from response headers": proxy_remove_header_map_value(RESPONSE_HEADERS, name, n);
        "remove without a name": proxy_remove_header_map_value(REQUEST_HEADERS, name, 0);
        "remove an absent name": proxy_remove_header_map_value(REQUEST_HEADERS, name, n);
        "set a map that is none": proxy_set_header_map_pairs(ODD, at(&map), map.len());
        "set response headers": proxy_set_header_map_pairs(RESPONSE_HEADERS, at(&map), map.len());
        "set call headers": proxy_set_header_map_pairs(CALL_HEADERS, at(&map), map.len());
    }
}

pub fn buffers() {
    let (value, v) = (at(VALUE), VALUE.len());
    statuses! {
        "a buffer that is none": proxy_get_buffer_bytes(ODD, 0, 9, out(0), out(1));
        "request body": proxy_get_buffer_bytes(REQUEST_BODY, 0, 9, out(0), out(1));
        "response body": proxy_get_buffer_bytes(RESPONSE_BODY, 0, 9, out(0), out(1));
        "call body": proxy_get_buffer_bytes(CALL_BODY, 0, 9, out(0), out(1));
        "VM configuration": proxy_get_buffer_bytes(VM_CONFIGURATION, 0, 9, out(0), out(1));
        "plugin configuration": proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, 9, out(0), out(1));
        "nothing from the start": proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, 0, out(0), out(1));
        "from beyond the end": proxy_get_buffer_bytes(REQUEST_BODY, 99, 1, out(0), out(1));
        "past the largest number": proxy_get_buffer_bytes(REQUEST_BODY, usize::MAX, 2, out(0), out(1));
        "status of a buffer that is none": proxy_get_buffer_status(ODD, out(0), out(1));
        "status of the request body": proxy_get_buffer_status(REQUEST_BODY, out(0), out(1));
        "status of the plugin configuration": proxy_get_buffer_status(PLUGIN_CONFIGURATION, out(0), out(1));
        "set a buffer that is none": proxy_set_buffer_bytes(ODD, 0, 0, value, v);
        "set the request body": proxy_set_buffer_bytes(REQUEST_BODY, 0, 0, value, v);
        "set the response body": proxy_set_buffer_bytes(RESPONSE_BODY, 0, 0, value, v);
        "set the call body": proxy_set_buffer_bytes(CALL_BODY, 0, 0, value, v);
        "set the plugin configuration": proxy_set_buffer_bytes(PLUGIN_CONFIGURATION, 0, 0, value, v);
    }
}

/// On a whole body of at least four bytes.
pub fn body() {
    let (value, v) = (at(VALUE), VALUE.len());
    let get = |what, start, size| {
        let status = unsafe { proxy_get_buffer_bytes(REQUEST_BODY, start, size, out(0), out(1)) };
        info!("{what}: {status}, {} bytes", result(1));
    };
    get("all", 0, usize::MAX);
    get("more than there is", 0, 9999);
    get("nothing", 0, 0);
    get("from the middle", 2, 1);
    get("from the fourth on", 4, 9999);
    get("from the end", 10, 1);
    get("from beyond the end", 99, 9);
    get("past the largest number", 1, usize::MAX);
    let put = |what, start, size, bytes| {
        let status = unsafe { proxy_set_buffer_bytes(REQUEST_BODY, start, size, value, bytes) };
        let body = get_buffer(BufferType::HttpRequestBody, 0, usize::MAX).unwrap_or_default();
        info!("{what}: {status}, now {}", guests::shown(&body.unwrap_or_default()));
    };
    put("put before", 0, 0, v);
    put("put after", usize::MAX, 0, v);
    put("put at the end", 20, 0, v);
    put("put into the middle", 2, 1, v);
    put("put over a part from the start", 0, 2, v);
    put("put over more than all", 0, 9999, v);
    put("put nothing over all", 0, usize::MAX, 0);
}

pub fn metrics() {
    let (name, n) = (at(NAME), NAME.len());
    statuses! {
        "define a kind that is none": proxy_define_metric(ODD, name, n, out(0));
        "define without a name": proxy_define_metric(0, name, 0, out(0));
        "get an unknown one": proxy_get_metric(9999, out(0));
        "get number 0": proxy_get_metric(0, out(0));
        "record an unknown one": proxy_record_metric(9999, 1);
        "increment an unknown one": proxy_increment_metric(9999, 1);
    }
    // Each kind under its own name, so that a case may come twice.
    for (kind, name) in [(0, b"odd_counter".as_slice()), (1, b"odd_gauge"), (2, b"odd_histogram")] {
        info!("kind {kind}");
        statuses! { "define": proxy_define_metric(kind, at(name), name.len(), out(0)); }
        let id = result(0);
        statuses! {
            "record": proxy_record_metric(id, 5);
            "increment": proxy_increment_metric(id, 2);
            "decrement": proxy_increment_metric(id, -3);
            "increment by nothing": proxy_increment_metric(id, 0);
            "get": proxy_get_metric(id, out(1));
        }
    }
}

pub fn calls() {
    let whole = pairs(&[(":method", "GET"), (":path", "/"), (":authority", "aside.example.com")]);
    let no_path = pairs(&[(":method", "GET"), (":authority", "aside.example.com")]);
    let no_method = pairs(&[(":path", "/"), (":authority", "aside.example.com")]);
    let no_authority = pairs(&[(":method", "GET"), (":path", "/")]);
    let call = |cluster: &[u8], headers: &[u8]| unsafe {
        let (headers, size) = (at(headers), headers.len());
        proxy_http_call(at(cluster), cluster.len(), headers, size, 0, 0, 0, 0, 1000, out(0))
    };
    info!("unknown cluster: {}", call(b"nowhere", &whole));
    info!("unnamed cluster: {}", call(b"", &whole));
    info!("no path: {}", call(b"aside", &no_path));
    info!("no method: {}", call(b"aside", &no_method));
    info!("no authority: {}", call(b"aside", &no_authority));
    info!("no headers: {}", call(b"aside", &[]));
    info!("headers cut short: {}", call(b"aside", whole.split_at(20).0));
    info!("an unknown cluster and no path: {}", call(b"nowhere", &no_path));
    let (name, n) = (at(NAME), NAME.len());
    statuses! {
        "gRPC call of no service": proxy_grpc_call(name, n, name, n, name, n, 0, 0, 0, 0, 1000, out(0));
        "cancel an unknown call": proxy_grpc_cancel(9999);
        "close an unknown stream": proxy_grpc_close(9999);
        "send to an unknown stream": proxy_grpc_send(9999, name, n, 1);
        "status without a gRPC call": proxy_get_status(out(0), out(1), out(2));
        "unknown foreign function": proxy_call_foreign_function(name, n, 0, 0, out(0), out(1));
    }
}

pub fn contexts(own: u32, root: u32) {
    statuses! {
        "context 0": proxy_set_effective_context(0);
        "an unknown context": proxy_set_effective_context(9999);
        "its own context": proxy_set_effective_context(own);
        "its root context": proxy_set_effective_context(root);
        "request headers of the root": proxy_get_header_map_size(REQUEST_HEADERS, out(0));
        "resume the request of the root": proxy_continue_stream(0);
        "its own context again": proxy_set_effective_context(own);
        "done without being asked": proxy_done();
        "resume a stream that is none": proxy_continue_stream(ODD);
        "resume downstream": proxy_continue_stream(2);
        "resume upstream": proxy_continue_stream(3);
        "close a stream that is none": proxy_close_stream(ODD);
    }
}

pub fn properties() {
    let (name, n, value, v) = (at(NAME), NAME.len(), at(VALUE), VALUE.len());
    let get = |path: &[u8]| unsafe { proxy_get_property(at(path), path.len(), out(0), out(1)) };
    info!("no path: {}", get(b""));
    info!("an unknown path: {}", get(b"no\0such\0thing"));
    info!("a part of a path: {}", get(b"request"));
    info!("a path with an empty part: {}", get(b"request\0\0path"));
    info!("a path with a zero at its end: {}", get(b"request\0path\0"));
    info!("a path with a zero at its start: {}", get(b"\0request\0path"));
    info!("a dotted path: {}", get(b"request.path"));
    info!("beyond the end of a path: {}", get(b"request\0path\0more"));
    info!("a map: {}", get(b"request\0headers"));
    info!("bytes that are no text: {}", get(b"\xff\xfe"));
    statuses! {
        "set without a path": proxy_set_property(name, 0, value, v);
        "set what Envoy knows": proxy_set_property(at(b"request\0path"), 12, value, v);
        "set an unknown one": proxy_set_property(name, n, value, v);
        "set it again": proxy_set_property(name, n, value, v);
    }
    info!("read it back: {}", get(NAME));
}

pub fn shared() {
    let (name, n, value, v) = (at(NAME), NAME.len(), at(VALUE), VALUE.len());
    statuses! {
        "get an absent key": proxy_get_shared_data(name, n, out(0), out(1), out(2));
        "get without a key": proxy_get_shared_data(name, 0, out(0), out(1), out(2));
        "resolve an unknown queue": proxy_resolve_shared_queue(name, n, name, n, out(0));
        "dequeue from an unknown queue": proxy_dequeue_shared_queue(9999, out(0), out(1));
        "dequeue from queue 0": proxy_dequeue_shared_queue(0, out(0), out(1));
        "enqueue to an unknown queue": proxy_enqueue_shared_queue(9999, value, v);
        "register a queue": proxy_register_shared_queue(name, n, out(0));
    }
    let queue = result(0);
    statuses! {
        "register it again": proxy_register_shared_queue(name, n, out(1));
        "resolve it in this VM": proxy_resolve_shared_queue(name, 0, name, n, out(2));
        "resolve it in another VM": proxy_resolve_shared_queue(name, n, name, n, out(3));
        "dequeue from an empty queue": proxy_dequeue_shared_queue(queue, out(4), out(5));
    }
    info!("the same queue: {} {}", result(1) == queue, result(2) == queue);
}

/// Addresses outside the memory.
pub fn memory() {
    let (name, n, value, v) = (at(NAME), NAME.len(), at(VALUE), VALUE.len());
    statuses! {
        "log from nowhere": proxy_log(2, NOWHERE, 4);
        "log past the end": proxy_log(2, name, NOWHERE);
        "level to nowhere": proxy_get_log_level(NOWHERE);
        "time to nowhere": proxy_get_current_time_nanoseconds(NOWHERE);
        "name from nowhere": proxy_get_header_map_value(REQUEST_HEADERS, NOWHERE, 4, out(0), out(1));
        "value to nowhere": proxy_get_header_map_value(REQUEST_HEADERS, at(b":path"), 5, NOWHERE, NOWHERE);
        "pairs to nowhere": proxy_get_header_map_pairs(REQUEST_HEADERS, NOWHERE, NOWHERE);
        "pairs from nowhere": proxy_set_header_map_pairs(REQUEST_HEADERS, NOWHERE, 4);
        "size to nowhere": proxy_get_header_map_size(REQUEST_HEADERS, NOWHERE);
        "replace by nowhere": proxy_replace_header_map_value(REQUEST_HEADERS, name, n, NOWHERE, 4);
        "add from nowhere": proxy_add_header_map_value(REQUEST_HEADERS, name, n, NOWHERE, 4);
        "remove nowhere": proxy_remove_header_map_value(REQUEST_HEADERS, NOWHERE, 4);
        "buffer to nowhere": proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, 9, NOWHERE, NOWHERE);
        "buffer from nowhere": proxy_set_buffer_bytes(REQUEST_BODY, 0, 0, NOWHERE, 4);
        "property from nowhere": proxy_get_property(NOWHERE, 4, out(0), out(1));
        "property to nowhere": proxy_get_property(at(b"request\0path"), 12, NOWHERE, NOWHERE);
        "set property from nowhere": proxy_set_property(name, n, NOWHERE, 4);
        "shared data of nowhere": proxy_get_shared_data(NOWHERE, 4, out(0), out(1), out(2));
        "shared data from nowhere": proxy_set_shared_data(name, n, NOWHERE, 4, 0);
        "queue of nowhere": proxy_register_shared_queue(NOWHERE, 4, out(0));
        "queue to nowhere": proxy_register_shared_queue(name, n, NOWHERE);
        "call to nowhere": proxy_http_call(NOWHERE, 4, 0, 0, 0, 0, 0, 0, 1000, out(0));
        "reply from nowhere": proxy_send_local_response(200, 0, 0, NOWHERE, 4, 0, 0, -1);
        "metric of nowhere": proxy_define_metric(0, NOWHERE, 4, out(0));
        "metric to nowhere": proxy_define_metric(0, name, n, NOWHERE);
        "foreign function of nowhere": proxy_call_foreign_function(NOWHERE, 4, value, v, out(0), out(1));
    }
}

/// Levels, time and what WASI offers.
pub fn system() {
    let (text, size) = (at(NAME), NAME.len());
    statuses! {
        "log at a level that is none": proxy_log(ODD, text, size);
        "level": proxy_get_log_level(out(0));
        "time": proxy_get_current_time_nanoseconds(out(1));
        "WASI real time": clock_time_get(0, 0, out(2));
        "WASI monotonic time": clock_time_get(1, 0, out(2));
        "WASI process time": clock_time_get(2, 0, out(2));
        "WASI time to nowhere": clock_time_get(0, 0, NOWHERE);
        "WASI random": random_get(out(3), 8);
        "WASI random to nowhere": random_get(NOWHERE, 8);
        "WASI no vectors": fd_write(1, out(0), 0, out(3));
        "WASI write to a file": fd_write(3, out(0), 0, out(3));
        "WASI write from nowhere": fd_write(1, NOWHERE, 1, out(3));
        "WASI environment": environ_sizes_get(out(3), out(4));
        "WASI arguments": args_sizes_get(out(3), out(4));
        "WASI prestat of the first folder": fd_prestat_get(3, out(5));
    }
    log::warn!("a warning");
    log::error!("an error");
    info!("two\nlines, a tab\t and a backslash \\");
    info!("");
    // Standard output and standard error of a module are log lines.
    println!("to standard output");
    eprintln!("to standard error");
    print!("without an end of line");
    println!();
}

/// What an answer to a call offers, be there one or not.
pub fn answer() {
    let (name, n) = (at(b":status"), 7);
    statuses! {
        "call headers": proxy_get_header_map_pairs(CALL_HEADERS, out(0), out(1));
        "number of call headers": proxy_get_header_map_size(CALL_HEADERS, out(2));
        "status of the answer": proxy_get_header_map_value(CALL_HEADERS, name, n, out(3), out(4));
        "call body": proxy_get_buffer_bytes(CALL_BODY, 0, 99, out(3), out(4));
        "status of the call body": proxy_get_buffer_status(CALL_BODY, out(3), out(4));
        "call trailers": proxy_get_header_map_pairs(CALL_TRAILERS, out(3), out(4));
        "number of call trailers": proxy_get_header_map_size(CALL_TRAILERS, out(3));
        "a trailer of the answer": proxy_get_header_map_value(CALL_TRAILERS, name, n, out(3), out(4));
        "replace a call header": proxy_replace_header_map_value(CALL_HEADERS, name, n, name, n);
        "remove a call header": proxy_remove_header_map_value(CALL_HEADERS, name, n);
        "set the call body": proxy_set_buffer_bytes(CALL_BODY, 0, 9, name, n);
        "gRPC status": proxy_get_status(out(3), out(4), out(5));
    }
}
