//! Loading a configuration: what is accepted, and what an operator reads when it is not.

mod document;
mod errors;
mod sample;
