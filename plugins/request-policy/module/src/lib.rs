//! The request-policy filter as a proxy-wasm module
