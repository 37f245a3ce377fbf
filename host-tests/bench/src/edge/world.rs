//! Both gateways, and everything that they need: Redis with three Webdis, a key server, an API that answers at once.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, ensure};
use backends::{Configuration, Options, Redis, User, Webdis};
use edge::authority::{Authority, Service};
use edge::client::Identity;
use edge::gateway::{ENVIRONMENT, EdgeGateway, Surroundings};
use edge::services::KeyServer;
use edge::services::key_server::Issuer;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::Which;
use super::clients::Clients;
use super::requests::{Request, Tokens};
use crate::machine::Cores;
use crate::measure::Plan;
use crate::sched::Worker;
use crate::upstream;

/// Who issues tokens, and for whom, as gateway.yaml says.
const ISSUER: &str = "https://idp.example.com/";
const AUDIENCE: &str = "https://api.example.com";
/// What every limit lets pass in a second: more than anybody sends.
const GENEROUS: u32 = 1_000_000;
/// The type of a filter that is WebAssembly.
const WASM: &str = "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm";
/// The access log of the file, and what takes its place: lines are made and written as ever, but to nobody. To the pipe of a
/// test they would cost this process, which is on the load generator's core, as much as the gateway.
const STDOUT: &str = "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";
const FILE: &str = "type.googleapis.com/envoy.extensions.access_loggers.file.v3.FileAccessLog";

/// A gateway, and the thread whose CPU time counts.
pub(super) struct Gateway {
    pub(super) which: Which,
    pub(super) edge: EdgeGateway,
    pub(super) worker: Worker,
}

/// All of it. What is a process ends when this is dropped.
pub(super) struct World {
    bare: Gateway,
    whole: Gateway,
    key_server: KeyServer,
    authority: Authority,
    _webdis: [Webdis; 3],
    _redis: Redis,
    // What the authority made.
    _folder: TempDir,
}

impl World {
    /// Starts all of it, the gateways on the core under test where there are two.
    pub(super) async fn start(cores: Option<Cores>) -> Result<Self> {
        let folder =
            tempfile::Builder::new().prefix("portcullis-").tempdir().context("temporary directory")?;
        let authority = Authority::create(folder.path())?;
        // As for limits: a file would be written anew in the middle of a measurement.
        let configuration = Configuration::render_with_http_password()?;
        let redis = Redis::start_with(configuration, &Options::arguments(&["--appendonly", "no"])).await?;
        let webdis = [
            Webdis::start(&redis, User::GatewayRateLimit, &Options::default()).await?,
            Webdis::start(&redis, User::GatewayIdempotency, &Options::default()).await?,
            Webdis::start(&redis, User::GatewayRevocation, &Options::default()).await?,
        ];
        let identity = authority.service(Service::Idp);
        let tls = Identity::read(&identity.chain, &identity.key)?.serves()?;
        let issuer = Issuer { issuer: ISSUER.to_owned(), audience: AUDIENCE.to_owned() };
        let key_server = KeyServer::start(issuer, Some(tls))?;
        let password = redis.configuration().http_credentials();
        let password =
            password.as_deref().and_then(|both| both.split_once(':')).context("no password of Webdis")?.1;
        let secrets = ["a secret of 32 bytes for a bench.".to_owned(), password.to_owned()];
        let api = SocketAddr::from(([127, 0, 0, 1], upstream::start()?));
        let [limits, idempotency, revocation] = &webdis;
        let surroundings = Surroundings {
            api,
            idp: key_server.addr(),
            rate_limit: limits.addr(),
            idempotency: idempotency.addr(),
            revocation: revocation.addr(),
            environment: ENVIRONMENT.map(str::to_owned).into_iter().zip(secrets).collect(),
            ..Surroundings::default()
        };
        let start = |which| Gateway::start(which, &authority, &surroundings, cores);
        let (bare, whole) = (start(Which::Bare).await?, start(Which::Whole).await?);
        Ok(Self { bare, whole, key_server, authority, _webdis: webdis, _redis: redis, _folder: folder })
    }

