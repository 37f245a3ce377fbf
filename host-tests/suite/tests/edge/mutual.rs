//! 8443: a client certificate is required, and why one was refused is in the log.

use anyhow::{Context as _, Result, ensure};
use edge::authority::{Client, Identity};
use edge::gateway::EdgeGateway;

use crate::s_client::ask;
use crate::{Secrets, alone};

#[tokio::test]
async fn a_client_certificate_of_ours_is_required() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let gateway = secrets.gateway().await?;
    let addr = gateway.addresses().mtls;
    println!("| client certificate on 8443 | TLS | answer | in the log |\n|---|---|---|---|");
    let cases = [
        (None, "PEER_DID_NOT_RETURN_A_CERTIFICATE"),
        (Some(Client::Expired), "certificate_has_expired"),
        (Some(Client::Foreign), "unable_to_get_local_issuer_certificate"),
    ];
    for version in ["-tls1_2", "-tls1_3"] {
        for (client, expected) in cases {
            let before = failures(&gateway)?.len();
            let seen = with(&secrets, client).await_on(addr, version).await?;
            ensure!(!seen.answered(), "{client:?}: {}", seen.text);
            suite::patience::until("the line of the log", || async {
                Ok(failures(&gateway)?.len() > before)
            })
            .await?;
            let log = failures(&gateway)?;
            let line = log.last().context("no line")?;
            ensure!(line.contains(expected), "{client:?}: {line}");
            let alert = seen.alert().unwrap_or("-");
            println!("| {} | {} | refused: {alert} | {expected} |", name(client), &version[1..]);
        }
        let seen = with(&secrets, Some(Client::Valid)).await_on(addr, version).await?;
        ensure!(seen.answered(), "{}", seen.text);
        println!("| {} | {} | answered | |", name(Some(Client::Valid)), &version[1..]);
    }

    // A session that was begun on 443, where nobody shows a certificate, is none here.
    let session = secrets.folder.path().join("session.pem");
    let session = session.to_str().context("not UTF-8")?;
    for version in ["-tls1_2", "-tls1_3"] {
        let begun = ask(gateway.addresses().tls, &[version, "-sess_out", session]).await?;
        ensure!(begun.answered(), "{}", begun.text);
        let seen = ask(addr, &[version, "-sess_in", session]).await?;
        ensure!(!seen.answered() && !seen.resumed(), "{}", seen.text);
    }
    gateway.end().await
}

/// Why connections did not come to speak TLS, in order.
fn failures(gateway: &EdgeGateway) -> Result<Vec<String>> {
    let lines = gateway.access_log()?;
    Ok(lines.iter().filter_map(|line| line.get("failure")?.as_str().map(str::to_owned)).collect())
}

fn name(client: Option<Client>) -> &'static str {
    match client {
        None => "none",
        Some(Client::Valid) => "valid",
        Some(Client::Expired) => "expired",
        Some(Client::Foreign) => "of another authority",
    }
}

struct With(Vec<String>);

fn with(secrets: &Secrets, client: Option<Client>) -> With {
    let path = |file: std::path::PathBuf| file.to_string_lossy().into_owned();
    With(client.map_or_else(Vec::new, |client| {
        let Identity { chain, key } = secrets.authority.client(client);
        vec!["-cert".to_owned(), path(chain), "-key".to_owned(), path(key)]
    }))
}

impl With {
    async fn await_on(&self, addr: std::net::SocketAddr, version: &str) -> Result<crate::s_client::Seen> {
        let arguments: Vec<&str> =
            std::iter::once(version).chain(self.0.iter().map(String::as_str)).collect();
        ask(addr, &arguments).await
    }
}
