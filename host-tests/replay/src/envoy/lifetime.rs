//! A child that does not outlive its parent, even when the parent is killed.

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use tokio::process::Command;

/// Has the kernel kill the child when the *thread* that spawns it ends.
#[allow(unsafe_code, reason = "code between fork and exec cannot be run without it")]
pub(super) fn end_with_parent(command: &mut Command) {
    // SAFETY: prctl(2) is a plain system call: it allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(|| set_pdeathsig(Signal::SIGKILL).map_err(std::io::Error::from));
    }
}
