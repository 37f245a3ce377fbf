//! A walk over a schema before it is compiled, and over what it refers to: what is wrong in it is found with its place
//! in the configuration, and what is to be known of it while documents are held against it is gathered.

mod references;

use super::graph::{Seen, Wrong};
use super::keywords::{self, Applies, Holds};
use super::pattern::{self, Patterns};
use super::value::Step;
use super::{Draft, Options};
use references::Pending;
use referencing::{Registry, Resolver, Vocabulary};
use serde_json::{Map, Value};
use std::collections::{BTreeSet, HashMap, HashSet, VecDeque};

/// Most schemas inside each other. The engine compiles them, and holds documents against them, by recursion.
const MAX_NESTING: usize = 48;

/// What is wrong, and where: in which of the documents that are surveyed, and at the end of which path there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    pub(super) document: usize,
    pub(super) path: Vec<Step>,
    pub(super) message: String,
}

/// Where the walk is.
#[derive(Debug, Clone)]
struct Place {
    document: usize,
    path: Vec<Step>,
    /// Outside of the documents: the path is that of the reference which led there.
    outside: bool,
    /// What is here has been surveyed before.
    silent: bool,
}

/// What a walk reads.
pub(super) struct Sight<'r> {
    pub(super) options: Options,
    pub(super) registry: &'r Registry<'r>,
    /// What is referred to and not in the configuration: the registry has `true` in its place.
    pub(super) missing: &'r BTreeSet<String>,
    /// The documents whose places are told.
    pub(super) documents: Vec<&'r Value>,
    /// The addresses of schemas that have been surveyed before.
    pub(super) known: &'r HashSet<usize>,
    pub(super) patterns: &'r Patterns,
}

/// A walk, and what it has gathered.
pub(super) struct Survey<'r> {
    sight: Sight<'r>,
    place: Place,
    nesting: usize,
    pending: VecDeque<Pending<'r>>,
    index: HashMap<usize, usize>,
    patterns: HashSet<&'r str>,
    pub(super) seen: Vec<Seen>,
    pub(super) problems: Vec<Problem>,
    /// The names of members that the schemas themselves write.
    pub(super) names: BTreeSet<String>,
    /// The schemas, by address, whose metaschema says that validation keywords check nothing.
    pub(super) unasked: HashSet<usize>,
    /// How many values all `enum` have.
    pub(super) enumerated: usize,
}

impl<'r> Survey<'r> {
    pub(super) fn new(sight: Sight<'r>) -> Self {
        Self {
            sight,
            place: Place { document: 0, path: Vec::new(), outside: false, silent: false },
            nesting: 0,
            pending: VecDeque::new(),
            index: HashMap::new(),
            patterns: HashSet::new(),
            seen: Vec::new(),
            problems: Vec::new(),
            names: BTreeSet::new(),
            unasked: HashSet::new(),
            enumerated: 0,
        }
    }

    /// The addresses of all schemas that were found.
    pub(super) fn addresses(&self) -> HashSet<usize> {
        self.index.keys().copied().collect()
    }

    /// Surveys one of the documents, which the resolver is based at.
    pub(super) fn document(&mut self, document: usize, resolver: &Resolver<'r>, draft: Draft) {
        self.place = Place { document, path: Vec::new(), outside: false, silent: false };
        if let Some(value) = self.sight.documents.get(document).copied() {
            self.schema(value, resolver, draft);
        }
    }

    pub(super) fn problem(&mut self, message: impl Into<String>) {
        if !self.place.silent {
            let Place { document, path, .. } = self.place.clone();
            let problem = Problem { document, path, message: message.into() };
            if !self.problems.contains(&problem) {
                self.problems.push(problem);
            }
        }
    }

    /// Reports cycles and the like at the schemas where they are.
    pub(super) fn wrong(&mut self, wrong: Vec<Wrong>) {
        for Wrong { schema, message } in wrong {
            if let Some(Seen { document, path, silent: false, .. }) = self.seen.get(schema) {
                let problem = Problem { document: *document, path: path.clone(), message };
                self.problems.push(problem);
            }
        }
    }

    /// Reports what has no better place.
    pub(super) fn elsewhere(&mut self, message: String) {
        self.problems.push(Problem { document: 0, path: Vec::new(), message });
    }

