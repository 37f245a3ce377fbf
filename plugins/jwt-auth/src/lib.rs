//! JSON Web Tokens: who may enter, proved by signature, time and deny-list. The rules are in this folder's `README.md`.

pub mod alg;
pub mod claims;
pub mod crypto;
pub mod extract;
pub mod keys;
pub mod token;

mod accepted;
mod answer;
mod cache;
mod config;
mod jwks;
mod kept;
mod policy;
mod provider;
mod revocation;
mod rule;
mod state;
mod stream;
mod verify;

pub use config::Config;
pub use policy::JwtAuth;
