//! Drills with thousands of requests: many wait for one call-out, Redis stalls under load, Redis hangs under more; bodies that
//! never end, and bodies that Envoy never shows. Each prints what it found: `cargo test --workspace --test drills -- --nocapture`.

mod gated;
mod hang;
mod held;
mod large_body;
mod misdelivery;
mod shared;
mod shared_hosted;
mod shared_native;

use suite::patience::{DEADLINE, until};
use suite::{clients, figures};
use tokio::sync::{Mutex, MutexGuard};

/// One drill at a time: each uses half of the sockets that a process may have, and all of the machine.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}
