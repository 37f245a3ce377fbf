//! Host calls of proxy-wasm ABI 0.2.1 as this adapter needs them: bytes in, bytes out, no panic. Every
//! status but 0 is an `Err` or a `None`; nothing here decides what that means.
#![allow(
    unsafe_code,
    reason = "host calls are foreign functions, and hand over buffers the host allocated in our memory"
)]

use filter_core::effect::Level;
use filter_core::message::Headers;
use std::ptr::null_mut;

/// A header map by its number in the ABI (`proxy_map_type_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum MapType {
    Request = 0,
    Response = 2,
    ResponseTrailers = 3,
    CallResponse = 6,
}

/// A buffer by its number in the ABI (`proxy_buffer_type_t`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum BufferType {
    RequestBody = 0,
    ResponseBody = 1,
    CallResponseBody = 4,
    PluginConfiguration = 7,
}

/// `proxy_metric_type_t`
const COUNTER: u32 = 0;
const GAUGE: u32 = 1;

/// The host refused; the status is that of `WasmResult` in proxy-wasm-cpp-host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refused(pub(crate) u32);

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, text: *const u8, size: usize) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        max: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_add_header_map_value(
        map: u32,
        key: *const u8,
        key_size: usize,
        value: *const u8,
        size: usize,
    ) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        key: *const u8,
        key_size: usize,
        value: *const u8,
        size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, key: *const u8, key_size: usize) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, size: usize) -> u32;
    fn proxy_get_shared_data(
        key: *const u8,
        key_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
        cas: *mut u32,
    ) -> u32;
    fn proxy_set_shared_data(key: *const u8, key_size: usize, value: *const u8, size: usize, cas: u32)
    -> u32;
    fn proxy_send_local_response(
        status: u32,
        details: *const u8,
        details_size: usize,
        body: *const u8,
        body_size: usize,
        headers: *const u8,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    fn proxy_http_call(
        cluster: *const u8,
        cluster_size: usize,
        headers: *const u8,
        headers_size: usize,
        body: *const u8,
        body_size: usize,
        trailers: *const u8,
        trailers_size: usize,
        timeout_ms: u32,
        token: *mut u32,
    ) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        argument: *const u8,
        size: usize,
        data: *mut *mut u8,
        result_size: *mut usize,
    ) -> u32;
    fn proxy_set_effective_context(context: u32) -> u32;
    fn proxy_continue_stream(stream: u32) -> u32;
    fn proxy_set_tick_period_milliseconds(period: u32) -> u32;
    fn proxy_register_shared_queue(name: *const u8, size: usize, queue: *mut u32) -> u32;
    fn proxy_enqueue_shared_queue(queue: u32, item: *const u8, size: usize) -> u32;
    fn proxy_dequeue_shared_queue(queue: u32, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
    fn proxy_record_metric(id: u32, value: u64) -> u32;
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    fn random_get(buffer: *mut u8, size: usize) -> u16;
}

fn checked(status: u32) -> Result<(), Refused> {
    if status == 0 { Ok(()) } else { Err(Refused(status)) }
}

