//! An operator revokes: what is promised about when a token is refused is kept, in both modes and on every worker.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use backends::{Options, Redis, User, Webdis};
use filter_core::config::Secret;
use filter_core::keys::Claim;
use replay::operator::revocations::{Subject, revoke, undo};
use replay::operator::{Link, Login, Moment, Target};
use serde_json::{Value, json};
use suite::clients::Answer;
use suite::gateway::{Called, Gateway};
use suite::patience::until;
use testkit::jwt::{SigningKey::P256, jwks};

use crate::load::Probe;
use crate::tokens::{issuer, one};
use crate::{SLACK, TICK, WORKERS, alone, since};

/// `check`: for how long an answer serves.
const TTL: Duration = Duration::from_secs(1);
/// `sync`: how often the list is read, and how old it may be.
const INTERVAL: Duration = Duration::from_secs(1);
const MAX_AGE: Duration = Duration::from_secs(2);
/// How long Redis may take.
const TIMEOUT: Duration = Duration::from_millis(200);
/// The operator waits for longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a provider's deny-list is asked, and what happens to a token of which nothing can be learnt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mode {
    /// Also the provider's name.
    pub name: &'static str,
    mode: &'static str,
    on_error: &'static str,
}

impl Mode {
    const fn new(name: &'static str, mode: &'static str, on_error: &'static str) -> Self {
        Self { name, mode, on_error }
    }

    /// All of them.
    pub const ALL: [Self; 4] = [
        Self::new("check-deny", "check", "deny"),
        Self::new("check-allow", "check", "allow"),
        Self::new("sync-deny", "sync", "deny"),
        Self::new("sync-allow", "sync", "allow"),
    ];

    /// Whether a token passes of which nothing can be learnt.
    pub fn allows(self) -> bool {
        self.on_error == "allow"
    }

    /// From when on a revoked token is refused: its answer, or the list, is too old, and Redis is asked again.
    fn promise(self) -> Duration {
        match self.mode {
            "check" => TTL + TIMEOUT,
            _ => INTERVAL + TICK + TIMEOUT,
        }
    }

    fn provider(self) -> Value {
        let seconds = |time: Duration| format!("{}s", time.as_secs());
        json!({
            "name": self.name,
            "issuers": [issuer(self.name)],
            "audiences": ["api"],
            "algorithms": ["ES256"],
            "keys": [{ "jwks": jwks(&[P256]) }],
            "revocation": {
                "mode": self.mode,
                "on_error": self.on_error,
                "redis": { "cluster": self.name, "timeout": format!("{}ms", TIMEOUT.as_millis()) },
                "ttl": seconds(TTL),
                "interval": seconds(INTERVAL),
                "max_age": seconds(MAX_AGE),
            },
        })
    }

    /// A client with this provider's token of that number.
    pub async fn client(self, gateway: &Gateway, number: usize) -> Result<Probe> {
        Probe::start(gateway, &one(self.name, P256, number)?).await
    }
}

/// A gateway, the gateway to Redis behind it, and Redis.
pub struct World {
    pub redis: Redis,
    pub webdis: Webdis,
    pub gateway: Gateway,
}

impl World {
    pub async fn start() -> Result<Self> {
        let redis = Redis::start(&Options::default()).await?;
        let webdis = Webdis::start(&redis, User::GatewayRevocation, &Options::default()).await?;
        // One each, to tell who asks.
        let clusters =
            Mode::ALL.map(|mode| Called { name: mode.name.to_owned(), addr: webdis.addr(), most: 1024 });
        let configuration = json!({ "version": 1, "providers": Mode::ALL.map(Mode::provider) });
        let gateway = Gateway::start_with("jwt-auth", &configuration, &clusters, WORKERS).await?;
        Ok(Self { redis, webdis, gateway })
    }

    /// Asks until Redis is asked: from now on it takes as long as it can until it is asked again.
    async fn is_asked(&self, mode: Mode, client: &Probe) -> Result<()> {
        let name = format!("cluster.{}.upstream_rq_total", mode.name);
        let asked = || self.gateway.stat(&name);
        let before = asked().await?;
        until("Redis is asked", || async {
            client.ask().await?;
            Ok(asked().await? > before)
        })
        .await
    }

    /// What an operator is who calls `portcullis revoke`.
    async fn operator(&self) -> Result<Link> {
        let user = User::OperatorRevoke;
        let password = Secret::new(self.redis.configuration().password(user).to_owned());
        let login = Login { user: user.name().to_owned(), password };
        Link::open(&Target::Redis(self.redis.addr().to_string()), Some(&login), PATIENCE).await
    }

    /// `portcullis revoke`, for the next hours.
    pub async fn revoke(&self, mode: Mode, claim: Claim, number: usize) -> Result<Instant> {
        let mut operator = self.operator().await?;
        revoke(&mut operator, &subject(mode, claim, number), Moment::In(7200), None).await?;
        Ok(Instant::now())
    }

    /// `portcullis revoke undo`.
    async fn undo(&self, mode: Mode, claim: Claim, number: usize) -> Result<Instant> {
        let there = undo(&mut self.operator().await?, &subject(mode, claim, number)).await?;
        ensure!(there, "nothing was revoked");
        Ok(Instant::now())
    }
}

fn subject(mode: Mode, claim: Claim, number: usize) -> Subject {
    let kind = match claim {
        Claim::Jti => "token",
        Claim::Sub => "user",
        Claim::Sid => "session",
    };
    Subject { provider: mode.name.to_owned(), claim, id: format!("{kind}-{number}") }
}

#[tokio::test]
async fn a_revoked_token_is_refused_within_the_promised_time() -> Result<()> {
    let _alone = alone().await;
    let world = World::start().await?;
    for mode in Mode::ALL.into_iter().filter(|mode| !mode.allows()) {
        let other = mode.client(&world.gateway, 0).await?;
        for (number, claim) in [Claim::Jti, Claim::Sub, Claim::Sid].into_iter().enumerate() {
            let what = format!("{}, {}", mode.name, claim.as_str());
            let client = mode.client(&world.gateway, number + 1).await?;
            // At the start no list may be there yet.
            client.becomes(503, 200, TICK).await.context(what.clone())?;
            for back in [false, true] {
                world.is_asked(mode, &client).await?;
                let (done, from, to, verb) = match back {
                    false => (world.revoke(mode, claim, number + 1).await?, 200, 401, "refused"),
                    true => (world.undo(mode, claim, number + 1).await?, 401, 200, "accepted again"),
                };
                let last = client.becomes(from, to, mode.promise()).await.context(what.clone())?;
                let took = since(done, last);
                println!("{what}: {verb} after {took:.2?}, promised {:.2?}", mode.promise());
                ensure!(took <= mode.promise() + SLACK, "{what}: {verb} after {took:?}");
                if !back {
                    let invalid = |answer: &Answer| {
                        answer.status == 401 && answer.header("www-authenticate").contains("invalid_token")
                    };
                    ensure!(client.ask().await?.iter().all(invalid), "{what}: not as RFC 6750 has it");
                    let others = other.ask().await?;
                    ensure!(others.iter().all(|answer| answer.status == 200), "{what}: {others:?}");
                }
            }
        }
    }
    world.gateway.end().await
}
