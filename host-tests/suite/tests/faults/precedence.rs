//! What is timed goes before what else the machine does, where the user may say so.

use std::path::Path;
use std::process::{Command, Stdio};

/// Gives every thread of a process and this thread the lowest real-time priority (sched(7)): a build beside this test is not
/// to count as lateness of the gateway, which has its cores to itself where it runs. Niceness would not do: it counts within
/// a session. Who may not raise priorities measures as it is.
pub fn give(process: u32) {
    let own = std::fs::read_link("/proc/thread-self").unwrap_or_default();
    let own = own.file_name().map(|id| id.to_string_lossy().into_owned());
    let folder = std::fs::read_dir(Path::new("/proc").join(process.to_string()).join("task"));
    let threads = folder.into_iter().flatten().flatten();
    let ids = threads.map(|thread| thread.file_name().to_string_lossy().into_owned()).chain(own);
    let refused = ids.filter(|id| !raised(id)).count();
    if refused > 0 {
        println!("measured without precedence over other processes ({refused} threads)");
    }
}

fn raised(thread: &str) -> bool {
    let mut chrt = Command::new("chrt");
    // What a thread of these starts has no part in it.
    chrt.args(["--reset-on-fork", "--fifo", "--pid", "1", thread])
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    chrt.status().is_ok_and(|status| status.success())
}
