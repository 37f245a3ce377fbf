//! Answers of the upstream, held against schemas as OpenAPI 3.1 says. Nothing is changed by it: what is wrong is reported.

mod config;

pub use config::{ResponseConfig, StatusKey};

use crate::answer;
use crate::config::ContentConfig;
use crate::engine::Sources;
use crate::json::Limits;
use crate::schema::Schema;
use filter_core::config::{At, Map};
use filter_core::denial::{Denial, Reason};
use filter_core::media::{Charset, MediaRange, MediaType, unquoted_parts};
use filter_core::message::{Headers, ResponseHead};
use std::sync::Arc;

/// The answers that an operation may give.
pub(crate) struct Responses {
    /// The closest first.
    list: Vec<(StatusKey, Vec<Content>)>,
    /// Longest body that is looked at, in bytes.
    limit: u64,
}

/// What a body of one media type is.
struct Content {
    range: MediaRange,
    /// `None`: anything.
    schema: Option<Arc<Schema>>,
}

/// What is to be done about an answer.
pub(crate) enum What {
    /// Nothing: it is as declared, as far as one looks.
    Pass,
    /// Its body is to be gathered and checked.
    Watch(Expected),
    /// It is not what the operation may answer, or cannot be looked at.
    Report(Box<Denial>),
}

/// What the body of an answer is to be.
pub(crate) struct Expected {
    /// Longest body that is looked at, in bytes.
    pub(crate) limit: u64,
    status: u16,
    schema: Arc<Schema>,
}

impl Responses {
    /// Compiles the answers of an operation; bodies of at most `limit` bytes are looked at. `None`: errors were reported at
    /// or below `at`.
    pub(crate) fn compile(
        config: Map<StatusKey, ResponseConfig>,
        sources: &Sources,
        limit: u64,
        at: &At<'_>,
    ) -> Option<Self> {
        if config.0.is_empty() {
            at.error("must not be empty; leave the key out");
            return None;
        }
        let compiled: Vec<_> = config
            .0
            .into_iter()
            .map(|(key, response)| {
                let name = key.to_string();
                let at = at.key(&name);
                let content = response.content.map_or_else(Vec::new, |content| content.0);
                let compiled: Vec<_> = content
                    .into_iter()
                    .map(|(range, content)| Content::compile(range, content, sources, &at.key("content")))
                    .collect();
                let mut content = compiled.into_iter().collect::<Option<Vec<_>>>()?;
                content.sort_by_key(|content| std::cmp::Reverse(content.range.rank()));
                Some((key, content))
            })
            .collect();
        let mut list = compiled.into_iter().collect::<Option<Vec<_>>>()?;
        list.sort_by_key(|(key, _)| *key);
        Some(Self { list, limit })
    }

    /// What is to be done about an answer to a request with this method, by its head.
    pub(crate) fn pick(&self, method: &[u8], head: &ResponseHead<'_>) -> What {
        let status = head.headers.first(":status").and_then(|status| std::str::from_utf8(status).ok());
        let Some(status) = status.and_then(|status| status.parse().ok()) else {
            return What::Report(Box::new(Denial::new(Reason::SchemaResponse).note("no status")));
        };
        // RFC 9110 section 15.4.5: it says that another answer still holds.
        if status == 304 {
            return What::Pass;
        }
        let report = |note: &str| What::Report(Box::new(denial(status, note)));
        let Some((_, content)) = self.list.iter().find(|(key, _)| key.matches(status)) else {
            return report("this status is not declared");
        };
        // RFC 9110 sections 9.3.2, 15.3.5, 15.3.6: these have no body whatever else they say.
        if method == b"HEAD" || matches!(status, 204 | 205) {
            return What::Pass;
        }
        if head.end_of_stream {
            return if content.iter().any(|content| content.schema.is_some()) {
                report("no body")
            } else {
                What::Pass
            };
        }
        match expected(content, head.headers) {
            Err(note) => report(note),
            Ok(None) => What::Pass,
            Ok(Some(schema)) => {
                What::Watch(Expected { limit: self.limit, status, schema: Arc::clone(schema) })
            }
        }
    }
}

/// The schema for a body with these fields, or what is wrong with them.
fn expected<'c>(content: &'c [Content], headers: &Headers) -> Result<Option<&'c Arc<Schema>>, &'static str> {
    if content.is_empty() {
        return Err("a body, and none is declared");
    }
    let mut types = headers.all("content-type").flat_map(unquoted_parts);
    let (first, second) = (types.next(), types.next());
    let given = match (first, second) {
        (None, _) => return Err("no Content-Type"),
        (_, Some(_)) => return Err("two values of Content-Type"),
        (Some(value), None) => MediaType::parse(value).ok_or("a malformed Content-Type")?,
    };
    let found = content.iter().find(|content| content.range.matches(&given.essence));
    let Some(schema) = &found.ok_or("this media type is not declared")?.schema else { return Ok(None) };
    if given.charset() == Charset::Other {
        return Err("a charset other than utf-8");
    }
    // What it decodes to would have to be looked at.
    let coded = headers.all("content-encoding").flat_map(|value| value.split(|&b| b == b','));
    if coded
        .map(<[u8]>::trim_ascii)
        .any(|coding| !coding.is_empty() && !coding.eq_ignore_ascii_case(b"identity"))
    {
        return Err("not looked at: it has a content coding");
    }
    Ok(Some(schema))
}

impl Expected {
    /// Holds the whole body against the schema. At most `most` violations are gathered.
    pub(crate) fn check(&self, body: &[u8], limits: &Limits, most: usize) -> Option<Denial> {
        if body.is_empty() {
            return Some(denial(self.status, "no body"));
        }
        let fault = self.schema.check(body, limits, most).err()?;
        let Denial { reason, note, members, .. } = answer::of_body(fault, false);
        let note =
            [Some(reason.as_str().to_owned()), note].into_iter().flatten().collect::<Vec<_>>().join(": ");
        Some(Denial { members, ..denial(self.status, &note) })
    }

    /// The body was too long to be gathered.
    pub(crate) fn too_large(&self) -> Denial {
        denial(self.status, "not looked at: the body is larger than what is gathered")
    }
}

fn denial(status: u16, note: &str) -> Denial {
    Denial::new(Reason::SchemaResponse).note(format!("status {status}: {note}"))
}

impl Content {
    fn compile(range: MediaRange, config: ContentConfig, sources: &Sources, at: &At<'_>) -> Option<Self> {
        let at = at.key(range.as_str());
        let schema = match (config.schema, config.skip) {
            (Some(schema), false) => {
                if range.as_str() != "application/json" && !range.as_str().ends_with("+json") {
                    at.key("schema").error("only JSON answers are looked at; expected skip: true");
                    return None;
                }
                Some(Arc::new(Schema::compile(&schema.0, sources, &at.key("schema"))?))
            }
            (None, true) => None,
            _ => {
                at.error("expected one of schema, and skip: true");
                return None;
            }
        };
        Some(Self { range, schema })
    }
}

#[cfg(test)]
mod tests;
