//! Istio's `WasmPlugin` manifests as the filters that istiod makes of them.
//!
//! Order, names and defaults are those of Istio 1.29 (`pilot/pkg/model/push_context.go`, `extensions.go`,
//! `pilot/pkg/networking/core/listener_builder.go`); what is refused is what its admission check refuses
//! (`pkg/config/validation/validation.go`).

mod json;
mod resource;

use std::cmp::Reverse;

use anyhow::{Context as _, Error, Result, ensure};
use serde_json::Value;

use super::{Named, PluginSpec};
use crate::yaml;
use resource::{Phase, Resource};

/// The group of the resources that are read.
const GROUP: &str = "extensions.istio.io/";
const KIND: &str = "WasmPlugin";
/// Resources of the mesh's root namespace come after those of the workload's own
/// (`TrafficExtensionsByListenerInfo`).
const ROOT_NAMESPACE: &str = "istio-system";

/// The `WasmPlugin`s of a manifest.
#[derive(Debug, Clone)]
pub struct WasmPlugins {
    /// Where each stands in the manifest, and what it says.
    resources: Vec<(String, Value)>,
}

/// What istiod sorts by: phase, then priority (unset comes last, below every number), then the namespace's
/// rank, the time of creation, name and namespace.
type Rank = (Phase, Reverse<Option<i32>>, bool, String, String, String);

impl WasmPlugins {
    /// Reads a manifest of one or several documents; a `List` counts as what it lists, and resources of other
    /// kinds are passed over.
    ///
    /// # Errors
    /// Line and column where the text is not YAML; there is no `WasmPlugin`.
    pub fn parse(text: &str) -> Result<Self> {
        let documents: Vec<Value> = yaml::manifest(text)?;
        let mut resources = Vec::new();
        for (index, document) in documents.iter().enumerate() {
            collect(document, format!("document {}", index + 1), &mut resources);
        }
        ensure!(!resources.is_empty(), "no {KIND} of {GROUP}v1alpha1");
        Ok(Self { resources })
    }

    /// Whether a document is a resource of the kind that is read, or a list of resources.
    #[must_use]
    pub fn are_in(document: &Value) -> bool {
        is_plugin(document) || is_list(document)
    }

    /// The filters in the order of Istio's chain, each with its place; those that cannot be read come last.
    #[must_use]
    pub fn filters(&self) -> Vec<Named> {
        let mut ranked: Vec<(Rank, Named)> = Vec::new();
        let mut refused = Vec::new();
        for (place, value) in &self.resources {
            match Resource::read(value) {
                Ok(resource) => {
                    let rank = rank(&resource);
                    ranked
                        .push((rank, Named { place: resource.place(place), plugin: Ok(resource.plugin()) }));
                }
                Err(errors) => refused.extend(
                    errors
                        .into_iter()
                        .map(|error| Named { place: place.clone(), plugin: Err(Error::msg(error)) }),
                ),
            }
        }
        ranked.sort_by(|(one, _), (other, _)| one.cmp(other));
        ranked.into_iter().map(|(_, named)| named).chain(refused).collect()
    }

    /// The filters in the order of Istio's chain.
    ///
    /// # Errors
    /// The first resource that Istio would refuse, with its place.
    pub fn plugins(&self) -> Result<Vec<PluginSpec>> {
        self.filters().into_iter().map(|Named { place, plugin }| plugin.context(place)).collect()
    }
}

fn rank(resource: &Resource) -> Rank {
    let (metadata, spec) = (&resource.metadata, &resource.spec);
    (
        spec.phase,
        Reverse(spec.priority),
        metadata.namespace == ROOT_NAMESPACE,
        metadata.creation_timestamp.clone(),
        metadata.name.clone(),
        metadata.namespace.clone(),
    )
}

fn is_plugin(document: &Value) -> bool {
    let text = |key: &str| document.get(key).and_then(Value::as_str).unwrap_or_default();
    text("kind") == KIND && text("apiVersion").starts_with(GROUP)
}

fn is_list(document: &Value) -> bool {
    let kind = document.get("kind").and_then(Value::as_str).unwrap_or_default();
    kind.ends_with("List") && document.get("items").is_some_and(Value::is_array)
}

fn collect(document: &Value, place: String, resources: &mut Vec<(String, Value)>) {
    if is_plugin(document) {
        resources.push((place, document.clone()));
    } else if is_list(document) {
        for (index, item) in super::items(document.get("items")).enumerate() {
            collect(item, format!("{place}.items[{index}]"), resources);
        }
    }
}

#[cfg(test)]
#[path = "istio/tests.rs"]
mod tests;
