//! The schemas that others may refer to.

use super::graph::{self, InPlace};
use super::pattern::Patterns;
use super::survey::{Sight, Survey, unknown_dialect};
use super::value::{find, report, value};
use super::{Draft, Engine, Options};
use filter_core::config::{At, Tree};
use referencing::{Error, Registry, Retrieve, SPECIFICATIONS, Uri};
use serde_json::Value;
use std::collections::{BTreeSet, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// What is referred to and not there. Nothing is ever fetched: in place of a document a schema is noted as missing.
#[derive(Debug, Clone, Default)]
pub(super) struct Missing(Arc<Mutex<BTreeSet<String>>>);

impl Retrieve for Missing {
    fn retrieve(&self, uri: &Uri<String>) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(uri.as_str().to_owned());
        Ok(Value::Bool(true))
    }
}

impl Missing {
    pub(super) fn take(&self) -> BTreeSet<String> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Schemas by URI, and how schemas are to be read.
pub struct Sources {
    pub(super) options: Options,
    pub(super) registry: Registry<'static>,
    /// The addresses of the schemas in them.
    pub(super) known: HashSet<usize>,
    trees: Vec<(String, Tree)>,
    patterns: Patterns,
}

impl Sources {
    /// Reads the schemas, and reports what is wrong in each at `at` and its URI: against its metaschema, and in
    /// everything that [`Validator::compile`](super::Validator::compile) looks at.
    #[must_use]
    pub fn compile<'t>(
        schemas: impl IntoIterator<Item = (&'t str, &'t Tree)>,
        options: &Options,
        at: &At<'_>,
    ) -> Option<Self> {
        let trees: Vec<(String, Tree)> =
            schemas.into_iter().map(|(uri, tree)| (uri.to_owned(), tree.clone())).collect();
        let values: Vec<Option<Value>> = trees.iter().map(|(uri, tree)| value(tree, &at.key(uri))).collect();
        let values: Vec<Value> = values.into_iter().collect::<Option<_>>()?;
        let missing = Missing::default();
        let registry = match registry(&trees, &values, options, &missing) {
            Ok(registry) => registry,
            Err(error) => {
                let mut places = trees.iter().zip(&values).map(|((uri, _), value)| (at.key(uri), value));
                unprepared(&error, places.by_ref(), at);
                return None;
            }
        };
        let missing = missing.take();
        let patterns = Patterns::default();
        let known = survey(&registry, &trees, options, (&missing, &patterns), at)?;
        Some(Self { options: options.clone(), registry, known, trees, patterns })
    }

    /// The patterns that were compiled already, those of schemas that are compiled with these included.
    pub(crate) fn patterns(&self) -> &Patterns {
        &self.patterns
    }

    /// Whether `format` is checked.
    pub(crate) fn asserts_formats(&self) -> bool {
        self.options.assert_formats
    }

    /// No schemas.
    #[must_use]
    pub fn none(options: &Options, at: &At<'_>) -> Option<Self> {
        Self::compile([], options, at)
    }

    /// A schema by its URI as in the configuration, and its dialect.
    #[must_use]
    pub fn get(&self, uri: &str) -> Option<(&Tree, Draft)> {
        let (_, tree) = self.trees.iter().find(|(own, _)| own == uri)?;
        let own = match tree.member("$schema") {
            Some(Tree::String(uri)) => Draft::from_schema_uri(uri),
            _ => self.options.draft,
        };
        Some((tree, own))
    }
}

impl Sources {
    /// The same with one schema more, which has this URI.
    pub(super) fn with<'v>(
        &'v self,
        base: &str,
        value: &'v Value,
        missing: &Missing,
    ) -> Result<Registry<'v>, Error> {
        // The draft of a builder would override what `$schema` says.
        let resource = self.options.draft.detect(value).create_resource_ref(value);
        self.registry.add(base, resource)?.retriever(missing.clone()).prepare()
    }
}

