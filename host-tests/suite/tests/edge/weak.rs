//! Every suite of TLS 1.2 that OpenSSL has, but the four: refused.

use anyhow::{Context as _, Result, ensure};
use suite::patience::until;

use crate::s_client::{Control, shake, suites};
use crate::{Secrets, alone};

/// What the gateway speaks.
const OURS: [&str; 4] = [
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
];
/// Kinds of suites that must be among those that were tried, else this OpenSSL is no judge.
const KINDS: [&str; 6] = [
    "ECDHE-ECDSA-AES128-GCM-SHA256",
    "ECDHE-RSA-AES256-SHA384",
    "AES256-GCM-SHA384",
    "AES128-SHA",
    "DHE-RSA-AES256-GCM-SHA384",
    "NULL-SHA256",
];

#[tokio::test]
async fn every_other_suite_is_refused() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let gateway = secrets.gateway().await?;
    let control = Control::start(&secrets.authority).await?;
    let mut refused = Vec::new();
    for suite in suites().await? {
        if OURS.contains(&suite.as_str()) {
            continue;
        }
        let offer = format!("{suite}:@SECLEVEL=0");
        let arguments = ["-tls1_2", "-cipher", &offer];
        // What no server with these certificates can speak proves nothing.
        let Some(spoken) = shake(control.addr, &arguments).await?.suite().map(str::to_owned) else {
            continue;
        };
        ensure!(spoken == suite, "{suite}: the control server chose {spoken}");
        let seen = shake(gateway.addresses().tls, &arguments).await?;
        ensure!(seen.handshake().is_none(), "{suite}: {}", seen.text);
        let alert = seen.alert().with_context(|| format!("{suite}: {}", seen.text))?;
        ensure!(alert.contains("handshake failure"), "{suite}: {alert}");
        refused.push(suite);
    }
    for kind in KINDS {
        ensure!(refused.iter().any(|suite| suite == kind), "{kind} was not tried: {refused:?}");
    }
    println!("refused, each alone, by the gateway and accepted by OpenSSL's server: {}", refused.join(" "));
    until("a line of the log for each", || async {
        let lines = gateway.access_log()?;
        Ok(lines.iter().filter(|line| line.to_string().contains("NO_SHARED_CIPHER")).count() == refused.len())
    })
    .await?;
    gateway.end().await
}
