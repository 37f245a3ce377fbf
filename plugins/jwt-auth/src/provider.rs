//! A provider, compiled.

use crate::alg::{Algorithms, Family};
use crate::claims::{
    ClaimPath, ClaimTree, Format, MAX_HEADER, Rules, Subject as SubjectRule, Times, header_value,
};
use crate::config::{
    Audiences, CertificateBinding, ClaimHeader, Crypto, KeySource, ListFormat, ProviderConfig, SharedSecret,
    SubjectMatcher, TokenPlaces,
};
use crate::crypto::HOST_ALGORITHMS;
use crate::extract::Places;
use crate::jwks::Source;
use crate::keys::{Key, KeySet};
use crate::revocation::{Subject, Sync};
use crate::token::{AcceptedTypes, Limits};
use filter_core::config::{At, Env, NonEmpty, Tree};
use filter_core::effect::HeaderOp;
use filter_core::http::HeaderName;
use filter_core::http::header::COOKIE;
use filter_core::keys::{Claim, revocation};
use filter_core::policy::hex;
use sha2::{Digest as _, Sha256};

mod deny_list;
mod remote;

pub use deny_list::{DenyList, Revocation};

/// A provider, compiled.
pub struct Provider {
    /// Its name.
    pub name: String,
    /// What its tokens must say.
    pub rules: Rules,
    /// What they may be signed with.
    pub algorithms: Algorithms,
    /// Keys in the configuration.
    pub keys: KeySet,
    /// Indices of the sources that are fetched.
    pub sources: Vec<usize>,
    /// Whether a token must name its key.
    pub require_kid: bool,
    /// Accepted `typ`.
    pub types: Option<AcceptedTypes>,
    /// How large a token may be.
    pub limits: Limits,
    /// Where tokens are found.
    pub places: Places,
    /// Whether a token goes on to the upstream.
    pub forward: bool,
    /// Header for the payload, and whether it is padded.
    pub payload_header: Option<(HeaderName, bool)>,
    claims: Vec<(ClaimPath, HeaderName, Format)>,
    state: Vec<ClaimPath>,
    subject_state: bool,
    /// Whether tokens are bound to certificates.
    pub binding: CertificateBinding,
    /// The deny-list.
    pub revocation: Option<Revocation>,
}

/// What all providers have together.
#[derive(Default)]
pub struct Together {
    /// Sources of keys.
    pub sources: Vec<Source>,
    /// Lists that are kept.
    pub lists: Vec<Sync>,
    /// How many circuit breakers there are.
    pub breakers: usize,
}

impl Provider {
    /// Compiles one. `None`: an error was reported at or below `at`.
    pub fn compile(
        config: ProviderConfig,
        crypto: Crypto,
        together: &mut Together,
        env: &dyn Env,
        at: &At<'_>,
    ) -> Option<Self> {
        let algorithms = algorithms(&config, crypto, at);
        let mut keys = Vec::new();
        let mut sources = Vec::new();
        let mut sound = algorithms.is_some();
        let NonEmpty(issuers) = config.issuers;
        for (i, source) in config.keys.0.into_iter().enumerate() {
            let list = at.key("keys");
            let at = list.index(i);
            let read = match source {
                KeySource::Jwks(tree) => {
                    let at = at.key("jwks");
                    KeySet::inline_tree(&tree, false, &at).map(|set| keys.extend(set.keys().to_vec()))
                }
                KeySource::Pem(pem) => match Key::from_pem(&pem.text, pem.kid.as_deref()) {
                    Ok(key) => {
                        keys.push(key);
                        Some(())
                    }
                    Err(error) => {
                        at.key("pem").key("text").error(error.to_string());
                        None
                    }
                },
                KeySource::Secret(secret) if config.allow_symmetric => {
                    shared_secret(secret, env, &at.key("secret")).map(|set| keys.extend(set.keys().to_vec()))
                }
                KeySource::Secret(_) => {
                    at.key("secret").error("only with `allow_symmetric: true`");
                    None
                }
                KeySource::Remote(remote) => {
                    let at = at.key("remote");
                    remote::known(remote, &config.name.0, together.sources.len(), &at)
                        .map(|source| sources.push(push(&mut together.sources, source)))
                }
                KeySource::Discovery(discovery) => {
                    let at = at.key("discovery");
                    remote::told(discovery, &issuers, &config.name.0, together.sources.len(), &at)
                        .map(|source| sources.push(push(&mut together.sources, source)))
                }
            };
            sound &= read.is_some();
        }
        let revocation = match config.revocation {
            Some(revocation) => {
                let at = at.key("revocation");
                Some(Revocation::compile(revocation, &config.name.0, together, env, &at)?)
            }
            None => None,
        };
        let headers_are_sound = own_headers(&config.payload_header, &config.claim_headers, at);
        let places = places(config.from, &at.key("from"));
        let rules = Rules {
            issuers,
            audiences: match config.audiences {
                Audiences::Any => Vec::new(),
                Audiences::OneOf(list) => list,
            },
            subjects: config
                .subjects
                .map(|list| list.0)
                .unwrap_or_default()
                .into_iter()
                .map(subject)
                .collect(),
            require_exp: config.require_exp,
            require_jti: config.require_jti,
            skew: config.clock_skew.0,
            max_lifetime: config.max_lifetime,
        };
        if !(sound && headers_are_sound) {
            return None;
        }
        let places = places?;
        Some(Self {
            name: config.name.0,
            rules,
            algorithms: algorithms?,
            keys: keys.into_iter().collect(),
            sources,
            require_kid: config.require_kid,
            types: config.typ.map(|NonEmpty(names)| AcceptedTypes::new(names, false)),
            limits: Limits {
                token: usize::try_from(config.max_token.get()).unwrap_or(usize::MAX),
                ..Limits::default()
            },
            places,
            forward: config.forward,
            payload_header: config.payload_header.map(|name| (name, config.payload_header_padding)),
            claims: config
                .claim_headers
                .into_iter()
                .map(|one| (one.claim, one.header, format(one.format)))
                .collect(),
            state: config.claim_state,
            subject_state: config.subject_state,
            binding: config.certificate_binding,
            revocation,
        })
    }

