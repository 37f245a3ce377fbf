//! Waiting for what takes as long as it takes.

use std::future::Future;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use tokio::time::{Instant, sleep, timeout};

/// A busy machine may take long for ten thousand requests. Nothing below takes a tenth of it on an idle one.
pub const DEADLINE: Duration = Duration::from_secs(120);
/// Between two looks at what nobody announces.
const POLL: Duration = Duration::from_millis(10);

/// What the future yields; an error where it does not come to that.
///
/// # Errors
/// It takes longer than [`DEADLINE`].
pub async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> Result<T> {
    timeout(DEADLINE, future).await.with_context(|| format!("{what}: nothing happens"))
}

/// Asks until it is so.
///
/// # Errors
/// Asking fails, or it takes longer than [`DEADLINE`].
pub async fn until<F: Future<Output = Result<bool>>>(what: &str, mut ask: impl FnMut() -> F) -> Result<()> {
    let begin = Instant::now();
    while !ask().await? {
        ensure!(begin.elapsed() < DEADLINE, "{what}: that does not come");
        sleep(POLL).await;
    }
    Ok(())
}
