//! Where Redis is, and how long it may take.

use super::Redis;
use crate::config::{At, Env, Secret, SecretRef};
use crate::{config_enum, config_struct};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::CONTENT_TYPE;
use http::{HeaderName, HeaderValue};
use std::time::Duration;

config_struct! {
    /// Redis behind an HTTP gateway.
    pub struct RedisConfig {
        /// Name of Envoy's cluster for the gateway.
        cluster: String,
        /// What the gateway speaks.
        dialect: Dialect = "webdis",
        /// `Host` of the calls. Left out: the name of the cluster.
        authority: Option<String>,
        /// Path that calls are posted to.
        path: String = "/",
        /// User name of HTTP basic authentication, for Webdis; with `password`.
        username: Option<String>,
        /// Password of HTTP basic authentication.
        password: Option<SecretRef>,
        /// Bearer token, for the REST dialect.
        token: Option<SecretRef>,
        /// How long a call may take, at most 5 s. The request waits so long.
        timeout: Duration = "50ms",
    }
}

config_enum! {
    /// What a gateway to Redis speaks.
    pub enum Dialect {
        /// Webdis 0.1: the command between slashes.
        Webdis = "webdis",
        /// The REST dialect of Upstash and serverless-redis-http: the command as a JSON array.
        Upstash = "upstash",
    }
}

impl Dialect {
    pub(super) fn content_type(self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::Webdis => None,
            Self::Upstash => Some((CONTENT_TYPE, HeaderValue::from_static("application/json"))),
        }
    }
}

/// A request that waits longer is better refused.
const MAX_TIMEOUT: Duration = Duration::from_secs(5);

pub(super) fn compile(config: RedisConfig, env: &dyn Env, at: &At<'_>) -> Option<Redis> {
    let mut sound = true;
    let mut refuse = |key: &str, message: &str| {
        at.key(key).error(message);
        sound = false;
    };
    if config.timeout > MAX_TIMEOUT {
        refuse("timeout", "at most \"5s\"");
    }
    if !config.path.starts_with('/') || !config.path.bytes().all(|b| b.is_ascii_graphic()) {
        refuse("path", "must start with / and be a path as it is sent");
    }
    let authorization = match (config.dialect, config.username, config.password, config.token) {
        (_, None, None, None) => None,
        (Dialect::Webdis, Some(name), Some(password), None) if !name.contains(':') => {
            let password = password.resolve(env, &at.key("password"))?;
            Some(basic(&name, password.expose()))
        }
        (Dialect::Webdis, Some(_), Some(_), None) => {
            refuse("username", "must not hold a colon (RFC 7617 section 2)");
            None
        }
        (Dialect::Webdis, _, _, Some(_)) => {
            refuse("token", "webdis knows basic authentication only: `username` and `password`");
            None
        }
        (Dialect::Webdis, ..) => {
            refuse("username", "`username` and `password` go together");
            None
        }
        (Dialect::Upstash, None, None, Some(token)) => {
            let token = token.resolve(env, &at.key("token"))?;
            Some(format!("Bearer {}", token.expose()))
        }
        (Dialect::Upstash, ..) => {
            refuse("token", "this dialect knows a bearer `token` only");
            None
        }
    };
    let authorization = match authorization.map(|text| HeaderValue::from_str(&text)) {
        None => None,
        Some(Ok(mut value)) => {
            value.set_sensitive(true);
            Some(Secret::new(value))
        }
        Some(Err(_)) => {
            let key = if config.dialect == Dialect::Webdis { "password" } else { "token" };
            refuse(key, "the secret holds bytes that no header may");
            None
        }
    };
    let cluster: std::sync::Arc<str> = config.cluster.into();
    sound.then(|| Redis {
        authority: config.authority.map_or_else(|| cluster.clone(), Into::into),
        cluster,
        path: config.path,
        dialect: config.dialect,
        authorization,
        timeout: config.timeout,
    })
}

/// RFC 7617 section 2.
fn basic(name: &str, password: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{name}:{password}")))
}
