//! Where a measurement was made, and on which cores its processes run.

use std::fs;

use anyhow::{Context as _, Result};
use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;
use serde::Serialize;

use crate::sched;

/// The machine, as the report names it.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// CPU model.
    pub cpu: String,
    /// Cores this process may use.
    pub cores: usize,
    /// Kernel release.
    pub kernel: String,
    /// Load average over the last minute when the measurement began.
    pub load_average: String,
}

impl Machine {
    /// Reads what the kernel says; what it does not say is `unknown`.
    pub fn read() -> Self {
        let cpuinfo = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
        let model = cpuinfo.lines().find(|line| line.starts_with("model name"));
        let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
        Self {
            cpu: model
                .and_then(|line| line.split_once(": "))
                .map_or_else(unknown, |(_, name)| name.to_owned()),
            cores: cores().map_or(1, |cores| cores.len()),
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .map_or_else(|_| unknown(), |text| text.trim().to_owned()),
            load_average: load.split(' ').next().map_or_else(unknown, str::to_owned),
        }
    }
}

fn unknown() -> String {
    "unknown".to_owned()
}

/// The two cores of a measurement: one for the Envoy under test alone, one for everything else.
#[derive(Clone, Copy, Debug)]
pub struct Cores {
    /// Where the Envoys under test run.
    pub tested: usize,
    /// Where the upstream, the load generator and this process run.
    pub others: usize,
}

impl Cores {
    /// Takes the first two cores this process may use; `None` on a machine with one.
    ///
    /// # Errors
    ///
    /// When the kernel does not tell.
    pub fn take() -> Result<Option<Self>> {
        Ok(match cores()?.as_slice() {
            [tested, others, ..] => Some(Self { tested: *tested, others: *others }),
            _ => None,
        })
    }

    /// Puts this process, and so everything it starts from now on, on the core of the others.
    ///
    /// # Errors
    ///
    /// When the kernel refuses.
    pub fn enter(self) -> Result<()> {
        pin(Pid::from_raw(0), self.others)
    }

    /// Moves every thread of an Envoy onto the core under test.
    ///
    /// # Errors
    ///
    /// When the process has gone or the kernel refuses.
    pub fn test(self, pid: u32) -> Result<()> {
        for thread in sched::threads(pid)? {
            let id = thread.file_name().and_then(|name| name.to_str()?.parse().ok());
            pin(Pid::from_raw(id.context("a thread without a number")?), self.tested)?;
        }
        Ok(())
    }
}

fn pin(thread: Pid, core: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(core)?;
    sched_setaffinity(thread, &set).with_context(|| format!("cannot use core {core}"))
}

/// The cores this process may use.
fn cores() -> Result<Vec<usize>> {
    let set = sched_getaffinity(Pid::from_raw(0)).context("the kernel does not tell its cores")?;
    Ok((0..CpuSet::count()).filter(|core| set.is_set(*core).unwrap_or(false)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_a_kernel_and_a_core() {
        let machine = Machine::read();
        assert!(machine.cores >= 1);
        assert_ne!(machine.kernel, "unknown");
    }
}
