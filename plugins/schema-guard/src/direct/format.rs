//! `format`, as the engine checks it: by the engine, with a schema that has no other keyword.

use crate::engine::{Draft, Sources, Validator};
use crate::json::Tree;
use filter_core::config::{At, Tree as Schema};
use schema_guard_pass::{is_plain_email, plan};
use std::borrow::Cow;
use std::cell::RefCell;

/// A format.
struct Format {
    draft: Draft,
    name: String,
    engine: Validator,
}

/// The formats of a plan, by index.
#[derive(Default)]
pub(super) struct Formats(Vec<Format>);

impl Formats {
    /// The format of this name in a dialect; `None`: it is none.
    pub(super) fn find(&mut self, draft: Draft, name: &str, sources: &Sources) -> Option<plan::Format> {
        let quick = if name == "email" { is_plain_email } else { |_: &str| false };
        let known = self.0.iter().position(|format| format.draft == draft && format.name == name);
        let index = match known {
            Some(index) => index,
            None => {
                self.0.push(Format::compile(draft, name, sources)?);
                self.0.len() - 1
            }
        };
        Some(plan::Format { index, quick })
    }
}

impl plan::Formats for Formats {
    fn has(&self, index: usize, string: &str) -> bool {
        let text = Tree::String(Cow::Borrowed(string));
        self.0.get(index).is_some_and(|format| format.engine.is_valid(&text))
    }
}

impl Format {
    fn compile(draft: Draft, name: &str, sources: &Sources) -> Option<Self> {
        let dialect = match draft {
            Draft::Draft4 => "http://json-schema.org/draft-04/schema#",
            Draft::Draft6 => "http://json-schema.org/draft-06/schema#",
            Draft::Draft7 => "http://json-schema.org/draft-07/schema#",
            Draft::Draft201909 => "https://json-schema.org/draft/2019-09/schema",
            Draft::Draft202012 => "https://json-schema.org/draft/2020-12/schema",
            _ => return None,
        };
        let member = |name: &str, value: &str| (name.to_owned(), Schema::String(value.to_owned()));
        let schema = Schema::Object(vec![member("$schema", dialect), member("format", name)]);
        let errors = RefCell::default();
        let engine = Validator::compile(&schema, sources, &At::root(&errors))?;
        Some(Self { draft, name: name.to_owned(), engine })
    }
}
