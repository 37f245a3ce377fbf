//! Requests over TLS connections that stay open.

use std::path::Path;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use serde::Serialize;
use serde_json::json;

use super::world::{Gateway, World};
use super::{Latency, ORDERS, PATH, PER_SECOND, Sample, Which, cost, number};
use crate::load::{self, Load, bearer_script, body_script, paced_script};
use crate::measure::Plan;

/// Count the questions to Redis: about revocations, and all of them.
const LOOKED_UP: &str = "cluster.redis-revocation.upstream_rq_total";
const CALLED: &str = r"^cluster\.redis-.*\.upstream_rq_total$";

/// What is requested.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Request {
    /// An order, with a token that jwt-auth remembers.
    Get {
        /// At a moderate rate; else as fast as answers come.
        paced: bool,
    },
    /// A new order at a moderate rate, with a token that jwt-auth does not remember.
    Order {
        /// The size of the body.
        bytes: usize,
        /// Whether each comes from a user of whom nothing was heard before; else from one of some that renew their tokens.
        strangers: bool,
    },
}

impl Request {
    /// All of them.
    pub const ALL: [Self; 5] = [
        Self::Get { paced: false },
        Self::Get { paced: true },
        Self::Order { bytes: 98, strangers: false },
        Self::Order { bytes: 10_240, strangers: false },
        Self::Order { bytes: 10_240, strangers: true },
    ];

    /// Whether each request comes with a token that has to be verified.
    #[must_use]
    pub fn is_uncached(self) -> bool {
        matches!(self, Self::Order { .. })
    }

    /// Whether requests come at a moderate rate.
    #[must_use]
    pub fn is_paced(self) -> bool {
        self != Self::Get { paced: false }
    }

    /// The path, and the body where there is one.
    pub(super) fn parts(self) -> (&'static str, Option<String>) {
        match self {
            Self::Get { .. } => (PATH, None),
            Self::Order { bytes, .. } => (ORDERS, Some(order(bytes))),
        }
    }
}

/// An order of so many bytes, as schema-guard of the file takes it.
fn order(bytes: usize) -> String {
    let with = |note: &str| json!({ "item": "A-4711", "count": 2, "note": note }).to_string();
    let room = bytes.saturating_sub(with("").len());
    with(&"leave it at the door, please; ".chars().cycle().take(room).collect::<String>())
}

/// What requests carry.
pub(super) struct Tokens {
    known: Turns,
    strangers: Turns,
}

/// Tokens that are used in turn.
struct Turns {
    all: Vec<String>,
    next: usize,
}

impl Tokens {
    /// Of each kind. jwt-auth remembers 4,000 at most (`cache.entries` is 2,000, and twice as many may be): when a token has its
    /// turn again it was forgotten.
    pub(super) const COUNT: usize = 6_000;
    /// Whom the tokens of known users are of.
    pub(super) const USERS: usize = 100;

    /// Signs them.
    ///
    /// # Errors
    /// There are no random bytes.
    pub(super) fn signed(world: &World) -> Result<Self> {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).context("clock")?.as_secs();
        let token = |user: String| {
            // An hour is what the file allows.
            world.token(&json!({
                "sub": user, "iat": now, "exp": now.saturating_add(3600), "azp": "web",
                "scope": "openid profile orders:read orders:write", "email": format!("{user}@example.com"),
            }))
        };
        let users = (0..Self::USERS).cycle().map(|number| format!("user-{number}"));
        let known = users.take(Self::COUNT).map(token).collect::<Result<_>>()?;
        let strangers =
            (0..Self::COUNT).map(|number| token(format!("stranger-{number}"))).collect::<Result<_>>()?;
        Ok(Self { known: Turns { all: known, next: 1 }, strangers: Turns { all: strangers, next: 0 } })
    }

    /// The one that is remembered where one is.
    pub(super) fn first(&self) -> Result<&str> {
        self.known.all.first().map(String::as_str).context("no token")
    }

    fn of(&mut self, request: Request) -> &mut Turns {
        match request {
            Request::Order { strangers: true, .. } => &mut self.strangers,
            Request::Order { strangers: false, .. } | Request::Get { .. } => &mut self.known,
        }
    }
}

