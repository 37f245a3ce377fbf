//! The request-policy filter as a proxy-wasm module.
filter_guest::export_filter!(request_policy::RequestPolicy);
