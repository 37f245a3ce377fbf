//! The probe policy as a proxy-wasm module
