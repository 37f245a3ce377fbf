//! A rule, compiled.

use crate::config::RuleConfig;
use crate::operation::{Inherited, Operation, Shared};
use crate::parameters::Declared;
use filter_core::config::At;
use filter_core::effect::{RuleName, sanitized};
use filter_core::http::{HeaderValue, Method};
use filter_core::matcher::{Match, Matched};
use filter_core::policy::Mode;
use std::sync::Arc;

/// A rule, compiled.
pub(crate) struct Rule {
    /// Its name.
    pub(crate) name: RuleName,
    matcher: Match,
    /// Whether its refusals are carried out; with that of the plugin.
    pub(crate) mode: Mode,
    operations: Vec<(Method, Arc<Operation>)>,
    /// `Allow` of a 405 (RFC 9110 section 10.2.1).
    pub(crate) allow: HeaderValue,
}

impl Matched for Rule {
    fn matcher(&self) -> &Match {
        &self.matcher
    }
}

impl Rule {
    /// `None`: errors were reported below `at`.
    pub(crate) fn compile(config: RuleConfig, shared: &Shared<'_>, at: &At<'_>) -> Option<Self> {
        let list = at.key("operations");
        if config.operations.0.is_empty() {
            list.error("must not be empty; leave the rule out");
            return None;
        }
        let path = config.r#match.path.as_ref();
        let parameters = Declared::compile(config.parameters, path, shared.sources, &at.key("parameters"));
        // What is wrong with operations is found all the same.
        let none = Declared::default();
        let inherited = Inherited { path, parameters: parameters.as_ref().unwrap_or(&none) };
        let compiled: Vec<Option<(Method, Arc<Operation>)>> = config
            .operations
            .0
            .into_iter()
            .map(|(method, operation)| {
                let key = method.0.to_string();
                let compiled = Operation::compile(operation, &method.0, &inherited, shared, &list.key(&key));
                compiled.map(|operation| (method.0, Arc::new(operation)))
            })
            .collect();
        let operations = compiled.into_iter().collect::<Option<Vec<_>>>()?;
        let mut names: Vec<&str> = operations.iter().map(|(method, _)| method.as_str()).collect();
        if let Some(get) = names.iter().position(|name| *name == "GET")
            && !names.contains(&"HEAD")
        {
            names.insert(get.saturating_add(1), "HEAD");
        }
        let allow = sanitized(names.join(", ").as_bytes());
        parameters?;
        Some(Self { name: config.name.into(), matcher: config.r#match, mode: config.mode, operations, allow })
    }

    /// What the template of the path captures in one that it matches: name and value.
    pub(crate) fn captures<'a>(&'a self, path: Option<&'a str>) -> impl Iterator<Item = (&'a str, &'a str)> {
        let pattern = self.matcher.path.as_ref();
        pattern.zip(path).into_iter().flat_map(|(pattern, path)| pattern.captures(path))
    }

    /// Whether answers of any operation are looked at.
    pub(crate) fn watches(&self) -> bool {
        self.operations.iter().any(|(_, operation)| operation.responses.is_some())
    }

    /// The operation of a method (case-sensitive, RFC 9110 section 9.1). HEAD is GET without the answer's content
    /// (section 9.3.2).
    pub(crate) fn operation(&self, method: &[u8]) -> Option<&Arc<Operation>> {
        let named = |method: &[u8]| self.operations.iter().find(|(own, _)| own.as_str().as_bytes() == method);
        let found = named(method).or_else(|| if method == b"HEAD" { named(b"GET") } else { None });
        found.map(|(_, operation)| operation)
    }
}
