//! The gateway that ships, with everything around it, and with troubles in reserve.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use backends::{Configuration, Options, Redis, User, Webdis};
use bytes::Bytes;
use edge::authority::{Authority, Client};
use edge::gateway::{ENVIRONMENT, EdgeGateway, Surroundings};
use edge::services::{Answer, Server};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use suite::root;
use tempfile::TempDir;
use tokio::sync::Notify;

use crate::issuer::Issuer;
use crate::shell::Shell;

/// The world.
pub(crate) struct World {
    pub(crate) gateway: EdgeGateway,
    pub(crate) issuer: Issuer,
    pub(crate) redis: Redis,
    /// Ends the wait of an order that the API has taken.
    pub(crate) go_on: Arc<Notify>,
    pub(crate) secrets: Secrets,
    // They end when they are dropped.
    api: Server,
    _webdis: [Webdis; 3],
}

/// What the authority made, and where.
pub(crate) struct Secrets {
    pub(crate) authority: Authority,
    pub(crate) folder: TempDir,
}

impl Secrets {
    pub(crate) fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("portcullis-").tempdir()?;
        Ok(Self { authority: Authority::create(folder.path())?, folder })
    }

    /// Hands the gateway its certificate without the intermediate one.
    pub(crate) fn leave_out_the_intermediate(&self) -> Result<()> {
        self.hand_over("server-ecdsa.leaf")
    }

    /// Hands the gateway a certificate that expired yesterday.
    pub(crate) fn let_expire(&self) -> Result<()> {
        let mut openssl = Command::new(backends::openssl()?);
        openssl.args([
            "x509",
            "-req",
            "-in",
            "server-ecdsa.csr",
            "-CA",
            "intermediate.crt",
            "-CAkey",
            "intermediate.key",
        ]);
        openssl.args(["-CAcreateserial", "-days", "-1", "-extfile", "server-ecdsa.ext", "-out", "old.leaf"]);
        run(&mut openssl, self.folder.path())?;
        let read = |name: &str| {
            std::fs::read_to_string(self.folder.path().join(name)).with_context(|| name.to_owned())
        };
        std::fs::write(self.folder.path().join("old.crt"), read("old.leaf")? + &read("intermediate.crt")?)?;
        self.hand_over("old.crt")
    }

    /// By the script that ships.
    fn hand_over(&self, chain: &str) -> Result<()> {
        let mut script = Command::new(root()?.join("envoy-configs/envoy/tls/certificate.sh"));
        script.arg(self.authority.tls()).args(["server-ecdsa", chain, "server-ecdsa.key"]);
        run(&mut script, self.folder.path())
    }
}

fn run(command: &mut Command, folder: &Path) -> Result<()> {
    let output = command.current_dir(folder).output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

impl World {
    pub(crate) async fn start() -> Result<Self> {
        let secrets = Secrets::new()?;
        let redis =
            Redis::start_with(Configuration::render_with_http_password()?, &Options::default()).await?;
        let webdis = [
            Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await?,
            Webdis::start(&redis, User::GatewayIdempotency, &Options::default()).await?,
            Webdis::start(&redis, User::GatewayRevocation, &Options::default()).await?,
        ];
        let issuer = Issuer::start(&secrets.authority)?;
        let go_on = Arc::new(Notify::new());
        let waiting = Arc::clone(&go_on);
        let api = Server::start(0, None, move |request| answer(Arc::clone(&waiting), request))?;
        let password = redis.configuration().http_credentials();
        let password =
            password.as_deref().and_then(|both| both.split_once(':')).context("no password of Webdis")?.1;
        let values = ["sixteen bytes or more", password].map(str::to_owned);
        let [limits, idempotency, revocation] = &webdis;
        let surroundings = Surroundings {
            api: api.addr(),
            idp: issuer.server.addr(),
            rate_limit: limits.addr(),
            idempotency: idempotency.addr(),
            revocation: revocation.addr(),
            environment: ENVIRONMENT.map(str::to_owned).into_iter().zip(values).collect(),
            ..Surroundings::default()
        };
        let gateway = EdgeGateway::start(&secrets.authority, &surroundings).await?;
        Ok(Self { gateway, issuer, redis, go_on, secrets, api, _webdis: webdis })
    }

    /// A shell with all that the page defines.
    pub(crate) fn shell(&self) -> Result<Shell> {
        let mut shell = Shell::new(&self.secrets.authority.root())?;
        shell.at(&self.gateway);
        let expired = self.secrets.authority.client(Client::Expired);
        shell.set("API", format!("http://{}", self.api.addr()));
        shell.set(
            "KEYS",
            format!("https://idp.example.com:{}/.well-known/jwks.json", self.issuer.server.addr().port()),
        );
        shell.set("CERT", expired.chain.display().to_string());
        shell.set("KEY", expired.key.display().to_string());
        shell.set("TOKEN", self.issuer.token(&serde_json::json!({}))?);
        Ok(shell)
    }
}

/// `/orders/504` is never answered, `/orders/502` by the end of the connection, an order with a key when it may.
async fn answer(go_on: Arc<Notify>, request: Request<Incoming>) -> Result<Answer> {
    let path = request.uri().path().to_owned();
    if path == "/orders/504" {
        std::future::pending::<()>().await;
    }
    ensure!(path != "/orders/502", "broken");
    if request.headers().contains_key("idempotency-key") {
        go_on.notified().await;
    }
    let created = request.method() == Method::POST;
    request.into_body().collect().await?;
    let mut answer = Response::new(Full::new(Bytes::from_static(b"{}")).boxed_unsync());
    *answer.status_mut() = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(answer)
}
