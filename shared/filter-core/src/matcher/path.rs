//! Path patterns, matched against the canonical path.

use crate::config::{At, FromTree, Shape, Tree};
use crate::config_struct;
use crate::path::CanonicalPath;
use regex_lite::{Regex, RegexBuilder};
use std::fmt;

config_struct! {
    /// One of these keys.
    pub struct PathConfig {
        /// The whole path.
        exact: Option<String>,
        /// The path or what is below it: `/admin` matches `/admin` and `/admin/users`, not `/administrator`.
        prefix: Option<String>,
        /// The whole path, where `{name}` stands for one segment that is not empty: `/orders/{id}`.
        template: Option<String>,
        /// A regular expression for the whole path, in linear time (no look-around, no back-references).
        regex: Option<String>,
    }
}

/// A compiled path condition.
#[derive(Debug, Clone)]
pub enum PathPattern {
    /// The whole path.
    Exact(String),
    /// The path or what is below it; without its trailing slash.
    Prefix(String),
    /// Segment by segment.
    Template(Vec<Segment>),
    /// The whole path.
    Regex(FullMatch),
}

/// A segment of a template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Segment {
    /// This very text.
    Literal(String),
    /// Any text that is not empty, under this name.
    Parameter(String),
}

/// A regular expression for the whole of a text, in linear time.
#[derive(Debug, Clone)]
pub struct FullMatch(Regex);

/// How closely a path pattern matches.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// The rule names no path.
    #[default]
    Any,
    /// Regular expressions have no order among themselves.
    Regex,
    /// The longer prefix is the closer one.
    Prefix(usize),
    /// More literal segments are closer.
    Template(usize),
    /// The very path.
    Exact,
}

/// Longest accepted regular expression, and the memory its program may take, both in bytes.
const MAX_REGEX: usize = 1024;
const MAX_REGEX_PROGRAM: usize = 256 * 1024;

impl PathPattern {
    /// What a match is worth.
    pub(super) fn rank(&self) -> Rank {
        match self {
            Self::Exact(_) => Rank::Exact,
            Self::Prefix(prefix) => Rank::Prefix(prefix.len()),
            Self::Template(segments) => {
                Rank::Template(segments.iter().filter(|one| matches!(one, Segment::Literal(_))).count())
            }
            Self::Regex(_) => Rank::Regex,
        }
    }

    pub(super) fn test(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path == exact,
            Self::Prefix(prefix) => path
                .strip_prefix(prefix.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
            Self::Template(segments) => {
                let mut given = path.split('/').skip(1);
                let fits = segments.iter().all(|segment| match (segment, given.next()) {
                    (Segment::Literal(literal), Some(text)) => literal == text,
                    (Segment::Parameter(_), Some(text)) => !text.is_empty(),
                    (_, None) => false,
                });
                fits && given.next().is_none()
            }
            Self::Regex(regex) => regex.is_match(path),
        }
    }

    /// The names of a template's parameters, in order.
    pub fn parameters(&self) -> impl Iterator<Item = &str> {
        self.segments().iter().filter_map(|segment| match segment {
            Segment::Parameter(name) => Some(name.as_str()),
            Segment::Literal(_) => None,
        })
    }

    /// A template's parameters in a path that it matches: name and value. The path is canonical, so the values are
    /// percent-decoded, once.
    pub fn captures<'a>(&'a self, path: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.segments().iter().zip(path.split('/').skip(1)).filter_map(|(segment, value)| match segment {
            Segment::Parameter(name) => Some((name.as_str(), value)),
            Segment::Literal(_) => None,
        })
    }

    fn segments(&self) -> &[Segment] {
        match self {
            Self::Template(segments) => segments,
            _ => &[],
        }
    }
}

impl fmt::Display for PathPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(text) => write!(f, "exact {text}"),
            Self::Prefix(text) => write!(f, "prefix {text}"),
            // The parameters' names do not matter for what is matched.
            Self::Template(segments) => {
                write!(f, "template ")?;
                segments.iter().try_for_each(|segment| match segment {
                    Segment::Literal(text) => write!(f, "/{text}"),
                    Segment::Parameter(_) => write!(f, "/{{}}"),
                })
            }
            Self::Regex(regex) => write!(f, "regex {regex}"),
        }
    }
}

