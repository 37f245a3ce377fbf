//! How each row comes about.

use anyhow::{Context as _, Result, ensure};
use edge::gateway::{EdgeGateway, Surroundings};
use replay::envoy::Envoy;
use serde_json::{Value, json};
use suite::patience::until;
use suite::{root, runnable, settings};

use crate::alone;
use crate::page::Page;
use crate::shell::Shell;
use crate::world::{Secrets, World};

/// At the gateway as it ships: what the commands alone bring about.
const ASKED: [&str; 17] = [
    "400 Bad Request",
    "401 Unauthorized",
    "403 Forbidden",
    "405 Method Not Allowed",
    "413 Content Too Large",
    "414 URI Too Long",
    "415 Unsupported Media Type",
    "421 Misdirected Request",
    "422 Unprocessable Content",
    "429 Too Many Requests",
    "431 Request Header Fields Too Large",
    "502 Bad Gateway",
    "504 Gateway Timeout",
    "Handshake: version",
    "Handshake: cipher",
    "Handshake: client certificate expired",
    CONFIGURATION,
];
const CONFLICT: &str = "409 Conflict";
const CHAIN: &str = "Handshake: incomplete chain";
const EXPIRED: &str = "Handshake: certificate expired";
const CLOCK: &str = "Clock drift";
const KEY_ID: &str = "Key id mismatch";
const REDIS: &str = "Redis saturation";
const LENGTH: &str = "411 Length Required";
const UNAVAILABLE: &str = "503 Service Unavailable";
const FAILED: &str = "VM failed";
const CONFIGURATION: &str = "Configuration refused";

/// The headings of all rows that the tests below play.
pub(crate) fn all() -> impl Iterator<Item = &'static str> {
    ASKED.into_iter().chain([CONFLICT, CHAIN, EXPIRED, CLOCK, KEY_ID, REDIS, LENGTH, UNAVAILABLE, FAILED])
}

/// Gathers what is not as the page says, so that one run tells all of it.
#[derive(Default)]
struct Findings(Vec<String>);

impl Findings {
    fn add(&mut self, symptom: &str, played: Result<()>) {
        if let Err(error) = played {
            self.0.push(format!("## {symptom}\n{error:#}"));
        }
    }

    fn end(self) -> Result<()> {
        ensure!(self.0.is_empty(), "{}", self.0.join("\n\n"));
        Ok(())
    }
}

#[tokio::test]
async fn the_gateway() -> Result<()> {
    let _alone = alone().await;
    let page = Page::read()?;
    let mut world = World::start().await?;
    let mut shell = world.shell()?;
    shell.with_portcullis().await?;
    let mut findings = Findings::default();
    for symptom in ASKED {
        findings.add(symptom, shell.play(&page, symptom, || world.gateway.envoy().log()).await);
    }
    findings.add(CONFLICT, conflict(&page, &world, &shell).await);
    world.redis.pause().await?;
    // Of somebody whom the gateway has not yet looked up.
    shell.set("TOKEN", world.issuer.token(&json!({ "sub": "bob" }))?);
    findings.add(REDIS, shell.play(&page, REDIS, || world.gateway.envoy().log()).await);
    world.redis.resume()?;

    shell.set("TOKEN", world.issuer.token_of_its_clock()?);
    findings.add(CLOCK, shell.play(&page, CLOCK, || world.gateway.envoy().log()).await);
    shell.set("TOKEN", world.issuer.token_of_another_key()?);
    findings.add(KEY_ID, shell.play(&page, KEY_ID, || world.gateway.envoy().log()).await);

    world.secrets.leave_out_the_intermediate()?;
    findings.add(CHAIN, shell.play(&page, CHAIN, || world.gateway.envoy().log()).await);
    world.secrets.let_expire()?;
    findings.add(EXPIRED, shell.play(&page, EXPIRED, || world.gateway.envoy().log()).await);
    findings.end()?;
    world.gateway.end().await
}

/// Two requests at once: the API has the one, and waits with its answer until the other is refused.
async fn conflict(page: &Page, world: &World, shell: &Shell) -> Result<()> {
    let refused = until("a refusal", || async {
        let log = world.gateway.access_log()?;
        Ok(log.iter().any(|line| line.get("status").and_then(Value::as_u64) == Some(409)))
    });
    let refused = async {
        refused.await?;
        world.go_on.notify_one();
        Ok(())
    };
    let played = shell.play(page, CONFLICT, || world.gateway.envoy().log());
    let (played, refused) = tokio::join!(played, refused);
    played.and(refused)
}

/// Nobody is behind this gateway, and it wants to know how long a body is.
#[tokio::test]
async fn a_gateway_with_nobody_behind_it() -> Result<()> {
    let _alone = alone().await;
    let (page, secrets) = (Page::read()?, Secrets::new()?);
    let gateway =
        EdgeGateway::start_changed(&secrets.authority, &Surroundings::default(), want_lengths).await?;
    let mut shell = Shell::new(&secrets.authority.root())?;
    shell.at(&gateway);
    let mut findings = Findings::default();
    for symptom in [LENGTH, UNAVAILABLE] {
        findings.add(symptom, shell.play(&page, symptom, || gateway.envoy().log()).await);
    }
    findings.end()?;
    gateway.end().await
}

/// `require_content_length` by default, which the rules of the file follow.
fn want_lengths(bootstrap: &mut Value) -> Result<()> {
    let mut found = 0;
    each(bootstrap, &mut |member| {
        let Some(text) = member.as_str().filter(|text| text.contains("\"allowed_hosts\"")) else {
            return Ok(());
        };
        let mut policy: Value = serde_json::from_str(text)?;
        let default = policy.pointer_mut("/default").and_then(Value::as_object_mut).context("no default")?;
        default.insert("require_content_length".to_owned(), json!(true));
        *member = json!(policy.to_string());
        found += 1;
        Ok(())
    })?;
    ensure!(found > 0, "no request-policy");
    Ok(())
}

/// Every value of a tree.
fn each(value: &mut Value, visit: &mut impl FnMut(&mut Value) -> Result<()>) -> Result<()> {
    match value {
        Value::Array(items) => items.iter_mut().try_for_each(|item| each(item, visit)),
        Value::Object(members) => members.values_mut().try_for_each(|member| each(member, visit)),
        _ => visit(value),
    }
}

/// No filter of ours can be made to fail: one is taken that does when it is asked to.
#[tokio::test]
async fn a_filter_that_fails() -> Result<()> {
    let _alone = alone().await;
    let (page, secrets) = (Page::read()?, Secrets::new()?);
    let file = root()?.join("host-tests/suite/envoy/guests/trap-reload.yaml");
    let admin = backends::free_port()?;
    let mut bootstrap: Value = serde_json::from_str(&runnable(&file)?)?;
    *bootstrap.pointer_mut("/admin/address/socket_address/port_value").context("no administration")? =
        json!(admin.port());
    let envoy = Envoy::start(&bootstrap.to_string(), &settings()?.launch()).await?;
    let mut shell = Shell::new(&secrets.authority.root())?;
    shell.set("GATEWAY", format!("http://{}", envoy.listener("ingress").await?));
    shell.set("ADMIN", format!("http://{admin}"));
    let played = shell.play(&page, FAILED, || envoy.log()).await;
    envoy.stop().await?;
    played.context(FAILED)
}