impl Turns {
    /// So many, from the one whose turn it is.
    fn of_turn(&self, count: usize) -> Vec<String> {
        let turn = self.all.iter().cycle().skip(self.next).take(count.min(self.all.len()));
        turn.cloned().collect()
    }

    /// So many were used at most.
    fn advance(&mut self, used: usize) {
        self.next = self.next.saturating_add(used).checked_rem(self.all.len()).unwrap_or(0);
    }
}

/// One warm-up and one sample.
pub(super) async fn sample(
    gateway: &Gateway,
    request: Request,
    wrk: &Path,
    plan: &Plan,
    folder: &Path,
    tokens: &mut Tokens,
) -> Result<Sample> {
    run(gateway, request, wrk, plan, plan.warm_up_seconds, folder, tokens).await?;
    // wrk reads its script before it begins, but this process writes it: outside of what is measured.
    let asked = asked(gateway).await?;
    let start = Instant::now();
    let before = gateway.worker.usage()?;
    let load = run(gateway, request, wrk, plan, plan.seconds, folder, tokens).await?;
    let used = gateway.worker.usage()?.since(before);
    let elapsed = start.elapsed();
    let after = self::asked(gateway).await?;
    let per_request = |after: u64, before: u64| number(after.saturating_sub(before)) / number(load.requests);
    let (cpu_us, waited, busy) = cost(used, elapsed, load.requests);
    Ok(Sample {
        cpu_us,
        waited,
        busy,
        per_second: load.per_second,
        count: load.requests,
        latency: Some(Latency { p50_us: load.p50_us, p99_us: load.p99_us }),
        share: per_request(after.0, asked.0),
        called: Some(per_request(after.1, asked.1)),
    })
}

/// How often Redis was asked about revocations, and how often at all.
async fn asked(gateway: &Gateway) -> Result<(u64, u64)> {
    let stats = gateway.edge.envoy().stats(CALLED).await?;
    let looked_up = stats.iter().find(|(name, _)| name == LOOKED_UP).context(LOOKED_UP)?.1;
    Ok((looked_up, stats.iter().map(|(_, count)| *count).sum()))
}

async fn run(
    gateway: &Gateway,
    request: Request,
    wrk: &Path,
    plan: &Plan,
    seconds: u32,
    folder: &Path,
    tokens: &mut Tokens,
) -> Result<Load> {
    let (path, body) = request.parts();
    let mut script = body.map(|body| body_script(&body)).unwrap_or_default();
    script.push_str(&if request.is_uncached() {
        // The rate is about, and never twice as high.
        let most = PER_SECOND.saturating_mul(seconds).saturating_mul(2).saturating_add(plan.connections);
        bearer_script(&tokens.of(request).of_turn(usize::try_from(most)?))
    } else {
        bearer_script(&[tokens.first()?.to_owned()])
    });
    if request.is_paced() {
        script.push_str(&paced_script(plan.connections, PER_SECOND));
    }
    let file = folder.join("edge.lua");
    std::fs::write(&file, script).with_context(|| file.display().to_string())?;
    let url = format!("https://{}{path}", gateway.edge.addresses().tls);
    let load = load::run(wrk, &url, &plan.host, plan.connections, seconds, Some(&file)).await?;
    // The bare gateway remembers nothing: what it is sent is as good as new.
    if request.is_uncached() && gateway.which == Which::Whole {
        // wrk does not count what is not answered when the time is up.
        let used = usize::try_from(load.requests)?.saturating_add(usize::try_from(plan.connections)?);
        tokens.of(request).advance(used);
    }
    Ok(load)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_has_the_size_that_was_asked_for() {
        for bytes in [98, 10_240] {
            assert_eq!(order(bytes).len(), bytes);
        }
    }

    #[test]
    fn tokens_have_their_turns() {
        let mut tokens = Turns { all: ["a", "b", "c"].map(str::to_owned).into(), next: 1 };
        assert_eq!(tokens.of_turn(2), ["b", "c"]);
        tokens.advance(4);
        assert_eq!(tokens.of_turn(9), ["c", "a", "b"]);
    }
}