impl FromTree for PathPattern {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let config = PathConfig::read(tree, at)?;
        match (config.exact, config.prefix, config.template, config.regex) {
            (Some(text), None, None, None) => canonical(&text, &at.key("exact")).map(Self::Exact),
            (None, Some(text), None, None) => {
                let text = canonical(&text, &at.key("prefix"))?;
                Some(Self::Prefix(text.strip_suffix('/').unwrap_or(&text).to_owned()))
            }
            (None, None, Some(text), None) => template(&text, &at.key("template")),
            (None, None, None, Some(text)) => FullMatch::compile(&text, &at.key("regex")).map(Self::Regex),
            _ => {
                at.error("expected exactly one of exact, prefix, template, regex");
                None
            }
        }
    }

    fn shape() -> Shape {
        match PathConfig::shape() {
            Shape::Object(keys) => Shape::OneOf(keys),
            other => other,
        }
    }
}

/// A pattern that is not in canonical form would never match.
fn canonical(text: &str, at: &At<'_>) -> Option<String> {
    match CanonicalPath::parse(text.as_bytes()) {
        Ok(path) if path.ambiguity.is_none() && path.query.is_none() && path.matched == text => {
            Some(text.to_owned())
        }
        _ => {
            at.error("must be a canonical path: starts with /, decoded, no //, no dot segments, no ; \\ ? #");
            None
        }
    }
}

fn template(text: &str, at: &At<'_>) -> Option<PathPattern> {
    let mut literal = String::new();
    let mut segments: Vec<Segment> = Vec::new();
    let Some(rest) = text.strip_prefix('/') else {
        at.error("must start with /");
        return None;
    };
    for segment in rest.split('/') {
        let parameter = segment.strip_prefix('{').and_then(|s| s.strip_suffix('}'));
        match parameter {
            Some(name) if !name.is_empty() && !name.contains(['{', '}']) => {
                let named = Segment::Parameter(name.to_owned());
                if segments.contains(&named) {
                    at.error("two parameters of one name");
                    return None;
                }
                literal.push_str("/x");
                segments.push(named);
            }
            None if !segment.contains(['{', '}']) => {
                literal.push('/');
                literal.push_str(segment);
                segments.push(Segment::Literal(segment.to_owned()));
            }
            _ => {
                at.error("a parameter is a whole segment: /orders/{id}");
                return None;
            }
        }
    }
    canonical(&literal, at)?;
    Some(PathPattern::Template(segments))
}

impl FullMatch {
    /// Compiles an expression as configured. `None`: it is too long or none, which was reported at `at`.
    pub fn compile(text: &str, at: &At<'_>) -> Option<Self> {
        if text.len() > MAX_REGEX {
            at.error(format!("the expression has {} bytes; at most {MAX_REGEX} are accepted", text.len()));
            return None;
        }
        // The bare text first, so that a stray `)` cannot break out of the anchors.
        let compiled = RegexBuilder::new(text)
            .size_limit(MAX_REGEX_PROGRAM)
            .build()
            .and_then(|_| RegexBuilder::new(&format!("^(?:{text})$")).size_limit(MAX_REGEX_PROGRAM).build());
        match compiled {
            Ok(regex) => Some(Self(regex)),
            Err(error) => {
                at.error(format!("not a regular expression: {error}"));
                None
            }
        }
    }

    /// Whether the expression describes all of `text`.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

/// The expression with its anchors.
impl fmt::Display for FullMatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::*;
    use std::cell::RefCell;

    fn pattern(text: &str) -> Result<PathPattern, String> {
        let errors = RefCell::new(Vec::new());
        let tree = serde_json::from_str(text).unwrap();
        let read = PathPattern::read(&tree, &At::root(&errors));
        read.ok_or_else(|| errors.into_inner().iter().map(ToString::to_string).collect())
    }

    #[test]
    fn a_template_captures_its_parameters_in_order() {
        let orders = pattern(r#"{"template": "/orders/{region}/items/{id}"}"#).unwrap();
        assert!(orders.parameters().eq(["region", "id"]));
        assert!(orders.captures("/orders/e u/items/7%").eq([("region", "e u"), ("id", "7%")]));
        for other in [r#"{"exact": "/a"}"#, r#"{"prefix": "/"}"#, r#"{"regex": "/(.*)"}"#] {
            let other = pattern(other).unwrap();
            assert!(other.parameters().next().is_none() && other.captures("/a").next().is_none());
        }
    }

    #[test]
    fn a_template_has_each_name_once() {
        let twice = pattern(r#"{"template": "/{id}/{id}"}"#);
        assert_eq!(twice.unwrap_err(), "template: two parameters of one name");
    }
}
