//! The shipped configuration, rendered as a user renders it.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context as _, Result, ensure};
use tempfile::TempDir;

use crate::{User, root};

/// The environment variable with the password that a gateway's clients must know.
const HTTP: &str = "PORTCULLIS_WEBDIS_PASSWORD";
/// Who may do anything, in tests alone: no such user ships.
pub(crate) const ADMINISTRATOR: &str = "test-administrator";

/// A folder that `render.sh` filled, with random passwords. It is removed when this is dropped.
#[derive(Debug)]
pub struct Configuration {
    folder: TempDir,
    passwords: Vec<(User, String)>,
    http: Option<String>,
    administrator: Option<String>,
}

impl Configuration {
    /// The configuration as it is by default.
    ///
    /// # Errors
    /// `render.sh` fails; the message holds what it says.
    pub fn render() -> Result<Self> {
        Self::with(None)
    }

    /// The same, and the gateways want HTTP basic authentication.
    ///
    /// # Errors
    /// As [`Configuration::render`].
    pub fn render_with_http_password() -> Result<Self> {
        Self::with(Some(password()?))
    }

    /// The configuration as it is by default, and a user who may do anything, for [`Redis::administer`].
    ///
    /// # Errors
    /// As [`Configuration::render`], or the user cannot be added.
    ///
    /// [`Redis::administer`]: crate::Redis::administer
    pub fn render_with_administrator() -> Result<Self> {
        let mut configuration = Self::render()?;
        let password = password()?;
        let mut file =
            OpenOptions::new().append(true).open(configuration.file("users.acl")).context("users.acl")?;
        writeln!(file, "user {ADMINISTRATOR} on >{password} ~* &* +@all").context("users.acl")?;
        configuration.administrator = Some(password);
        Ok(configuration)
    }

    fn with(http: Option<String>) -> Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("portcullis-").tempdir().context("temporary directory")?;
        let passwords =
            User::ALL.into_iter().map(|user| Ok((user, password()?))).collect::<Result<Vec<_>>>()?;
        let variables = passwords.iter().map(|(user, password)| (user.variable(), password.clone()));
        let variables: Vec<_> =
            variables.chain(http.iter().map(|password| (HTTP.to_owned(), password.clone()))).collect();
        let output = Self::script(folder.path(), &variables)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "render.sh ended ({}): {said}", output.status);
        Ok(Self { folder, passwords, http, administrator: None })
    }

    /// Runs `render.sh` with these environment variables and no others but `PATH`.
    ///
    /// # Errors
    /// It cannot be run; that it refuses is no error.
    pub fn script(folder: &Path, variables: &[(String, String)]) -> Result<Output> {
        let script = root()?.join("envoy-configs/redis/render.sh");
        let mut command = Command::new(&script);
        command.arg(folder).env_clear().envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
        command.envs(variables.iter().cloned()).output().with_context(|| script.display().to_string())
    }

    /// Where the files are: `redis.conf`, `users.acl`, and a `webdis-*.json` for each gateway.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The password of a user of Redis.
    #[must_use]
    pub fn password(&self, user: User) -> &str {
        self.passwords.iter().find(|(named, _)| *named == user).map_or("", |(_, password)| password)
    }

    /// The password of the user who may do anything, where there is one.
    pub(crate) fn administrator(&self) -> Option<&str> {
        self.administrator.as_deref()
    }

    /// User name and password of HTTP basic authentication, `name:password`, where the gateways want it.
    #[must_use]
    pub fn http_credentials(&self) -> Option<String> {
        self.http.as_ref().map(|password| format!("portcullis:{password}"))
    }

    /// The file of this name.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// 40 hex digits, as `openssl rand -hex 20` makes.
fn password() -> Result<String> {
    let mut random = [0; 20];
    getrandom::fill(&mut random).context("random bytes")?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}
