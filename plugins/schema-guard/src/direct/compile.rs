//! From a schema to its plan.

use super::Plan;
use super::format::Formats;
use crate::engine::{Draft, Sources};
use filter_core::config::Tree;
use referencing::Resolver;
use schema_guard_pass::Types;
use schema_guard_pass::plan::{
    self, ArrayRules, Constants, Demand, InPlace, Limit, Names, Node, ObjectRules, Sub, TextRules,
};
use serde_json::{Map, Value};
use std::collections::HashMap;

/// Most schemas within each other while a plan is made, references followed.
const MAX_NESTING: usize = 200;

pub(super) fn compile(schema: &Tree, sources: &Sources) -> Option<Plan> {
    crate::engine::resolved(schema, sources, |value, resolver, draft| {
        let mut compiler = Compiler {
            sources,
            nodes: vec![Node::any()],
            formats: Formats::default(),
            known: HashMap::new(),
            nesting: 0,
        };
        let draft = draft.detect(value);
        let root = compiler.schema(value, resolver, draft)?;
        Some(Plan { plan: plan::Plan::new(compiler.nodes, root)?, formats: compiler.formats })
    })
}

struct Compiler<'s> {
    sources: &'s Sources,
    nodes: Vec<Node>,
    formats: Formats,
    /// What the schemas at these addresses are, so that each is compiled once, and one that contains itself ends.
    known: HashMap<usize, Sub>,
    nesting: usize,
}

/// The schema that is being compiled.
struct Scope<'a, 'r> {
    map: &'r Map<String, Value>,
    resolver: &'a Resolver<'r>,
    draft: Draft,
}

impl<'r> Compiler<'_> {
    fn schema(&mut self, value: &'r Value, outer: &Resolver<'r>, draft: Draft) -> Option<Sub> {
        let map = match value {
            Value::Bool(true) => return Some(Sub::ANY),
            Value::Bool(false) => return Some(Sub::Never),
            Value::Object(map) => map,
            _ => return None,
        };
        let address = std::ptr::from_ref(map).addr();
        if let Some(known) = self.known.get(&address) {
            return Some(*known);
        }
        // A dialect within another one, or one of somebody's own.
        if draft == Draft::Unknown || draft.detect(value) != draft {
            return None;
        }
        let resolver = outer.in_subresource(draft.create_resource_ref(value)).ok()?;
        self.nesting += 1;
        if self.nesting > MAX_NESTING {
            return None;
        }
        let scope = Scope { map, resolver: &resolver, draft };
        let sub = match self.alias(&scope) {
            Some(reference) => {
                let sub = self.reference(&scope, reference)?;
                self.known.insert(address, sub);
                sub
            }
            None => {
                let index = self.nodes.len();
                self.nodes.push(Node::any());
                self.known.insert(address, Sub::Node(index));
                let node = self.node(&scope)?;
                *self.nodes.get_mut(index)? = node;
                Sub::Node(index)
            }
        };
        self.nesting -= 1;
        Some(sub)
    }

    /// The reference that is all there is to a schema: up to draft 7 whatever stands beside it.
    fn alias<'a>(&self, scope: &Scope<'_, 'a>) -> Option<&'a str> {
        let reference = scope.map.get("$ref")?.as_str()?;
        let alone =
            scope.draft <= Draft::Draft7 || scope.map.keys().all(|name| name == "$ref" || is_note(name));
        alone.then_some(reference)
    }

    fn reference(&mut self, scope: &Scope<'_, 'r>, reference: &str) -> Option<Sub> {
        // Whether a URI beside a reference counts is different in every implementation.
        let named = ["$id", "id"].iter().any(|name| scope.map.contains_key(*name));
        if reference.is_empty() || scope.draft <= Draft::Draft7 && named {
            return None;
        }
        let (value, resolver, draft) = scope.resolver.lookup(reference).ok()?.into_inner();
        // What a relative URI is relative to has been found; not once more.
        let within = resolver.in_subresource(draft.create_resource_ref(value)).ok()?;
        if within.base_uri() != resolver.base_uri() {
            return None;
        }
        self.schema(value, &resolver, draft)
    }

    fn node(&mut self, scope: &Scope<'_, 'r>) -> Option<Node> {
        let mut node = Node::any();
        node.written = scope.draft == Draft::Draft4;
        for (name, member) in scope.map {
            self.keyword(scope, name, member, &mut node)?;
        }
        self.object(scope, &mut node)?;
        self.array(scope, &mut node)?;
        Some(node)
    }

