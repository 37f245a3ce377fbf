//! A headless Chromium as a child process.

use std::fs::File;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::{Pid, geteuid};
use suite::root;
use tempfile::TempDir;
use tokio::process::{Child, Command};

/// What Chromium wrote, as much as an error message carries.
const TAIL_LINES: usize = 20;
/// How often its files are removed until they are gone, and what lies between.
const REMOVALS: u32 = 200;
const BETWEEN_REMOVALS: Duration = Duration::from_millis(10);
/// Begins the path of the file in the source that a line of Chromium's log is from.
const NO_BUS: &str = ":ERROR:dbus/";

/// A running Chromium with a profile of its own. Dropped, it is killed with all its processes, and its profile goes.
#[derive(Debug)]
pub struct Chromium {
    child: Child,
    group: Pid,
    files: TempDir,
}

/// `$CHROMIUM`, else what `host-tests/tools/tools.sh chromium` has found or fetched.
fn binary() -> Result<PathBuf> {
    let named = std::env::var_os("CHROMIUM").filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(named) = named {
        return Ok(named);
    }
    let path = root()?.join(".tools/chromium/bin/chromium");
    if path.is_file() {
        return Ok(path);
    }
    bail!("{} is not there: run `make test-browser`, or name a Chromium in $CHROMIUM", path.display())
}

impl Chromium {
    /// Starts Chromium with a page.
    pub fn start(page: &str) -> Result<Self> {
        let files =
            tempfile::Builder::new().prefix("portcullis-").tempdir().context("temporary directory")?;
        let log = File::create(files.path().join("log")).context("Chromium's log")?;
        // The kernel kills Chromium when the thread of this test ends without having dropped it.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "--"])
            .arg(binary()?)
            .args(["--headless=new", "--disable-gpu", "--no-first-run", "--no-default-browser-check"])
            // Pages open windows although nobody clicks.
            .arg("--disable-popup-blocking")
            // Shared memory goes to files of its own: containers give /dev/shm 64 MB.
            .args(["--disable-dev-shm-usage"])
            // Nobody but this test is asked anything.
            .args(["--disable-background-networking", "--disable-component-update", "--no-proxy-server"])
            .args(["--host-resolver-rules=MAP *.localhost 127.0.0.1, MAP * ~NOTFOUND", "--disable-sync"])
            .arg(format!("--user-data-dir={}", files.path().join("profile").display()));
        if geteuid().is_root() {
            // As root Chromium refuses to start with its sandbox. It only sees the pages of this test.
            command.arg("--no-sandbox");
        }
        command
            .arg(page)
            // Settings, caches and key stores that are not part of the profile.
            .env("HOME", files.path())
            .env("XDG_CONFIG_HOME", files.path().join("config"))
            .env("XDG_CACHE_HOME", files.path().join("cache"))
            .stdin(Stdio::null())
            .stdout(log.try_clone().context("Chromium's log")?)
            .stderr(log)
            .process_group(0)
            .kill_on_drop(true);
        let child = command.spawn().context("start setpriv (of util-linux), which starts Chromium")?;
        let id = child.id().context("Chromium's process id")?;
        Ok(Self { child, group: Pid::from_raw(i32::try_from(id).context("process id")?), files })
    }

    /// Waits until it has ended, which it does not by itself.
    pub async fn ended(&mut self) -> Result<ExitStatus> {
        self.child.wait().await.context("Chromium")
    }

    /// The end of what it wrote, less what it says in every container about a message bus that is not there.
    pub fn log(&self) -> String {
        let text = std::fs::read_to_string(self.files.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = text.lines().filter(|line| !line.contains(NO_BUS)).collect();
        lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default().join("\n")
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The group has the child's id, which nobody else can have until it is waited for.
        if self.child.id().is_some() {
            let _ = killpg(self.group, Signal::SIGKILL);
        }
        while matches!(self.child.try_wait(), Ok(None)) {
            std::thread::yield_now();
        }
        // The others of the group cannot be waited for, and one of them may just be writing into the profile.
        for _ in 0..REMOVALS {
            if std::fs::remove_dir_all(self.files.path()).is_ok() {
                break;
            }
            std::thread::sleep(BETWEEN_REMOVALS);
        }
    }
}
