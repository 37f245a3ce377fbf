//! One parameter.

use super::config::{In, ParameterConfig, ParameterContentConfig, Style};
use super::form::{Coding, Form, Given, Problem, text_of};
use super::found::Found;
use super::kinds::Kinds;
use crate::config::SchemaConfig;
use crate::engine::Sources;
use crate::json::{Limits, Refusal};
use crate::schema::{Fault, Schema};
use filter_core::config::{At, FromTree as _, Map, Tree};
use filter_core::http::HeaderName;
use filter_core::matcher::PathPattern;
use filter_core::media::MediaRange;
use schema_guard_pass::Types;

/// A parameter, compiled.
pub(super) struct Parameter {
    pub(super) location: In,
    /// As configured.
    pub(super) name: String,
    /// By which it is found: the name of a header in lower case, else the name as it is.
    pub(super) key: String,
    /// Under which names its values are in the query.
    pub(super) arrives: Arrives,
    /// Whether a `;` may stand in a value.
    pub(super) semicolon: bool,
    required: bool,
    allow_empty: bool,
    form: Form,
    /// Whether the text is a JSON text.
    json: bool,
    schema: Schema,
}

/// Under which names the values of a parameter are in the query.
pub(super) enum Arrives {
    /// Its own.
    Named,
    /// Those of the members that its schema names.
    Spread(Vec<String>),
    /// `name[member]`.
    Bracketed,
}

impl Parameter {
    /// `None`: errors were reported at or below `at`.
    pub(super) fn compile(
        config: ParameterConfig,
        path: Option<&PathPattern>,
        sources: &Sources,
        at: &At<'_>,
    ) -> Option<Self> {
        let location = config.place;
        let key = key(location, &config.name, path, &at.key("name"));
        let options = options(&config, at);
        let (schema, form, arrives, json) = match (config.schema, config.content) {
            (Some(SchemaConfig(schema)), None) => {
                let way = way(location, config.style, config.explode, at);
                let compiled = Schema::compile(&schema, sources, &at.key("schema"));
                // After the schema, whose errors would be said twice.
                let kinds = compiled.as_ref().and_then(|_| kinds(&schema, sources, &at.key("schema")));
                let (form, arrives) = form(way?, kinds?, &at.key("schema"))?;
                (compiled?, form, arrives, false)
            }
            (None, Some(content)) => {
                if config.style.is_some() || config.explode.is_some() {
                    at.error("`style` and `explode` are for `schema`: a JSON text is one value");
                    return None;
                }
                let schema = content_schema(content, sources, &at.key("content"))?;
                (schema, Form::One(Types::ANY), Arrives::Named, true)
            }
            _ => {
                at.error("expected exactly one of schema, content");
                return None;
            }
        };
        options?;
        Some(Self {
            location,
            key: key?,
            arrives,
            semicolon: config.allow_reserved,
            required: location == In::Path || config.required == Some(true),
            allow_empty: config.allow_empty_value,
            form,
            json,
            schema,
            name: config.name,
        })
    }

    /// Holds the values that were sent, which may be none, against what is wanted.
    pub(super) fn check(&self, given: Vec<Given<'_>>, limits: &Limits, found: &mut Found) {
        if given.is_empty() {
            if self.required {
                self.violated(found, "required");
            }
            return;
        }
        if self.allow_empty && matches!(given.as_slice(), [Given { name: None, text: [] }]) {
            return;
        }
        let coding = match self.location {
            In::Path => Coding::Path,
            In::Query => Coding::Query,
            In::Header => Coding::Header,
        };
        let pieces = match self.form.pieces(given, coding, limits) {
            Ok(pieces) => pieces,
            Err(problem) => return self.violated(found, keyword(&problem)),
        };
        if self.json {
            match self.schema.check(text_of(&pieces).as_bytes(), limits, found.left()) {
                Ok(()) => {}
                Err(Fault::Invalid(violations)) => found.extend(self.location, &self.name, violations),
                Err(Fault::Unread(refusal)) => self.violated(
                    found,
                    match refusal {
                        Refusal::Malformed { .. } => "malformed",
                        Refusal::Duplicate { .. } => "duplicate",
                        Refusal::TooMuch(_) => "limit",
                    },
                ),
            }
            return;
        }
        match self.form.value(&pieces, limits) {
            Err(problem) => self.violated(found, keyword(&problem)),
            Ok(value) => {
                if let Err(violations) = self.schema.check_tree(&value, found.left()) {
                    found.extend(self.location, &self.name, violations);
                }
            }
        }
    }

    /// Notes that the parameter as a whole is wrong.
    pub(super) fn violated(&self, found: &mut Found, keyword: &'static str) {
        found.push(self.location, &self.name, String::new(), keyword.into());
    }
}

fn keyword(problem: &Problem) -> &'static str {
    match problem {
        Problem::Encoding => "encoding",
        Problem::Duplicate => "duplicate",
        Problem::NoObject => "type",
        Problem::TooMuch => "limit",
    }
}

/// By what a parameter is found.
fn key(location: In, name: &str, path: Option<&PathPattern>, at: &At<'_>) -> Option<String> {
    match location {
        In::Query => Some(name.to_owned()),
        In::Path => {
            let known = path.is_some_and(|path| path.parameters().any(|parameter| parameter == name));
            if !known {
                at.error(format!(
                    "no parameter of the path: `match.path.template` of the rule has no {{{name}}}"
                ));
            }
            known.then(|| name.to_owned())
        }
        In::Header => {
            let key = HeaderName::read(&Tree::String(name.to_owned()), at)?.as_str().to_owned();
            let wrong = match key.as_str() {
                "accept" => {
                    "OpenAPI ignores a parameter of this name: what an answer may be is not asked of `Accept`"
                }
                "content-type" => {
                    "OpenAPI ignores a parameter of this name: `body.content` says what it may be"
                }
                "authorization" => {
                    "OpenAPI ignores a parameter of this name: it is about security, as of jwt-auth"
                }
                "host" => "Envoy hands `Host` over as `:authority`: `match.hosts` of the rule is about it",
                _ => return Some(key),
            };
            at.error(wrong);
            None
        }
    }
}

