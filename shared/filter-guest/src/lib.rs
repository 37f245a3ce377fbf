//! The imperative shell: the one adapter that performs a [`filter_core::policy::Policy`] through proxy-wasm ABI
//! 0.2.1. The only crate that knows the ABI, empty but for `wasm32`.
//!
//! It does without the Rust SDK (`proxy-wasm` 0.2.5); why, with numbers, is said in this folder's README.
#![cfg(target_arch = "wasm32")]

mod abi;
mod foreign;
mod host;
mod module;
mod perform;
mod root;
mod stream;

pub use module::{Action, Module, allocate};

use filter_core::policy::Policy;

/// Whether a policy asks for the bodies of answers.
#[must_use]
pub const fn watches<P: Policy>() -> bool {
    P::WATCHES
}

/// Makes the crate that names it a proxy-wasm module running one policy. `watches`: one that asks for the bodies of answers;
/// the host enters the module of no other for each piece of one.
#[macro_export]
macro_rules! export_filter {
    ($policy:ty, watches) => {
        $crate::export_filter!(@common $policy);

        mod watches {
            use super::exports::MODULE;
            use $crate::Action;

            const _: () = assert!($crate::watches::<$policy>(), "it asks for none");

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_response_body(id: u32, size: usize, end_of_stream: bool) -> Action {
                MODULE.with(|module| module.response_body(id, size, end_of_stream))
            }
        }
    };
    ($policy:ty) => {
        $crate::export_filter!(@common $policy);

        const _: () = assert!(!$crate::watches::<$policy>(), "export_filter!(…, watches)");
    };
    (@common $policy:ty) => {
        mod exports {
            use $crate::{Action, Module};

            unsafe extern "C" {
                fn __wasm_call_ctors();
            }

            thread_local! {
                pub(super) static MODULE: Module<$policy> = Module::default();
            }

            #[unsafe(no_mangle)]
            extern "C" fn _initialize() {
                // SAFETY: the linker's own function, called once, before anything else, as a WASI reactor must.
                unsafe { __wasm_call_ctors() }
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_abi_version_0_2_1() {}

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
                $crate::allocate(size)
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_context_create(id: u32, parent: u32) {
                MODULE.with(|module| module.create(id, parent))
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_vm_start(_: u32, _: usize) -> bool {
                true
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_configure(id: u32, size: usize) -> bool {
                MODULE.with(|module| module.configure(id, size))
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_request_headers(id: u32, _: usize, end_of_stream: bool) -> Action {
                MODULE.with(|module| module.request_headers(id, end_of_stream))
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_request_body(id: u32, size: usize, end_of_stream: bool) -> Action {
                MODULE.with(|module| module.request_body(id, size, end_of_stream))
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_request_trailers(id: u32, _: usize) -> Action {
                MODULE.with(|module| module.request_trailers(id))
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_response_headers(id: u32, _: usize, end_of_stream: bool) -> Action {
                MODULE.with(|module| module.response_headers(id, end_of_stream))
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_response_trailers(id: u32, _: usize) -> Action {
                MODULE.with(|module| module.response_trailers(id))
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_http_call_response(
                id: u32,
                token: u32,
                headers: usize,
                body: usize,
                _: usize,
            ) {
                MODULE.with(|module| module.call_response(id, token, headers, body))
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_queue_ready(id: u32, queue: u32) {
                MODULE.with(|module| module.queue_ready(id, queue))
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_tick(id: u32) {
                MODULE.with(|module| module.tick(id))
            }

            #[unsafe(no_mangle)]
            extern "C" fn proxy_on_delete(id: u32) {
                MODULE.with(|module| module.delete(id))
            }
        }
    };
}