    pub(super) fn gateway(&self, which: Which) -> &Gateway {
        match which {
            Which::Bare => &self.bare,
            Which::Whole => &self.whole,
        }
    }

    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// A token with these claims over those that every token has.
    pub(super) fn token(&self, over: &Value) -> Result<String> {
        self.key_server.token(over)
    }

    /// Has both gateways answer what is measured once: both with 200, and the whole chain must refuse a request without a token
    /// and an order that is none, which the bare one must not. Both know their clients on 8443.
    pub(super) async fn verify(&self, plan: &Plan, tokens: &Tokens) -> Result<()> {
        let clients = Clients::new(&self.authority, plan)?;
        let token = Some(tokens.first()?);
        for gateway in [&self.bare, &self.whole] {
            let (which, tls) = (gateway.which, gateway.edge.addresses().tls);
            clients.served(tls, token).await.with_context(|| format!("{which:?}"))?;
            let guarded = which == Which::Whole;
            for (request, token, refused) in [
                (Request::Get { paced: false }.parts(), token, None),
                (Request::Order { bytes: 98, strangers: false }.parts(), token, None),
                (Request::Order { bytes: 10_240, strangers: false }.parts(), token, None),
                (Request::Get { paced: false }.parts(), None, Some(401)),
                ((super::ORDERS, Some("{}".to_owned())), token, Some(422)),
            ] {
                let expected = refused.filter(|_| guarded).unwrap_or(200);
                let (path, body) = request;
                let status = clients.ask(tls, path, body, token).await?;
                ensure!(status == expected, "{which:?} answers {path} with {status} instead of {expected}");
            }
            clients
                .mutual(gateway.edge.addresses().mtls, token)
                .await
                .with_context(|| format!("{which:?}"))?;
        }
        Ok(())
    }

    /// Ends the gateways.
    ///
    /// # Errors
    /// One failed or a filter trapped: then the samples mean nothing.
    pub(super) async fn end(self) -> Result<()> {
        self.bare.edge.end().await.context("the bare gateway")?;
        self.whole.edge.end().await.context("the whole gateway")
    }
}

impl Gateway {
    async fn start(
        which: Which,
        authority: &Authority,
        surroundings: &Surroundings,
        cores: Option<Cores>,
    ) -> Result<Self> {
        eprintln!("starting Envoy: {which:?}");
        let edge = EdgeGateway::start_changed(authority, surroundings, |tree| change(tree, which)).await?;
        let pid = edge.envoy().id().context("Envoy has ended")?;
        if let Some(cores) = cores {
            cores.test(pid)?;
        }
        Ok(Self { which, edge, worker: Worker::of(pid)? })
    }
}

/// What is other than in the file: where access logs go, in both; and the filters, or their limits.
fn change(tree: &mut Value, which: Which) -> Result<()> {
    log_to_nobody(tree);
    let (mut filters, mut generous) = (0_u32, 0_u32);
    for manager in managers(tree) {
        let Some(chain) = manager.get_mut("http_filters").and_then(Value::as_array_mut) else { continue };
        let is_wasm =
            |filter: &Value| filter.pointer("/typed_config/@type").and_then(Value::as_str) == Some(WASM);
        filters = filters.saturating_add(u32::try_from(chain.iter().filter(|one| is_wasm(one)).count())?);
        match which {
            Which::Bare => chain.retain(|filter| !is_wasm(filter)),
            Which::Whole => {
                for filter in chain.iter_mut().filter(|one| is_wasm(one)) {
                    generous = generous.saturating_add(u32::from(relax(filter)?));
                }
            }
        }
    }
    ensure!(filters > 0, "the file has no filter of ours");
    // Two that limit and one that asks about revocation, on each listener that has them at all.
    ensure!(which == Which::Bare || generous >= 3, "{generous} filters have a limit to be changed");
    Ok(())
}

/// The configurations of all HTTP connection managers.
fn managers(tree: &mut Value) -> impl Iterator<Item = &mut Value> {
    fn members<'a>(value: &'a mut Value, pointer: &str) -> impl Iterator<Item = &'a mut Value> + use<'a> {
        value.pointer_mut(pointer).and_then(Value::as_array_mut).into_iter().flatten()
    }
    members(tree, "/static_resources/listeners")
        .flat_map(|listener| members(listener, "/filter_chains"))
        .flat_map(|chain| members(chain, "/filters"))
        .filter_map(|filter| filter.get_mut("typed_config"))
}

