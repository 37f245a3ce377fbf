//! Drills with login-guard: two gateways of two workers that count together through real Redis and Webdis, an API that
//! remembers who asked it, and attackers from as many addresses as they like (PROXY protocol). Each prints what it found:
//! `cargo test --workspace --test logins -- --nocapture`.

mod drills;
mod world;

use tokio::sync::{Mutex, MutexGuard};

/// Workers of each gateway.
const WORKERS: u32 = 2;

/// One drill at a time: each needs all of the machine.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}
