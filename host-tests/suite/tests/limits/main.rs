//! Drills with rate-limit: beside a real nginx; two gateways of two workers that share limits through real Redis and Webdis;
//! a million clients; Redis that fails. Each prints what it found:
//! `cargo test --workspace --test limits -- --nocapture`.

mod crowd;
mod faults;
mod keys;
mod nginx;
mod shared;
mod world;

use tokio::sync::{Mutex, MutexGuard};

/// Workers of each gateway.
const WORKERS: u32 = 2;

/// One drill at a time: each needs all of the machine.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}
