//! What the body of a request may be.

use super::Shared;
use crate::config::{BodyConfig, ContentConfig};
use crate::form::Form;
use crate::parameters::Kinds;
use crate::schema::Schema;
use filter_core::config::At;
use filter_core::denial::{Denial, Reason};
use filter_core::effect::sanitized;
use filter_core::http::HeaderValue;
use filter_core::http::header::{ACCEPT, ACCEPT_ENCODING};
use filter_core::media::{Charset, MediaRange, MediaType, is_coded, unquoted_parts};
use filter_core::message::Headers;

/// What browsers send of a form without files.
const FORM: &str = "application/x-www-form-urlencoded";

/// The body of an operation.
pub(crate) struct Body {
    /// Whether there must be one.
    pub(crate) required: bool,
    /// Largest one, in bytes.
    pub(crate) limit: u64,
    content: Vec<(MediaRange, Content)>,
    /// What a 415 says (RFC 9110 section 15.5.16).
    accept: HeaderValue,
}

/// What a body of one media type is.
pub(crate) enum Content {
    /// JSON of this schema.
    Json(Schema),
    /// A form of this schema.
    Form(Form),
    /// Anything.
    Unseen,
}

impl Body {
    /// `None`: errors were reported below `at`.
    pub(super) fn compile(config: BodyConfig, shared: &Shared<'_>, at: &At<'_>) -> Option<Self> {
        let limit = config.max_bytes.map_or(shared.max_body, std::num::NonZeroU64::get);
        let within = limit <= shared.max_body;
        if !within {
            at.key("max_bytes").error(format!("above limits.body, which is {}", shared.max_body));
        }
        let list = at.key("content");
        if config.content.0.is_empty() {
            list.error("must not be empty; where there is to be no body leave `body` out");
            return None;
        }
        let compiled: Vec<Option<(MediaRange, Content)>> = config
            .content
            .0
            .into_iter()
            .map(|(range, content)| {
                let content = Content::compile(content, &range, shared, &list.key(range.as_str()));
                content.map(|content| (range, content))
            })
            .collect();
        let mut content = compiled.into_iter().collect::<Option<Vec<_>>>().filter(|_| within)?;
        let names: Vec<&str> = content.iter().map(|(range, _)| range.as_str()).collect();
        let accept = sanitized(names.join(", ").as_bytes());
        // The first that matches is then the most specific one.
        content.sort_by_key(|(range, _)| std::cmp::Reverse(range.rank()));
        Some(Self { required: config.required, limit, content, accept })
    }

    /// What a body with these fields is to be, by its index.
    ///
    /// # Errors
    /// 400 for two media types, 415 for none, for one that the operation does not take, and for a content coding.
    pub(crate) fn choose(&self, headers: &Headers) -> Result<usize, Denial> {
        let mut given = headers.all("content-type").flat_map(unquoted_parts);
        let (first, second) = (given.next(), given.next());
        if second.is_some() {
            // Envoy joins two fields with a comma.
            return Err(Denial::new(Reason::HeaderDuplicate));
        }
        if is_coded(headers) {
            // RFC 9110 section 12.5.3: what would have been taken.
            return Err(Denial::new(Reason::MediaEncoding)
                .header(ACCEPT_ENCODING, HeaderValue::from_static("identity")));
        }
        let refused = |reason| Denial::new(reason).header(ACCEPT, self.accept.clone());
        let Some(value) = first else { return Err(refused(Reason::MediaMissing)) };
        let Some(given) = MediaType::parse(value) else { return Err(refused(Reason::MediaType)) };
        let found = self.content.iter().position(|(range, _)| range.matches(&given.essence));
        let chosen = found.and_then(|index| self.content.get(index).map(|(_, content)| (index, content)));
        match chosen {
            None => Err(refused(Reason::MediaType)),
            Some((_, Content::Json(_) | Content::Form(_))) if given.charset() == Charset::Other => {
                Err(refused(Reason::MediaType).note("a charset other than utf-8"))
            }
            Some((index, _)) => Ok(index),
        }
    }

    /// What a body is to be.
    pub(crate) fn content(&self, index: usize) -> Option<&Content> {
        self.content.get(index).map(|(_, content)| content)
    }
}

impl Content {
    fn compile(config: ContentConfig, range: &MediaRange, shared: &Shared<'_>, at: &At<'_>) -> Option<Self> {
        let schema = match (config.schema, config.skip) {
            (Some(schema), false) => schema,
            (None, true) => return Some(Self::Unseen),
            _ => {
                at.error("expected one of schema, and skip: true");
                return None;
            }
        };
        if !range.is_exact() && !range.as_str().ends_with("+json") {
            // Else a form could be read as JSON here and as a form by the upstream.
            at.key("schema").error(
                "the media type does not say how the body is written; expected JSON (application/json, application/*+json), \
                 application/x-www-form-urlencoded, or skip: true",
            );
            return None;
        }
        let at = at.key("schema");
        let compiled = Schema::compile(&schema.0, shared.sources, &at)?;
        if range.as_str() != FORM {
            return Some(Self::Json(compiled));
        }
        let others = |uri: &str| shared.sources.get(uri).map(|(schema, _)| schema);
        let Some(kinds) = Kinds::of(&schema.0, &others) else {
            at.error("its references are too tangled to tell the types of a form's fields");
            return None;
        };
        Some(Self::Form(Form::new(compiled, kinds)))
    }
}
