//! Parameters as written: the fields of an OpenAPI 3.1 parameter object that say something about its text.

use crate::config::SchemaConfig;
use filter_core::config::{At, FieldShape, FromTree, Map, ObjectReader, Shape, Tree};
use filter_core::media::MediaRange;
use filter_core::{config_enum, config_struct};

/// A parameter of path, query or header. Give one of `schema` and `content`.
#[derive(Debug, Clone)]
pub struct ParameterConfig {
    /// Its name.
    pub name: String,
    /// Where it is.
    pub place: In,
    /// Whether it must be there.
    pub required: Option<bool>,
    /// The schema of its value.
    pub schema: Option<SchemaConfig>,
    /// For a value that is a JSON text.
    pub content: Option<Map<MediaRange, ParameterContentConfig>>,
    /// How an array or object is written.
    pub style: Option<Style>,
    /// Whether each element or member is a parameter of its own.
    pub explode: Option<bool>,
    /// Whether an empty value passes.
    pub allow_empty_value: bool,
    /// Whether a `;` may be in the value.
    pub allow_reserved: bool,
}

/// Key, meaning and form of a field.
type Field = (&'static str, &'static str, fn() -> Shape);

/// The fields as written. `config_struct!` cannot declare them: it has no way to say `in`.
const FIELDS: [Field; 9] = [
    (
        "name",
        "Its name: that of a `{name}` in the path's template, of a query parameter (decoded), or of a header.",
        String::shape,
    ),
    ("in", "Where it is.", In::shape),
    (
        "required",
        "Whether it must be there. A parameter of the path always must; of others the default is `false`.",
        bool::shape,
    ),
    (
        "schema",
        "The schema of its value. The text is read as the type that the schema names.",
        SchemaConfig::shape,
    ),
    (
        "content",
        "For a value that is a JSON text: `{\"application/json\": {\"schema\": …}}`.",
        Map::<MediaRange, ParameterContentConfig>::shape,
    ),
    (
        "style",
        "How an array or object is written. `simple` for path and header, `form` or `deepObject` for the query.",
        Style::shape,
    ),
    (
        "explode",
        "Whether each element of an array, or member of an object, is a parameter of its own. Default `true` for `form`, else `false`.",
        bool::shape,
    ),
    (
        "allow_empty_value",
        "Whether an empty value passes whatever the schema says. For the query alone.",
        bool::shape,
    ),
    (
        "allow_reserved",
        "Whether a `;` that is not percent-encoded may be in the value. For the query alone; other reserved characters always may.",
        bool::shape,
    ),
];

impl FromTree for ParameterConfig {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let object = ObjectReader::open(tree, at, &FIELDS.map(|(key, ..)| key))?;
        let name = object.field("name", None);
        let place = object.field("in", None);
        let required = object.field("required", None);
        let schema = object.field("schema", None);
        let content = object.field("content", None);
        let style = object.field("style", None);
        let explode = object.field("explode", None);
        let allow_empty_value = object.field("allow_empty_value", Some("false"));
        let allow_reserved = object.field("allow_reserved", Some("false"));
        if !object.is_clean() {
            return None;
        }
        Some(Self {
            name: name?,
            place: place?,
            required: required?,
            schema: schema?,
            content: content?,
            style: style?,
            explode: explode?,
            allow_empty_value: allow_empty_value?,
            allow_reserved: allow_reserved?,
        })
    }

    fn shape() -> Shape {
        let fields = FIELDS.map(|(key, doc, shape)| FieldShape {
            key,
            doc,
            default: key.starts_with("allow_").then_some("false"),
            required: matches!(key, "name" | "in"),
            shape: shape(),
        });
        Shape::Object(fields.into())
    }
}

config_struct! {
    /// The JSON text in a parameter.
    pub struct ParameterContentConfig {
        /// Its schema.
        schema: SchemaConfig,
    }
}

config_enum! {
    /// Where a parameter is. Cookies are not read.
    pub enum In {
        /// A segment of the path: the rule matches by `template`, which has this name.
        Path = "path",
        /// The query.
        Query = "query",
        /// A header.
        Header = "header",
    }
}

impl In {
    /// As violations name it.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Path => "path",
            Self::Query => "query",
            Self::Header => "header",
        }
    }
}

/// How a value is written (OpenAPI 3.1, "Style Values").
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// `1,2`; an object as `R,100,G,200`, exploded `R=100,G=200`.
    Simple,
    /// `name=1&name=2`, not exploded `name=1,2`; an object as `R=100&G=200`, not exploded `name=R,100,G,200`.
    Form,
    /// `name[R]=100&name[G]=200`.
    DeepObject,
}

impl Style {
    /// By name, with what the documentation says.
    const ALL: [(&str, Self, &str); 3] = [
        ("simple", Self::Simple, "`1,2`; an object as `R,100,G,200`, exploded `R=100,G=200`."),
        (
            "form",
            Self::Form,
            "`name=1&name=2`, not exploded `name=1,2`; an object as `R=100&G=200`, not exploded `name=R,100,G,200`.",
        ),
        ("deepObject", Self::DeepObject, "`name[R]=100&name[G]=200`."),
    ];
}

impl FromTree for Style {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::String(text) = tree else { return at.expected("a style", tree) };
        let found = Self::ALL.iter().find(|(name, ..)| name == text).map(|(_, style, _)| *style);
        if found.is_none() {
            at.error(match text.as_str() {
                "label" | "matrix" | "spaceDelimited" | "pipeDelimited" => {
                    "a style of OpenAPI that is not read here; expected one of simple, form, deepObject"
                }
                _ => "unknown value; expected one of simple, form, deepObject",
            });
        }
        found
    }

    fn shape() -> Shape {
        Shape::Enum(Self::ALL.iter().map(|(name, _, doc)| (*name, *doc)).collect())
    }
}
