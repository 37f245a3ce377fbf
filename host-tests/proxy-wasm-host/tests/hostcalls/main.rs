//! What every host function answers, for every argument that can be and many that cannot. A guest made of calls logs
//! what each was answered (`guest`); the same modules in Envoy 1.40 log the same lines, where no limit of the host and
//! no answer of its network is looked at.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod argument;
mod buffers;
mod callout;
mod foreign;
mod guest;
mod headers;
mod hostile;
mod keys;
mod properties;
mod restricted;
mod scenario;
mod state;
mod streams;
mod system;
mod wasi;
