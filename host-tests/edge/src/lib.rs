//! The gateway that ships, as it runs: `envoy-configs/envoy/gateway.yaml` in a real Envoy, with certificates made for the run.

pub mod authority;
pub mod client;
pub mod demo;
mod framing;
pub mod gateway;
pub mod services;
