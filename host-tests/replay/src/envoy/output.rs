//! What a child process writes, kept line by line.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::Child;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::log_line::{About, Line};
use crate::observation::LogLine;

/// The lines of stdout and stderr in order of arrival, and what stderr says about the filters.
#[derive(Debug)]
pub(super) struct Output {
    seen: Arc<Seen>,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Seen {
    state: Mutex<State>,
    /// The last path the administration said it has served.
    served: watch::Sender<String>,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<String>,
    filters: Vec<LogLine>,
    traps: Vec<String>,
    /// Whether the last line of stderr was a filter's.
    filter_spoke: bool,
}

impl Output {
    /// Takes the child's pipes and reads them from now on.
    pub(super) fn capture(child: &mut Child) -> Self {
        let seen = Arc::<Seen>::default();
        let mut readers = Vec::new();
        readers
            .extend(child.stdout.take().map(|pipe| tokio::spawn(read(pipe, Arc::clone(&seen), Seen::said))));
        readers.extend(
            child.stderr.take().map(|pipe| tokio::spawn(read(pipe, Arc::clone(&seen), Seen::logged))),
        );
        Self { seen, readers }
    }

    /// Waits for the ends of both pipes: of a child that has ended.
    pub(super) async fn ended(&self) {
        while self.readers.iter().any(|reader| !reader.is_finished()) {
            tokio::time::sleep(super::POLL).await;
        }
    }

    /// Waits until Envoy has logged that its administration served `path`. Only with
    /// [`Options::traced`](super::Options::traced) it does.
    pub(super) async fn served(&self, path: &str) {
        // The sender lives as long as this does.
        let _ = self.seen.served.subscribe().wait_for(|served| served == path).await;
    }

    /// The lines of filters since the `skip`th.
    pub(super) fn filters(&self, skip: usize) -> Vec<LogLine> {
        self.seen.state().filters.get(skip..).unwrap_or_default().to_vec()
    }

    /// How many lines filters wrote.
    pub(super) fn filter_count(&self) -> usize {
        self.seen.state().filters.len()
    }

    /// What was logged about each trap.
    pub(super) fn traps(&self) -> Vec<String> {
        self.seen.state().traps.clone()
    }

    pub(super) fn text(&self) -> String {
        self.seen.state().lines.join("\n")
    }

    /// The last `count` lines.
    pub(super) fn tail(&self, count: usize) -> String {
        let lines = &self.seen.state().lines;
        lines.get(lines.len().saturating_sub(count)..).unwrap_or_default().join("\n")
    }
}

impl Seen {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A line of stdout.
    fn said(&self, line: &[u8]) {
        self.state().lines.push(String::from_utf8_lossy(line).trim_end().to_owned());
    }

    /// A line of stderr.
    fn logged(&self, line: &[u8]) {
        let Some(parsed) = Line::parse(line) else { return self.continued(line) };
        let about = parsed.about();
        let mut state = self.state();
        state.filter_spoke = matches!(about, About::Filter(_));
        match about {
            About::Filter(line) => state.filters.push(line),
            About::Trap => state.traps.push(parsed.to_string()),
            About::Served(path) => {
                self.served.send_replace(path);
                return;
            }
            About::Inside => return,
            About::Other => {}
        }
        state.lines.push(parsed.to_string());
    }

    /// A line that begins no message. White space at the end of a message is the one thing Envoy does not escape:
    /// line ends among it belong to the filter that wrote them.
    fn continued(&self, line: &[u8]) {
        let mut state = self.state();
        let text = String::from_utf8_lossy(line);
        let blank = text.trim().is_empty();
        if blank
            && state.filter_spoke
            && let Some(last) = state.filters.last_mut()
        {
            last.text.push('\n');
            last.text.push_str(&text);
        }
        state.filter_spoke &= blank;
        state.lines.push(text.trim_end().to_owned());
    }
}

/// Hands every line, its end removed, to `take`. A guest may log any bytes, so lines are read as bytes.
async fn read(pipe: impl AsyncRead + Unpin, seen: Arc<Seen>, take: fn(&Seen, &[u8])) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line).await, Ok(1..)) {
        take(&seen, line.strip_suffix(b"\n").unwrap_or(&line));
        line.clear();
    }
}
