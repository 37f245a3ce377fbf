//! Cross-origin requests by the Fetch standard, section "CORS protocol" (R22, R23) and what it puts on answers (R28).

use crate::config::{CorsConfig, OnMismatch};
use crate::methods::Methods;
use crate::name_set::NameSet;
use crate::origin::{self, Origins};
use filter_core::config::At;
use filter_core::denial::{Denial, Reason};
use filter_core::effect::{HeaderOp, sanitized};
use filter_core::http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, VARY,
};
use filter_core::http::{HeaderName, HeaderValue, Method};
use filter_core::message::Headers;
use std::time::Duration;

/// Private Network Access, section "CORS preflight".
const ALLOW_PRIVATE_NETWORK: HeaderName = HeaderName::from_static("access-control-allow-private-network");

/// What an answer may say about CORS: on every answer, then on that to a preflight only.
static ON_EVERY: [HeaderName; 3] =
    [ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_EXPOSE_HEADERS];
static ON_PREFLIGHT: [HeaderName; 4] = [
    ACCESS_CONTROL_ALLOW_METHODS,
    ACCESS_CONTROL_ALLOW_HEADERS,
    ACCESS_CONTROL_MAX_AGE,
    ALLOW_PRIVATE_NETWORK,
];

/// Firefox keeps a preflight's answer a day at most, others less.
const MAX_AGE: Duration = Duration::from_secs(86_400);

/// Empty elements that a list may have (RFC 9110 section 5.6.1.2: "a reasonable number").
const MAX_EMPTY: usize = 16;

/// What a request says about CORS.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct CorsRequest<'a> {
    pub(crate) method: &'a [u8],
    pub(crate) origin: Option<&'a [u8]>,
    /// `origin` is that of the request itself.
    pub(crate) same_origin: bool,
    /// `access-control-request-method`
    pub(crate) request_method: Option<&'a [u8]>,
    /// `access-control-request-headers`, several fields joined with commas.
    pub(crate) request_headers: Option<&'a [u8]>,
    /// `access-control-request-private-network: true`
    pub(crate) private_network: bool,
}

impl CorsRequest<'_> {
    /// Whether a browser asks for leave to send another request (Fetch standard, "CORS-preflight request"). It does so
    /// across origins only.
    pub(crate) fn is_preflight(&self) -> bool {
        self.method == b"OPTIONS"
            && self.request_method.is_some()
            && self.origin.is_some()
            && !self.same_origin
    }
}

/// What becomes of a request.
#[derive(Debug, PartialEq)]
pub(crate) enum CorsVerdict {
    /// No `Origin`, or the request's own: nothing to check.
    NotCrossOrigin,
    /// The page may read the answer.
    Allowed,
    /// An allowed preflight, and the headers of its 204.
    Preflight(Vec<(HeaderName, HeaderValue)>),
    /// Not allowed. What follows from it is [`Cors::on_mismatch`]'s word.
    Refused(Denial),
}

/// What an answer answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum AnswerTo {
    /// An allowed preflight. The answer is our own.
    Preflight,
    /// OPTIONS otherwise.
    Options,
    /// Another method.
    #[default]
    Other,
}

/// The compiled section.
#[derive(Debug)]
pub(crate) struct Cors {
    origins: Origins,
    methods: Methods,
    headers: NameSet,
    preflight: Vec<(HeaderName, HeaderValue)>,
    expose: Option<HeaderValue>,
    credentials: bool,
    private_network: bool,
    on_mismatch: OnMismatch,
}

impl Cors {
    /// `methods` are the rule's, HEAD included. `None`: errors were reported below `at`.
    pub(crate) fn compile(config: CorsConfig, methods: &[Method], at: &At<'_>) -> Option<Self> {
        if !is_sound(&config, at) {
            return None;
        }
        let methods = Methods::new(config.allow_methods.map_or_else(|| methods.to_vec(), |own| own.0));
        // Whole seconds are all it can say.
        let max_age = HeaderValue::from(config.max_age.as_secs());
        let mut preflight =
            vec![(ACCESS_CONTROL_ALLOW_METHODS, methods.allow.clone()), (ACCESS_CONTROL_MAX_AGE, max_age)];
        let headers = NameSet::new(config.allow_headers);
        if let Some(names) = list(&headers) {
            preflight.push((ACCESS_CONTROL_ALLOW_HEADERS, names));
        }
        Some(Self {
            origins: Origins::new(config.allow_origins),
            methods,
            headers,
            preflight,
            expose: list(&NameSet::new(config.expose_headers)),
            credentials: config.allow_credentials,
            private_network: config.allow_private_network,
            on_mismatch: config.on_mismatch,
        })
    }

