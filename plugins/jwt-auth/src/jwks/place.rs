//! Where keys are: at a known place, or where the issuer's metadata say.

use super::meta::Meta;
use crate::kept::Store;
use filter_core::config::Tree;
use filter_core::http::{HeaderName, HeaderValue, Method, Uri, header};
use filter_core::policy::Cx;
use filter_core::task::{CallOut, Failure, Key, Reply, Task, TaskResult};
use std::sync::Arc;
use std::time::Duration;

/// Largest JWKS, in bytes.
pub const MAX_DOCUMENT: usize = 128 * 1024;
/// For how long metadata that were read need not be read again, in µs: until the keys are there.
const LATELY: u64 = 10_000_000;
/// Largest metadata, in bytes.
const MAX_METADATA: usize = 64 * 1024;

/// Where keys are.
#[derive(Debug, Clone)]
pub struct Place {
    /// Name of the fetch.
    pub name: Arc<str>,
    /// Cluster of the key server.
    pub cluster: Arc<str>,
    /// How long a request may take.
    pub timeout: Duration,
    /// Where exactly.
    pub location: Location,
}

/// Where exactly.
#[derive(Debug, Clone)]
pub enum Location {
    /// Here.
    Known {
        /// `:authority`
        authority: Arc<str>,
        /// `:path`
        path: String,
    },
    /// Where the metadata say (OpenID Connect Discovery 1.0 section 4).
    Told(Metadata),
}

/// Metadata of an issuer.
#[derive(Debug, Clone)]
pub struct Metadata {
    /// Name of the fetch.
    pub name: Arc<str>,
    /// Cluster of whoever has them.
    pub cluster: Arc<str>,
    /// `:authority`
    pub authority: Arc<str>,
    /// `:path`
    pub path: String,
    /// What `issuer` must be (section 4.3).
    pub issuer: String,
    /// What was found, for the worker that goes on.
    pub store: Store<Meta>,
}

/// What an answer leads to.
#[derive(Debug, Clone, PartialEq)]
pub enum Step<'a> {
    /// Another fetch.
    Next(Task),
    /// The document.
    Document(&'a Reply),
}

impl Place {
    /// The next fetch: of the metadata, unless somebody has just read them.
    #[must_use]
    pub fn task(&self, cx: &dyn Cx) -> Task {
        match &self.location {
            Location::Known { authority, path } => self.keys(authority, path),
            Location::Told(metadata) => match metadata.told(cx) {
                Some((authority, path)) => self.keys(&authority, &path),
                None => {
                    let Metadata { name, cluster, authority, path, .. } = metadata;
                    self.get(name, cluster, authority, path, MAX_METADATA)
                }
            },
        }
    }

    /// Whether a fetch of this name is one of this place's.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        *self.name == *name || matches!(&self.location, Location::Told(metadata) if *metadata.name == *name)
    }

    /// What came of a fetch.
    ///
    /// # Errors
    /// Why it brought nothing, for the log.
    pub fn read<'r>(&self, name: &str, result: &'r TaskResult, cx: &dyn Cx) -> Result<Step<'r>, String> {
        let reply = match result {
            Ok(reply) if reply.status == 200 => reply,
            Ok(reply) => return Err(format!("status {}", reply.status)),
            Err(failure) => return Err(said(*failure).to_owned()),
        };
        match &self.location {
            Location::Told(metadata) if *metadata.name == *name => {
                let (authority, path) = metadata.place_of_keys(&reply.body)?;
                metadata.tell(&authority, &path, cx);
                Ok(Step::Next(self.keys(&authority, &path)))
            }
            _ => Ok(Step::Document(reply)),
        }
    }

    fn keys(&self, authority: &Arc<str>, path: &str) -> Task {
        self.get(&self.name, &self.cluster, authority, path, MAX_DOCUMENT)
    }

    fn get(&self, name: &Arc<str>, cluster: &Arc<str>, authority: &Arc<str>, path: &str, max: usize) -> Task {
        let accept: (HeaderName, HeaderValue) =
            (header::ACCEPT, HeaderValue::from_static("application/json"));
        let call = CallOut {
            cluster: cluster.clone(),
            method: Method::GET,
            path: path.to_owned(),
            authority: authority.clone(),
            headers: vec![accept],
            body: Vec::new(),
            timeout: self.timeout,
            max_reply: max,
        };
        Task { key: Key::Gateway(name.clone()), call }
    }
}

impl Metadata {
    /// Authority and path of the keys, where they were read lately.
    fn told(&self, cx: &dyn Cx) -> Option<(Arc<str>, String)> {
        let read = self.store.numbers(cx.store()).fetched;
        if cx.now().0.abs_diff(read) > LATELY {
            return None;
        }
        let place = String::from_utf8(self.store.document(cx.store(), read)?).ok()?;
        let (authority, path) = place.split_once(' ')?;
        Some((authority.into(), path.to_owned()))
    }

    fn tell(&self, authority: &str, path: &str, cx: &dyn Cx) {
        let now = cx.now();
        if self.store.keep(cx.store(), now.0, format!("{authority} {path}").as_bytes()) {
            self.store.change(cx.store(), |meta| meta.fetched = now.0);
        }
    }

    /// Authority and path of `jwks_uri`.
    fn place_of_keys(&self, body: &[u8]) -> Result<(Arc<str>, String), String> {
        let metadata: Tree = Tree::parse(body).map_err(|_| "metadata are no JSON".to_owned())?;
        let member = |name: &str| match metadata.member(name) {
            Some(Tree::String(text)) => Some(text.as_str()),
            _ => None,
        };
        // Else a metadata document of one issuer could hand out another's keys.
        if member("issuer") != Some(self.issuer.as_str()) {
            return Err("metadata name another issuer".to_owned());
        }
        let uri = member("jwks_uri").and_then(|uri| uri.parse::<Uri>().ok()).unwrap_or_default();
        let plain = |authority: &filter_core::http::uri::Authority| !authority.as_str().contains('@');
        let (Some("https" | "http"), Some(authority)) =
            (uri.scheme_str(), uri.authority().filter(|one| plain(one)))
        else {
            return Err("metadata have no jwks_uri".to_owned());
        };
        // `https://host?query` has a path, too (RFC 9110 section 4.2.3).
        let path = uri.path_and_query().map(|path| path.as_str()).unwrap_or_default();
        let slash = if path.starts_with('/') { "" } else { "/" };
        Ok((authority.as_str().into(), format!("{slash}{path}")))
    }
}

fn said(failure: Failure) -> &'static str {
    match failure {
        Failure::NotSent => {
            "the request could not be sent (no such cluster, no endpoint, or its circuit breaker is open)"
        }
        Failure::Incomplete => "the answer was cut off",
        Failure::TooLarge => "the answer is too large",
        Failure::Deadline => "no answer",
        Failure::Elsewhere => "another worker's fetch",
        Failure::TooManyAwaits => "the request waited too often",
    }
}
