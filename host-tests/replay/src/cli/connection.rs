//! Where Redis is and who asks, as the command line and the environment say.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use clap::Args;
use filter_core::config::Secret;
use http::Uri;
use http::uri::Scheme;
use replay::operator::{Link, Login, Target};

/// Where Redis listens by itself.
const REDIS_PORT: u16 = 6379;

#[derive(Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(super) struct Connection {
    /// Redis, without TLS: for loopback, a private network or a tunnel
    #[arg(long, value_name = "redis://HOST:PORT", default_value = "redis://127.0.0.1:6379")]
    redis: String,
    /// Webdis instead, logged in to Redis as operator-gateway
    #[arg(long, value_name = "http://HOST:PORT", conflicts_with = "redis")]
    webdis: Option<String>,
    /// User of Redis, operator-read or operator-revoke by default; with --webdis that of HTTP, operator by default
    #[arg(long, value_name = "NAME")]
    user: Option<String>,
    /// Environment variable with the password; PORTCULLIS_OPERATOR_READ_PASSWORD, PORTCULLIS_OPERATOR_REVOKE_PASSWORD or
    /// PORTCULLIS_WEBDIS_OPERATOR_PASSWORD by default. A password is never an argument
    #[arg(long, value_name = "VARIABLE")]
    password_env: Option<String>,
    /// How long each exchange may take, in ms
    #[arg(long, value_name = "MS", default_value = "5000", value_parser = clap::value_parser!(u64).range(1..=5000))]
    timeout: u64,
}

/// What for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    /// Looking at something.
    Read,
    /// Changing what is revoked.
    Revoke,
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    /// No password in the environment, or as [`Link::open`].
    pub(super) async fn open(&self, purpose: Purpose) -> Result<Link> {
        let target = match &self.webdis {
            Some(url) => webdis(url).context("--webdis")?,
            None => redis(&self.redis).context("--redis")?,
        };
        let (user, variable) = match (&target, purpose) {
            (Target::Webdis(..), _) => ("operator", "PORTCULLIS_WEBDIS_OPERATOR_PASSWORD"),
            (Target::Redis(_), Purpose::Read) => ("operator-read", "PORTCULLIS_OPERATOR_READ_PASSWORD"),
            (Target::Redis(_), Purpose::Revoke) => ("operator-revoke", "PORTCULLIS_OPERATOR_REVOKE_PASSWORD"),
        };
        let user = self.user.as_deref().unwrap_or(user).to_owned();
        let variable = self.password_env.as_deref().unwrap_or(variable);
        let password = std::env::var(variable).ok().filter(|password| !password.is_empty());
        let login = password.map(|password| Login { user: user.clone(), password: Secret::new(password) });
        let must = matches!(target, Target::Redis(_)) || self.user.is_some() || self.password_env.is_some();
        ensure!(
            login.is_some() || !must,
            "the environment variable {variable} with the password of {user} is not set, or empty"
        );
        Link::open(&target, login.as_ref(), Duration::from_millis(self.timeout)).await
    }
}

fn redis(text: &str) -> Result<Target> {
    let (uri, place) = address(text, "redis", "redis://HOST:PORT")?;
    ensure!(
        matches!(uri.path(), "" | "/") && uri.query().is_none(),
        "nothing may follow the port: ours is database 0"
    );
    Ok(Target::Redis(place))
}

fn webdis(text: &str) -> Result<Target> {
    let (uri, place) = address(text, "http", "http://HOST:PORT")?;
    Ok(Target::Webdis(place, uri.path().to_owned()))
}

/// The URL, and its host and port. No message repeats it, as clap's would: somebody may have written a password there.
fn address(text: &str, scheme: &str, form: &str) -> Result<(Uri, String)> {
    let uri: Uri = text.parse().map_err(|_| anyhow!("expected {form}"))?;
    let written = uri.scheme().map_or("", Scheme::as_str);
    ensure!(
        !matches!(written, "rediss" | "https"),
        "TLS is not offered: run this on the machine of Redis, or through a tunnel, as of ssh -L"
    );
    ensure!(written == scheme, "expected {form}");
    let authority = uri.authority().context("no host")?;
    ensure!(
        !authority.as_str().contains('@'),
        "no user or password here: --user NAME and --password-env VARIABLE"
    );
    ensure!(!authority.host().is_empty(), "no host");
    let port = authority.port_u16().unwrap_or(if scheme == "http" { 80 } else { REDIS_PORT });
    let place = format!("{}:{port}", authority.host());
    Ok((uri, place))
}