    /// Headers that only this filter may set.
    pub fn guarded(&self) -> impl Iterator<Item = &HeaderName> {
        let payload = self.payload_header.iter().map(|(name, _)| name);
        payload.chain(self.claims.iter().map(|(_, name, _)| name))
    }

    /// Claims as headers for the upstream.
    pub fn claim_headers(&self, claims: &ClaimTree<'_>) -> Vec<HeaderOp> {
        let header = |(path, name, format): &(ClaimPath, HeaderName, Format)| {
            Some(HeaderOp::Set(name.clone(), header_value(claims, path, *format)?))
        };
        self.claims.iter().filter_map(header).collect()
    }

    /// Claims as filter state: text as it is, anything else as JSON. What is no header, or longer, is left out. And what
    /// stands for the subject.
    pub fn claim_state(&self, claims: &ClaimTree<'_>) -> Vec<(String, Vec<u8>)> {
        let state = |path: &ClaimPath| {
            let value = match path.find(claims)? {
                Tree::String(text) if text.len() > MAX_HEADER || text.chars().any(char::is_control) => {
                    return None;
                }
                Tree::String(text) => text.as_bytes().to_vec(),
                _ => header_value(claims, path, Format::Json)?.as_bytes().to_vec(),
            };
            Some((format!("claims.{path}"), value))
        };
        let subject = claims.member("sub").filter(|_| self.subject_state).and_then(|sub| match sub {
            Tree::String(sub) => {
                Some(Sha256::new_with_prefix(&self.name).chain_update([0]).chain_update(sub.as_bytes()))
            }
            _ => None,
        });
        let subject = subject.map(|digest| {
            let digits = hex(digest.finalize().get(..8).unwrap_or_default());
            ("subject".to_owned(), digits.into_bytes())
        });
        self.state.iter().filter_map(state).chain(subject).collect()
    }

    /// What a deny-list could say of a token with these claims.
    pub fn subject(&self, claims: &ClaimTree<'_>, times: Times) -> Subject {
        let by = self.revocation.as_ref().map(|revocation| revocation.by.as_slice()).unwrap_or_default();
        let id = |claim: &Claim| match claims.member(claim.as_str()) {
            // One that is too long for a key cannot be on the list.
            Some(Tree::String(id)) if revocation(&self.name, *claim, id).is_ok() => {
                Some((*claim, id.to_string()))
            }
            _ => None,
        };
        Subject { ids: by.iter().filter_map(id).collect(), issued: times.iat.map(|iat| iat.seconds()) }
    }
}

/// Appends, and says where.
fn push<T>(list: &mut Vec<T>, item: T) -> usize {
    list.push(item);
    list.len().saturating_sub(1)
}

