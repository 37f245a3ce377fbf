//! What every host function answers, for every argument that can be and many that cannot.

mod buffers;
mod callout;
mod foreign;
mod guest;
mod headers;
mod keys;
mod properties;
mod restricted;
mod scenario;
mod state;
mod streams;
mod system;
mod wasi;
