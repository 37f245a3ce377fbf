//! The CPU time of one thread, from the kernel's scheduler.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

/// Name of the only worker thread of an Envoy with `--concurrency 1`.
const WORKER: &str = "wrk:worker_0";

/// What a thread has used so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Nanoseconds on a CPU.
    pub on_cpu: u64,
    /// Nanoseconds ready to run, but waiting for a CPU: how much others disturbed the measurement.
    pub waiting: u64,
}

impl Usage {
    /// What was used since an earlier reading.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            on_cpu: self.on_cpu.saturating_sub(earlier.on_cpu),
            waiting: self.waiting.saturating_sub(earlier.waiting),
        }
    }
}

/// A worker thread to be watched.
#[derive(Debug)]
pub struct Worker {
    schedstat: PathBuf,
}

impl Worker {
    /// Finds the worker thread of an Envoy.
    ///
    /// # Errors
    ///
    /// When the process has no such thread, or the kernel keeps no `schedstat`.
    pub fn of(pid: u32) -> Result<Self> {
        for thread in threads(pid)? {
            let name = fs::read_to_string(thread.join("comm")).unwrap_or_default();
            if name.trim_end() == WORKER {
                let worker = Self { schedstat: thread.join("schedstat") };
                worker.usage()?;
                return Ok(worker);
            }
        }
        bail!("process {pid} has no thread {WORKER}")
    }

    /// Reads the thread's usage now.
    ///
    /// # Errors
    ///
    /// When the thread has gone.
    pub fn usage(&self) -> Result<Usage> {
        let path = self.schedstat.display();
        let text = fs::read_to_string(&self.schedstat).with_context(|| format!("cannot read {path}"))?;
        parse(&text).with_context(|| format!("{path} holds {text:?}"))
    }
}

/// The folders of a process's threads.
///
/// # Errors
///
/// When the process has gone.
pub fn threads(pid: u32) -> Result<Vec<PathBuf>> {
    let folder = Path::new("/proc").join(pid.to_string()).join("task");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))?;
    Ok(entries.filter_map(|entry| Some(entry.ok()?.path())).collect())
}

/// `<ns on cpu> <ns waiting> <timeslices>`.
fn parse(text: &str) -> Option<Usage> {
    let mut fields = text.split_ascii_whitespace().map(str::parse);
    Some(Usage { on_cpu: fields.next()?.ok()?, waiting: fields.next()?.ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_two_fields_are_read() {
        let usage = parse("107411268 15814135 237\n").unwrap();
        assert_eq!(usage, Usage { on_cpu: 107_411_268, waiting: 15_814_135 });
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "1", "1 x 3", "-1 2 3"] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn usage_is_a_difference() {
        let earlier = Usage { on_cpu: 10, waiting: 3 };
        assert_eq!(Usage { on_cpu: 25, waiting: 3 }.since(earlier), Usage { on_cpu: 15, waiting: 0 });
    }

    #[test]
    fn this_process_is_no_envoy() {
        let error = Worker::of(std::process::id()).unwrap_err().to_string();
        assert!(error.contains("no thread wrk:worker_0"), "{error}");
    }
}
