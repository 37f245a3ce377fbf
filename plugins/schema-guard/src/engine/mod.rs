//! The whole of JSON Schema: [`jsonschema`] over our own tree.
//!
//! What a schema may be is decided when it is compiled, with the place of each error in the configuration:
//!
//! - It is valid against the metaschema of its dialect, which `$schema` names (drafts 4, 6, 7, 2019-09, 2020-12, or a
//!   metaschema among the schemas of the configuration), also in a schema within a schema.
//! - Every keyword is one of its dialect, unless unknown ones are allowed; names that begin with `x-` always are. Only
//!   schemas are looked at: names under `properties`, and what is in `const`, `enum`, `default` and `examples`, are no
//!   keywords. Beside `$ref` in drafts 4 to 7 keywords that would be ignored are errors too.
//! - References lead to schemas of the configuration or to a metaschema. Nothing is ever fetched. A schema that
//!   refers to itself does so from a part of the value, or it would not end.
//! - Patterns can be matched in linear time, by programs of bounded size.
//!
//! Where a document breaks a schema is told by the names that the schemas themselves have: any other name of a member
//! is the client's, and is `*`. No value is ever in an error.

mod formats;
mod graph;
mod held;
mod keywords;
mod numbers;
mod pattern;
mod report;
mod sources;
mod survey;
mod value;
mod work;

pub use sources::Sources;

use crate::json::Tree;
use filter_core::config::{At, Tree as Schema};
use filter_core::violation::{Place, Violation};
use graph::InPlace;
use held::{Documents, Held};
use jsonschema::{EmailOptions, ValidationOptions, Validator as Compiled};
use referencing::{Registry, Resolver, Retrieve};
use serde_json::Value;
use sources::{Missing, settle, unprepared};
use std::cell::RefCell;
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use survey::{Sight, Survey};
use work::{Bounds, Work};

pub use referencing::Draft;

/// The keyword of the violation where a document is refused because it takes too much work to say whether it is valid.
/// No keyword of JSON Schema has this name.
pub const COMPLEXITY: &str = "complexity";

/// Most schemas that are being held against values at once, those against values around a value included: the engine
/// recurses, and V8's stack is small. In Envoy it is full at about 5,000, whatever the keywords are.
const MAX_WITHIN: usize = 384;

type EngineOptions<'o> = ValidationOptions<'o, Arc<dyn Retrieve>, Documents>;

/// How schemas are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The dialect of a schema without `$schema`.
    pub draft: Draft,
    /// Whether `format` is checked.
    pub assert_formats: bool,
    /// Whether keywords, and formats, that a dialect does not know are ignored.
    pub allow_unknown: bool,
}

/// A schema as the engine holds it.
pub struct Validator {
    compiled: Compiled<Documents>,
    /// The names of members that the schema writes.
    names: BTreeSet<String>,
    bounds: Bounds,
}

impl Validator {
    /// Compiles a schema. `None` means that errors were reported at or below `at`.
    #[must_use]
    pub fn compile(schema: &Schema, sources: &Sources, at: &At<'_>) -> Option<Self> {
        let value = value::value(schema, at)?;
        let options = &sources.options;
        let base = base(&value, options.draft, at)?;
        let missing = Missing::default();
        let registry = match sources.with(&base, &value, &missing) {
            Ok(registry) => registry,
            Err(error) => {
                unprepared(&error, [(*at, &value)].into_iter(), at);
                return None;
            }
        };
        let missing = missing.take();
        let documents = vec![&value];
        let sight = Sight {
            options: options.clone(),
            registry: &registry,
            missing: &missing,
            documents,
            known: &sources.known,
            patterns: sources.patterns(),
        };
        let mut survey = Survey::new(sight);
        let uri = referencing::uri::from_str(&base).ok()?;
        survey.document(0, &registry.resolver(uri), options.draft);
        survey.follow();
        let in_place = settle(&mut survey, &missing);
        for problem in &survey.problems {
            value::report(at, &problem.path, &problem.message);
        }
        let InPlace { times, chain } = in_place?;
        let schemas = u64::try_from(survey.seen.len()).unwrap_or(u64::MAX).max(times);
        let enumerated = u64::try_from(survey.enumerated).unwrap_or(u64::MAX);
        let compiled = Engine { options, registry: &sources.registry, unasked: &survey.unasked }
            .build(&value, &base, at)?;
        // A value is looked at a few times by each keyword of each schema that is applied to it; twice as often where
        // `unevaluatedProperties` asks again what has been evaluated.
        let each = schemas.saturating_add(enumerated).saturating_mul(16).saturating_add(64);
        let bounds = Bounds { each, deepest: MAX_WITHIN.checked_div(chain).unwrap_or(MAX_WITHIN) };
        Some(Self { compiled, names: survey.names, bounds })
    }

