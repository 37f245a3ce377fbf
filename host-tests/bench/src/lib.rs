//! Cost of a filter in a real Envoy, beside the native filter and a no-op
