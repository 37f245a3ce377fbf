//! What an operator does to Redis: revoking tokens, and looking at what rate limits keep.
//!
//! Every step is a batch of commands with answers as of RESP2, whether they go to Redis itself ([`Target::Redis`]) or in a
//! script through Webdis ([`Target::Webdis`]). The keys are those of [`filter_core::keys`].

mod direct;
mod gateway;
pub mod limits;
mod log;
mod moment;
pub mod revocations;
mod scan;

pub use moment::{Moment, shown as shown_time};

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use backends::resp::RespValue;
use filter_core::config::Secret;
use tokio::time::timeout;

use direct::Direct;
use gateway::Gateway;

/// A command and its arguments.
type Command = Vec<String>;

/// Makes a command.
fn command(words: &[&str]) -> Command {
    words.iter().map(|&word| word.to_owned()).collect()
}

/// Who is asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// Redis, without TLS: host name or address, and port.
    Redis(String),
    /// Webdis: host name or address with port, and the path that is posted to.
    Webdis(String, String),
}

/// Name and password, of a user of Redis or for HTTP basic authentication.
#[derive(Debug, Clone)]
pub struct Login {
    /// The name.
    pub user: String,
    /// The password.
    pub password: Secret<String>,
}

/// Somebody who runs commands.
pub struct Link {
    route: Route,
    place: String,
    limit: Duration,
}

enum Route {
    Direct(Direct),
    Gateway(Gateway),
}

impl Link {
    /// Connects and logs in. `limit` is how long connecting and each exchange may take.
    ///
    /// # Errors
    /// Nobody listens, the login is refused, or there is no answer in time. The password is in no message.
    pub async fn open(target: &Target, login: Option<&Login>, limit: Duration) -> Result<Self> {
        let (Target::Redis(place) | Target::Webdis(place, _)) = target;
        let open = async {
            match target {
                Target::Redis(place) => Direct::open(place, login).await.map(Route::Direct),
                Target::Webdis(place, path) => {
                    Gateway::open(place, path, login, limit).await.map(Route::Gateway)
                }
            }
        };
        let route = within(limit, open).await.with_context(|| place.clone())?;
        Ok(Self { route, place: place.clone(), limit })
    }

    /// How many keys or members are asked for at once: what comes through a gateway is bounded
    /// (`filter_core::redis`), and ours have up to 600 bytes.
    fn page(&self) -> usize {
        match self.route {
            Route::Direct(_) => 500,
            Route::Gateway(_) => 40,
        }
    }

    /// Runs commands that read, and hands out what Redis answers, its errors among it.
    async fn ask(&mut self, commands: &[Command]) -> Result<Vec<RespValue>> {
        let answers = async {
            match &mut self.route {
                Route::Direct(direct) => direct.each(commands).await,
                Route::Gateway(gateway) => gateway.run(&[], commands).await,
            }
        };
        within(self.limit, answers).await.with_context(|| self.place.clone())
    }

    /// The same; an error of Redis is an error.
    async fn read(&mut self, commands: &[Command]) -> Result<Vec<RespValue>> {
        let answers = self.ask(commands).await?;
        sound(commands, &answers).with_context(|| self.place.clone())?;
        Ok(answers)
    }

    /// Runs commands on these keys at once: nobody sees some of them done and others not.
    async fn write(&mut self, keys: &[&str], commands: &[Command]) -> Result<()> {
        let done = async {
            match &mut self.route {
                Route::Direct(direct) => direct.transaction(commands).await,
                Route::Gateway(gateway) => gateway.run(keys, commands).await,
            }
        };
        let answers = within(self.limit, done)
            .await
            .context("whether it was done is not known; the same command again does no harm")
            .with_context(|| self.place.clone())?;
        // Redis takes nothing back that stands before an error.
        sound(commands, &answers).with_context(|| self.place.clone())
    }
}

async fn within<T>(limit: Duration, what: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(limit, what).await.with_context(|| format!("no answer within {limit:?}"))?
}

/// Whether no answer is an error; the message names the command without its arguments, which may be personal data.
fn sound(commands: &[Command], answers: &[RespValue]) -> Result<()> {
    ensure!(commands.len() == answers.len(), "{} answers to {} commands", answers.len(), commands.len());
    for (command, answer) in commands.iter().zip(answers) {
        if let Some(error) = answer.error() {
            let name = command.first().map_or("", String::as_str);
            anyhow::bail!("{name}: {}", printable(error));
        }
    }
    Ok(())
}

/// Text of somebody else's as it may go to a terminal: quotes stay, what moves the cursor or hides text is escaped.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '"' | '\'' | '\\') {
            shown.push(c);
        } else {
            shown.extend(c.escape_debug());
        }
    }
    shown
}

/// A string as an answer, as text.
fn text(value: &RespValue) -> Option<&str> {
    match value {
        RespValue::Bulk(bytes) => std::str::from_utf8(bytes).ok(),
        RespValue::Simple(text) => Some(text),
        _ => None,
    }
}

/// A number as an answer, in either form. `None`: another answer.
fn number(value: &RespValue) -> Option<i64> {
    match value {
        RespValue::Integer(number) => Some(*number),
        other => text(other)?.parse().ok(),
    }
}

/// The members of an answer.
fn array(value: &RespValue) -> Option<&[RespValue]> {
    match value {
        RespValue::Array(members) => Some(members),
        _ => None,
    }
}
