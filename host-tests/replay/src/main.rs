//! `portcullis`: files in, verdicts out.

mod cli;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
