//! A key server whose clock is ahead, and its tokens.

use std::process::Command;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use edge::authority::{Authority, Service};
use edge::client::Identity;
use edge::services::{Answer, Server, Signer};
use http::Response;
use http::header::{CONTENT_TYPE, DATE, HeaderValue};
use http_body_util::{BodyExt as _, Full};
use serde_json::{Map, Value, json};

/// How far its clock is ahead, as date(1) reads it, and in seconds.
const AHEAD: (&str, i64) = ("+850 seconds", 850);

/// It serves as long as this is there.
pub(crate) struct Issuer {
    pub(crate) server: Server,
    signer: Arc<Signer>,
    // Of whom the gateway never heard.
    stranger: Signer,
}

impl Issuer {
    /// Starts it.
    ///
    /// # Errors
    /// There is no free port.
    pub(crate) fn start(authority: &Authority) -> Result<Self> {
        let files = authority.service(Service::Idp);
        let tls = Identity::read(&files.chain, &files.key)?.serves()?;
        let signer = Arc::new(Signer::generate()?);
        let keys = Bytes::from(signer.jwks().to_string());
        let server = Server::start(0, Some(tls), move |_| std::future::ready(answer(&keys)))?;
        Ok(Self { server, signer, stranger: Signer::generate()? })
    }

    /// A token as it would make it if its clock were right, with these claims over the usual ones.
    ///
    /// # Errors
    /// The time is before 1970.
    pub(crate) fn token(&self, over: &Value) -> Result<String> {
        Ok(self.signer.sign(&claims(0, over)?))
    }

    /// A token as it makes it.
    ///
    /// # Errors
    /// As [`Issuer::token`].
    pub(crate) fn token_of_its_clock(&self) -> Result<String> {
        let claims = claims(AHEAD.1, &json!({}))?;
        Ok(self.signer.sign(&claims))
    }

    /// A token with a key that it does not publish.
    ///
    /// # Errors
    /// As [`Issuer::token`].
    pub(crate) fn token_of_another_key(&self) -> Result<String> {
        Ok(self.stranger.sign(&claims(0, &json!({}))?))
    }
}

fn answer(keys: &Bytes) -> Result<Answer> {
    let mut date = Command::new("date");
    date.args(["-u", "-d", AHEAD.0, "+%a, %d %b %Y %H:%M:%S GMT"]).env("LC_ALL", "C");
    let date = date.output().context("date")?;
    ensure!(date.status.success(), "{}", String::from_utf8_lossy(&date.stderr));
    let mut answer = Response::new(Full::new(keys.clone()).boxed_unsync());
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    answer.headers_mut().insert(DATE, HeaderValue::from_str(String::from_utf8(date.stdout)?.trim())?);
    Ok(answer)
}

/// As gateway.yaml wants them.
fn claims(ahead: i64, over: &Value) -> Result<Value> {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())?.saturating_add(ahead);
    let usual = json!({
        "iss": "https://idp.example.com/",
        "aud": "https://api.example.com",
        "sub": "alice",
        "jti": format!("of {now}"),
        "iat": now,
        "nbf": now,
        "exp": now.saturating_add(600),
    });
    let mut claims: Map<String, Value> = serde_json::from_value(usual)?;
    claims.extend(over.as_object().cloned().unwrap_or_default());
    Ok(Value::Object(claims))
}
