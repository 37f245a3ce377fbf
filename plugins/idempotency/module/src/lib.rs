//! The idempotency filter as a proxy-wasm module.
#![cfg(target_arch = "wasm32")]

filter_guest::export_filter!(idempotency::Idempotency);
