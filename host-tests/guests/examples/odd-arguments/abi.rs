//! The host calls as they are imported. Addresses are numbers here, since the odd ones are no pointers.

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    pub fn proxy_log(level: u32, text: usize, size: usize) -> u32;
    pub fn proxy_get_log_level(level: usize) -> u32;
    pub fn proxy_get_current_time_nanoseconds(time: usize) -> u32;
    pub fn proxy_get_buffer_bytes(kind: u32, start: usize, size: usize, data: usize, data_size: usize)
    -> u32;
    pub fn proxy_set_buffer_bytes(kind: u32, start: usize, size: usize, data: usize, data_size: usize)
    -> u32;
    pub fn proxy_get_buffer_status(kind: u32, size: usize, flags: usize) -> u32;
    pub fn proxy_get_header_map_pairs(map: u32, data: usize, size: usize) -> u32;
    pub fn proxy_set_header_map_pairs(map: u32, data: usize, size: usize) -> u32;
    pub fn proxy_get_header_map_size(map: u32, size: usize) -> u32;
    pub fn proxy_get_header_map_value(
        map: u32,
        key: usize,
        key_size: usize,
        value: usize,
        size: usize,
    ) -> u32;
    pub fn proxy_replace_header_map_value(
        map: u32,
        key: usize,
        key_size: usize,
        value: usize,
        size: usize,
    ) -> u32;
    pub fn proxy_add_header_map_value(
        map: u32,
        key: usize,
        key_size: usize,
        value: usize,
        size: usize,
    ) -> u32;
    pub fn proxy_remove_header_map_value(map: u32, key: usize, key_size: usize) -> u32;
    pub fn proxy_get_property(path: usize, path_size: usize, value: usize, size: usize) -> u32;
    pub fn proxy_set_property(path: usize, path_size: usize, value: usize, size: usize) -> u32;
    pub fn proxy_get_shared_data(key: usize, key_size: usize, value: usize, size: usize, cas: usize) -> u32;
    pub fn proxy_set_shared_data(key: usize, key_size: usize, value: usize, size: usize, cas: u32) -> u32;
    pub fn proxy_register_shared_queue(name: usize, size: usize, id: usize) -> u32;
    pub fn proxy_resolve_shared_queue(vm: usize, vm_size: usize, name: usize, size: usize, id: usize) -> u32;
    pub fn proxy_dequeue_shared_queue(id: u32, value: usize, size: usize) -> u32;
    pub fn proxy_enqueue_shared_queue(id: u32, value: usize, size: usize) -> u32;
    pub fn proxy_continue_stream(kind: u32) -> u32;
    pub fn proxy_close_stream(kind: u32) -> u32;
    pub fn proxy_send_local_response(
        status: u32,
        details: usize,
        details_size: usize,
        body: usize,
        body_size: usize,
        headers: usize,
        headers_size: usize,
        grpc_status: i32,
    ) -> u32;
    pub fn proxy_http_call(
        cluster: usize,
        cluster_size: usize,
        headers: usize,
        headers_size: usize,
        body: usize,
        body_size: usize,
        trailers: usize,
        trailers_size: usize,
        timeout: u32,
        token: usize,
    ) -> u32;
    pub fn proxy_grpc_call(
        service: usize,
        service_size: usize,
        name: usize,
        name_size: usize,
        method: usize,
        method_size: usize,
        metadata: usize,
        metadata_size: usize,
        message: usize,
        message_size: usize,
        timeout: u32,
        token: usize,
    ) -> u32;
    pub fn proxy_grpc_cancel(token: u32) -> u32;
    pub fn proxy_grpc_close(token: u32) -> u32;
    pub fn proxy_grpc_send(token: u32, message: usize, size: usize, end: u32) -> u32;
    pub fn proxy_get_status(code: usize, message: usize, size: usize) -> u32;
    pub fn proxy_set_effective_context(id: u32) -> u32;
    pub fn proxy_call_foreign_function(
        name: usize,
        name_size: usize,
        arguments: usize,
        arguments_size: usize,
        results: usize,
        results_size: usize,
    ) -> u32;
    pub fn proxy_done() -> u32;
    pub fn proxy_define_metric(kind: u32, name: usize, size: usize, id: usize) -> u32;
    pub fn proxy_get_metric(id: u32, value: usize) -> u32;
    pub fn proxy_record_metric(id: u32, value: u64) -> u32;
    pub fn proxy_increment_metric(id: u32, offset: i64) -> u32;
}

#[link(wasm_import_module = "wasi_snapshot_preview1")]
unsafe extern "C" {
    pub fn clock_time_get(clock: u32, precision: u64, time: usize) -> u32;
    pub fn random_get(buffer: usize, size: usize) -> u32;
    pub fn fd_write(fd: u32, vectors: usize, count: usize, written: usize) -> u32;
    pub fn environ_sizes_get(count: usize, size: usize) -> u32;
    pub fn args_sizes_get(count: usize, size: usize) -> u32;
    pub fn fd_prestat_get(fd: u32, result: usize) -> u32;
}

/// Beyond every memory that a module of this size has.
pub const NOWHERE: usize = 0xffff_0000;
/// A map, buffer, metric kind, stream or level that does not exist.
pub const ODD: u32 = 99;

thread_local! {
    /// Where the host writes its results, of 4 or 8 bytes each.
    static OUT: std::cell::Cell<[[u32; 2]; 8]> = const { std::cell::Cell::new([[0; 2]; 8]) };
}

/// The address of the n-th place for a result.
pub fn out(index: usize) -> usize {
    OUT.with(|out| out.as_ptr().addr() + index * size_of::<[u32; 2]>())
}

/// The number of 4 bytes that the host wrote to the n-th place.
pub fn result(index: usize) -> u32 {
    let [low, _] = OUT.with(|out| out.get().get(index).copied().unwrap_or_default());
    low
}

/// The address of bytes.
pub fn at(bytes: &[u8]) -> usize {
    bytes.as_ptr().addr()
}

/// Header pairs as the host reads them: their number, the sizes, the bytes with a zero after each.
pub fn pairs(pairs: &[(&str, &str)]) -> Vec<u8> {
    let number = |number: usize| u32::try_from(number).unwrap_or_default().to_le_bytes();
    let mut bytes = Vec::from(number(pairs.len()));
    for (name, value) in pairs {
        bytes.extend_from_slice(&[number(name.len()), number(value.len())].concat());
    }
    for (name, value) in pairs {
        bytes.extend_from_slice(&[name.as_bytes(), b"\0", value.as_bytes(), b"\0"].concat());
    }
    bytes
}
