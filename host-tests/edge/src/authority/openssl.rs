//! The command line of OpenSSL in a folder.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// What `openssl req` wants to find; nothing of the machine's own settings counts.
const SETTINGS: &str = "[req]\ndistinguished_name = name\n[name]\n";

/// The program, and where it works.
#[derive(Debug)]
pub(super) struct Openssl {
    program: PathBuf,
    folder: PathBuf,
}

impl Openssl {
    /// The program of this machine.
    ///
    /// # Errors
    /// There is none; the message says what to do.
    pub(super) fn find(folder: &Path) -> Result<Self> {
        let openssl = Self { program: backends::openssl()?, folder: folder.to_owned() };
        openssl.write("openssl.cnf", SETTINGS)?;
        Ok(openssl)
    }

    /// Runs a command and says what it wrote to its standard output.
    ///
    /// # Errors
    /// It fails; the message holds what it says.
    pub(super) fn run(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("OPENSSL_CONF", self.folder.join("openssl.cnf"));
        let output = command.output().with_context(|| self.program.display().to_string())?;
        let what = arguments.first().copied().unwrap_or_default();
        ensure!(output.status.success(), "openssl {what}: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// The text of a file of the folder.
    pub(super) fn read(&self, name: &str) -> Result<String> {
        std::fs::read_to_string(self.folder.join(name)).with_context(|| name.to_owned())
    }

    /// Writes a file of the folder.
    pub(super) fn write(&self, name: &str, text: &str) -> Result<()> {
        std::fs::write(self.folder.join(name), text).with_context(|| name.to_owned())
    }
}
