//! Which versions and suites the gateway speaks, what it prefers, and what it shows.

use anyhow::{Context as _, Result, ensure};
use edge::authority::Algorithm;
use suite::patience::until;

use crate::s_client::{Control, ask, serial, shake};
use crate::{Secrets, alone};

/// The four suites of TLS 1.2, with the certificate that each needs.
const SUITES: [&str; 4] = [
    "ECDHE-ECDSA-AES256-GCM-SHA384",
    "ECDHE-RSA-AES256-GCM-SHA384",
    "ECDHE-ECDSA-CHACHA20-POLY1305",
    "ECDHE-RSA-CHACHA20-POLY1305",
];

#[tokio::test]
async fn versions_suites_preference_protocol_and_staple() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let gateway = secrets.gateway().await?;
    let control = Control::start(&secrets.authority).await?;
    let addr = gateway.addresses().tls;
    println!("| handshake | the gateway | a server that speaks everything |\n|---|---|---|");

    for (option, name, protocol) in [("-tls1", "TLS 1.0", "TLSv1"), ("-tls1_1", "TLS 1.1", "TLSv1.1")] {
        let arguments = [option, "-cipher", "ALL:@SECLEVEL=0"];
        let (seen, can) = (shake(addr, &arguments).await?, shake(control.addr, &arguments).await?);
        let suite = can.suite().with_context(|| format!("{name}: {}", can.text))?;
        ensure!(can.version() == Some(protocol), "{name}: {}", can.text);
        ensure!(seen.handshake().is_none(), "{name}: {}", seen.text);
        let alert = seen.alert().with_context(|| format!("{name}: {}", seen.text))?;
        ensure!(alert.contains("protocol version"), "{name}: {alert}");
        println!("| {name} | refused: {alert} | {protocol}, {suite} |");
    }
    for (option, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let seen = ask(addr, &[option]).await?;
        let (_, version, suite) = seen.handshake().with_context(|| format!("{name}: {}", seen.text))?;
        ensure!(version == name && seen.answered(), "{name}: {}", seen.text);
        println!("| {} | {suite} | |", name.replace("TLSv", "TLS "));
    }
    for suite in SUITES {
        let seen = ask(addr, &["-tls1_2", "-cipher", suite]).await?;
        ensure!(seen.suite() == Some(suite), "{suite}: {}", seen.text);
        println!("| TLS 1.2 with {suite} alone | accepted | |");
    }
    // The order of the gateway, whatever the client's is.
    for offered in [[SUITES[2], SUITES[0]], [SUITES[1], SUITES[0]], [SUITES[3], SUITES[2]]] {
        let seen = ask(addr, &["-tls1_2", "-cipher", &offered.join(":")]).await?;
        ensure!(seen.suite() == Some(offered[1]), "{offered:?}: {}", seen.text);
        println!("| TLS 1.2, {} before {} | {} | |", offered[0], offered[1], offered[1]);
    }
    for suite in ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"] {
        let seen = ask(addr, &["-tls1_3", "-ciphersuites", suite]).await?;
        ensure!(seen.suite() == Some(suite), "{suite}: {}", seen.text);
        println!("| TLS 1.3 with {suite} alone | accepted (Envoy cannot choose these) | |");
    }
    for (offered, expected) in [
        ("h2,http/1.1", "ALPN protocol: h2"),
        ("http/1.1,h2", "ALPN protocol: h2"),
        ("http/1.1", "ALPN protocol: http/1.1"),
        ("spdy/3", "No ALPN negotiated"),
    ] {
        let seen = shake(addr, &["-alpn", offered]).await?;
        ensure!(seen.text.contains(expected), "{offered}: {}", seen.text);
        println!("| ALPN {offered} | {expected} | |");
    }

    // Whole chain, right name, staple: for both kinds of key.
    let root = secrets.authority.root();
    let root = root.to_str().context("not UTF-8")?;
    for (suite, algorithm) in [(SUITES[0], Algorithm::Ecdsa), (SUITES[1], Algorithm::Rsa)] {
        let arguments = [
            "-tls1_2",
            "-cipher",
            suite,
            "-status",
            "-CAfile",
            root,
            "-verify_hostname",
            "api.example.com",
            "-verify_return_error",
        ];
        let seen = ask(addr, &arguments).await?;
        for expected in
            ["Verify return code: 0 (ok)", "OCSP Response Status: successful", "Cert Status: good"]
        {
            ensure!(seen.text.contains(expected), "{algorithm:?}: {}", seen.text);
        }
        ensure!(serial(&seen).await? == secrets.authority.serial(algorithm)?, "another certificate");
        println!("| {algorithm:?} certificate | whole chain, OCSP: good | |");
        // A new staple is seen without a restart.
        let next = |text: &str| text.lines().find(|line| line.contains("Next Update")).map(str::to_owned);
        let before = next(&seen.text);
        secrets.authority.staple(algorithm, 3)?;
        until("the new staple", || async { Ok(next(&ask(addr, &arguments).await?.text) != before) }).await?;
    }

    for line in gateway.access_log()? {
        let failure =
            line.get("failure").and_then(serde_json::Value::as_str).unwrap_or("UNSUPPORTED_PROTOCOL");
        ensure!(failure.contains("UNSUPPORTED_PROTOCOL"), "{line}");
    }
    let refused = gateway.access_log()?.iter().filter(|line| line.get("failure").is_some()).count();
    ensure!(refused == 2, "{refused} lines of the connection log instead of 2");
    gateway.end().await
}
