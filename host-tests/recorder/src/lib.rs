//! An upstream for tests that records what really reached it and answers as scripted, and beside it the clusters
//! that filters call out to, with the faults that a real one can have.
//!
//! A test that says "the upstream was not contacted" must be able to mean it: a request is recorded when
//! its *head* arrives, and stays on record as [`End::CutOff`] when its body never completes. Bytes that
//! hyper refuses to read as HTTP are recorded too, as [`Recorder::take_unreadable`].
//!
//! HTTP/1.1 and HTTP/2 with prior knowledge share one port. Two limits of the HTTP library show in the
//! record: several values of one name stand together (at the place of the first), and a request target
//! that is not a URI counts as unreadable.

mod callouts;
mod connection;
mod record;
mod redis;
mod response;
mod script;
mod server;

pub use callouts::CallOuts;
pub use record::{End, Recorded};
pub use redis::{Nonce, RedisAnswer, hide_nonce};
pub use response::Response;
pub use script::{Answer, Fault, Script, Scripted};
pub use server::Recorder;

/// Header lists as they are compared: in order of arrival, names in lower case, values as raw bytes.
pub type Headers = Vec<(String, Vec<u8>)>;
