//! Attempts to log in, counted by address, by user and by both: guesses end, and nobody locks anybody else out. The rules are
//! in this folder's `README.md`.

pub mod alarm;
pub mod ledger;
pub mod limits;
pub mod lock;
pub mod script;
pub mod username;
pub mod who;

mod backend;
mod compile;
mod config;
mod policy;
mod rule;
mod state;
mod stream;

pub use config::Config;
pub use policy::LoginGuard;
