//! What stands behind the gateways: an API that answers everything it is asked, and a key server. Both are demonstrations: they
//! believe whoever reaches them, which is what the gateway is for.

mod answer;
pub mod api;
mod grpc;
pub mod key_server;
mod server;
pub(crate) mod signer;
mod websocket;

pub use answer::{Answer, Body};
pub use api::{Api, Arrived};
pub use key_server::KeyServer;
pub use server::Server;
pub use signer::{Signer, TOKEN_TYPE};
