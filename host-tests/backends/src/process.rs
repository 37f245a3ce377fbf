//! A child process: what it says, and signals to it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result, bail};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::{ATTEMPTS, POLL};

/// How much of what it said an error message carries.
const TAIL_LINES: usize = 40;

/// A running program. Killed when dropped, stopped or not, and by the kernel when the thread that started it ends.
#[derive(Debug)]
pub(crate) struct Process {
    name: &'static str,
    child: Child,
    said: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<()>>,
}

impl Process {
    /// Starts `program`, called `name` in messages, in a folder.
    pub(crate) fn start(
        name: &'static str,
        program: &Path,
        arguments: &[String],
        folder: &Path,
    ) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).kill_on_drop(true);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        end_with_parent(&mut command);
        let mut child = command.spawn().with_context(|| format!("start {}", program.display()))?;
        let said = Arc::<Mutex<Vec<String>>>::default();
        let mut readers = Vec::new();
        readers.extend(child.stdout.take().map(|pipe| tokio::spawn(read(pipe, Arc::clone(&said)))));
        readers.extend(child.stderr.take().map(|pipe| tokio::spawn(read(pipe, Arc::clone(&said)))));
        Ok(Self { name, child, said, readers })
    }

    /// Its process id; `None` once it has ended and that was seen.
    pub(crate) fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether it has ended.
    pub(crate) fn ended(&mut self) -> Result<bool> {
        Ok(self.child.try_wait().with_context(|| format!("state of {}", self.name))?.is_some())
    }

    /// What it wrote, line by line.
    pub(crate) fn said(&self) -> Vec<String> {
        self.said.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The end of what it wrote, for a message.
    pub(crate) fn tail(&self) -> String {
        let said = self.said();
        let tail = said.get(said.len().saturating_sub(TAIL_LINES)..).unwrap_or_default();
        format!("{}:\n{}", self.name, tail.join("\n"))
    }

    /// Stops every thread of it, and waits until they have stopped.
    pub(crate) async fn pause(&mut self) -> Result<()> {
        let id = self.signal(Signal::SIGSTOP)?;
        while !stopped(id)? {
            if self.ended()? {
                bail!("has ended; {}", self.tail());
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Lets it go on.
    pub(crate) fn resume(&self) -> Result<()> {
        self.signal(Signal::SIGCONT).map(drop)
    }

    /// Ends it without notice and waits for the end, if it has not come yet.
    pub(crate) async fn kill(&mut self) -> Result<()> {
        if self.ended()? {
            return Ok(());
        }
        self.child.kill().await.with_context(|| format!("SIGKILL to {}", self.name))?;
        self.drained().await;
        Ok(())
    }

    /// Asks it to end, and waits for the end.
    pub(crate) async fn stop(&mut self) -> Result<()> {
        self.signal(Signal::SIGTERM)?;
        self.child.wait().await.with_context(|| format!("end of {}", self.name))?;
        self.drained().await;
        Ok(())
    }

    /// Waits for the ends of its pipes: of one that has ended.
    pub(crate) async fn drained(&mut self) {
        for reader in self.readers.drain(..) {
            // A reader neither panics nor is cancelled.
            let _ = reader.await;
        }
    }

    fn signal(&self, signal: Signal) -> Result<i32> {
        let id = self.id().with_context(|| format!("{} has ended", self.name))?;
        let id = i32::try_from(id).context("process id")?;
        kill(Pid::from_raw(id), signal).with_context(|| format!("{signal} to {}", self.name))?;
        Ok(id)
    }
}

/// Has the kernel kill the child when the *thread* that spawns it ends, so that it does not outlive its parent even when
/// the parent is killed.
#[allow(unsafe_code, reason = "code between fork and exec cannot be run without it")]
pub fn end_with_parent(command: &mut Command) {
    // SAFETY: prctl(2) is a plain system call: it allocates nothing and takes no lock.
    unsafe {
        command.pre_exec(|| set_pdeathsig(Signal::SIGKILL).map_err(std::io::Error::from));
    }
}

/// Whether every thread of the process is stopped: proc_pid_stat(5), the field after the name in brackets.
fn stopped(id: i32) -> Result<bool> {
    let tasks = format!("/proc/{id}/task");
    for task in std::fs::read_dir(&tasks).with_context(|| tasks.clone())? {
        // A thread may end while it is looked at.
        let stat = std::fs::read_to_string(task?.path().join("stat")).unwrap_or_default();
        let state = stat.rsplit(')').next().unwrap_or_default().trim_start();
        if !stat.is_empty() && !state.starts_with('T') {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Keeps every line.
async fn read(pipe: impl AsyncRead + Unpin, said: Arc<Mutex<Vec<String>>>) {
    let mut reader = BufReader::new(pipe);
    let mut line = Vec::new();
    while matches!(reader.read_until(b'\n', &mut line).await, Ok(1..)) {
        let text = String::from_utf8_lossy(&line).trim_end().to_owned();
        said.lock().unwrap_or_else(PoisonError::into_inner).push(text);
        line.clear();
    }
}

/// What `launch` makes on a free port, and the port. Somebody else may take it between the look at it and its use, which the
/// program then says in these words: another one is tried, [`ATTEMPTS`] times in all.
pub(crate) async fn on_free_port<T>(
    taken: &str,
    mut launch: impl AsyncFnMut(SocketAddr) -> Result<T>,
) -> Result<(T, SocketAddr)> {
    let mut attempt = 1;
    loop {
        let addr = free_port()?;
        match launch(addr).await {
            Ok(launched) => return Ok((launched, addr)),
            Err(why) if attempt < ATTEMPTS && format!("{why:#}").contains(taken) => {}
            Err(why) => return Err(why),
        }
        attempt = attempt.saturating_add(1);
    }
}

/// A port of 127.0.0.1 that nobody listens on. It lies below those that the kernel hands out, so that no connection of
/// another test takes it while the program behind it is being restarted.
///
/// # Errors
/// There is none.
pub fn free_port() -> Result<SocketAddr> {
    const LOWEST: u16 = 10_240;
    const COUNT: u16 = 32_768 - LOWEST;
    for _ in 0..1000 {
        let mut random = [0; 2];
        getrandom::fill(&mut random).context("random bytes")?;
        let port = LOWEST.saturating_add(u16::from_le_bytes(random) % COUNT);
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if TcpListener::bind(addr).is_ok() {
            return Ok(addr);
        }
    }
    bail!("no free port on 127.0.0.1")
}