    /// Runs with a step added to the place.
    fn within<T>(&mut self, step: impl FnOnce() -> Step, run: impl FnOnce(&mut Self) -> T) -> T {
        if self.place.outside {
            return run(self);
        }
        self.place.path.push(step());
        let result = run(self);
        self.place.path.pop();
        result
    }

    fn within_key<T>(&mut self, key: &str, run: impl FnOnce(&mut Self) -> T) -> T {
        self.within(|| Step::Key(key.to_owned()), run)
    }

    /// Surveys one schema. Its number, if it is an object.
    fn schema(&mut self, value: &'r Value, outer: &Resolver<'r>, draft: Draft) -> Option<usize> {
        let map = value.as_object()?;
        let address = std::ptr::from_ref(map).addr();
        if let Some(index) = self.index.get(&address) {
            return Some(*index);
        }
        if self.nesting >= MAX_NESTING {
            self.problem(format!("more than {MAX_NESTING} schemas inside each other"));
            return None;
        }
        let silent = self.place.silent;
        self.place.silent |= self.sight.known.contains(&address);
        let draft = self.dialect(map, draft);
        let index = self.seen.len();
        self.seen.push(Seen {
            in_place: Vec::new(),
            document: self.place.document,
            path: self.place.path.clone(),
            silent: self.place.silent,
        });
        self.index.insert(address, index);
        match outer.in_subresource(draft.create_resource_ref(value)) {
            Ok(resolver) => {
                let vocabularies = resolver.find_vocabularies(draft, value);
                if draft >= Draft::Draft201909 && !vocabularies.contains(&Vocabulary::Validation) {
                    self.unasked.insert(address);
                }
                self.nesting += 1;
                for (name, member) in map {
                    self.within_key(name, |survey| {
                        survey.keyword(index, map, name, member, &resolver, draft);
                    });
                }
                self.nesting -= 1;
            }
            Err(error) => {
                self.within_key(draft.id_keyword(), |survey| {
                    survey.problem(format!("not a URI reference: {error}"));
                });
            }
        }
        self.place.silent = silent;
        Some(index)
    }

    /// The dialect of a schema: what `$schema` says, else that of the schema around it.
    fn dialect(&mut self, map: &Map<String, Value>, draft: Draft) -> Draft {
        let Some(first) = map.get("$schema").and_then(Value::as_str) else { return draft };
        let mut uri = first.to_owned();
        // A metaschema that has a metaschema that has one: no chain is longer.
        for _ in 0..8 {
            let known = Draft::from_schema_uri(&uri);
            if known != Draft::Unknown {
                return known;
            }
            let found = referencing::uri::from_str(uri.trim_end_matches('#')).ok();
            let found = found.filter(|uri| !self.sight.missing.contains(uri.as_str()));
            let Some(found) = found.and_then(|uri| self.sight.registry.resolver(uri).lookup("").ok()) else {
                break;
            };
            match found.contents().get("$schema").and_then(Value::as_str) {
                Some(next) => uri = next.to_owned(),
                None => return self.sight.options.draft,
            }
        }
        self.within_key("$schema", |survey| survey.problem(unknown_dialect(first)));
        draft
    }

    fn keyword(
        &mut self,
        from: usize,
        map: &'r Map<String, Value>,
        name: &'r str,
        member: &'r Value,
        resolver: &Resolver<'r>,
        draft: Draft,
    ) {
        let (holds, known) = keywords::keyword(draft, name);
        let strict = !self.sight.options.allow_unknown;
        if !known && strict && !name.starts_with("x-") {
            return self.problem(keywords::unknown(draft, name));
        }
        // Drafts 4 to 7: what stands beside a reference is not there.
        let ignored =
            draft <= Draft::Draft7 && name != "$ref" && map.get("$ref").is_some_and(Value::is_string);
        if ignored && !matches!(holds, Holds::Note | Holds::Named(Applies::Nowhere)) {
            if strict {
                self.problem(format!(
                    "is ignored beside \"$ref\" in draft {}: put both into \"allOf\"",
                    super::name(draft)
                ));
            }
            return;
        }
        match (holds, member) {
            (Holds::Plain, _) => self.plain(name, member, draft),
            (Holds::Schema(applies), _) => self.child(from, applies, member, resolver, draft),
            (Holds::Schemas(applies), Value::Array(items)) => {
                self.children(from, applies, items, resolver, draft);
            }
            (Holds::Items, Value::Array(items)) => {
                self.children(from, Applies::Below, items, resolver, draft);
            }
            (Holds::Items, _) => self.child(from, Applies::Below, member, resolver, draft),
            (Holds::Named(_) | Holds::Properties | Holds::Dependencies, Value::Object(members)) => {
                for (key, member) in members {
                    self.within_key(key, |survey| {
                        survey.named(from, (holds, name), key, member, resolver, draft);
                    });
                }
            }
            // The engine does not follow what the dialect does not know.
            (Holds::Reference | Holds::Recursive, Value::String(reference)) if known => {
                let recursive = holds == Holds::Recursive;
                let place = self.place.clone();
                self.pending.push_back(Pending {
                    from,
                    resolver: resolver.clone(),
                    reference,
                    recursive,
                    place,
                });
            }
            // Of the wrong type: the metaschema has more to say about it.
            _ => {}
        }
    }