fn algorithms(config: &ProviderConfig, crypto: Crypto, at: &At<'_>) -> Option<Algorithms> {
    let list = at.key("algorithms");
    let mut sound = true;
    for (i, algorithm) in config.algorithms.0.iter().enumerate() {
        if algorithm.family() == Family::Hmac && !config.allow_symmetric {
            list.index(i).error("only with `allow_symmetric: true`");
            sound = false;
        }
        if crypto == Crypto::HostOnly && !HOST_ALGORITHMS.contains(algorithm) {
            list.index(i).error("Envoy cannot verify this algorithm, and `crypto` is \"host_only\"");
            sound = false;
        }
    }
    sound.then(|| config.algorithms.0.iter().copied().collect())
}

/// A secret is a key like any other, but that it comes from the environment.
fn shared_secret(secret: SharedSecret, env: &dyn Env, at: &At<'_>) -> Option<KeySet> {
    let text = secret.key.resolve(env, &at.key("key"))?;
    let member = |name: &str, value: &str| (name.to_owned(), Tree::String(value.to_owned()));
    let mut members = vec![
        member("kty", "oct"),
        member("k", text.expose().trim_end_matches('=')),
        member("alg", secret.algorithm.name()),
    ];
    members.extend(secret.kid.map(|kid| member("kid", &kid)));
    KeySet::inline_tree(&Tree::Object(members), true, &at.key("key"))
}

fn subject(matcher: SubjectMatcher) -> SubjectRule {
    match matcher {
        SubjectMatcher::Exact(text) => SubjectRule::Exact(text),
        SubjectMatcher::Prefix(text) => SubjectRule::Prefix(text),
    }
}

/// Headers that the gateway needs, or that come from elsewhere: none of them is a claim's.
const NEEDED: [&str; 8] =
    ["connection", "content-length", "content-type", "cookie", "host", "te", "transfer-encoding", "upgrade"];

/// Whether each header for the upstream has one source, and is none of those.
fn own_headers(payload: &Option<HeaderName>, claims: &[ClaimHeader], at: &At<'_>) -> bool {
    let mut names: Vec<&HeaderName> = Vec::new();
    let mut sound = true;
    let mut one = |name, at: &At<'_>| {
        let message = match names.contains(&name) {
            true => Some("another claim goes to this header"),
            false => NEEDED.contains(&name.as_str()).then_some("the gateway needs this header"),
        };
        if let Some(message) = message {
            at.error(message);
            sound = false;
        }
        names.push(name);
    };
    if let Some(name) = payload {
        one(name, &at.key("payload_header"));
    }
    let list = at.key("claim_headers");
    for (i, claim) in claims.iter().enumerate() {
        one(&claim.header, &list.index(i).key("header"));
    }
    sound
}

/// `None`: an error was reported below `at`.
fn places(from: TokenPlaces, at: &At<'_>) -> Option<Places> {
    let mut sound = true;
    let mut refuse = |list: &str, i: usize, key: Option<&str>, message: &str| {
        let list = at.key(list);
        let at = list.index(i);
        match key {
            Some(key) => at.key(key).error(message),
            None => at.error(message),
        }
        sound = false;
    };
    for (i, place) in from.headers.iter().enumerate() {
        if place.name == COOKIE {
            refuse("headers", i, Some("name"), "cookies go by name: see `cookies`");
        } else if NEEDED.contains(&place.name.as_str()) {
            refuse("headers", i, Some("name"), "the gateway needs this header");
        }
    }
    for (i, name) in from.cookies.iter().enumerate() {
        // RFC 6265 section 4.1.1.
        if HeaderName::from_bytes(name.as_bytes()).is_err() {
            refuse("cookies", i, None, "not a cookie name (RFC 6265 section 4.1.1)");
        }
    }
    if from.headers.is_empty() && from.cookies.is_empty() && from.query.is_none() {
        at.error("nowhere: no token would ever be found");
        sound = false;
    }
    if !sound {
        return None;
    }
    let headers = from.headers.into_iter();
    let places = headers.fold(Places::default(), |places, one| {
        places.header(one.name, one.prefix.as_deref().unwrap_or_default())
    });
    let places = from.cookies.iter().fold(places, |places, name| places.cookie(name));
    Some(match from.query {
        Some(query) => places.query(&query.name),
        None => places,
    })
}

fn format(format: ListFormat) -> Format {
    match format {
        ListFormat::Csv => Format::Csv,
        ListFormat::Json => Format::Json,
    }
}
