//! The options of the file: TLS with a client certificate to the API, and to the gateways to Redis.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use backends::{Configuration, Options, Redis, User, Webdis};
use edge::authority::{Authority, Service};
use edge::gateway::{EdgeGateway, Sidecar, Surroundings};
use suite::patience::until;
use tokio::net::TcpStream;
use tokio::process::Child;

use crate::s_client::{ask, command, shake};
use crate::{Secrets, alone};

/// An API of OpenSSL's: it wants a client certificate of our authority, and answers 200 whatever is asked.
async fn api(authority: &Authority, service: Service) -> Result<(std::net::SocketAddr, Child)> {
    let addr = backends::free_port()?;
    let identity = authority.service(service);
    let path = |file: &std::path::Path| file.to_string_lossy().into_owned();
    let (accept, root, cert, key) =
        (addr.to_string(), path(&authority.root()), path(&identity.chain), path(&identity.key));
    let mut command = command(&[
        "s_server",
        "-accept",
        &accept,
        "-cert",
        &cert,
        "-cert_chain",
        &cert,
        "-key",
        &key,
        "-CAfile",
        &root,
        "-Verify",
        "2",
        "-verify_return_error",
        "-www",
        "-quiet",
    ])?;
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    until("openssl s_server", || async { Ok(TcpStream::connect(addr).await.is_ok()) }).await?;
    Ok((addr, child))
}

#[tokio::test]
async fn the_api_is_called_with_a_client_certificate_and_by_its_name() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let (addr, _api) = api(&secrets.authority, Service::Api).await?;
    let bare = ask(addr, &[]).await?;
    ensure!(!bare.text.contains("200 ok"), "it answers anybody: {}", bare.text);
    let surroundings = Surroundings { api: addr, api_tls: true, ..Surroundings::default() };
    let gateway = EdgeGateway::start(&secrets.authority, &surroundings).await?;
    let tls = gateway.addresses().tls;
    until("the API", || async { Ok(ask(tls, &[]).await?.text.contains("HTTP/1.1 200")) }).await?;
    gateway.end().await?;

    // The same authority, another name: not the API.
    let (addr, _other) = api(&secrets.authority, Service::Idp).await?;
    let surroundings = Surroundings { api: addr, api_tls: true, ..Surroundings::default() };
    let gateway = EdgeGateway::start(&secrets.authority, &surroundings).await?;
    until("a health check", || async { Ok(gateway.stat("cluster.api.ssl.fail_verify_san").await? > 0) })
        .await?;
    let seen = ask(gateway.addresses().tls, &[]).await?;
    ensure!(seen.text.contains("HTTP/1.1 503"), "{}", seen.text);
    gateway.end().await
}

#[tokio::test]
async fn redis_is_called_over_tls_through_the_file_for_it() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let redis = Redis::start_with(Configuration::render_with_http_password()?, &Options::default()).await?;
    let webdis = Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await?;
    let sidecar = Sidecar::start(&secrets.authority, webdis.addr()).await?;
    shake(sidecar.addr(), &["-tls1_3"]).await?;
    until("the line of the log", || async {
        Ok(sidecar.log().contains("PEER_DID_NOT_RETURN_A_CERTIFICATE"))
    })
    .await?;

    let credentials = redis.configuration().http_credentials().context("no password")?;
    let (_, password) = credentials.split_once(':').context("no password")?;
    let mut surroundings =
        Surroundings { rate_limit: sidecar.addr(), redis_tls: true, ..Surroundings::default() };
    for (name, value) in &mut surroundings.environment {
        if name == "PORTCULLIS_WEBDIS_PASSWORD" {
            password.clone_into(value);
        }
    }
    let gateway = EdgeGateway::start(&secrets.authority, &surroundings).await?;
    ask(gateway.addresses().tls, &[]).await?;
    let said = async |name: &str| gateway.stat(&format!("cluster.redis-rate-limit.{name}")).await;
    until("an answer of Redis", || async { Ok(said("upstream_rq_200").await? > 0) }).await?;
    ensure!(said("ssl.handshake").await? > 0, "no handshake");
    ensure!(said("upstream_rq_5xx").await? == 0, "Redis was not reached");
    gateway.end().await
}
