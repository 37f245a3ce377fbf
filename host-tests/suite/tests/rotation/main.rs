//! Drills with jwt-auth in a real Envoy of two workers: keys that rotate and key servers that fail under load, a flood of
//! unknown keys, tokens that an operator revokes. Each prints what it found:
//! `cargo test --workspace --test rotation -- --nocapture`.

mod faults;
mod flood;
mod key_server;
mod load;
mod revocation;
mod rotation;
mod tokens;

use std::time::{Duration, Instant};

use tokio::sync::{Mutex, MutexGuard};

/// Workers of each gateway.
const WORKERS: u32 = 2;
/// How often a worker of jwt-auth looks whether there is something to do.
const TICK: Duration = Duration::from_millis(500);
/// How much later than promised something may come on a machine that does other things, too.
const SLACK: Duration = Duration::from_secs(1);

/// One drill at a time: each needs all of the machine.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// How long after `begin` something was; none where it never was.
fn since(begin: Instant, last: Option<Instant>) -> Duration {
    last.map(|last| last.saturating_duration_since(begin)).unwrap_or_default()
}
