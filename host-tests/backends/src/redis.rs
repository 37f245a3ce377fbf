//! A Redis.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::time::{sleep, timeout};

use crate::configuration::ADMINISTRATOR;
use crate::process::{Process, on_free_port};
use crate::resp::{Connection, RespValue};
use crate::{Configuration, Options, POLL, Ready, START_DEADLINE, User, programs};

/// What a restart finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Data {
    /// What Redis wrote to its files.
    Kept,
    /// Nothing.
    Lost,
}

/// A running Redis with the shipped `redis.conf` and `users.acl`, on a free port of 127.0.0.1.
#[derive(Debug)]
pub struct Redis {
    process: Process,
    addr: SocketAddr,
    configuration: Configuration,
}

impl Redis {
    /// Starts one with nothing in it.
    ///
    /// # Errors
    /// It is not to be found, or not ready in time; the message holds the end of its log.
    pub async fn start(options: &Options) -> Result<Self> {
        Self::start_with(Configuration::render()?, options).await
    }

    /// The same with a configuration of the caller's.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub async fn start_with(configuration: Configuration, options: &Options) -> Result<Self> {
        let launched =
            on_free_port("Address already in use", async |addr| launch(&configuration, addr, options).await);
        let (process, addr) = launched.await?;
        Ok(Self { process, addr, configuration })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its process id; `None` once it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.process.id()
    }

    /// The files it was started with.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.configuration
    }

    /// What it wrote to its log since the last start.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.said().join("\n")
    }

    /// A connection with a user logged in.
    ///
    /// # Errors
    /// It does not listen, or refuses the login.
    pub async fn connect(&self, user: User) -> Result<Connection> {
        login(self.addr, user.name(), self.configuration.password(user)).await
    }

    /// Runs one command as a user, on a connection of its own; that Redis answers with an error is no error.
    ///
    /// # Errors
    /// As [`Redis::connect`], or there is no answer.
    pub async fn command(&self, user: User, words: &[&str]) -> Result<RespValue> {
        self.connect(user).await?.command(words).await
    }

    /// Runs one command as a user who may do anything, on a connection of its own, where the configuration is
    /// [`Configuration::render_with_administrator`]; that Redis answers with an error is no error.
    ///
    /// # Errors
    /// There is no such user; else as [`Redis::command`].
    pub async fn administer(&self, words: &[&str]) -> Result<RespValue> {
        let password =
            self.configuration.administrator().context("the configuration has no administrator")?;
        login(self.addr, ADMINISTRATOR, password).await?.command(words).await
    }

    /// Stops it as a machine that hangs would (SIGSTOP): connections stay, nothing is answered.
    ///
    /// # Errors
    /// It has ended.
    pub async fn pause(&mut self) -> Result<()> {
        self.process.pause().await
    }

    /// Lets it go on (SIGCONT); it answers what it was asked meanwhile.
    ///
    /// # Errors
    /// It has ended.
    pub fn resume(&self) -> Result<()> {
        self.process.resume()
    }

    /// Ends it without notice (SIGKILL).
    ///
    /// # Errors
    /// It cannot be killed.
    pub async fn kill(&mut self) -> Result<()> {
        self.process.kill().await
    }

    /// Asks it to end (SIGTERM): it writes its files first, if its configuration has it write any.
    ///
    /// # Errors
    /// It has ended already.
    pub async fn stop(&mut self) -> Result<()> {
        self.process.stop().await
    }

    /// Starts it anew on the same port, killed before if it lives.
    ///
    /// # Errors
    /// As [`Redis::start`].
    pub async fn restart(&mut self, data: Data, options: &Options) -> Result<()> {
        self.kill().await?;
        if data == Data::Lost {
            for name in ["appendonlydir", "dump.rdb"] {
                let path = self.configuration.file(name);
                let removed =
                    if path.is_dir() { std::fs::remove_dir_all(&path) } else { std::fs::remove_file(&path) };
                ensure!(removed.is_ok() || !path.exists(), "{}: cannot be removed", path.display());
            }
        }
        self.process = launch(&self.configuration, self.addr, options).await?;
        Ok(())
    }
}

async fn launch(configuration: &Configuration, addr: SocketAddr, options: &Options) -> Result<Process> {
    let port = addr.port().to_string();
    let mut arguments = vec!["redis.conf".to_owned(), "--port".to_owned(), port];
    arguments.extend(options.arguments.iter().cloned());
    let mut process =
        Process::start("redis-server", &programs::redis_server()?, &arguments, configuration.folder())?;
    let ready = async {
        loop {
            if process.ended()? {
                process.drained().await;
                bail!("ended at its start; {}", process.tail());
            }
            match options.ready {
                Ready::Serves if serves(addr, configuration).await => return Ok(()),
                Ready::Listens if Connection::open(addr).await.is_ok() => return Ok(()),
                _ => sleep(POLL).await,
            }
        }
    };
    let started = timeout(START_DEADLINE, ready).await;
    match started {
        Ok(result) => result.context("redis-server").map(|()| process),
        Err(_) => bail!("is not ready in time; {}", process.tail()),
    }
}

async fn login(addr: SocketAddr, name: &str, password: &str) -> Result<Connection> {
    let mut connection = Connection::open(addr).await?;
    let answer = connection.command(&["AUTH", name, password]).await?;
    ensure!(answer == RespValue::Simple("OK".to_owned()), "AUTH {name}: {answer:?}");
    Ok(connection)
}

async fn serves(addr: SocketAddr, configuration: &Configuration) -> bool {
    let user = User::OperatorRead;
    let answer =
        async { login(addr, user.name(), configuration.password(user)).await?.command(&["PING"]).await };
    answer.await.is_ok_and(|answer| answer == RespValue::Simple("PONG".to_owned()))
}
