//! A real Envoy as a child process.

mod access_log;
mod admin;
mod log_line;
mod output;
mod proxy;
mod random;
mod settle;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::observation::LogLine;
use output::Output;

pub(crate) use access_log::{AccessLine, AccessLines};
pub(crate) use proxy::{Proxy, UNKNOWN};
pub(crate) use random::Random;

/// Compiling the modules takes seconds on a busy machine.
const START_DEADLINE: Duration = Duration::from_secs(180);
const STOP_DEADLINE: Duration = Duration::from_secs(5);
/// Between two looks at something Envoy does not announce.
const POLL: Duration = Duration::from_millis(5);
/// How much of the log an error message carries.
const TAIL_LINES: usize = 60;

/// How Envoy is started.
#[derive(Debug, Clone)]
pub struct Launch {
    /// Its working directory: relative paths in a bootstrap start there.
    pub root: PathBuf,
    /// Environment variables on top of this process's own.
    pub environment: Vec<(String, String)>,
}

/// What may differ between two Envoys with the same configuration.
#[derive(Debug, Clone)]
pub struct Options {
    /// Worker threads.
    pub workers: u32,
    /// Whether filters can log at every level, and Envoy tells what it served: slower, for observing, not for
    /// measuring.
    pub traced: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { workers: 1, traced: false }
    }
}

/// The end of a run of `--mode validate`.
#[derive(Debug, Clone)]
pub struct Validation {
    /// Zero when Envoy accepts the configuration.
    pub exit: ExitStatus,
    /// Everything it wrote.
    pub log: String,
}

/// A running Envoy; killed when dropped, and by the kernel when the thread that started it ends — so it is no
/// thing to keep in a `static` of a test binary, whose tests each have a thread.
#[derive(Debug)]
pub struct Envoy {
    child: Child,
    output: Output,
    admin: SocketAddr,
    /// How many marks were set in the log.
    marks: AtomicU64,
    // Keeps the configuration and the logs until Envoy has ended.
    _files: TempDir,
}

/// The binary: `$ENVOY`, else `.tools/envoy/bin/envoy` under `root`.
///
/// # Errors
/// There is none; the message names `make tools`.
pub fn binary(root: &Path) -> Result<PathBuf> {
    let named = std::env::var_os("ENVOY").filter(|path| !path.is_empty()).map(PathBuf::from);
    let path = named.unwrap_or_else(|| root.join(".tools/envoy/bin/envoy"));
    if path.is_file() {
        return Ok(path);
    }
    bail!("{} is not there: run `make tools`, or name an Envoy binary in $ENVOY", path.display())
}

/// Has Envoy check a configuration: it loads the modules and configures them too.
///
/// # Errors
/// Envoy cannot be run, or does not come to an end; a refused configuration is no error.
pub async fn validate(config: &str, launch: &Launch) -> Result<Validation> {
    let files = write(config)?;
    let mut command = command(launch, files.path(), false)?;
    let mut child = command.args(["--mode", "validate"]).spawn().context("start envoy")?;
    let output = Output::capture(&mut child);
    let exit = tokio::time::timeout(START_DEADLINE, child.wait()).await;
    let exit =
        exit.map_err(|_| anyhow!("envoy --mode validate does not end\n{}", output.tail(TAIL_LINES)))??;
    output.ended().await;
    Ok(Validation { exit, log: output.text() })
}

impl Envoy {
    /// Starts Envoy with this configuration (JSON or YAML text) and waits until it serves.
    ///
    /// # Errors
    /// Envoy refuses the configuration or is not ready in time; the message holds the end of its log.
    pub async fn start(config: &str, launch: &Launch) -> Result<Self> {
        Self::start_with(config, launch, &Options::default()).await
    }

    /// As [`Envoy::start`], with these options.
    ///
    /// # Errors
    /// As [`Envoy::start`].
    pub async fn start_with(config: &str, launch: &Launch, options: &Options) -> Result<Self> {
        let files = write(config)?;
        let address_file = files.path().join("admin");
        let mut command = command(launch, files.path(), options.traced)?;
        command.args(["--concurrency", &options.workers.to_string()]);
        command.args(["--file-flush-interval-msec", "10", "--admin-address-path"]);
        let mut child = command.arg(&address_file).spawn().context("start envoy")?;
        let output = Output::capture(&mut child);
        let ready = async {
            let admin = admin::address(&address_file).await;
            admin::ready(admin).await;
            admin
        };
        let started = tokio::select! {
            admin = ready => Ok(admin),
            exit = child.wait() => Err(format!("envoy ended at its start ({})", exit?)),
            () = tokio::time::sleep(START_DEADLINE) => Err("envoy is not ready in time".to_owned()),
        };
        match started {
            Ok(admin) => Ok(Self { child, output, admin, marks: AtomicU64::new(0), _files: files }),
            Err(why) => {
                let _ = child.kill().await;
                output.ended().await;
                bail!("{why}\n{}", output.tail(TAIL_LINES))
            }
        }
    }