fn registry(
    trees: &[(String, Tree)],
    values: &[Value],
    options: &Options,
    missing: &Missing,
) -> Result<Registry<'static>, Error> {
    let resources = trees.iter().zip(values).map(|((uri, _), value)| {
        // The draft of a builder would override what `$schema` says.
        (uri.as_str(), options.draft.detect(value).create_resource(value.clone()))
    });
    // The metaschemas of all dialects are there.
    SPECIFICATIONS.extend(resources)?.retriever(missing.clone()).prepare()
}

/// Reports why a registry could not be made, in the document that has the text which the error names.
pub(super) fn unprepared<'a, 'v>(
    error: &Error,
    documents: impl Iterator<Item = (At<'a>, &'v Value)>,
    at: &At<'_>,
) {
    let (text, message) = match error {
        Error::UnknownSpecification { specification } => {
            (Some(specification.as_str()), unknown_dialect(specification))
        }
        Error::CircularMetaschema { uri } => (Some(uri.as_str()), format!("a metaschema of itself: {error}")),
        Error::Unretrievable { uri, .. } => {
            (Some(uri.as_str()), format!("refers to {uri}, which is not among \"schemas\""))
        }
        other => (None, other.to_string()),
    };
    for (place, value) in documents {
        let has = |part: &Value| {
            part.as_str().is_some_and(|part| Some(part) == text || message.contains(&format!("'{part}'")))
        };
        if let Some(path) = find(value, &has) {
            return report(&place, &path, &message);
        }
    }
    at.error(message);
}

/// Looks at every schema. The addresses of all of them, or `None` and errors.
fn survey(
    registry: &Registry<'static>,
    trees: &[(String, Tree)],
    options: &Options,
    (missing, patterns): (&BTreeSet<String>, &Patterns),
    at: &At<'_>,
) -> Option<HashSet<usize>> {
    let mut roots = Vec::new();
    for (uri, _) in trees {
        let at = at.key(uri);
        let Ok(uri) = referencing::uri::from_str(uri) else {
            return at.expected("an absolute URI", &Tree::Null);
        };
        let resolver = registry.resolver(uri);
        match resolver.lookup("") {
            Ok(root) => roots.push((root.contents(), resolver)),
            Err(error) => return fail(&at, &error.to_string()),
        }
    }
    let none = HashSet::new();
    let documents = roots.iter().map(|(value, _)| *value).collect();
    let mut survey =
        Survey::new(Sight { options: options.clone(), registry, missing, documents, known: &none, patterns });
    for (index, (_, resolver)) in roots.iter().enumerate() {
        survey.document(index, resolver, options.draft);
    }
    survey.follow();
    let mut clean = settle(&mut survey, missing).is_some();
    let place = |document: usize| trees.get(document).map(|(uri, _)| at.key(uri));
    for problem in &survey.problems {
        match place(problem.document) {
            Some(at) => report(&at, &problem.path, &problem.message),
            None => at.error(problem.message.clone()),
        }
    }
    if clean {
        let engine = Engine { options, registry, unasked: &survey.unasked };
        for ((value, _), (uri, _)) in roots.iter().zip(trees) {
            // What does not build alone is of no use to others.
            clean &= engine.build(value, uri, &at.key(uri)).is_some();
        }
    }
    clean.then(|| survey.addresses())
}

/// What is left when all references were followed: cycles, and documents that nothing which was seen refers to.
/// What schemas do to one value at most, if nothing is wrong.
pub(super) fn settle(survey: &mut Survey<'_>, missing: &BTreeSet<String>) -> Option<InPlace> {
    let in_place = match graph::in_place(&survey.seen) {
        Ok(in_place) => Some(in_place),
        Err(wrong) => {
            survey.wrong(wrong);
            None
        }
    };
    if survey.problems.is_empty()
        && let Some(uri) = missing.first()
    {
        survey.elsewhere(format!("refers to {uri}, which is not among \"schemas\"; nothing is ever fetched"));
    }
    in_place.filter(|_| survey.problems.is_empty())
}

fn fail<T>(at: &At<'_>, message: &str) -> Option<T> {
    at.error(message);
    None
}
