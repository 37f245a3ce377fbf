//! Errors of the engine as clients and operators may read them.

use super::value::{Step, report};
use super::work::Work;
use crate::json::Tree;
use filter_core::config::At;
use filter_core::violation::{Place, Violation};
use jsonschema::ValidationError;
use jsonschema::error::ValidationErrorKind as Kind;
use jsonschema::paths::{Location, LocationSegment};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The violations, each once.
pub(super) fn violations<'e>(
    errors: impl Iterator<Item = ValidationError<'e>>,
    tree: &Tree<'_>,
    names: &BTreeSet<String>,
    most: usize,
) -> Vec<Violation> {
    let mut violations = Vec::new();
    for error in errors.filter(counts) {
        if violations.len() >= most {
            break;
        }
        let violation = violation(&error, tree, names);
        if !violations.contains(&violation) {
            violations.push(violation);
        }
    }
    violations
}

/// Whether an error was found while the whole document could be seen.
fn counts(error: &ValidationError<'_>) -> bool {
    // That no alternative fits was known before it was asked why.
    let alternatives = match error.kind() {
        Kind::AnyOf { context } | Kind::OneOfNotValid { context } | Kind::OneOfMultipleValid { context } => {
            context.iter().flatten().any(counts)
        }
        _ => false,
    };
    alternatives || Work::counts(error.instance())
}

fn violation(error: &ValidationError<'_>, tree: &Tree<'_>, names: &BTreeSet<String>) -> Violation {
    let mut pointer = String::new();
    let mut place = Some(tree);
    for segment in error.instance_path() {
        // A name of digits alone is taken for an index, which only the document tells.
        let segment = segment.to_string();
        place = match place {
            Some(Tree::Array(items)) => {
                push(&mut pointer, &segment);
                segment.parse().ok().and_then(|index: usize| items.get(index))
            }
            Some(Tree::Object(object)) => {
                push(&mut pointer, if names.contains(&segment) { &segment } else { "*" });
                object.get(&segment)
            }
            // Not a place in this document: nothing is said about it.
            _ => None,
        };
    }
    if let Kind::Required { property } = error.kind()
        && let Some(name) = property.as_str()
    {
        push(&mut pointer, name);
    }
    Violation { place: Place::Body(pointer), keyword: keyword(error) }
}

/// Adds a segment (RFC 6901 section 3).
fn push(pointer: &mut String, segment: &str) {
    pointer.push('/');
    pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
}

/// The keyword that is broken.
fn keyword(error: &ValidationError<'_>) -> Cow<'static, str> {
    let path: Vec<&str> = error.schema_path().as_str().rsplit('/').take(2).collect();
    let (last, before) =
        (path.first().copied().unwrap_or_default(), path.get(1).copied().unwrap_or_default());
    match (error.kind(), last, before) {
        (Kind::FalseSchema, ..) => "false".into(),
        (Kind::Contains, "minContains", _) => "minContains".into(),
        (Kind::Contains, "maxContains", _) => "maxContains".into(),
        (Kind::Required { .. }, "dependentRequired", _) | (Kind::Required { .. }, _, "dependentRequired") => {
            "dependentRequired".into()
        }
        (Kind::Required { .. }, "dependencies", _) | (Kind::Required { .. }, _, "dependencies") => {
            "dependencies".into()
        }
        (kind, ..) => kind.keyword().to_owned().into(),
    }
}

/// Reports why a schema of the configuration was not built.
pub(super) fn unbuilt(error: &ValidationError<'_>, at: &At<'_>) {
    let place = if error.instance_path().is_empty()
        && matches!(error.kind(), Kind::Format { .. } | Kind::Referencing(_))
    {
        // Not found by a metaschema, but while the schema was compiled.
        error.schema_path()
    } else {
        error.instance_path()
    };
    report(at, &steps(place), &format!("not a schema: {}", error.masked()));
}

fn steps(location: &Location) -> Vec<Step> {
    let step = |segment| match segment {
        LocationSegment::Index(index) => Step::Index(index),
        LocationSegment::Property(name) => Step::Key(name.into_owned()),
    };
    location.segments().map(step).collect()
}
