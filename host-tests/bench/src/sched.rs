//! The CPU time of threads, from the kernel's scheduler.

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

/// Threads to be watched: the worker of an Envoy, or all of a program.
#[derive(Debug)]
pub struct Worker {
    schedstats: Vec<PathBuf>,
}

impl Worker {
    /// Finds the worker thread of an Envoy.
    ///
    /// # Errors
    ///
    /// When the process has no such thread, or the kernel keeps no `schedstat`.
    pub fn of(pid: u32) -> Result<Self> {
        Self::named(pid, WORKER)
    }

    /// Finds the thread of this name.
    ///
    /// # Errors
    ///
    /// As [`Worker::of`].
    pub fn named(pid: u32, name: &str) -> Result<Self> {
        for thread in threads(pid)? {
            let comm = fs::read_to_string(thread.join("comm")).unwrap_or_default();
            if comm.trim_end() == name {
                return Self::watch(vec![thread]);
            }
        }
        bail!("process {pid} has no thread {name}")
    }

    /// All threads that a process has now.
    ///
    /// # Errors
    ///
    /// As [`Worker::of`].
    pub fn all(pid: u32) -> Result<Self> {
        Self::watch(threads(pid)?)
    }

    fn watch(threads: Vec<PathBuf>) -> Result<Self> {
        let worker =
            Self { schedstats: threads.into_iter().map(|thread| thread.join("schedstat")).collect() };
        worker.usage()?;
        Ok(worker)
    }

    /// Reads the threads' usage now, all of it together.
    ///
    /// # Errors
    ///
    /// When one has gone.
    pub fn usage(&self) -> Result<Usage> {
        let mut sum = Usage { on_cpu: 0, waiting: 0 };
        for schedstat in &self.schedstats {
            let path = schedstat.display();
            let text = fs::read_to_string(schedstat).with_context(|| format!("cannot read {path}"))?;
            let one = parse(&text).with_context(|| format!("{path} holds {text:?}"))?;
            sum.on_cpu = sum.on_cpu.saturating_add(one.on_cpu);
            sum.waiting = sum.waiting.saturating_add(one.waiting);
        }
        Ok(sum)
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
    fn a_process_uses_at_least_what_a_thread_of_it_does() {
        let thread = std::thread::current();
        let name: String = thread.name().unwrap().chars().take(15).collect();
        let one = Worker::named(std::process::id(), name.trim_end()).unwrap().usage().unwrap();
        assert!(Worker::all(std::process::id()).unwrap().usage().unwrap().on_cpu >= one.on_cpu);
    }

    #[test]
    fn this_process_is_no_envoy() {
        let error = Worker::of(std::process::id()).unwrap_err().to_string();
        assert!(error.contains("no thread wrk:worker_0"), "{error}");
    }
}
