//! Sessions resumed on the other gateway, ticket keys and certificates that change while connections are open.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use edge::authority::Algorithm;
use edge::gateway::EdgeGateway;
use suite::patience::until;

use crate::s_client::{Open, ask, serial};
use crate::{Secrets, alone};

/// How many connections are open while the certificate changes.
const OPEN: usize = 10;
const UPDATES: &str = "sds.ticket-keys.update_success";

#[tokio::test]
async fn a_session_is_resumed_on_the_other_gateway_until_its_key_is_gone() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let (one, other) = (secrets.gateway().await?, secrets.gateway().await?);
    println!("| a session of one gateway, on the other | TLS 1.2 | TLS 1.3 |\n|---|---|---|");
    let sessions = ["-tls1_2", "-tls1_3"].map(|version| (version, secrets.folder.path().join(&version[1..])));
    for (version, session) in &sessions {
        let begun = ask(one.addresses().tls, &[version, "-sess_out", text(session)?]).await?;
        ensure!(begun.answered() && !begun.resumed(), "{}", begun.text);
    }
    row("at once", &other, &sessions, true).await?;
    new_ticket_key(&secrets, &[&one, &other]).await?;
    row("after a new ticket key", &other, &sessions, true).await?;
    new_ticket_key(&secrets, &[&one, &other]).await?;
    row("after a second one", &other, &sessions, false).await?;
    one.end().await?;
    other.end().await
}

async fn row<P: AsRef<Path>>(
    when: &str,
    gateway: &EdgeGateway,
    sessions: &[(&str, P)],
    expected: bool,
) -> Result<()> {
    let mut cells = Vec::new();
    for (version, session) in sessions {
        let seen = ask(gateway.addresses().tls, &[version, "-sess_in", text(session.as_ref())?]).await?;
        ensure!(seen.answered() && seen.resumed() == expected, "{when}: {}", seen.text);
        cells.push(if expected { "resumed" } else { "a whole handshake" });
    }
    println!("| {when} | {} |", cells.join(" | "));
    Ok(())
}

async fn new_ticket_key(secrets: &Secrets, gateways: &[&EdgeGateway]) -> Result<()> {
    let mut before = Vec::new();
    for gateway in gateways {
        before.push(gateway.stat(UPDATES).await?);
    }
    secrets.authority.new_ticket_key()?;
    for (gateway, before) in gateways.iter().zip(before) {
        until("the new ticket key", || async { Ok(gateway.stat(UPDATES).await? > before) }).await?;
    }
    Ok(())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("not UTF-8")
}

#[tokio::test]
async fn a_certificate_changes_and_no_connection_ends() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let gateway = secrets.gateway().await?;
    let addr = gateway.addresses().tls;
    for (algorithm, suite) in
        [(Algorithm::Ecdsa, "ECDHE-ECDSA-AES256-GCM-SHA384"), (Algorithm::Rsa, "ECDHE-RSA-AES256-GCM-SHA384")]
    {
        let arguments = ["-tls1_2", "-cipher", suite];
        let mut open = Vec::new();
        for _ in 0..OPEN {
            let mut connection = Open::to(addr).await?;
            connection.ask().await?;
            open.push(connection);
        }
        let old = secrets.authority.serial(algorithm)?;
        ensure!(serial(&ask(addr, &arguments).await?).await? == old, "another certificate");
        secrets.authority.renew(algorithm)?;
        let new = secrets.authority.serial(algorithm)?;
        ensure!(new != old, "the same certificate");
        let mut asked = 0;
        // Each of these must come to an end well, with the old certificate or the new one.
        until("the new certificate", || {
            asked += 1;
            async {
                let seen = ask(addr, &arguments).await?;
                ensure!(seen.answered(), "{}", seen.text);
                Ok(serial(&seen).await? == new)
            }
        })
        .await?;
        for connection in &mut open {
            connection.ask().await?;
        }
        println!(
            "{algorithm:?}: new certificate after {asked} new connections, all answered; {OPEN} open ones went on"
        );
    }
    let failed = gateway.access_log()?.into_iter().filter(|line| line.get("failure").is_some());
    ensure!(failed.count() == 0, "a handshake failed: {}", gateway.envoy().log_tail());
    gateway.end().await
}