    /// A member of `properties` and the like.
    fn named(
        &mut self,
        from: usize,
        (holds, keyword): (Holds, &str),
        key: &'r str,
        member: &'r Value,
        resolver: &Resolver<'r>,
        draft: Draft,
    ) {
        let applies = match holds {
            Holds::Named(applies) => applies,
            Holds::Dependencies => Applies::InPlace,
            _ => Applies::Below,
        };
        if keyword == "patternProperties" {
            self.pattern(key);
            self.names.extend(pattern::literal(key).map(str::to_owned));
        } else if applies != Applies::Nowhere {
            self.names.insert(key.to_owned());
        }
        match member {
            Value::Array(names) if holds == Holds::Dependencies => self.names_of(names),
            _ => self.child(from, applies, member, resolver, draft),
        }
    }

    fn names_of(&mut self, names: &[Value]) {
        self.names.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
    }

    fn children(
        &mut self,
        from: usize,
        applies: Applies,
        items: &'r [Value],
        resolver: &Resolver<'r>,
        draft: Draft,
    ) {
        for (index, item) in items.iter().enumerate() {
            self.within(|| Step::Index(index), |survey| survey.child(from, applies, item, resolver, draft));
        }
    }

    fn child(
        &mut self,
        from: usize,
        applies: Applies,
        value: &'r Value,
        resolver: &Resolver<'r>,
        draft: Draft,
    ) {
        let to = self.schema(value, resolver, draft);
        if applies == Applies::InPlace {
            self.edge(from, to);
        }
    }

    fn edge(&mut self, from: usize, to: Option<usize>) {
        if let (Some(seen), Some(to)) = (self.seen.get_mut(from), to) {
            seen.in_place.push(to);
        }
    }

    /// A keyword without schemas.
    fn plain(&mut self, name: &str, member: &'r Value, draft: Draft) {
        match (name, member) {
            ("required", Value::Array(names)) => self.names_of(names),
            ("dependentRequired", Value::Object(members)) => {
                for (key, names) in members {
                    self.names.insert(key.clone());
                    self.names_of(names.as_array().map(Vec::as_slice).unwrap_or_default());
                }
            }
            ("enum", Value::Array(values)) => self.enumerated = self.enumerated.saturating_add(values.len()),
            ("pattern", Value::String(pattern)) => self.pattern(pattern),
            ("format", Value::String(format)) => {
                let Options { assert_formats, allow_unknown, .. } = self.sight.options;
                if assert_formats && !allow_unknown && !super::is_format(draft, format) {
                    self.problem(format!(
                        "not a format that draft {} is checked for here; with formats: annotate none is checked",
                        super::name(draft)
                    ));
                }
            }
            _ => {}
        }
    }

    fn pattern(&mut self, text: &'r str) {
        if self.place.silent || !self.patterns.insert(text) {
            return;
        }
        if let Err(message) = self.sight.patterns.compile(text) {
            self.problem(message);
            // It is wrong in every place.
            self.patterns.remove(text);
        }
    }
}

/// What to say of a `$schema` that names no metaschema here.
pub(super) fn unknown_dialect(uri: &str) -> String {
    let uri: String = uri.chars().take(200).collect();
    format!(
        "\"{uri}\" is no dialect that is known here: one of drafts 4, 6, 7, 2019-09, 2020-12, or a metaschema among \"schemas\""
    )
}
