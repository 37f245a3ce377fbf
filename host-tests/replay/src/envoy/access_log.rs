//! The access log a test run adds, read while Envoy writes it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::POLL;
use crate::observation::Exported;

/// One request as Envoy logged it.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct AccessLine {
    peer: String,
    /// Envoy's own word for how the response came about.
    pub(crate) details: Option<String>,
    /// The id Envoy gave the request or took from it.
    pub(crate) id: Option<String>,
    /// Bytes sent to the upstream for it, headers included.
    pub(crate) upstream_bytes: Option<u64>,
    #[serde(default)]
    pub(crate) instances: BTreeMap<String, Exported>,
}

/// The log file and how much of it has been read.
#[derive(Debug)]
pub(crate) struct AccessLines {
    path: PathBuf,
    seen: usize,
}

impl AccessLines {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, seen: 0 }
    }

    /// Waits for the lines of the connection from `peer`; empty when there is none at the deadline. Lines of
    /// other connections are passed over.
    pub(crate) async fn of(&mut self, peer: SocketAddr, deadline: Duration) -> Result<Vec<AccessLine>> {
        let end = Instant::now() + deadline;
        loop {
            let found = self.new_lines().await?;
            let peer = peer.to_string();
            let found: Vec<AccessLine> = found.into_iter().filter(|line| line.peer == peer).collect();
            if !found.is_empty() || Instant::now() > end {
                return Ok(found);
            }
            tokio::time::sleep(POLL).await;
        }
    }

    async fn new_lines(&mut self) -> Result<Vec<AccessLine>> {
        let bytes = match tokio::fs::read(&self.path).await {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            read => read.with_context(|| self.path.display().to_string())?,
        };
        let unread = bytes.get(self.seen..).unwrap_or_default();
        // A line without its end is still being written.
        let whole = unread.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let unread = unread.get(..whole).unwrap_or_default();
        self.seen += whole;
        let lines = unread.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let parse = |line| {
            let text = || format!("access log line {}", String::from_utf8_lossy(line));
            serde_json::from_slice(line).with_context(text)
        };
        lines.map(parse).collect()
    }
}
