//! `openssl s_client` and what it says, and a server of OpenSSL's for comparison.

use std::net::SocketAddr;
use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use edge::authority::{Algorithm, Authority, HOST, Identity};
use suite::patience::in_time;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// Ends the connection: `s_client` then ends by itself. Tickets of TLS 1.3 come with the answer.
pub(crate) const REQUEST: &str =
    "GET /catalogue HTTP/1.1\r\nHost: api.example.com\r\nConnection: close\r\n\r\n";

/// What came of a connection.
#[derive(Debug)]
pub(crate) struct Seen {
    /// All that `s_client` wrote, the answer included.
    pub text: String,
}

impl Seen {
    /// Version and suite of the handshake, and whether it resumed a session; `None` where there was none.
    pub(crate) fn handshake(&self) -> Option<(bool, &str, &str)> {
        let line =
            self.text.lines().find(|line| line.starts_with("New, ") || line.starts_with("Reused, "))?;
        let (kind, rest) = line.split_once(", ")?;
        let (version, suite) = rest.split_once(", Cipher is ")?;
        (suite != "(NONE)").then_some((kind == "Reused", version, suite))
    }

    /// The version of the session, of TLS 1.2 and before: beside the suite stands the first version that has it.
    pub(crate) fn version(&self) -> Option<&str> {
        let line = self.text.lines().find(|line| line.trim_start().starts_with("Protocol  :"))?;
        Some(line.split_once(": ")?.1.trim())
    }

    /// The suite.
    pub(crate) fn suite(&self) -> Option<&str> {
        Some(self.handshake()?.2)
    }

    /// Whether a session was resumed.
    pub(crate) fn resumed(&self) -> bool {
        self.handshake().is_some_and(|(resumed, ..)| resumed)
    }

    /// Whether the gateway answered a request.
    pub(crate) fn answered(&self) -> bool {
        self.text.contains("HTTP/1.1 ")
    }

    /// The alert that ended it, as OpenSSL says it.
    pub(crate) fn alert(&self) -> Option<&str> {
        let line = self.text.lines().find(|line| line.contains(" alert "))?;
        // error:0A000410:SSL routines:ssl3_read_bytes:sslv3 alert handshake failure:../ssl/…
        line.split(':').find(|part| part.contains(" alert "))
    }
}

pub(crate) fn command(arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(backends::openssl()?);
    // A distribution's own settings forbid old versions to clients, too: what is refused must be refused by the gateway.
    command.env("OPENSSL_CONF", "/dev/null").args(arguments).kill_on_drop(true);
    backends::end_with_parent(&mut command);
    Ok(command)
}

/// Connects with these further arguments, and sends [`REQUEST`].
pub(crate) async fn ask(addr: SocketAddr, arguments: &[&str]) -> Result<Seen> {
    connect(addr, &[&["-ign_eof"], arguments].concat(), REQUEST).await
}

/// Connects and ends the connection after the handshake.
pub(crate) async fn shake(addr: SocketAddr, arguments: &[&str]) -> Result<Seen> {
    connect(addr, arguments, "").await
}

/// Connects, sends this and waits for the end.
pub(crate) async fn connect(addr: SocketAddr, arguments: &[&str], input: &str) -> Result<Seen> {
    let addr = addr.to_string();
    let mut command = command(&["s_client", "-connect", &addr, "-servername", HOST])?;
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().context("openssl s_client")?;
    let mut stdin = child.stdin.take().context("no stdin")?;
    // Who was refused has ended already.
    let _ = stdin.write_all(input.as_bytes()).await;
    drop(stdin);
    let output = in_time("openssl s_client", child.wait_with_output()).await??;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    Ok(Seen { text })
}

/// The names of all suites that OpenSSL has of TLS 1.2 and before, those without certificates or with other secrets left out.
pub(crate) async fn suites() -> Result<Vec<String>> {
    let arguments = ["ciphers", "-s", "-tls1_2", "ALL:COMPLEMENTOFALL:!PSK:!SRP:@SECLEVEL=0"];
    let output = command(&arguments)?.output().await.context("openssl ciphers")?;
    let text = String::from_utf8(output.stdout)?;
    Ok(text.trim().split(':').filter(|name| !name.starts_with("TLS_")).map(str::to_owned).collect())
}

/// The serial number of the certificate that a server showed.
pub(crate) async fn serial(seen: &Seen) -> Result<String> {
    let mut command = command(&["x509", "-noout", "-serial"])?;
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
    // Before it there may be one in the staple.
    let shown = seen.text.split_once("Server certificate").context("no certificate")?.1;
    child.stdin.take().context("no stdin")?.write_all(shown.as_bytes()).await?;
    let output = child.wait_with_output().await?;
    let said = String::from_utf8(output.stdout)?;
    Ok(said
        .trim()
        .strip_prefix("serial=")
        .with_context(|| format!("no certificate in\n{}", seen.text))?
        .to_owned())
}

/// A connection that stays.
pub(crate) struct Open {
    _child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
}

impl Open {
    /// Connects.
    pub(crate) async fn to(addr: SocketAddr) -> Result<Self> {
        let addr = addr.to_string();
        let mut command = command(&["s_client", "-quiet", "-connect", &addr, "-servername", HOST])?;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().context("openssl s_client")?;
        let stdin = child.stdin.take().context("no stdin")?;
        let stdout = child.stdout.take().context("no stdout")?;
        Ok(Self { _child: child, stdin, stdout })
    }

    /// Asks on it, and reads the answer.
    pub(crate) async fn ask(&mut self) -> Result<String> {
        let request = REQUEST.replace("Connection: close\r\n", "");
        self.stdin.write_all(request.as_bytes()).await.context("the connection is closed")?;
        let mut seen = Vec::new();
        let mut piece = [0; 4096];
        // A problem document is the last of it.
        while !seen.trim_ascii_end().ends_with(b"}") {
            let count = in_time("an answer", self.stdout.read(&mut piece)).await??;
            ensure!(count > 0, "the connection is closed after {:?}", String::from_utf8_lossy(&seen));
            seen.extend_from_slice(piece.get(..count).unwrap_or_default());
        }
        Ok(String::from_utf8(seen)?)
    }
}

/// A server that speaks everything OpenSSL can: it shows that a command which the gateway refuses could be served.
pub(crate) struct Control {
    pub addr: SocketAddr,
    _child: Child,
}

impl Control {
    /// Starts one with the gateway's certificates.
    pub(crate) async fn start(authority: &Authority) -> Result<Self> {
        let addr = backends::free_port()?;
        let accept = addr.to_string();
        let [ecdsa, rsa] = [Algorithm::Ecdsa, Algorithm::Rsa].map(|algorithm| authority.server(algorithm));
        let path = |file: &std::path::Path| file.to_string_lossy().into_owned();
        let Identity { chain, key } = ecdsa;
        let (cert, key, dcert, dkey) = (path(&chain), path(&key), path(&rsa.chain), path(&rsa.key));
        let mut command = command(&[
            "s_server",
            "-accept",
            &accept,
            "-cert",
            &cert,
            "-key",
            &key,
            "-dcert",
            &dcert,
            "-dkey",
            &dkey,
            "-cipher",
            "ALL:COMPLEMENTOFALL:@SECLEVEL=0",
            "-www",
            "-quiet",
        ])?;
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        suite::patience::until("openssl s_server", || async { Ok(TcpStream::connect(addr).await.is_ok()) })
            .await?;
        Ok(Self { addr, _child: child })
    }
}
