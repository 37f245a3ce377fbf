//! The probe as a proxy-wasm module.
filter_guest::export_filter!(probe::Probe);