    /// Its process id; `None` once it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Where the listener of this name takes connections.
    ///
    /// # Errors
    /// There is no such listener.
    pub async fn listener(&self, name: &str) -> Result<SocketAddr> {
        admin::listener(self.admin, name).await
    }

    /// The counters and gauges whose name matches the regular expression.
    ///
    /// # Errors
    /// The administration does not answer.
    pub async fn stats(&self, filter: &str) -> Result<Vec<(String, u64)>> {
        admin::stats(self.admin, filter).await
    }

    /// Any page of the administration.
    ///
    /// # Errors
    /// It does not answer with 200.
    pub async fn admin(&self, path: &str) -> Result<String> {
        admin::page(self.admin, path).await
    }

    /// Everything written to stdout and stderr so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.output.text()
    }

    /// The end of [`Envoy::log`], as much as an error message carries.
    #[must_use]
    pub fn log_tail(&self) -> String {
        self.output.tail(TAIL_LINES)
    }

    /// What the filters logged, in order, their root contexts at the start included; at level `trace` only where
    /// [`Options::traced`].
    #[must_use]
    pub fn filter_log(&self) -> Vec<LogLine> {
        self.filter_log_since(0)
    }

    /// The same from line number `skip` on.
    pub(crate) fn filter_log_since(&self, skip: usize) -> Vec<LogLine> {
        self.output.filters(skip)
    }

    /// How many lines the filters logged.
    pub(crate) fn filter_lines(&self) -> usize {
        self.output.filter_count()
    }

    /// What Envoy logged about each trap of a VM.
    #[must_use]
    pub fn traps(&self) -> Vec<String> {
        self.output.traps()
    }

    /// Signs that Envoy ended or that a filter trapped, with the end of the log; empty when all is well.
    ///
    /// # Errors
    /// The administration of a living Envoy does not answer.
    pub async fn failures(&mut self) -> Result<Vec<String>> {
        self.failures_beyond(0).await
    }

    /// As [`Envoy::failures`], where this many traps are none.
    ///
    /// # Errors
    /// As [`Envoy::failures`].
    pub async fn failures_beyond(&mut self, expected_traps: usize) -> Result<Vec<String>> {
        let mut signs = Vec::new();
        match self.child.try_wait().context("state of envoy")? {
            Some(exit) => signs.push(format!("envoy ended ({exit})")),
            // Who expects a trap expects what comes of it.
            None if expected_traps > 0 => {}
            None => {
                let stats = self.stats(r"^wasm\..*\.vm_reload").await?;
                signs.extend(stats.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{name} is {n}")));
            }
        }
        let traps = self.output.traps();
        if traps.len() > expected_traps {
            signs.extend(traps);
        }
        if !signs.is_empty() {
            signs.push(format!("the end of envoy's log:\n{}", self.log_tail()));
        }
        Ok(signs)
    }

    /// How Envoy came to its end, with the end of its log; `None` while it lives.
    pub async fn obituary(&mut self) -> Option<String> {
        // Who does not answer any more has ended, or is about to.
        let exit = tokio::time::timeout(STOP_DEADLINE, self.child.wait()).await.ok()?.ok()?;
        self.output.ended().await;
        Some(format!("envoy ended ({exit})\n{}", self.log_tail()))
    }

    /// Ends Envoy and waits for it.
    ///
    /// # Errors
    /// It cannot be killed.
    pub async fn stop(mut self) -> Result<()> {
        let Some(id) = self.child.id() else { return Ok(()) };
        let id = i32::try_from(id).context("process id")?;
        kill(Pid::from_raw(id), Signal::SIGTERM).context("SIGTERM to envoy")?;
        if tokio::time::timeout(STOP_DEADLINE, self.child.wait()).await.is_err() {
            self.child.kill().await.context("SIGKILL to envoy")?;
        }
        Ok(())
    }
}

fn write(config: &str) -> Result<TempDir> {
    let files = tempfile::Builder::new().prefix("portcullis-").tempdir().context("temporary directory")?;
    std::fs::write(files.path().join("envoy.json"), config).context("write envoy.json")?;
    Ok(files)
}

fn command(launch: &Launch, files: &Path, traced: bool) -> Result<Command> {
    // Of these the start alone fills a page, none of it about filters.
    let mut levels = "main:warning,config:warning,upstream:warning".to_owned();
    if traced {
        levels.push_str(",wasm:trace,admin:debug");
    }
    let mut command = Command::new(binary(&launch.root)?);
    command
        // Without hot restart there is no shared memory that several Envoys could meet in or leave behind.
        .args(["--disable-hot-restart", "--log-format-escaped", "--log-level", "info"])
        .args(["--component-log-level", &levels, "--config-path"])
        .arg(files.join("envoy.json"))
        .current_dir(&launch.root)
        .envs(launch.environment.iter().cloned())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    backends::end_with_parent(&mut command);
    Ok(command)
}