    fn keyword(
        &mut self,
        scope: &Scope<'_, 'r>,
        name: &str,
        member: &'r Value,
        node: &mut Node,
    ) -> Option<()> {
        let from = |first: Draft| (scope.draft >= first).then_some(());
        match name {
            _ if is_note(name) => {}
            "$ref" => {
                let target = self.reference(scope, member.as_str()?)?;
                node.in_place.push(InPlace::All(vec![target]));
            }
            "type" => node.types = types(member)?,
            "enum" => constants(member.as_array()?, node),
            "const" => {
                from(Draft::Draft6)?;
                constants(std::slice::from_ref(member), node);
            }
            "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf" => {
                limit(scope, name, member, node)?;
            }
            "minLength" | "maxLength" | "pattern" | "format" => self.text(scope.draft, name, member, node)?,
            "allOf" => node.in_place.push(InPlace::All(self.all(scope, member)?)),
            "anyOf" => node.in_place.push(InPlace::Any(self.all(scope, member)?)),
            "oneOf" => node.in_place.push(InPlace::One(self.all(scope, member)?)),
            "not" => node.in_place.push(InPlace::Not(self.below(scope, member)?)),
            "if" => {
                from(Draft::Draft7)?;
                let condition = self.below(scope, member)?;
                let [then, otherwise] = ["then", "else"].map(|name| scope.map.get(name));
                let then = then.map_or(Some(Sub::ANY), |then| self.below(scope, then))?;
                let otherwise = otherwise.map_or(Some(Sub::ANY), |otherwise| self.below(scope, otherwise))?;
                node.in_place.push(InPlace::If(condition, then, otherwise));
            }
            "then" | "else" => from(Draft::Draft7)?,
            "uniqueItems" => {
                if member.as_bool()? {
                    node.in_place.push(InPlace::Unique);
                }
            }
            // With the others of their kind.
            "properties"
            | "patternProperties"
            | "additionalProperties"
            | "required"
            | "minProperties"
            | "maxProperties"
            | "items"
            | "minItems"
            | "maxItems" => {}
            "propertyNames" => from(Draft::Draft6)?,
            "dependentRequired" => from(Draft::Draft201909)?,
            "prefixItems" => from(Draft::Draft202012)?,
            "dependencies" if scope.draft <= Draft::Draft7 => {}
            "additionalItems" if scope.draft <= Draft::Draft201909 => {}
            _ => return None,
        }
        Some(())
    }

    fn below(&mut self, scope: &Scope<'_, 'r>, value: &'r Value) -> Option<Sub> {
        self.schema(value, scope.resolver, scope.draft)
    }

    fn all(&mut self, scope: &Scope<'_, 'r>, member: &'r Value) -> Option<Vec<Sub>> {
        member.as_array()?.iter().map(|value| self.below(scope, value)).collect()
    }

    fn text(&mut self, draft: Draft, name: &str, member: &Value, node: &mut Node) -> Option<()> {
        if name == "format" && !self.sources.asserts_formats() {
            return Some(());
        }
        let rules = node.text.get_or_insert_with(|| Box::new(TextRules::NONE));
        match name {
            "minLength" => rules.least = member.as_u64()?,
            "maxLength" => rules.most = member.as_u64()?,
            "pattern" => rules.patterns.push(self.sources.patterns().compile(member.as_str()?).ok()?),
            _ => rules.formats.push(self.formats.find(draft, member.as_str()?, self.sources)?),
        }
        Some(())
    }

    fn array(&mut self, scope: &Scope<'_, 'r>, node: &mut Node) -> Option<()> {
        let map = scope.map;
        if !["items", "prefixItems", "minItems", "maxItems"].iter().any(|name| map.contains_key(*name)) {
            return Some(());
        }
        let mut rules = ArrayRules::NONE;
        rules.least = count(map.get("minItems"), rules.least)?;
        rules.most = count(map.get("maxItems"), rules.most)?;
        let rest = match map.get("items") {
            Some(Value::Array(items)) => {
                if scope.draft >= Draft::Draft202012 {
                    return None;
                }
                rules.prefix = items.iter().map(|item| self.below(scope, item)).collect::<Option<_>>()?;
                map.get("additionalItems")
            }
            items => items,
        };
        if let Some(prefix) = map.get("prefixItems") {
            rules.prefix = self.all(scope, prefix)?;
        }
        if let Some(rest) = rest {
            rules.rest = self.below(scope, rest)?;
        }
        node.array = Some(Box::new(rules));
        Some(())
    }

