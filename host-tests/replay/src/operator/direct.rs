//! Redis itself.

use anyhow::{Context as _, Result, bail};
use backends::resp::{Connection, RespValue};
use tokio::net::lookup_host;

use super::{Command, Login, printable};

/// A connection with a user logged in.
pub(super) struct Direct(Connection);

impl Direct {
    pub(super) async fn open(place: &str, login: Option<&Login>) -> Result<Self> {
        let mut last = None;
        for addr in lookup_host(place).await.context("no such host")? {
            match Connection::open(addr).await {
                Ok(connection) => {
                    let mut direct = Self(connection);
                    if let Some(login) = login {
                        direct.login(login).await?;
                    }
                    return Ok(direct);
                }
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no address")?)
    }

    async fn login(&mut self, login: &Login) -> Result<()> {
        let answer = self.0.command(&["AUTH", &login.user, login.password.expose()]).await?;
        match answer.error() {
            None => Ok(()),
            // WRONGPASS says no more than that; a Redis without users repeats nothing of what it was sent either.
            Some(error) => bail!("AUTH as {}: {}", printable(&login.user), printable(error)),
        }
    }

    /// One command after the other.
    pub(super) async fn each(&mut self, commands: &[Command]) -> Result<Vec<RespValue>> {
        let mut answers = Vec::with_capacity(commands.len());
        for command in commands {
            answers.push(self.one(command).await?);
        }
        Ok(answers)
    }

    /// MULTI, the commands, EXEC. What Redis refuses before EXEC ends it before anything is done: that error is the answer
    /// then. An error of this function is one of the connection.
    pub(super) async fn transaction(&mut self, commands: &[Command]) -> Result<Vec<RespValue>> {
        let refused = |index: usize, error: &str| {
            let mut answers = vec![RespValue::Nil; commands.len()];
            if let Some(answer) = answers.get_mut(index) {
                *answer = RespValue::Error(error.to_owned());
            }
            // The connection is not used any more; Redis forgets the transaction with it.
            Ok(answers)
        };
        if let Some(error) = self.0.command(&["MULTI"]).await?.error() {
            return refused(0, error);
        }
        for (index, command) in commands.iter().enumerate() {
            if let Some(error) = self.one(command).await?.error() {
                return refused(index, error);
            }
        }
        match self.0.command(&["EXEC"]).await? {
            RespValue::Array(answers) => Ok(answers),
            RespValue::Error(error) => refused(0, &error),
            _ => bail!("EXEC: not a list of answers"),
        }
    }

    async fn one(&mut self, command: &Command) -> Result<RespValue> {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        self.0.command(&words).await
    }
}
