//! `portcullis redact`: a file of traffic without its secrets.

use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Write, stdout};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Args;
use replay::traffic::{Format, Redactor};

#[derive(Debug, Args)]
pub(super) struct Arguments {
    /// HAR or JSON Lines
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Where to write; the standard output by default
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Mask this member of JSON bodies too (RFC 6901, such as /password); may be repeated
    #[arg(long, value_name = "POINTER")]
    redact_pointer: Vec<String>,
}

pub(super) fn run(arguments: &Arguments) -> Result<bool> {
    let Arguments { file, out, redact_pointer } = arguments;
    let redactor = Redactor::new(redact_pointer)?;
    match out {
        None => redact(&redactor, file, &mut BufWriter::new(stdout()))?,
        Some(out) => {
            let same =
                out.canonicalize().ok().is_some_and(|out| file.canonicalize().is_ok_and(|file| file == out));
            ensure!(!same, "{}: the file that is read cannot be written at the same time", out.display());
            let mut writer = BufWriter::new(File::create(out).with_context(|| out.display().to_string())?);
            redact(&redactor, file, &mut writer).inspect_err(|_| drop(std::fs::remove_file(out)))?;
        }
    }
    Ok(true)
}

fn redact(redactor: &Redactor, file: &Path, out: &mut impl Write) -> Result<()> {
    let name = file.display().to_string();
    let mut input = BufReader::with_capacity(1 << 16, File::open(file).context(name.clone())?);
    match Format::of(file, input.fill_buf().context(name.clone())?)? {
        Format::Har => redactor.redact_har(&name, input, out)?,
        Format::Jsonl => redactor.redact_jsonl(&name, input, out)?,
        Format::Raw | Format::Tap => bail!("{name}: neither HAR nor JSON Lines; nothing else is redacted"),
    }
    out.flush().context("output")
}
