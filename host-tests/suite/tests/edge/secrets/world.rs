//! What the gateway is in front of, and the secrets that it was given itself.

use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use backends::{Configuration, Options, Redis, User as RedisUser, Webdis};
use edge::authority::{Algorithm, Identity as Files, Service};
use edge::client::Identity;
use edge::gateway::{ENVIRONMENT, EdgeGateway, Surroundings};
use edge::services::api::User;
use edge::services::key_server::Issuer;
use edge::services::{Api, KeyServer};
use serde_json::Value;
use suite::patience::until;

use super::Planted;
use crate::Secrets;

/// The gateway and all that it asks.
pub(super) struct World {
    pub(super) gateway: EdgeGateway,
    pub(super) api: Api,
    key_server: KeyServer,
    pub(super) user: User,
    _redis: Redis,
    _webdis: [Webdis; 3],
}

impl World {
    pub(super) async fn start(secrets: &Secrets, planted: &mut Planted) -> Result<Self> {
        let redis =
            Redis::start_with(Configuration::render_with_http_password()?, &Options::default()).await?;
        let webdis = [
            Webdis::start(&redis, RedisUser::GatewayRateLimit, &Options::default()).await?,
            Webdis::start(&redis, RedisUser::GatewayIdempotency, &Options::default()).await?,
            Webdis::start(&redis, RedisUser::GatewayRevocation, &Options::default()).await?,
        ];
        let idp = secrets.authority.service(Service::Idp);
        let issuer = Issuer {
            issuer: "https://idp.example.com/".to_owned(),
            audience: "https://api.example.com".to_owned(),
        };
        let key_server = KeyServer::start(issuer, Some(Identity::read(&idp.chain, &idp.key)?.serves()?))?;
        let user = User { name: planted.new_in("user name"), password: planted.new_in("password") };
        let api = Api::start(0, user.clone())?;
        let password = redis.configuration().http_credentials().context("no password of Webdis")?;
        let password = password.split_once(':').context("a password")?.1.to_owned();
        planted.add("password of Webdis", &password);
        let values = [planted.new_in("key secret"), password];
        let [limits, idempotency, revocation] = &webdis;
        let surroundings = Surroundings {
            api: api.addr(),
            api_grpc: api.addr(),
            idp: key_server.addr(),
            rate_limit: limits.addr(),
            idempotency: idempotency.addr(),
            revocation: revocation.addr(),
            environment: ENVIRONMENT.map(str::to_owned).into_iter().zip(values).collect(),
            ..Surroundings::default()
        };
        let gateway = EdgeGateway::start(&secrets.authority, &surroundings).await?;
        until("the API", || async { Ok(gateway.stat("cluster.api.membership_healthy").await? == 1) }).await?;
        Ok(Self { gateway, api, key_server, user, _redis: redis, _webdis: webdis })
    }

    pub(super) fn token(&self, over: &Value, planted: &mut Planted) -> Result<String> {
        Ok(planted.token(self.key_server.token(over)?))
    }
}

/// What the gateway itself was given: keys of certificates and of tickets.
pub(super) fn own(secrets: &Secrets, planted: &mut Planted) -> Result<()> {
    let authority = &secrets.authority;
    for identity in
        [authority.server(Algorithm::Ecdsa), authority.server(Algorithm::Rsa), authority.gateway()]
    {
        let pem = std::fs::read_to_string(&identity.key)?;
        let line = pem.lines().nth(1).context("a key")?;
        planted.add("private key", line);
    }
    let tickets = std::fs::read_to_string(authority.tls().join("ticket-keys.yaml"))?;
    let keys = tickets
        .split(|c: char| !(c.is_ascii_alphanumeric() || "+/=".contains(c)))
        .filter(|word| word.len() > 60);
    let before = planted.0.len();
    keys.for_each(|key| planted.add("ticket key", key));
    ensure!(planted.0.len() > before, "no ticket key in {tickets}");
    Ok(())
}

/// A client certificate with this in its subject.
pub(super) fn certificate(folder: &Path, subject: &str) -> Result<Files> {
    std::fs::write(
        folder.join("secret.ext"),
        "basicConstraints = critical, CA:false\nextendedKeyUsage = clientAuth\n",
    )?;
    let name = format!("/CN={subject}");
    for arguments in [
        &[
            "req",
            "-new",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-keyout",
            "secret.key",
            "-subj",
            &name,
            "-out",
            "secret.csr",
        ][..],
        &[
            "x509",
            "-req",
            "-in",
            "secret.csr",
            "-CA",
            "clients.crt",
            "-CAkey",
            "clients.key",
            "-CAcreateserial",
            "-days",
            "1",
            "-extfile",
            "secret.ext",
            "-out",
            "secret.crt",
        ],
    ] {
        let mut command = Command::new(backends::openssl()?);
        let output = command
            .args(arguments)
            .current_dir(folder)
            .env("OPENSSL_CONF", folder.join("openssl.cnf"))
            .output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    Ok(Files { chain: folder.join("secret.crt"), key: folder.join("secret.key") })
}
