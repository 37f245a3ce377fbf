//! A key server: its public keys for the gateways, and tokens for whoever asks. **A demonstration:** it asks nobody who he is.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result};
use http::header::{ALLOW, HeaderValue};
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use hyper::body::Incoming;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value, json};
use tokio_rustls::rustls::ServerConfig;

use super::{Answer, Server, Signer, answer};
use crate::services::signer::random_id;

/// Where the keys are.
pub const KEYS: &str = "/.well-known/jwks.json";
/// Where tokens are made.
pub const TOKEN: &str = "/token";
/// How long a token lives where nothing else is asked, in seconds.
const LIFETIME: i64 = 600;
/// Most bytes of a form.
const LONGEST_FORM: usize = 4096;

/// Who issues the tokens, and for whom.
#[derive(Debug, Clone)]
pub struct Issuer {
    /// `iss`.
    pub issuer: String,
    /// `aud` where nothing else is asked.
    pub audience: String,
}

/// The server. Its keys are made when it starts and forgotten when it ends.
#[derive(Debug)]
pub struct KeyServer {
    server: Server,
    mint: Arc<Mint>,
}

#[derive(Debug)]
struct Mint {
    signer: Signer,
    issuer: Issuer,
}

impl KeyServer {
    /// Starts one on a free port.
    ///
    /// # Errors
    /// There is no free port, or there are no random bytes.
    pub fn start(issuer: Issuer, tls: Option<Arc<ServerConfig>>) -> Result<Self> {
        let mint = Arc::new(Mint { signer: Signer::generate()?, issuer });
        let serving = Arc::clone(&mint);
        let server = Server::start(0, tls, move |request| serve(Arc::clone(&serving), request))?;
        Ok(Self { server, mint })
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.server.addr()
    }

    /// A token with these claims over those that every token has: `iss`, `aud`, `sub`, `iat`, `exp` and a `jti` of its own; null
    /// removes one.
    ///
    /// # Errors
    /// The system has no random bytes, or no time after 1970.
    pub fn token(&self, over: &Value) -> Result<String> {
        Ok(self.mint.signer.sign(&self.mint.issuer.claims(over)?))
    }

    /// A token with the claims that every one has, signed by somebody else.
    ///
    /// # Errors
    /// As [`KeyServer::token`].
    pub fn forged(&self, signer: &Signer) -> Result<String> {
        Ok(signer.sign(&self.mint.issuer.claims(&Value::Null)?))
    }
}

impl Issuer {
    fn claims(&self, over: &Value) -> Result<Value> {
        let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).context("the time")?.as_secs())?;
        let claims = json!({
            "iss": self.issuer,
            "aud": self.audience,
            "sub": "alice",
            "iat": now,
            "exp": now.saturating_add(LIFETIME),
            "jti": random_id()?,
        });
        let mut claims: Map<String, Value> = serde_json::from_value(claims)?;
        for (name, value) in over.as_object().into_iter().flatten() {
            claims.insert(name.clone(), value.clone());
        }
        claims.retain(|_, value| !value.is_null());
        Ok(Value::Object(claims))
    }
}

async fn serve(mint: Arc<Mint>, request: Request<Incoming>) -> Result<Answer> {
    let (head, body) = request.into_parts();
    match (&head.method, head.uri.path()) {
        (&Method::GET, KEYS) => Ok(answer::json(StatusCode::OK, &mint.signer.jwks())),
        (&Method::POST, TOKEN) => {
            let Ok(form) = Limited::new(body, LONGEST_FORM).collect().await else {
                return Ok(refusal(StatusCode::PAYLOAD_TOO_LARGE));
            };
            let form = form.to_bytes();
            let text = String::from_utf8_lossy(&form);
            let Ok(claims) = claims(&text) else { return Ok(refusal(StatusCode::BAD_REQUEST)) };
            // The token alone (RFC 7519 section 10.3.1), so that a shell can take it as it is.
            let token = mint.signer.sign(&mint.issuer.claims(&claims)?);
            Ok(answer::of(StatusCode::OK, "application/jwt", token))
        }
        (_, KEYS) => Ok(allowing("GET")),
        (_, TOKEN) => Ok(allowing("POST")),
        _ => Ok(refusal(StatusCode::NOT_FOUND)),
    }
}

fn refusal(status: StatusCode) -> Answer {
    answer::json(status, &json!({ "error": status.canonical_reason() }))
}

fn allowing(method: &'static str) -> Answer {
    let mut refusal = refusal(StatusCode::METHOD_NOT_ALLOWED);
    refusal.headers_mut().insert(ALLOW, HeaderValue::from_static(method));
    refusal
}

/// The fields of a form as claims, numbers as such: `sub=alice&scope=admin&exp=1900000000`.
fn claims(form: &str) -> Result<Value> {
    let field = |field: &str| {
        let (name, value) = field.split_once('=').context("a field without a value")?;
        let plain = |text: &str| -> Result<String> {
            Ok(percent_decode_str(&text.replace('+', " ")).decode_utf8()?.into_owned())
        };
        let value = plain(value)?;
        let number: Option<i64> = value.parse().ok();
        Ok((plain(name)?, number.map_or_else(|| Value::String(value), Value::from)))
    };
    form.split('&').filter(|one| !one.is_empty()).map(field).collect::<Result<Map<_, _>>>().map(Value::Object)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::claims;

    #[test]
    fn a_form_becomes_claims() {
        let form = "sub=alice%40example.com&scope=a+b&exp=1900000000&aud=x";
        let expected =
            json!({ "sub": "alice@example.com", "scope": "a b", "exp": 1_900_000_000, "aud": "x" });
        assert_eq!(claims(form).unwrap(), expected);
        assert_eq!(claims("").unwrap(), json!({}));
        assert!(claims("sub").is_err());
        assert!(claims("sub=%ff").is_err());
    }
}