    /// The method of a request that is no preflight is the rule's business: a browser sends GET, HEAD and POST of a
    /// page without asking, whatever a preflight would be told.
    pub(crate) fn check(&self, request: &CorsRequest<'_>) -> CorsVerdict {
        let Some(origin) = request.origin.filter(|_| !request.same_origin) else {
            return CorsVerdict::NotCrossOrigin;
        };
        let refused = |reason, detail| CorsVerdict::Refused(Denial::new(reason).detail(detail));
        if !self.origins.allows(origin) {
            return refused(Reason::CorsOrigin, "the origin is not allowed");
        }
        let Some(method) = request.request_method.filter(|_| request.is_preflight()) else {
            return CorsVerdict::Allowed;
        };
        // No method is exempt because it is safelisted: the page wants to send it in a way that is not.
        if !self.methods.allows(method) {
            return refused(Reason::CorsMethod, "the method is not allowed");
        }
        if !request.request_headers.is_none_or(|names| self.allows_headers(names)) {
            return refused(Reason::CorsHeaders, "a header is not allowed");
        }
        if request.private_network && !self.private_network {
            return refused(Reason::CorsPrivateNetwork, "access from a public network is not allowed");
        }
        let mut headers = self.preflight.clone();
        if request.private_network {
            headers.push((ALLOW_PRIVATE_NETWORK, HeaderValue::from_static("true")));
        }
        CorsVerdict::Preflight(headers)
    }

    /// What happens to a request that is not allowed.
    pub(crate) fn on_mismatch(&self) -> OnMismatch {
        self.on_mismatch
    }

    /// Operations on the head of an answer, whoever made it: what the upstream says about CORS is replaced. `answer`
    /// is empty where the host could not hand it over: then everything is done unseen. `allowed_origin` is the origin
    /// of the request when [`Self::check`] allowed it.
    pub(crate) fn operations(
        &self,
        answer: &Headers,
        allowed_origin: Option<&[u8]>,
        to: AnswerTo,
        operations: &mut Vec<HeaderOp>,
    ) {
        let unseen = answer.is_empty();
        let mut every = [unseen; ON_EVERY.len()];
        let mut preflight = [unseen; ON_PREFLIGHT.len()];
        for (name, _) in answer.iter().filter(|(name, _)| name.starts_with(b"access-control-")) {
            let names = ON_EVERY.iter().zip(&mut every).chain(ON_PREFLIGHT.iter().zip(&mut preflight));
            names.filter(|(own, _)| own.as_str().as_bytes() == name).for_each(|(_, there)| *there = true);
        }
        for ((name, there), value) in ON_EVERY.iter().zip(every).zip(self.values(allowed_origin, to)) {
            match value {
                Some(value) if there => operations.push(HeaderOp::Set(name.clone(), value)),
                Some(value) => operations.push(HeaderOp::Add(name.clone(), value)),
                None if there => operations.push(HeaderOp::Remove(name.clone())),
                None => {}
            }
        }
        if to != AnswerTo::Preflight || allowed_origin.is_none() {
            let there = ON_PREFLIGHT.iter().zip(preflight).filter(|(_, there)| *there);
            operations.extend(there.map(|(name, _)| HeaderOp::Remove(name.clone())));
        }
        operations.extend(self.vary(answer, to));
    }

    /// The values of [`ON_EVERY`].
    fn values(&self, allowed_origin: Option<&[u8]>, to: AnswerTo) -> [Option<HeaderValue>; 3] {
        let Some(origin) = allowed_origin else { return [None, None, None] };
        let origin = match self.origins.is_any() {
            true => Some(HeaderValue::from_static("*")),
            false => HeaderValue::from_bytes(origin).ok(),
        };
        let credentials = self.credentials.then(|| HeaderValue::from_static("true"));
        [origin, credentials, self.expose.clone().filter(|_| to != AnswerTo::Preflight)]
    }

