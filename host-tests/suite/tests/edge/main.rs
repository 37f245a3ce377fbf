//! The gateway that ships, asked from outside: handshakes by OpenSSL's command line, certificates and keys that change under
//! load, port 80, what Envoy answers itself. What the README shows is printed:
//! `cargo test --workspace --test edge -- --nocapture`.

mod answers;
mod capabilities;
mod connections;
mod control;
mod file;
mod handshakes;
mod mutual;
mod options;
mod plain;
mod proxied;
mod replies;
mod rotation;
mod s_client;
mod secrets;
mod slow;
mod weak;
mod wire;

use anyhow::Result;
use edge::authority::Authority;
use edge::gateway::{EdgeGateway, Surroundings};
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

/// One at a time: each compiles every filter, and two cores are all there is.
async fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::const_new(());
    ALONE.lock().await
}

/// Secrets of a run, and where they are.
struct Secrets {
    authority: Authority,
    // Keeps them until the end.
    folder: TempDir,
}

impl Secrets {
    fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("portcullis-").tempdir()?;
        Ok(Self { authority: Authority::create(folder.path())?, folder })
    }

    /// A gateway with nobody behind it.
    async fn gateway(&self) -> Result<EdgeGateway> {
        EdgeGateway::start(&self.authority, &Surroundings::default()).await
    }
}
