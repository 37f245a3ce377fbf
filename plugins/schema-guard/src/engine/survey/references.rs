//! Where references lead.

use super::super::value::find;
use super::super::{Draft, is_metaschema};
use super::{Place, Survey};
use referencing::Resolver;
use serde_json::Value;

/// A reference that is still to be followed.
pub(super) struct Pending<'r> {
    pub(super) from: usize,
    pub(super) resolver: Resolver<'r>,
    pub(super) reference: &'r str,
    pub(super) recursive: bool,
    pub(super) place: Place,
}

impl<'r> Survey<'r> {
    /// Follows all references, and those that are found there.
    pub(in crate::engine) fn follow(&mut self) {
        while let Some(pending) = self.pending.pop_front() {
            self.place = pending.place.clone();
            match self.target(&pending) {
                Ok((value, resolver, draft)) => {
                    let to = self.at_target(value, &resolver, draft);
                    self.edge(pending.from, to);
                }
                Err(message) => self.problem(message),
            }
        }
    }

    fn target(&self, pending: &Pending<'r>) -> Result<(&'r Value, Resolver<'r>, Draft), String> {
        let Pending { resolver, reference, recursive, .. } = pending;
        // The engine does not follow it.
        if reference.is_empty() {
            return Err("an empty reference; the schema itself is \"#\"".to_owned());
        }
        let uri = resolver
            .resolve_uri(&resolver.base_uri().borrow(), reference)
            .map_err(|error| error.to_string())?;
        let document = uri.as_str().split('#').next().unwrap_or_default();
        if self.sight.missing.contains(document) {
            return Err(format!(
                "refers to {document}, which is not among \"schemas\"; nothing is ever fetched"
            ));
        }
        let resolved = if *recursive { resolver.lookup_recursive_ref() } else { resolver.lookup(reference) };
        let resolved = resolved.map_err(|error| format!("refers to nothing: {error}"))?;
        let (value, resolver, draft) = resolved.into_inner();
        if !matches!(value, Value::Object(_) | Value::Bool(_)) {
            return Err("refers to what is no schema".to_owned());
        }
        Ok((value, resolver, draft))
    }

    /// Surveys what a reference leads to, unless that has been done.
    fn at_target(&mut self, value: &'r Value, resolver: &Resolver<'r>, draft: Draft) -> Option<usize> {
        let address = std::ptr::from_ref(value.as_object()?).addr();
        if let Some(index) = self.index.get(&address) {
            return Some(*index);
        }
        // In a place that holds no schema for what knows no references, or in another document.
        let paths = self.sight.documents.iter().enumerate();
        let mut paths = paths
            .filter_map(|(document, root)| Some((document, find(root, &|part| std::ptr::eq(part, value))?)));
        match paths.next() {
            Some((document, path)) => self.place = Place { document, path, outside: false, silent: false },
            None => {
                self.place.outside = true;
                let base = resolver.base_uri();
                // The metaschemas are what they are.
                self.place.silent |= is_metaschema(base.as_str());
            }
        }
        self.schema(value, resolver, draft)
    }
}
