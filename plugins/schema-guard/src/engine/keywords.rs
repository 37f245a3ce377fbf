//! Which keywords the dialects of JSON Schema know, and where schemas are within them.

use super::Draft;

/// What a keyword holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// No schema.
    Plain,
    /// No schema, and it says nothing about a value: `title`.
    Note,
    /// A schema.
    Schema(Applies),
    /// Several, in an array.
    Schemas(Applies),
    /// One or several: `items` before 2020-12.
    Items,
    /// Several, by name.
    Named(Applies),
    /// The names of members: `properties`. Several, by name.
    Properties,
    /// By the name of a member schemas or arrays of names: `dependencies`.
    Dependencies,
    /// A reference.
    Reference,
    /// `$recursiveRef`: a reference to the root of this schema, or to one further out.
    Recursive,
}

/// What the schemas in a keyword look at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Applies {
    /// The same value as the schema that has the keyword.
    InPlace,
    /// A part of it.
    Below,
    /// Nothing, unless they are referred to.
    Nowhere,
}

/// What `jsonschema` and the meta-schemas of a dialect take a keyword for; `false` where the dialect does not know it.
/// The engine applies some keywords in dialects that do not know them: they hold schemas all the same.
pub(super) fn keyword(draft: Draft, name: &str) -> (Holds, bool) {
    use Applies::{Below, InPlace, Nowhere};
    use Draft::{Draft4, Draft6, Draft7, Draft201909};
    let from = |first: Draft| draft >= first;
    match name {
        "$ref" => (Holds::Reference, true),
        "$dynamicRef" => (Holds::Reference, draft > Draft201909),
        "$recursiveRef" => (Holds::Recursive, draft == Draft201909),
        // Says nothing in any dialect, whether or not the dialect knows it.
        "title" | "description" | "default" | "$comment" => (Holds::Note, true),
        "$schema" => (Holds::Note, true),
        "id" => (Holds::Note, draft == Draft4),
        "$id" => (Holds::Note, from(Draft6)),
        "examples" => (Holds::Note, from(Draft6)),
        "readOnly" | "writeOnly" => (Holds::Note, from(Draft7)),
        "deprecated" | "$anchor" | "$vocabulary" => (Holds::Note, from(Draft201909)),
        "$recursiveAnchor" => (Holds::Note, draft == Draft201909),
        "$dynamicAnchor" => (Holds::Note, draft > Draft201909),
        "definitions" => (Holds::Named(Nowhere), draft <= Draft7),
        "$defs" => (Holds::Named(Nowhere), from(Draft201909)),
        "type" | "enum" | "multipleOf" | "maximum" | "exclusiveMaximum" | "minimum" | "exclusiveMinimum"
        | "maxLength" | "minLength" | "pattern" | "maxItems" | "minItems" | "uniqueItems"
        | "maxProperties" | "minProperties" | "required" | "format" => (Holds::Plain, true),
        "const" | "contentMediaType" | "contentEncoding" => (Holds::Plain, from(Draft6)),
        "minContains" | "maxContains" | "dependentRequired" => (Holds::Plain, from(Draft201909)),
        "properties" => (Holds::Properties, true),
        "patternProperties" => (Holds::Named(Below), true),
        "additionalProperties" => (Holds::Schema(Below), true),
        "propertyNames" | "contains" => (Holds::Schema(Below), from(Draft6)),
        "items" if draft > Draft201909 => (Holds::Schema(Below), true),
        "items" => (Holds::Items, true),
        "additionalItems" => (Holds::Schema(Below), draft <= Draft201909),
        "prefixItems" => (Holds::Schemas(Below), draft > Draft201909),
        "unevaluatedItems" | "unevaluatedProperties" => (Holds::Schema(Below), from(Draft201909)),
        "contentSchema" => (Holds::Schema(Nowhere), from(Draft201909)),
        "allOf" | "anyOf" | "oneOf" => (Holds::Schemas(InPlace), true),
        "not" => (Holds::Schema(InPlace), true),
        "if" | "then" | "else" => (Holds::Schema(InPlace), from(Draft7)),
        "dependencies" => (Holds::Dependencies, draft <= Draft7),
        "dependentSchemas" => (Holds::Named(InPlace), from(Draft201909)),
        _ => (Holds::Note, false),
    }
}

/// Every keyword that is known to some dialect, for the one that was probably meant.
const ALL: [&str; 61] = [
    "$anchor",
    "$comment",
    "$defs",
    "$dynamicAnchor",
    "$dynamicRef",
    "$id",
    "$recursiveAnchor",
    "$recursiveRef",
    "$ref",
    "$schema",
    "$vocabulary",
    "additionalItems",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "contains",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
    "default",
    "definitions",
    "dependencies",
    "dependentRequired",
    "dependentSchemas",
    "deprecated",
    "description",
    "else",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "id",
    "if",
    "items",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "readOnly",
    "required",
    "then",
    "title",
    "type",
    "unevaluatedItems",
    "unevaluatedProperties",
];

/// What to say of a keyword that the dialect does not know.
pub(super) fn unknown(draft: Draft, name: &str) -> String {
    let dialect = super::name(draft);
    let instead = match name {
        "nullable" => Some("it is OpenAPI 3.0's: add \"null\" to \"type\""),
        "discriminator" | "xml" | "externalDocs" | "example" => Some("it is OpenAPI's and checks nothing"),
        "definitions" => Some("it is \"$defs\" there"),
        "$defs" => Some("it is \"definitions\" there"),
        "dependencies" => Some("it is \"dependentRequired\" or \"dependentSchemas\" there"),
        "additionalItems" => Some("it is \"items\" there, beside \"prefixItems\""),
        "$recursiveRef" => Some("it is \"$dynamicRef\" there"),
        _ => None,
    };
    let known = ALL.into_iter().filter(|known| keyword(draft, known).1);
    let near = known
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, known)| name.len() <= 64 && (1..=2).contains(distance) && *distance < known.len())
        .min_by_key(|(distance, _)| *distance);
    match (instead, near) {
        (Some(instead), _) => format!("not a keyword of draft {dialect}: {instead}"),
        (None, Some((_, near))) => format!("not a keyword of draft {dialect}; did you mean \"{near}\"?"),
        (None, None) => {
            format!(
                "not a keyword of draft {dialect}: remove it, name it x-…, or set unknown_keywords: allow"
            )
        }
    }
}