    /// Whether a value is valid.
    #[must_use]
    pub fn is_valid(&self, tree: &Tree<'_>) -> bool {
        let work = Work::of(tree, self.bounds);
        self.compiled.is_valid(Held::root(tree, &work)) && !work.is_exhausted()
    }

    /// Holds a value against the schema; at most `most` violations are gathered.
    ///
    /// The pointer is that of the value that breaks the schema; for `required` and `dependentRequired` that of the
    /// member which is missing, for `additionalProperties` and `propertyNames` that of the object. The keyword is the one
    /// that is broken; `false` where the schema is `false`.
    ///
    /// # Errors
    /// Where and how it breaks the schema. One with the keyword [`COMPLEXITY`] where it takes too much work to say; none
    /// where it is not valid and nothing was found of why.
    pub fn check(&self, tree: &Tree<'_>, most: usize) -> Result<(), Vec<Violation>> {
        let work = Work::of(tree, self.bounds);
        let valid = self.compiled.is_valid(Held::root(tree, &work));
        if work.is_exhausted() {
            return Err(vec![Violation { place: Place::Body(String::new()), keyword: COMPLEXITY.into() }]);
        }
        if valid {
            return Ok(());
        }
        Err(self.violations(tree, most))
    }

    /// Where and how a value breaks the schema, as [`check`](Self::check) has it, once it is known that it does: at most
    /// `most` violations, and no more than are found with little work.
    #[must_use]
    pub fn violations(&self, tree: &Tree<'_>, most: usize) -> Vec<Violation> {
        let work = Work::to_explain(tree, self.bounds);
        report::violations(self.compiled.iter_errors(Held::root(tree, &work)), tree, &self.names, most)
    }
}

/// Runs with a schema that compiles, what resolves its references, and the dialect of schemas that name none.
pub(crate) fn resolved<T>(
    schema: &Schema,
    sources: &Sources,
    run: impl FnOnce(&Value, &Resolver<'_>, Draft) -> Option<T>,
) -> Option<T> {
    let errors = RefCell::default();
    let at = At::root(&errors);
    let value = value::value(schema, &at)?;
    let draft = sources.options.draft;
    let base = base(&value, draft, &at)?;
    let registry = sources.with(&base, &value, &Missing::default()).ok()?;
    run(&value, &registry.resolver(referencing::uri::from_str(&base).ok()?), draft)
}

/// What schemas are built with.
struct Engine<'a> {
    options: &'a Options,
    registry: &'a Registry<'a>,
    unasked: &'a HashSet<usize>,
}

impl Engine<'_> {
    /// Builds a schema that has been surveyed: what is still wrong is what its metaschema says.
    fn build(&self, value: &Value, base: &str, at: &At<'_>) -> Option<Compiled<Documents>> {
        let options = jsonschema::options_for::<Documents>()
            .with_registry(self.registry)
            .with_base_uri(base)
            .offline()
            .with_pattern_options(pattern::options())
            .should_validate_formats(self.options.assert_formats)
            // `Mailbox` of RFC 5321 section 4.1.2 has no name before the address: `A <a@example.com>` is that of a mail header.
            .with_email_options(EmailOptions::default().without_display_text());
        let options = formats::register(numbers::register(options, self.unasked.clone()));
        // A `$schema` says more than the option.
        let options =
            if value.get("$schema").is_none() { options.with_draft(self.options.draft) } else { options };
        options.build(value).map_err(|error| report::unbuilt(&error, at)).ok()
    }
}

/// The URI of a schema: what its `$id` says, or one that nothing else has.
fn base(value: &Value, draft: Draft, at: &At<'_>) -> Option<String> {
    let draft = match draft.detect(value) {
        Draft::Unknown => draft,
        known => known,
    };
    let resource = draft.create_resource_ref(value);
    let Some(id) = resource.id() else { return Some("json-schema:///".to_owned()) };
    match referencing::uri::from_str(id) {
        Ok(uri) if uri.fragment().is_none() => Some(uri.as_str().to_owned()),
        Ok(_) => {
            at.key(draft.id_keyword()).error("a URI with a fragment cannot name a schema");
            None
        }
        Err(error) => {
            at.key(draft.id_keyword()).error(format!("not a URI reference: {error}"));
            None
        }
    }
}

/// What people call a dialect.
fn name(draft: Draft) -> &'static str {
    match draft {
        Draft::Draft4 => "4",
        Draft::Draft6 => "6",
        Draft::Draft7 => "7",
        Draft::Draft201909 => "2019-09",
        _ => "2020-12",
    }
}

/// Whether values are checked for a format in a dialect.
fn is_format(draft: Draft, format: &str) -> bool {
    jsonschema::options().is_known_format(draft, format)
}

/// Whether this is the URI of a metaschema that is always there.
fn is_metaschema(uri: &str) -> bool {
    let rest = uri.strip_prefix("https://").or_else(|| uri.strip_prefix("http://"));
    rest.is_some_and(|rest| rest.starts_with("json-schema.org/draft"))
}
