//! The imperative shell: the one adapter that performs a [`filter_core::policy::Policy`] through proxy-wasm.
//! The only crate that names proxy-wasm, empty but for `wasm32`.
//!
//! The SDK gives the exports and their dispatch. Its host-call wrappers panic on bytes that are not UTF-8 and
//! on every status they do not expect; a panic is a dead VM, so [`abi`] declares the host calls itself and
//! returns what the host said.
#![cfg(target_arch = "wasm32")]

mod abi;
mod host;
mod perform;
mod root;
mod stream;

#[doc(hidden)]
pub use proxy_wasm;

use filter_core::policy::Policy;

/// Registers the filter with the SDK; called by [`export_filter!`] before anything else runs.
#[doc(hidden)]
pub fn start<P: Policy>() {
    proxy_wasm::set_root_context(|_| Box::new(root::Root::<P>::default()));
}

/// Makes the crate that names it a proxy-wasm module running one policy.
#[macro_export]
macro_rules! export_filter {
    ($policy:ty) => {
        mod exports {
            $crate::proxy_wasm::main! {{
                $crate::start::<$policy>();
            }}
        }
    };
}
