//! WebSockets over TLS.

use std::time::Duration;

use anyhow::{Context as _, Result, anyhow};
use futures_util::{SinkExt as _, StreamExt as _};
use http::Request;
use http::header::HOST;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_websockets::upgrade::Error as Refused;
use tokio_websockets::{ClientBuilder, Error, Message};

use super::{Answer, Client};

/// Beyond this nobody says anything any more.
const DEADLINE: Duration = Duration::from_secs(30);

impl Client {
    /// Opens a WebSocket over HTTP/1.1, says each of these and hears as many; what was heard is the body, joined. Of a handshake
    /// that is refused only the status comes back.
    ///
    /// # Errors
    /// The connection ends too early.
    pub async fn converse(&self, stream: TcpStream, request: &Request<()>, says: &[&str]) -> Result<Answer> {
        timeout(DEADLINE, self.conversation(stream, request, says)).await.context("nothing is heard")?
    }

    async fn conversation(&self, stream: TcpStream, request: &Request<()>, says: &[&str]) -> Result<Answer> {
        let host = request.headers().get(HOST).context("a request without a host")?.to_str()?;
        let stream = self.encrypted(stream, &[b"http/1.1"]).await?;
        let mut builder = ClientBuilder::new().uri(&format!("wss://{host}{}", request.uri()))?;
        for (name, value) in request.headers().iter().filter(|(name, _)| *name != HOST) {
            builder = builder.add_header(name.clone(), value.clone())?;
        }
        let (mut socket, response) = match builder.connect_on(stream).await {
            Ok(opened) => opened,
            Err(Error::Upgrade(Refused::DidNotSwitchProtocols(status))) => {
                return Ok(Answer { status, ..Answer::default() });
            }
            Err(error) => return Err(anyhow!(error).context("the handshake of a WebSocket")),
        };
        let mut heard = String::new();
        for text in says {
            socket.send(Message::text((*text).to_owned())).await.context("say")?;
            let message = socket.next().await.context("the other side has left")?.context("hear")?;
            heard.push_str(message.as_text().context("not a text")?);
        }
        socket.close().await.context("close")?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Ok(Answer { status, headers, body: heard.into(), ..Answer::default() })
    }
}
