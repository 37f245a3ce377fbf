//! The deny-list of revoked tokens: asked about each token, or kept as a whole.

mod check;
mod list;
mod subject;
mod sync;

pub use check::{Answer, Asked, Check};
pub use subject::Subject;
pub use sync::{Kept, Sync};