    fn object(&mut self, scope: &Scope<'_, 'r>, node: &mut Node) -> Option<()> {
        const KEYWORDS: [&str; 9] = [
            "properties",
            "patternProperties",
            "additionalProperties",
            "propertyNames",
            "required",
            "minProperties",
            "maxProperties",
            "dependentRequired",
            "dependencies",
        ];
        let map = scope.map;
        if !KEYWORDS.iter().any(|name| map.contains_key(*name)) {
            return Some(());
        }
        let mut rules = ObjectRules::NONE;
        rules.least = count(map.get("minProperties"), rules.least)?;
        rules.most = count(map.get("maxProperties"), rules.most)?;
        let properties = members(map.get("properties"))?;
        let required = map.get("required").map_or(Some(Vec::new()), names)?;
        let mut dependent = Vec::new();
        for keyword in ["dependentRequired", "dependencies"] {
            for (name, others) in members(map.get(keyword))? {
                dependent.push((name, names(others)?));
            }
        }
        let asked = properties.iter().map(|(name, _)| (*name).to_owned());
        let asked = asked.chain(required.iter().map(|name| (*name).to_owned()));
        let asked = asked.chain(
            dependent
                .iter()
                .flat_map(|(name, others)| others.iter().chain([name]).map(|name| (*name).to_owned())),
        );
        rules.names = Names::of(asked.collect())?;
        let mask = |names: &[&str], known: &Names| {
            names.iter().try_fold(0_u64, |mask, name| known.bit(name).map(|bit| mask | bit))
        };
        rules.required = mask(&required, &rules.names)?;
        for (name, others) in &dependent {
            rules.dependent.push((rules.names.bit(name)?, mask(others, &rules.names)?));
        }
        rules.values = vec![None; rules.names.count()];
        for (name, value) in properties {
            let sub = self.below(scope, value)?;
            *rules.values.get_mut(rules.names.index(name)?)? = Some(sub);
        }
        for (text, value) in members(map.get("patternProperties"))? {
            let pattern = self.sources.patterns().compile(text).ok()?;
            rules.patterns.push((pattern, self.below(scope, value)?));
        }
        if let Some(others) = map.get("additionalProperties") {
            rules.others = self.below(scope, others)?;
        }
        if let Some(naming) = map.get("propertyNames") {
            rules.naming = self.below(scope, naming)?;
        }
        node.object = Some(Box::new(rules));
        Some(())
    }
}

/// Keywords that demand nothing, in any dialect; what defines URIs and names is the resolver's to know.
fn is_note(name: &str) -> bool {
    name.starts_with("x-")
        || matches!(
            name,
            "$schema"
                | "$id"
                | "id"
                | "$anchor"
                | "$comment"
                | "$defs"
                | "definitions"
                | "title"
                | "description"
                | "default"
                | "examples"
                | "readOnly"
                | "writeOnly"
                | "deprecated"
        )
}

fn types(member: &Value) -> Option<Types> {
    match member {
        Value::String(name) => Types::named(name),
        Value::Array(names) => names
            .iter()
            .try_fold(Types::NONE, |types, name| Types::named(name.as_str()?).map(|named| types.or(named))),
        _ => None,
    }
}

fn constants(values: &[Value], node: &mut Node) {
    let constants = Constants::of(values);
    if values.iter().any(|value| value.is_array() || value.is_object()) {
        node.in_place.push(InPlace::Constants(constants));
    } else {
        node.constants.push(constants);
    }
}

fn limit(scope: &Scope<'_, '_>, name: &str, member: &Value, node: &mut Node) -> Option<()> {
    // Draft 4: a flag of the other keyword.
    if scope.draft == Draft::Draft4 && name.starts_with("exclusive") {
        return member.as_bool().map(drop);
    }
    let flagged =
        |flag: &str| scope.draft == Draft::Draft4 && scope.map.get(flag) == Some(&Value::Bool(true));
    let demand = match name {
        "minimum" if flagged("exclusiveMinimum") => Demand::Above,
        "maximum" if flagged("exclusiveMaximum") => Demand::Below,
        "minimum" => Demand::Least,
        "maximum" => Demand::Most,
        "exclusiveMinimum" => Demand::Above,
        "exclusiveMaximum" => Demand::Below,
        _ => Demand::Multiple,
    };
    let Value::Number(number) = member else { return None };
    node.limits.push(Limit::of(demand, number));
    Some(())
}

/// A number of elements or members.
fn count(member: Option<&Value>, default: usize) -> Option<usize> {
    match member {
        None => Some(default),
        Some(member) => usize::try_from(member.as_u64()?).ok(),
    }
}

fn members(member: Option<&Value>) -> Option<Vec<(&str, &Value)>> {
    match member {
        None => Some(Vec::new()),
        Some(member) => {
            Some(member.as_object()?.iter().map(|(name, value)| (name.as_str(), value)).collect())
        }
    }
}

fn names(member: &Value) -> Option<Vec<&str>> {
    member.as_array()?.iter().map(Value::as_str).collect()
}
