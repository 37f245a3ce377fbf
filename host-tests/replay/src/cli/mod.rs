//! The command line: arguments in, exit code out.

mod bench;
mod check;
mod connection;
mod limits;
mod progress;
mod redact;
mod replay;
mod revoke;
mod revoke_output;
mod secrets;
mod test;
mod traffic;

use std::process::ExitCode;

use anyhow::{Context as _, Error, Result, bail};
use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{SignalKind, signal};

/// Stands for the standard input or output.
const STANDARD: &str = "-";

/// Shows, before a rollout, what the filters of a gateway do to traffic.
///
/// Exit code of every command: 0 all is as expected, 1 something is not, 2 an input cannot be read or run.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Send recorded traffic through the filters of a configuration, or of two to compare them
    Replay(Box<replay::Arguments>),
    /// Say what is wrong with plugin configurations, Envoy bootstraps and Istio manifests
    Check(check::Arguments),
    /// Mask the secrets in a file of traffic
    Redact(redact::Arguments),
    /// Measure what the cases of a file cost: time, fuel and memory per request
    Bench(bench::Arguments),
    /// Run case files on every executor
    Test(test::Arguments),
    Revoke(Box<revoke::Arguments>),
    Limits(Box<limits::Arguments>),
}

/// Runs what the command line says.
pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let done = runtime().and_then(|runtime| {
        runtime.block_on(async {
            // Leaving by the front door ends the gateways, writes what is done and removes temporary files.
            // It listens for signals before it begins.
            tokio::select! {
                biased;
                name = interrupted() => bail!("ended by {}", name?),
                done = command(arguments.command) => done,
            }
        })
    });
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("portcullis: {error:#}");
            ExitCode::from(2)
        }
    }
}

/// Whether everything is as expected.
async fn command(command: Command) -> Result<bool> {
    match command {
        Command::Replay(arguments) => replay::run(*arguments).await,
        Command::Check(arguments) => check::run(&arguments),
        Command::Redact(arguments) => redact::run(&arguments),
        Command::Bench(arguments) => bench::run(&arguments),
        Command::Test(arguments) => test::run(arguments).await,
        Command::Revoke(arguments) => revoke::run(&arguments).await,
        Command::Limits(arguments) => limits::run(&arguments).await,
    }
}

fn runtime() -> Result<Runtime> {
    Builder::new_current_thread().enable_all().build().context("async runtime")
}

/// Comes back when somebody wants this process to end.
async fn interrupted() -> Result<&'static str> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    Ok(tokio::select! {
        _ = interrupt.recv() => "SIGINT",
        _ = terminate.recv() => "SIGTERM",
    })
}

/// Writes to the standard output.
///
/// # Errors
/// Nobody reads it any more.
fn print(text: &str) -> Result<()> {
    use std::io::Write as _;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(Error::new).context("standard output")
}
