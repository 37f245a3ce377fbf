//! Everything around the gateways, and two of them: local processes and tasks, ports that are free, credentials of this run.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use backends::{Configuration, Options, Redis, User as RedisUser, Webdis};
use filter_core::config::Secret;
use filter_core::keys::Claim;
use replay::operator::revocations::{self, Subject};
use replay::operator::{Link, Login, Moment, Target};
use serde_json::Value;
use tempfile::TempDir;
use tokio::time::sleep;
use tokio_rustls::rustls::ServerConfig;

use super::ask::{Door, SERVED, Shown, Which};
use super::stay::Place;
use crate::authority::{Authority, Client as Certificate, Service};
use crate::client::{Client, Identity, Trust};
use crate::gateway::{ENVIRONMENT, EdgeGateway, Surroundings};
use crate::services::api::User;
use crate::services::key_server::Issuer;
use crate::services::signer::random_id;
use crate::services::{Api, Arrived, KeyServer, Signer};

/// Who issues tokens, and for whom, as gateway.yaml says.
const ISSUER: &str = "https://idp.example.com/";
const AUDIENCE: &str = "https://api.example.com";
/// The provider's name there.
const PROVIDER: &str = "idp";
/// How long an exchange with Redis may take.
const REDIS: Duration = Duration::from_secs(5);
/// How long a gateway may take to write a line of its access log.
const LOGGED: Duration = Duration::from_secs(10);
/// Between two looks at it.
const POLL: Duration = Duration::from_millis(5);

/// The world.
pub(super) struct World {
    gateways: [EdgeGateway; 2],
    api: Option<Api>,
    api_addr: SocketAddr,
    key_server: KeyServer,
    user: User,
    redis: Redis,
    // They end when they are dropped.
    _webdis: [Webdis; 3],
    clients: Clients,
    authority: Authority,
    // What the authority made.
    _folder: TempDir,
}

/// The client with each certificate.
struct Clients {
    nothing: Client,
    valid: Client,
    expired: Client,
    foreign: Client,
}

