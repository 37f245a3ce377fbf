//! An nginx.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use crate::process::{Process, on_free_port};
use crate::{POLL, START_DEADLINE, programs};

/// A running nginx that limits requests and answers those that pass with 200, on a free port of 127.0.0.1.
#[derive(Debug)]
pub struct Nginx {
    process: Process,
    addr: SocketAddr,
    _folder: TempDir,
}

impl Nginx {
    /// `limit_req zone=… burst=<burst> nodelay` with this `rate`, as `10r/s`, a bucket for each value of the header `x-client`;
    /// what does not pass gets 429.
    ///
    /// # Errors
    /// nginx is not to be found, or not ready in time; the message holds the end of its log.
    pub async fn limiting(rate: &str, burst: u32) -> Result<Self> {
        let folder = tempfile::tempdir().context("a folder for nginx")?;
        std::fs::create_dir(folder.path().join("www")).context("www")?;
        std::fs::write(folder.path().join("www/index.html"), "passed\n").context("index.html")?;
        let launched = on_free_port("Address already in use", async |addr| {
            let file = folder.path().join("nginx.conf");
            std::fs::write(&file, configuration(folder.path(), addr, rate, burst)).context("nginx.conf")?;
            launch(&file, folder.path(), addr).await
        });
        let (process, addr) = launched.await?;
        Ok(Self { process, addr, _folder: folder })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// What it wrote to its log.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.said().join("\n")
    }
}

/// One process, and nothing outside of the folder.
fn configuration(folder: &Path, addr: SocketAddr, rate: &str, burst: u32) -> String {
    let folder = folder.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("  {what}_temp_path {folder}/{what};\n"))
        .concat();
    format!(
        "daemon off;\nmaster_process off;\npid {folder}/pid;\nerror_log stderr notice;\nevents {{ worker_connections 512; }}\n\
         http {{\n  access_log off;\n{temporary}  limit_req_zone $http_x_client zone=clients:1m rate={rate};\n\
         limit_req_status 429;\n  server {{\n    listen {addr};\n    root {folder}/www;\n    \
         location / {{ limit_req zone=clients burst={burst} nodelay; }}\n  }}\n}}\n"
    )
}

async fn launch(file: &Path, folder: &Path, addr: SocketAddr) -> Result<Process> {
    let arguments =
        ["-p", &folder.to_string_lossy(), "-e", "stderr", "-c", &file.to_string_lossy()].map(str::to_owned);
    let mut process = Process::start("nginx", &programs::nginx()?, &arguments, folder)?;
    let begin = Instant::now();
    while TcpStream::connect(addr).await.is_err() {
        if process.ended()? {
            process.drained().await;
            bail!("has ended; {}", process.tail());
        }
        if begin.elapsed() > START_DEADLINE {
            bail!("does not listen; {}", process.tail());
        }
        sleep(POLL).await;
    }
    Ok(process)
}