/// A call that hands over a buffer which the host had our allocator export make.
fn returned(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Result<Vec<u8>, Refused> {
    let (mut data, mut size) = (null_mut(), 0);
    checked(call(&raw mut data, &raw mut size))?;
    if data.is_null() {
        return Ok(Vec::new());
    }
    // SAFETY: `crate::allocate` made this block with the layout of a `Vec` of exactly `size` bytes, the host
    // filled it, and nobody else owns it.
    Ok(unsafe { Vec::from_raw_parts(data, size, size) })
}

pub(crate) fn log(level: Level, text: &str) {
    let level = match level {
        Level::Info => 2,
        Level::Warn => 3,
        Level::Critical => 5,
    };
    // SAFETY: pointer and length are those of `text`. There is nobody to tell that logging failed.
    let _ = unsafe { proxy_log(level, text.as_ptr(), text.len()) };
}

/// Wall clock in ns since the Unix epoch.
pub(crate) fn now() -> u64 {
    let mut time = 0;
    // SAFETY: `time` outlives the call.
    let _ = unsafe { proxy_get_current_time_nanoseconds(&raw mut time) };
    time
}

pub(crate) fn random(bytes: &mut [u8]) -> bool {
    // SAFETY: pointer and length are those of `bytes`.
    unsafe { random_get(bytes.as_mut_ptr(), bytes.len()) == 0 }
}

/// At most `max` bytes from the start of a buffer.
pub(crate) fn buffer(buffer: BufferType, max: usize) -> Result<Vec<u8>, Refused> {
    // SAFETY: out-pointers are valid for the call.
    returned(|data, size| unsafe { proxy_get_buffer_bytes(buffer as u32, 0, max, data, size) })
}

/// All fields of a map. `None` also when the host hands over something that is no map.
pub(crate) fn headers(map: MapType) -> Option<Headers> {
    // SAFETY: out-pointers are valid for the call.
    returned(|data, size| unsafe { proxy_get_header_map_pairs(map as u32, data, size) })
        .ok()
        .and_then(Headers::decode)
}

pub(crate) fn add_header(map: MapType, name: &[u8], value: &[u8]) -> Result<(), Refused> {
    // SAFETY: pointers and lengths are those of the slices.
    checked(unsafe {
        proxy_add_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

pub(crate) fn set_header(map: MapType, name: &[u8], value: &[u8]) -> Result<(), Refused> {
    // SAFETY: pointers and lengths are those of the slices.
    checked(unsafe {
        proxy_replace_header_map_value(map as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

pub(crate) fn remove_header(map: MapType, name: &[u8]) -> Result<(), Refused> {
    // SAFETY: pointer and length are those of `name`.
    checked(unsafe { proxy_remove_header_map_value(map as u32, name.as_ptr(), name.len()) })
}

/// `path`: segments separated by NUL.
pub(crate) fn property(path: &str) -> Option<Vec<u8>> {
    // SAFETY: pointers are valid for the call.
    returned(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) }).ok()
}

/// Filter state `wasm.<key>`.
pub(crate) fn set_property(key: &str, value: &[u8]) -> Result<(), Refused> {
    // SAFETY: pointers and lengths are those of the slices.
    checked(unsafe { proxy_set_property(key.as_ptr(), key.len(), value.as_ptr(), value.len()) })
}

/// Value and version.
pub(crate) fn shared_data(key: &str) -> Option<(Vec<u8>, u32)> {
    let mut cas = 0;
    // SAFETY: pointers are valid for the call.
    let value = returned(|data, size| unsafe {
        proxy_get_shared_data(key.as_ptr(), key.len(), data, size, &raw mut cas)
    });
    value.ok().map(|value| (value, cas))
}

pub(crate) fn set_shared_data(key: &str, value: &[u8], cas: u32) -> Result<(), Refused> {
    // SAFETY: pointers and lengths are those of the slices.
    checked(unsafe { proxy_set_shared_data(key.as_ptr(), key.len(), value.as_ptr(), value.len(), cas) })
}

/// `headers`: serialised pairs; `grpc_status`: -1 for none.
pub(crate) fn send_local_response(
    status: u16,
    details: &str,
    body: &[u8],
    headers: &[u8],
    grpc_status: i32,
) -> Result<(), Refused> {
    // SAFETY: pointers and lengths are those of the slices.
    checked(unsafe {
        proxy_send_local_response(
            u32::from(status),
            details.as_ptr(),
            details.len(),
            body.as_ptr(),
            body.len(),
            headers.as_ptr(),
            headers.len(),
            grpc_status,
        )
    })
}

pub(crate) fn define_counter(name: &str) -> Result<u32, Refused> {
    define(COUNTER, name)
}

pub(crate) fn define_gauge(name: &str) -> Result<u32, Refused> {
    define(GAUGE, name)
}

fn define(kind: u32, name: &str) -> Result<u32, Refused> {
    let mut id = 0;
    // SAFETY: pointers are valid for the call.
    checked(unsafe { proxy_define_metric(kind, name.as_ptr(), name.len(), &raw mut id) })?;
    Ok(id)
}

pub(crate) fn record(id: u32, value: u64) -> Result<(), Refused> {
    // SAFETY: no pointers.
    checked(unsafe { proxy_record_metric(id, value) })
}

pub(crate) fn increment(id: u32) -> Result<(), Refused> {
    // SAFETY: no pointers.
    checked(unsafe { proxy_increment_metric(id, 1) })
}

/// Sends a request to a cluster in the name of the root context; the number of its answer. `headers`: serialised pairs,
/// pseudo header fields included. `timeout_ms` must not be zero.
pub(crate) fn http_call(cluster: &str, headers: &[u8], body: &[u8], timeout_ms: u32) -> Result<u32, Refused> {
    let (mut token, trailers) = (0, Headers::encode(std::iter::empty()));
    // SAFETY: pointers and lengths are those of the slices.
    checked(unsafe {
        proxy_http_call(
            cluster.as_ptr(),
            cluster.len(),
            headers.as_ptr(),
            headers.len(),
            body.as_ptr(),
            body.len(),
            trailers.as_ptr(),
            trailers.len(),
            timeout_ms,
            &raw mut token,
        )
    })?;
    Ok(token)
}

/// Calls a function that the host has beyond the ABI, by name.
pub(crate) fn foreign_function(name: &str, argument: &[u8]) -> Result<Vec<u8>, Refused> {
    // SAFETY: pointers are valid for the call.
    returned(|data, size| unsafe {
        proxy_call_foreign_function(name.as_ptr(), name.len(), argument.as_ptr(), argument.len(), data, size)
    })
}

/// What follows is done in the name of this context, until the callback ends or another is chosen.
pub(crate) fn set_effective_context(context: u32) -> Result<(), Refused> {
    // SAFETY: no pointers.
    checked(unsafe { proxy_set_effective_context(context) })
}

/// Lets the held request of the effective context go on.
pub(crate) fn continue_request() -> Result<(), Refused> {
    const REQUEST: u32 = 0;
    // SAFETY: no pointers.
    checked(unsafe { proxy_continue_stream(REQUEST) })
}

pub(crate) fn set_tick_period(milliseconds: u32) -> Result<(), Refused> {
    // SAFETY: no pointers.
    checked(unsafe { proxy_set_tick_period_milliseconds(milliseconds) })
}

/// A queue whose items wake the root context that registers it.
pub(crate) fn register_queue(name: &str) -> Result<u32, Refused> {
    let mut queue = 0;
    // SAFETY: pointers are valid for the call.
    checked(unsafe { proxy_register_shared_queue(name.as_ptr(), name.len(), &raw mut queue) })?;
    Ok(queue)
}

pub(crate) fn enqueue(queue: u32, item: &[u8]) -> Result<(), Refused> {
    // SAFETY: pointer and length are those of `item`.
    checked(unsafe { proxy_enqueue_shared_queue(queue, item.as_ptr(), item.len()) })
}

/// `Err`: it is empty.
pub(crate) fn dequeue(queue: u32) -> Result<Vec<u8>, Refused> {
    // SAFETY: out-pointers are valid for the call.
    returned(|data, size| unsafe { proxy_dequeue_shared_queue(queue, data, size) })
}
