//! The commands of the page in a shell that has what the page takes for granted: the programs, the variables, names that lead to the
//! gateway, and an authority that is trusted.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context as _, Result, bail, ensure};
use edge::authority::HOST;
use edge::gateway::EdgeGateway;
use suite::patience::in_time;
use suite::root;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use crate::page::{Page, Row, Step};
use crate::shown::is_as_shown;

/// Names that the page uses, and that no name server knows.
const NAMES: [&str; 2] = [HOST, "idp.example.com"];
/// Where OpenSSL finds the authorities that it trusts.
const AUTHORITY: &str = "SSL_CERT_FILE";
/// What is only looked at may come late: the log is written after the answer, a certificate is read when it is there.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
const POLL: std::time::Duration = std::time::Duration::from_millis(50);

/// A shell.
pub(crate) struct Shell {
    variables: Vec<(String, String)>,
    log: PathBuf,
    // `bin` with the programs, `.curlrc`, the log.
    folder: TempDir,
}

impl Shell {
    /// One in which curl and openssl trust this authority.
    ///
    /// # Errors
    /// A program is missing; the message says what to do.
    pub(crate) fn new(root_certificate: &Path) -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("portcullis-").tempdir()?;
        let bin = folder.path().join("bin");
        std::fs::create_dir(&bin)?;
        for (name, program) in
            [("curl", backends::curl()?), ("jq", backends::jq()?), ("openssl", backends::openssl()?)]
        {
            symlink(program, bin.join(name))?;
        }
        let authority = root_certificate.display().to_string();
        let mut curl: String =
            NAMES.iter().map(|name| format!("connect-to = \"{name}::127.0.0.1:\"\n")).collect();
        curl.push_str(&format!("cacert = \"{authority}\"\n"));
        std::fs::write(folder.path().join(".curlrc"), curl)?;
        let log = folder.path().join("gateway.log");
        let variables =
            vec![(AUTHORITY.to_owned(), authority), ("LOG".to_owned(), log.display().to_string())];
        Ok(Self { variables, log, folder })
    }

    /// Gives a variable of the page its value.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.variables.retain(|(have, _)| have != name);
        self.variables.push((name.to_owned(), value.into()));
    }

    /// Gives those variables their values that lead to this gateway.
    pub(crate) fn at(&mut self, gateway: &EdgeGateway) {
        let addresses = gateway.addresses();
        self.set("GATEWAY", format!("https://{HOST}:{}", addresses.tls.port()));
        self.set("EDGE", addresses.tls.to_string());
        self.set("MTLS", addresses.mtls.to_string());
        self.set("ADMIN", format!("http://{}", gateway.admin()));
    }

    /// Puts the program `portcullis` where the shell finds it, as this tree has it.
    ///
    /// # Errors
    /// It cannot be built.
    pub(crate) async fn with_portcullis(&self) -> Result<()> {
        let here = std::env::current_exe()?;
        // target/debug/deps/runbook-…
        let built = here.ancestors().nth(2).context("the folder of programs")?;
        let target = built.parent().context("the target folder")?;
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--quiet", "--workspace", "--bin", "portcullis", "--target-dir"]).arg(target);
        let output = cargo.current_dir(root()?).output().await.context("cargo")?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        symlink(target.join("debug/portcullis"), self.folder.path().join("bin/portcullis"))
            .map_err(Into::into)
    }

    /// Runs the commands of a row; `log` is what the gateway has written so far.
    ///
    /// # Errors
    /// A command prints something else than the page shows.
    pub(crate) async fn play(&self, page: &Page, symptom: &str, log: impl Fn() -> String) -> Result<()> {
        let Row { steps, words, .. } = page.row(symptom)?;
        println!("\n## {symptom}");
        let mut all = String::new();
        for step in steps {
            all.push_str(&self.step(page, step, &log).await?);
        }
        for word in words {
            ensure!(all.contains(word.as_str()), "no {word:?} in\n{all}");
        }
        Ok(())
    }

    async fn step(
        &self,
        page: &Page,
        Step { command, shown }: &Step,
        log: impl Fn() -> String,
    ) -> Result<String> {
        // Whoever asks the gateway for something asks once.
        let looks = ["$LOG", "$ADMIN", "s_client"].iter().any(|word| command.contains(word));
        let begin = Instant::now();
        loop {
            std::fs::write(&self.log, log())?;
            let printed = self.run(page, command).await?;
            if is_as_shown(shown, &printed) {
                println!("$ {command}\n{printed}");
                return Ok(printed);
            }
            if !looks || begin.elapsed() > PATIENCE {
                bail!("$ {command}\nprinted\n{printed}\nand not\n{shown}");
            }
            sleep(POLL).await;
        }
    }

    /// What a command prints.
    async fn run(&self, page: &Page, command: &str) -> Result<String> {
        let mut bash = Command::new(on_path("bash")?);
        bash.args(["-uc", command]).current_dir(root()?).env_clear().kill_on_drop(true);
        let path = std::env::var_os("PATH").unwrap_or_default();
        let bin = self.folder.path().join("bin");
        let all = std::iter::once(bin).chain(std::env::split_paths(&path));
        bash.env("PATH", std::env::join_paths(all)?)
            .env("LC_ALL", "C.UTF-8")
            .env("OPENSSL_CONF", "/dev/null");
        bash.env("HOME", self.folder.path()).env("CURL_HOME", self.folder.path());
        // What the page does not define is not set, and an unset one is an error.
        let given =
            self.variables.iter().filter(|(name, _)| name == AUTHORITY || page.variables.contains(name));
        bash.envs(given.map(|(name, value)| (name, value)));
        bash.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        backends::end_with_parent(&mut bash);
        let output = in_time(command, bash.output()).await??;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(printed + &String::from_utf8_lossy(&output.stderr))
    }
}

/// Where a program is.
///
/// # Errors
/// Nowhere.
fn on_path(name: &str) -> Result<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut found =
        std::env::split_paths(&path).map(|folder| folder.join(name)).filter(|file| file.is_file());
    found.next().with_context(|| {
        format!("no {name} on PATH, which the runbook's commands need: apt-get install {name}")
    })
}
