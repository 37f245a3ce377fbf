//! ajv, in a Node that takes its own time.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

/// The folder of ajv: `AJV` names one, else it is that of `make tools`.
///
/// # Errors
/// It is not there.
pub fn folder(root: &Path) -> Result<PathBuf> {
    let folder = std::env::var_os("AJV").map_or_else(|| root.join(".tools/ajv"), PathBuf::from);
    let whole = folder.join("bin/node").is_file() && folder.join("node_modules/ajv").is_dir();
    ensure!(whole, "{}: no ajv there: run `host-tests/tools/tools.sh ajv`", folder.display());
    Ok(folder)
}

/// A program of this crate's folder `ajv`, to be run by the Node beside ajv.
///
/// # Errors
/// ajv is not there.
pub fn program(root: &Path, name: &str) -> Result<Command> {
    let folder = folder(root)?;
    let mut command = Command::new(folder.join("bin/node"));
    command.arg(root.join("host-tests/schema-bench/ajv").join(name)).arg(folder);
    Ok(command)
}

/// How a text begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum From {
    /// As a string of JavaScript.
    String,
    /// As the bytes that a server gets.
    Bytes,
}

/// A running Node with a schema and a text.
pub struct Ajv {
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Ajv {
    /// Starts it.
    ///
    /// # Errors
    /// ajv is not there, or Node does not run.
    pub fn start(root: &Path) -> Result<Self> {
        let mut command = program(root, "times.mjs")?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("node")?;
        let commands = child.stdin.take().context("stdin")?;
        let answers = BufReader::new(child.stdout.take().context("stdout")?);
        Ok(Self { child, commands, answers })
    }

    /// From now on this text is held against this schema.
    ///
    /// # Errors
    /// It is not valid.
    pub fn compile(&mut self, schema: &Value, text: &str) -> Result<()> {
        let valid = self.ask(&json!({ "schema": schema, "text": text }))?;
        ensure!(valid == json!(true), "ajv says of the document: {valid}");
        Ok(())
    }

    /// How long it takes to read the document and find it valid, so many times.
    ///
    /// # Errors
    /// It is not valid, or Node has ended.
    pub fn check(&mut self, from: From, times: u32) -> Result<Duration> {
        let nanoseconds = self.ask(&json!({ "times": times, "bytes": from == From::Bytes }))?;
        Ok(Duration::from_nanos(nanoseconds.as_u64().context("a time")?))
    }

    fn ask(&mut self, command: &Value) -> Result<Value> {
        writeln!(self.commands, "{command}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        serde_json::from_str(&line).context("ajv has ended; it says above why")
    }
}

impl Drop for Ajv {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
