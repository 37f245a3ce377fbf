//! Sources of keys that are fetched, compiled.

use crate::config::{Discovery, Remote};
use crate::jwks::{Freshness, Location, Metadata, Place, Source};
use crate::kept::Store;
use filter_core::config::At;
use filter_core::http::Uri;
use std::time::Duration;

/// A request that waits longer is better refused.
const MAX_TIMEOUT: Duration = Duration::from_secs(5);

/// Strangers' `kid`s cause a fetch so often at most.
const MIN_INTERVAL: Duration = Duration::from_secs(1);

/// How often and how long.
struct Times {
    timeout: Duration,
    cache_duration: Duration,
    stale_ttl: Duration,
    refetch_interval: Duration,
}

impl Times {
    fn source(self, provider: &str, place: Place, store: Store<crate::jwks::Meta>) -> Source {
        Source {
            provider: provider.to_owned(),
            place,
            store,
            freshness: Freshness::new(self.cache_duration),
            stale_ttl: self.stale_ttl,
            refetch_interval: self.refetch_interval,
        }
    }

    fn check(&self, at: &At<'_>) -> Option<()> {
        if self.timeout > MAX_TIMEOUT {
            at.key("timeout").error("at most \"5s\"");
            return None;
        }
        if self.refetch_interval < MIN_INTERVAL {
            at.key("refetch_interval")
                .error("at least \"1s\": strangers decide how often keys are asked for");
            return None;
        }
        Some(())
    }
}

/// At a known place.
pub fn known(remote: Remote, provider: &str, index: usize, at: &At<'_>) -> Option<Source> {
    let Remote { cluster, authority, path, timeout, cache_duration, stale_ttl, refetch_interval } = remote;
    let times = Times { timeout, cache_duration, stale_ttl, refetch_interval };
    let sound = path_is_sound(&path, &at.key("path"));
    times.check(at)?;
    sound?;
    let store = Store::new("jwks", &[&cluster, &authority, &path]);
    let location = Location::Known { authority: authority.into(), path };
    let name = format!("jwks.{index}").into();
    let place = Place { name, cluster: cluster.into(), timeout, location };
    Some(times.source(provider, place, store))
}

/// Where the metadata of the only issuer say.
pub fn told(
    discovery: Discovery,
    issuers: &[String],
    provider: &str,
    index: usize,
    at: &At<'_>,
) -> Option<Source> {
    let Discovery { cluster, jwks_cluster, path, timeout, cache_duration, stale_ttl, refetch_interval } =
        discovery;
    let times = Times { timeout, cache_duration, stale_ttl, refetch_interval };
    times.check(at)?;
    let [issuer] = issuers else {
        at.error("needs exactly one issuer: metadata are those of one");
        return None;
    };
    let uri: Option<Uri> = issuer.parse().ok();
    // OpenID Connect Discovery 1.0 section 3: a scheme, no query.
    let uri = uri.filter(|uri| matches!(uri.scheme_str(), Some("https" | "http")) && uri.query().is_none());
    let Some((authority, issuer_path)) = uri.as_ref().and_then(|uri| Some((uri.authority()?, uri.path())))
    else {
        at.error("the issuer must be a URL: its metadata are below it");
        return None;
    };
    let path = path
        .unwrap_or_else(|| format!("{}/.well-known/openid-configuration", issuer_path.trim_end_matches('/')));
    path_is_sound(&path, &at.key("path"))?;
    let jwks_cluster = jwks_cluster.unwrap_or_else(|| cluster.clone());
    let parts = [cluster.as_str(), authority.as_str(), &path, &jwks_cluster];
    let metadata = Metadata {
        name: format!("metadata.{index}").into(),
        cluster: cluster.clone().into(),
        authority: authority.as_str().into(),
        path: path.clone(),
        issuer: issuer.clone(),
        store: Store::new("metadata", &parts),
    };
    let store = Store::new("jwks", &parts);
    let name = format!("jwks.{index}").into();
    let place = Place { name, cluster: jwks_cluster.into(), timeout, location: Location::Told(metadata) };
    Some(times.source(provider, place, store))
}

fn path_is_sound(path: &str, at: &At<'_>) -> Option<()> {
    if path.starts_with('/') && path.bytes().all(|b| b.is_ascii_graphic()) {
        return Some(());
    }
    at.error("must start with / and be a path as it is sent");
    None
}
