//! A Webdis.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::gateway::{Answer, encode, post};
use crate::process::{Process, on_free_port};
use crate::{Options, POLL, Ready, Redis, START_DEADLINE, User, programs};

/// A running Webdis that is logged in to a [`Redis`] as one of its users, on a free port of 127.0.0.1.
#[derive(Debug)]
pub struct Webdis {
    process: Process,
    addr: SocketAddr,
    file: PathBuf,
    authorization: Option<String>,
}

impl Webdis {
    /// Starts the gateway of this user.
    ///
    /// # Errors
    /// Webdis is not to be found, not ready in time, or the user is an operator, who has no gateway.
    pub async fn start(redis: &Redis, user: User, options: &Options) -> Result<Self> {
        let configuration = redis.configuration();
        let name = user.webdis().with_context(|| format!("{} has no gateway", user.name()))?;
        let text = std::fs::read_to_string(configuration.file(name)).with_context(|| name.to_owned())?;
        let mut members: Map<String, Value> = serde_json::from_str(&text).with_context(|| name.to_owned())?;
        members.insert("redis_port".to_owned(), redis.addr().port().into());
        members.extend(options.members.iter().cloned());
        let authorization = configuration
            .http_credentials()
            .map(|credentials| format!("Basic {}", STANDARD.encode(credentials)));
        let launched = on_free_port("in use", async |addr| {
            members.insert("http_port".to_owned(), addr.port().into());
            let file = configuration.file(&format!("webdis-{}.json", addr.port()));
            std::fs::write(&file, serde_json::to_vec_pretty(&members)?).context("write webdis.json")?;
            Ok((launch(&file, addr, authorization.as_deref(), options.ready).await?, file))
        });
        let ((process, file), addr) = launched.await?;
        Ok(Self { process, addr, file, authorization })
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

    /// What it wrote to its log since the last start.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.said().join("\n")
    }

    /// Sends a command and its arguments, on a connection of its own.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn call(&self, parts: &[&str]) -> Result<Answer> {
        self.send(encode(parts).into_bytes()).await
    }

    /// Posts these bytes, on a connection of its own, with the credentials that it wants.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn send(&self, body: Vec<u8>) -> Result<Answer> {
        post(self.addr, self.authorization.as_deref(), body).await
    }

    /// The same with this `authorization` header, or none.
    ///
    /// # Errors
    /// There is no answer.
    pub async fn send_as(&self, authorization: Option<&str>, body: Vec<u8>) -> Result<Answer> {
        post(self.addr, authorization, body).await
    }

    /// Stops it (SIGSTOP): connections are taken by the kernel, nothing is answered.
    ///
    /// # Errors
    /// It has ended.
    pub async fn pause(&mut self) -> Result<()> {
        self.process.pause().await
    }

    /// Lets it go on (SIGCONT).
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

    /// Starts it anew on the same port with the same configuration, killed before if it lives.
    ///
    /// # Errors
    /// As [`Webdis::start`].
    pub async fn restart(&mut self, ready: Ready) -> Result<()> {
        self.kill().await?;
        self.process = launch(&self.file, self.addr, self.authorization.as_deref(), ready).await?;
        Ok(())
    }
}

async fn launch(
    file: &std::path::Path,
    addr: SocketAddr,
    authorization: Option<&str>,
    ready: Ready,
) -> Result<Process> {
    let folder = file.parent().context("folder of webdis.json")?;
    let arguments = [file.display().to_string()];
    let mut process = Process::start("webdis", &programs::webdis()?, &arguments, folder)?;
    let up = async {
        loop {
            if process.ended()? {
                process.drained().await;
                bail!("ended at its start; {}", process.tail());
            }
            let is_up = match ready {
                // Its connections to Redis are made after the port is open.
                Ready::Serves => post(addr, authorization, encode(&["EVAL", "return 1", "0"]).into_bytes())
                    .await
                    .is_ok_and(|answer| answer.body == br#"{"EVAL":1}"#),
                Ready::Listens => TcpStream::connect(addr).await.is_ok(),
            };
            if is_up {
                return Ok(());
            }
            sleep(POLL).await;
        }
    };
    let started = timeout(START_DEADLINE, up).await;
    match started {
        Ok(result) => result.context("webdis").map(|()| process),
        Err(_) => bail!("is not ready in time; {}", process.tail()),
    }
}
