//! `edge`: two gateways with everything around them.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Parser;
use edge::demo::Demo;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// Starts two gateways from envoy-configs/envoy/gateway.yaml, an API, a key server and Redis, all of them local, and sends requests
/// through both.
///
/// Exit code: 0 every answer is as expected, 1 one is not, 2 a part cannot be started or failed.
#[derive(Debug, Parser)]
#[command(name = "edge", version)]
struct Arguments {
    /// Keep everything up afterwards, until Ctrl-C, and print addresses and commands to go on with
    #[arg(long)]
    stay: bool,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("edge: {error:#}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> Result<bool> {
    // One thread starts every child process: they end when it does.
    let runtime = Builder::new_current_thread().enable_all().build().context("async runtime")?;
    runtime.block_on(async {
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        // Leaving by the front door ends the gateways and removes what was written.
        let demo = tokio::select! {
            biased;
            _ = interrupt.recv() => bail!("ended by SIGINT"),
            _ = terminate.recv() => bail!("ended by SIGTERM"),
            demo = Demo::play() => demo?,
        };
        if arguments.stay {
            demo.explain()?;
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        let expected = demo.is_as_expected();
        demo.end().await?;
        Ok(expected)
    })
}