fn log_to_nobody(value: &mut Value) {
    match value {
        Value::Object(members) => {
            if members.get("@type").and_then(Value::as_str) == Some(STDOUT) {
                members.insert("@type".to_owned(), FILE.into());
                members.insert("path".to_owned(), "/dev/null".into());
            }
            members.values_mut().for_each(log_to_nobody);
        }
        Value::Array(values) => values.iter_mut().for_each(log_to_nobody),
        _ => {}
    }
}

/// Limits that nobody reaches, and time for Redis' answer about a revocation on a busy machine: a request that is refused is no
/// measurement. Whether there was anything to change.
fn relax(filter: &mut Value) -> Result<bool> {
    let place = filter.pointer_mut("/typed_config/config/configuration/value").context("a configuration")?;
    let mut configuration: Value =
        serde_json::from_str(place.as_str().context("text")?).context("configuration")?;
    let mut changed = false;
    for limit in configuration.get_mut("limits").and_then(Value::as_array_mut).into_iter().flatten() {
        let limit = limit.as_object_mut().context("a limit")?;
        limit.insert("rate".to_owned(), format!("{GENEROUS}r/s").into());
        if let Some(burst) = limit.get_mut("burst") {
            *burst = GENEROUS.into();
        }
        changed = true;
    }
    for provider in configuration.get_mut("providers").and_then(Value::as_array_mut).into_iter().flatten() {
        let redis = provider.pointer_mut("/revocation/redis").and_then(Value::as_object_mut);
        redis.context("a deny-list")?.insert("timeout".to_owned(), json!("1s"));
        changed = true;
    }
    *place = configuration.to_string().into();
    Ok(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> Value {
        let filter = |configuration: Value| {
            json!({ "typed_config": {
                "@type": WASM, "config": { "configuration": { "value": configuration.to_string() } },
            } })
        };
        let chain = json!([
            filter(json!({ "limits": [{ "rate": "50r/s", "burst": 100 }] })),
            filter(json!({ "providers": [{ "revocation": { "redis": {} } }] })),
            filter(json!({ "limits": [{ "rate": "1r/s" }] })),
            { "name": "router", "typed_config": {} },
        ]);
        let log = json!([{ "typed_config": { "@type": STDOUT, "log_format": {} } }]);
        let manager = json!({ "typed_config": { "http_filters": chain, "access_log": log } });
        json!({ "static_resources": { "listeners": [{ "filter_chains": [{ "filters": [manager] }] }] } })
    }

    const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

    #[test]
    fn the_bare_gateway_keeps_what_is_no_wasm() {
        let mut tree = tree();
        change(&mut tree, Which::Bare).unwrap();
        let manager = tree.pointer(MANAGER).unwrap();
        let names: Vec<_> =
            manager["http_filters"].as_array().unwrap().iter().map(|one| &one["name"]).collect();
        assert_eq!(names, ["router"]);
        assert_eq!(manager["access_log"][0]["typed_config"]["@type"], FILE);
        assert!(change(&mut tree, Which::Bare).is_err());
    }

    #[test]
    fn no_limit_of_the_whole_chain_can_be_reached() {
        let mut tree = tree();
        change(&mut tree, Which::Whole).unwrap();
        let manager = tree.pointer(MANAGER).unwrap();
        let filters = manager["http_filters"].as_array().unwrap();
        let configuration = |filter: &Value| -> Value {
            let text = filter.pointer("/typed_config/config/configuration/value").unwrap();
            serde_json::from_str(text.as_str().unwrap()).unwrap()
        };
        assert_eq!(
            configuration(&filters[0])["limits"][0],
            json!({ "rate": "1000000r/s", "burst": GENEROUS })
        );
        assert_eq!(configuration(&filters[1])["providers"][0]["revocation"]["redis"]["timeout"], "1s");
        assert_eq!(configuration(&filters[2])["limits"][0], json!({ "rate": "1000000r/s" }));
        assert_eq!(manager["access_log"][0]["typed_config"]["path"], "/dev/null");
    }
}