/// What is not for every place.
fn options(config: &ParameterConfig, at: &At<'_>) -> Option<()> {
    let mut sound = true;
    if config.place == In::Path && config.required == Some(false) {
        at.key("required").error("a parameter of the path is always there; leave the key out");
        sound = false;
    }
    for (key, given) in
        [("allow_empty_value", config.allow_empty_value), ("allow_reserved", config.allow_reserved)]
    {
        if given && config.place != In::Query {
            at.key(key).error("for a parameter of the query alone");
            sound = false;
        }
    }
    sound.then_some(())
}

/// How arrays and objects are written in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Simple { explode: bool },
    Form { explode: bool },
    DeepObject,
}

fn way(location: In, style: Option<Style>, explode: Option<bool>, at: &At<'_>) -> Option<Way> {
    let usual = if location == In::Query { Style::Form } else { Style::Simple };
    match (location, style.unwrap_or(usual)) {
        (In::Path | In::Header, Style::Simple) => Some(Way::Simple { explode: explode.unwrap_or(false) }),
        (In::Query, Style::Form) => Some(Way::Form { explode: explode.unwrap_or(true) }),
        (In::Query, Style::DeepObject) if explode == Some(false) => {
            at.key("explode").error("deepObject is always exploded; leave the key out");
            None
        }
        (In::Query, Style::DeepObject) => Some(Way::DeepObject),
        (In::Path | In::Header, _) => {
            at.key("style").error("not for this place; expected simple");
            None
        }
        (In::Query, Style::Simple) => {
            at.key("style").error("not for this place; expected form or deepObject");
            None
        }
    }
}

fn kinds(schema: &Tree, sources: &Sources, at: &At<'_>) -> Option<Kinds> {
    /// They say something about other values than strings, and nothing about strings.
    const NOT_OF_STRINGS: [&str; 18] = [
        "multipleOf",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
        "items",
        "prefixItems",
        "contains",
        "minItems",
        "maxItems",
        "uniqueItems",
        "properties",
        "patternProperties",
        "additionalProperties",
        "propertyNames",
        "required",
        "minProperties",
        "maxProperties",
    ];
    let others = |uri: &str| sources.get(uri).map(|(schema, _)| schema);
    let Some(kinds) = Kinds::of(schema, &others) else {
        at.error("what type it wants cannot be told: its references lead too far");
        return None;
    };
    let idle = NOT_OF_STRINGS.iter().find(|keyword| schema.member(keyword).is_some());
    if let Some(keyword) = idle.filter(|_| kinds.types == Types::ANY) {
        at.error(format!("without `type` the value is a string, of which `{keyword}` says nothing"));
        return None;
    }
    Some(kinds)
}

fn form(way: Way, kinds: Kinds, at: &At<'_>) -> Option<(Form, Arrives)> {
    let types = kinds.types;
    let whole = Types::ARRAY.or(Types::OBJECT);
    let scalar = types == Types::ANY || !types.has(whole);
    if scalar && way != Way::DeepObject {
        return Some((Form::One(types), Arrives::Named));
    }
    let array = types.within(Types::ARRAY.or(Types::NULL));
    let object = types.within(Types::OBJECT.or(Types::NULL));
    if scalar || !(array || object) {
        at.error(match way {
            Way::DeepObject => "deepObject is for `type: object`",
            _ => "whether a text is an array, an object or neither cannot be told; expected one of them as `type`",
        });
        return None;
    }
    if kinds.held().any(|kinds| kinds.types != Types::ANY && kinds.types.has(whole)) {
        at.error("arrays and objects inside of one have no form in a parameter; use `content`");
        return None;
    }
    Some(match (way, array) {
        (Way::Form { explode }, true) => (Form::List { kinds, each: explode }, Arrives::Named),
        (Way::Simple { .. }, true) => (Form::List { kinds, each: false }, Arrives::Named),
        (Way::Simple { explode }, false) => (Form::Members { kinds, pairs: explode }, Arrives::Named),
        (Way::Form { explode: false }, false) => (Form::Members { kinds, pairs: false }, Arrives::Named),
        (Way::Form { explode: true }, false) => {
            let names: Vec<String> = kinds.names().map(ToOwned::to_owned).collect();
            if names.is_empty() {
                at.error("each member is a parameter of its own, and `properties` names none");
                return None;
            }
            (Form::Named(kinds), Arrives::Spread(names))
        }
        (Way::DeepObject, true) => {
            at.error("deepObject is for `type: object`");
            return None;
        }
        (Way::DeepObject, false) => (Form::Named(kinds), Arrives::Bracketed),
    })
}

fn content_schema(
    content: Map<MediaRange, ParameterContentConfig>,
    sources: &Sources,
    at: &At<'_>,
) -> Option<Schema> {
    let Ok([(range, entry)]) = <[_; 1]>::try_from(content.0) else {
        at.error("expected exactly one media type");
        return None;
    };
    let at = at.key(range.as_str());
    if !range.is_exact() || !(range.as_str() == "application/json" || range.as_str().ends_with("+json")) {
        at.error("only JSON is read in a parameter: application/json");
        return None;
    }
    Schema::compile(&entry.schema.0, sources, &at.key("schema"))
}