    /// A cache must not hand the answer for one origin to another. This holds for answers without CORS headers, too:
    /// the next request may be one that gets them.
    fn vary(&self, answer: &Headers, to: AnswerTo) -> Option<HeaderOp> {
        let wanted = self.varies_by(to);
        if answer.first("vary").is_none() {
            // Also where the answer is unseen: a second `vary` adds to the first (RFC 9110 section 5.3).
            return Some(HeaderOp::Add(VARY, HeaderValue::from_static(wanted)));
        }
        let lists = answer.all("vary").flat_map(|value| value.split(|&b| b == b','));
        let mut members: Vec<&[u8]> =
            lists.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty()).collect();
        // Everything is in it already.
        if members.contains(&b"*".as_slice()) {
            return None;
        }
        let named = members.len();
        for name in wanted.split(", ") {
            if !members.iter().any(|member| member.eq_ignore_ascii_case(name.as_bytes())) {
                members.push(name.as_bytes());
            }
        }
        (members.len() > named).then(|| HeaderOp::Set(VARY, sanitized(&members.join(b", ".as_slice()))))
    }

    /// What an answer depends on, as a value of `vary`.
    fn varies_by(&self, to: AnswerTo) -> &'static str {
        match (to, self.private_network) {
            (AnswerTo::Other, _) => "Origin",
            (_, false) => "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
            (_, true) => {
                "Origin, Access-Control-Request-Method, Access-Control-Request-Headers, \
                 Access-Control-Request-Private-Network"
            }
        }
    }

    /// Whether a page may set all of these headers. Browsers name those that are not safelisted, in lower case and
    /// sorted; a name is here only because its value is not safe, hence no name is exempt. What is no name is none
    /// of ours.
    fn allows_headers(&self, names: &[u8]) -> bool {
        let mut empty = 0_usize;
        names.split(|&b| b == b',').map(<[u8]>::trim_ascii).all(|name| {
            if name.is_empty() {
                empty = empty.saturating_add(1);
                return empty <= MAX_EMPTY;
            }
            self.headers.get(&name.to_ascii_lowercase()).is_some()
        })
    }
}

/// Names as a value; `None` where there are none.
fn list(names: &NameSet) -> Option<HeaderValue> {
    let names: Vec<&str> = names.iter().map(HeaderName::as_str).collect();
    (!names.is_empty()).then(|| sanitized(names.join(", ").as_bytes()))
}

/// Whether what was written makes sense together; what does not is reported.
fn is_sound(config: &CorsConfig, at: &At<'_>) -> bool {
    let origins = at.key("allow_origins");
    let mut sound = origin::unique(&config.allow_origins, &origins);
    let mut refuse = |at: &At<'_>, message: &str| {
        at.error(message);
        sound = false;
    };
    for (i, _) in config.allow_origins.iter().enumerate().filter(|(_, pattern)| pattern.is_any()) {
        if config.allow_credentials {
            refuse(
                &origins.index(i),
                "not with allow_credentials: every page of the web could act as its visitor; list the origins",
            );
        } else if config.allow_origins.len() > 1 {
            refuse(&origins.index(i), "`*` is every origin; leave the others out, or `*`");
        }
    }
    let methods = config.allow_methods.as_ref().map(|list| list.0.as_slice()).unwrap_or_default();
    for (i, _) in methods.iter().enumerate().filter(|(_, method)| method.as_str() == "*") {
        refuse(&at.key("allow_methods").index(i), "`*` is no method; list the methods");
    }
    // Without credentials browsers take `*` for every header, with them for a header of that name.
    let star = |name: &HeaderName| name.as_str() == "*";
    if let Some(i) = config.allow_headers.iter().position(star) {
        refuse(&at.key("allow_headers").index(i), "`*` is no header; list the headers");
    }
    if let Some(i) = config.expose_headers.iter().position(star).filter(|_| config.allow_credentials) {
        refuse(&at.key("expose_headers").index(i), "not with allow_credentials; list the headers");
    }
    if config.max_age > MAX_AGE {
        refuse(&at.key("max_age"), "browsers keep the answer to a preflight a day at most; at most \"24h\"");
    }
    sound
}
