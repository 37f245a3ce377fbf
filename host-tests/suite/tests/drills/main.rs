//! Drills with thousands of requests: many wait for one call-out, Redis stalls under load, Redis hangs under more. Each prints
//! what it found: `cargo test --workspace --test drills -- --nocapture`.

mod clients;
mod figures;
mod gated;
mod hang;
mod misdelivery;
mod shared;
mod shared_hosted;
mod shared_native;

use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::{Instant, sleep, timeout};

/// A busy machine may take long for ten thousand requests. Nothing below takes a tenth of it on an idle one.
const DEADLINE: Duration = Duration::from_secs(120);
/// Between two looks at what nobody announces.
const POLL: Duration = Duration::from_millis(10);

/// One drill at a time: each uses half of the sockets that a process may have, and all of the machine.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// What the future yields; an error where it does not come to that.
async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> Result<T> {
    timeout(DEADLINE, future).await.with_context(|| format!("{what}: nothing happens"))
}

/// Asks until it is so.
async fn until<F: Future<Output = Result<bool>>>(what: &str, mut ask: impl FnMut() -> F) -> Result<()> {
    let begin = Instant::now();
    while !ask().await? {
        ensure!(begin.elapsed() < DEADLINE, "{what}: that does not come");
        sleep(POLL).await;
    }
    Ok(())
}
