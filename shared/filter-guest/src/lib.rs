//! The one adapter between a Policy and proxy-wasm
