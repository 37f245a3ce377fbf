//! Drills with idempotency: two gateways of two workers, one real Redis behind a real Webdis, and hundreds of the same request
//! at once. Each prints what it found: `cargo test --workspace --test idempotency -- --nocapture`.

mod api;
mod client;
mod faults;
mod once;
mod world;

use tokio::sync::{Mutex, MutexGuard};

/// Workers of each gateway.
const WORKERS: u32 = 2;

/// One drill at a time: each needs all of the machine.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}
