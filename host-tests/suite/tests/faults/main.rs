//! What becomes of a request whose call-out goes wrong: every fault, with the answer that is configured, at the latest at
//! the timeout, with nothing left behind.
//!
//! `virtual_time` has the module in `proxy-wasm-host`, where "at the timeout" is an equation. `service` and `dialect` have
//! it in a real Envoy in front of scripted servers, `parts` and `circuit` in front of a real Webdis and a real Redis that
//! are killed, stopped, full and started again.

mod circuit;
mod dialect;
mod doubling;
mod drill;
mod foreign;
mod parts;
mod precedence;
mod rounds;
mod service;
mod table;
mod virtual_time;