impl World {
    /// Starts all of it.
    ///
    /// # Errors
    /// A program is missing or does not start; the message names `make tools`, or holds the end of its log.
    pub(super) async fn start() -> Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("portcullis-").tempdir().context("temporary directory")?;
        let authority = Authority::create(folder.path())?;
        let redis =
            Redis::start_with(Configuration::render_with_http_password()?, &Options::default()).await?;
        let webdis = [
            Webdis::start(&redis, RedisUser::GatewayRateLimit, &Options::default()).await?,
            Webdis::start(&redis, RedisUser::GatewayIdempotency, &Options::default()).await?,
            Webdis::start(&redis, RedisUser::GatewayRevocation, &Options::default()).await?,
        ];
        let issuer = Issuer { issuer: ISSUER.to_owned(), audience: AUDIENCE.to_owned() };
        let key_server = KeyServer::start(issuer, Some(tls(&authority, Service::Idp)?))?;
        let user = User { name: "alice".to_owned(), password: random_id()? };
        let api = Api::start(0, user.clone())?;
        let api_addr = api.addr();
        let [limits, idempotency, revocation] = &webdis;
        let password = redis.configuration().http_credentials();
        let password =
            password.as_deref().and_then(|both| both.split_once(':')).context("no password of Webdis")?.1;
        let secrets = ENVIRONMENT.map(str::to_owned).into_iter().zip([random_id()?, password.to_owned()]);
        let surroundings = Surroundings {
            api: api_addr,
            api_grpc: api_addr,
            idp: key_server.addr(),
            rate_limit: limits.addr(),
            idempotency: idempotency.addr(),
            revocation: revocation.addr(),
            environment: secrets.collect(),
            ..Surroundings::default()
        };
        // One after the other: each compiles every module, and has a deadline for that.
        let gateways = [
            EdgeGateway::start(&authority, &surroundings).await?,
            EdgeGateway::start(&authority, &surroundings).await?,
        ];
        let clients = Clients::new(&authority)?;
        Ok(Self {
            gateways,
            api: Some(api),
            api_addr,
            key_server,
            user,
            redis,
            _webdis: webdis,
            clients,
            authority,
            _folder: folder,
        })
    }

    /// Where a listener of a gateway takes connections.
    pub(super) fn door(&self, which: Which, door: Door) -> SocketAddr {
        let addresses = self.gateway(which).addresses();
        match door {
            Door::Tls => addresses.tls,
            Door::Mutual => addresses.mtls,
            Door::Plain => addresses.redirect,
        }
    }

    /// The client that shows this, at this address.
    pub(super) fn client(&self, shown: Shown, from: Ipv4Addr) -> Client {
        let client = match shown {
            Shown::Nothing => &self.clients.nothing,
            Shown::Valid => &self.clients.valid,
            Shown::Expired => &self.clients.expired,
            Shown::Foreign => &self.clients.foreign,
        };
        client.at(from)
    }

    /// What reached the API under this name.
    pub(super) fn arrived(&self, case: &str) -> Vec<Arrived> {
        self.api.as_ref().map(|api| api.arrived(case)).unwrap_or_default()
    }

    /// How many lines of the access log are about a client's address: the system gives a port anew once it is free.
    pub(super) fn lines(&self, which: Which, peer: SocketAddr) -> Result<usize> {
        Ok(self.about(which, peer)?.len())
    }

    /// The line about the only request of a connection, or about its failure, behind so many of earlier ones.
    ///
    /// # Errors
    /// There is none in time.
    pub(super) async fn logged(&self, which: Which, peer: SocketAddr, earlier: usize) -> Result<Value> {
        let begin = Instant::now();
        loop {
            if let Some(line) = self.about(which, peer)?.into_iter().nth(earlier) {
                return Ok(line);
            }
            ensure!(begin.elapsed() < LOGGED, "gateway {which:?} does not log what {peer} asked");
            sleep(POLL).await;
        }
    }

    fn about(&self, which: Which, peer: SocketAddr) -> Result<Vec<Value>> {
        let peer = peer.to_string();
        let mut lines = self.gateway(which).access_log()?;
        lines.retain(|line| line.get("peer").and_then(Value::as_str) == Some(&peer));
        Ok(lines)
    }

    /// Who can log in.
    pub(super) fn user(&self) -> &User {
        &self.user
    }

    /// A token with these claims over the usual ones.
    pub(super) fn token(&self, over: &Value) -> Result<String> {
        self.key_server.token(over)
    }

    /// A token with the usual claims, of a key that nobody has published.
    pub(super) fn forged(&self) -> Result<String> {
        self.key_server.forged(&Signer::generate()?)
    }

    /// Revokes the token with this `jti`, as `portcullis revoke` does.
    pub(super) async fn revoke(&self, jti: &str) -> Result<()> {
        let user = RedisUser::OperatorRevoke;
        let password = Secret::new(self.redis.configuration().password(user).to_owned());
        let login = Login { user: user.name().to_owned(), password };
        let mut link = Link::open(&Target::Redis(self.redis.addr().to_string()), Some(&login), REDIS).await?;
        let subject = Subject { provider: PROVIDER.to_owned(), claim: Claim::Jti, id: jti.to_owned() };
        revocations::revoke(&mut link, &subject, Moment::In(3600), None).await.map(drop)
    }

    /// The API ends, its connections too.
    pub(super) fn api_leaves(&mut self) {
        self.api = None;
    }

    /// It listens again, in the same place.
    pub(super) fn api_returns(&mut self) -> Result<()> {
        self.api = Some(Api::start(self.api_addr.port(), self.user.clone())?);
        Ok(())
    }

    /// Ends the gateways.
    ///
    /// # Errors
    /// A filter trapped meanwhile, or a gateway failed itself.
    pub(super) async fn end(self) -> Result<()> {
        for (gateway, which) in self.gateways.into_iter().zip([Which::A, Which::B]) {
            gateway.end().await.with_context(|| format!("gateway {which:?}"))?;
        }
        Ok(())
    }

    /// Where everything is.
    pub(super) fn place(&self) -> Place {
        let [a, b] = &self.gateways;
        Place {
            gateways: [a.addresses(), b.addresses()],
            api: self.api_addr,
            key_server: self.key_server.addr(),
            redis: self.redis.addr(),
            root: self.authority.root(),
            client: self.authority.client(Certificate::Valid),
            user: self.user.clone(),
            revoke_password: self.redis.configuration().password(RedisUser::OperatorRevoke).to_owned(),
        }
    }

    fn gateway(&self, which: Which) -> &EdgeGateway {
        let [a, b] = &self.gateways;
        match which {
            Which::A => a,
            Which::B => b,
        }
    }
}

impl Clients {
    fn new(authority: &Authority) -> Result<Self> {
        let nothing = Client::new(Trust::read(&authority.root())?, SERVED)?;
        let shows = |certificate| -> Result<Client> {
            let files = authority.client(certificate);
            Ok(nothing.with(Identity::read(&files.chain, &files.key)?))
        };
        let (valid, expired) = (shows(Certificate::Valid)?, shows(Certificate::Expired)?);
        Ok(Self { valid, expired, foreign: shows(Certificate::Foreign)?, nothing })
    }
}

/// The certificate of what the gateways call.
fn tls(authority: &Authority, service: Service) -> Result<Arc<ServerConfig>> {
    let files = authority.service(service);
    Identity::read(&files.chain, &files.key)?.serves()
}
