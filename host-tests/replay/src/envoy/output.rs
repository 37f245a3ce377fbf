//! What a child process writes, kept line by line.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Child;
use tokio::task::JoinHandle;

/// The lines of stdout and stderr in order of arrival.
#[derive(Debug)]
pub(super) struct Output {
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Output {
    /// Takes the child's pipes and reads them from now on.
    pub(super) fn capture(child: &mut Child) -> Self {
        let lines = Arc::default();
        let mut readers = Vec::new();
        readers.extend(child.stdout.take().map(|pipe| tokio::spawn(read(pipe, Arc::clone(&lines)))));
        readers.extend(child.stderr.take().map(|pipe| tokio::spawn(read(pipe, Arc::clone(&lines)))));
        Self { lines, readers }
    }

    /// Waits for the ends of both pipes: of a child that has ended.
    pub(super) async fn ended(&self) {
        while self.readers.iter().any(|reader| !reader.is_finished()) {
            tokio::time::sleep(super::POLL).await;
        }
    }

    pub(super) fn lines(&self) -> Vec<String> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn text(&self) -> String {
        self.lines().join("\n")
    }

    /// The last `count` lines.
    pub(super) fn tail(&self, count: usize) -> String {
        let lines = self.lines();
        lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
    }
}

async fn read(pipe: impl AsyncRead + Unpin, lines: Arc<Mutex<Vec<String>>>) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    // A guest may log any bytes, so lines are read as bytes.
    while matches!(reader.read_until(b'\n', &mut line).await, Ok(1..)) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        lines.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        line.clear();
    }
}
