//! 8444: the PROXY protocol is believed of load balancers, and of nobody else.

use std::net::SocketAddr;

use anyhow::{Result, ensure};
use edge::gateway::{EdgeGateway, Surroundings};
use suite::patience::until;
use tokio::io::{AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use crate::s_client::ask;
use crate::{Secrets, alone};

const CLIENT: &str = "203.0.113.7";

/// Passes connections on behind this line; ends when aborted.
async fn balancer(gateway: SocketAddr, line: &'static str) -> Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
    let addr = listener.local_addr()?;
    let passing = tokio::spawn(async move {
        while let Ok((mut front, _)) = listener.accept().await {
            let Ok(mut back) = TcpStream::connect(gateway).await else { continue };
            if back.write_all(line.as_bytes()).await.is_ok() {
                let _ = copy_bidirectional(&mut front, &mut back).await;
            }
        }
    });
    Ok((addr, passing))
}

#[tokio::test]
async fn the_proxy_protocol_is_believed_of_load_balancers_alone() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let line = "PROXY TCP4 203.0.113.7 127.0.0.1 40000 443\r\n";
    let gateway = secrets.gateway().await?;
    let (addr, passing) = balancer(gateway.addresses().proxied, line).await?;
    let seen = ask(addr, &[]).await?;
    ensure!(seen.answered(), "{}", seen.text);
    let told = || -> Result<bool> {
        Ok(gateway.access_log()?.iter().any(|line| line.get("client").is_some_and(|client| client == CLIENT)))
    };
    until("the line of the log", || async { told() }).await?;
    // From a load balancer, without the header: closed. On 443 the header is no TLS.
    let seen = ask(gateway.addresses().proxied, &[]).await?;
    ensure!(seen.handshake().is_none(), "{}", seen.text);
    let (direct, refused) = balancer(gateway.addresses().tls, line).await?;
    let seen = ask(direct, &[]).await?;
    ensure!(seen.handshake().is_none(), "{}", seen.text);
    passing.abort();
    refused.abort();
    gateway.end().await?;

    let surroundings =
        Surroundings { load_balancers: ("192.0.2.1".to_owned(), 32), ..Surroundings::default() };
    let gateway = EdgeGateway::start(&secrets.authority, &surroundings).await?;
    // Whoever says to be a client that is a load balancer, too.
    for line in [line, "PROXY TCP4 192.0.2.1 127.0.0.1 40000 443\r\n"] {
        let (addr, passing) = balancer(gateway.addresses().proxied, line).await?;
        let seen = ask(addr, &[]).await?;
        ensure!(seen.handshake().is_none() && !seen.answered(), "{}", seen.text);
        passing.abort();
    }
    gateway.end().await
}
