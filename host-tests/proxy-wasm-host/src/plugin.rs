//! A plugin: a module with a configuration, as an Envoy filter of the chain has it.

use std::collections::BTreeSet;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use crate::engine::Module;

/// What becomes of traffic when the VM has failed (`envoy.extensions.wasm.v3.FailurePolicy`).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// 503 from then on.
    #[default]
    Closed,
    /// The filter is passed over.
    Open,
    /// A fresh VM serves the next request, once the back-off is over.
    Reload,
}

/// A filter of the chain (`envoy.extensions.wasm.v3.PluginConfig`).
#[derive(Debug, Clone)]
pub struct Plugin {
    /// The instance's name.
    pub name: String,
    /// Which root context of the module.
    pub root_id: String,
    /// The name space of shared data and queues.
    pub vm_id: String,
    /// The module.
    pub module: Module,
    /// The VM's configuration.
    pub vm_configuration: Vec<u8>,
    /// The plugin's configuration.
    pub configuration: Vec<u8>,
    /// The environment, in the order in which the module finds it.
    pub environment: Vec<(String, String)>,
    /// What happens after a trap.
    pub failure_policy: FailurePolicy,
    /// For how long after its failure a VM is not replaced. Envoy: 1 s, up to half more at random.
    pub reload_backoff: Duration,
    /// A pause on the headers holds them alone: the body still comes to the filter.
    pub allow_on_headers_stop_iteration: bool,
    /// Host functions and callbacks by name; empty: all (`capability_restriction_config`).
    pub capabilities: BTreeSet<String>,
}

impl Plugin {
    /// A plugin with Envoy's defaults.
    #[must_use]
    pub fn new(name: &str, module: Module, configuration: impl Into<Vec<u8>>) -> Self {
        Self {
            name: name.to_owned(),
            root_id: String::new(),
            vm_id: String::new(),
            module,
            vm_configuration: Vec::new(),
            configuration: configuration.into(),
            environment: Vec::new(),
            failure_policy: FailurePolicy::default(),
            reload_backoff: Duration::from_secs(1),
            allow_on_headers_stop_iteration: false,
            capabilities: BTreeSet::new(),
        }
    }

    /// Plugins with the same key share a VM on every thread (`makeVmKey`). Environment and capabilities are
    /// part of the VM too.
    pub(crate) fn vm_key(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        let mut part = |bytes: &[u8]| {
            hash.update(bytes.len().to_le_bytes());
            hash.update(bytes);
        };
        part(self.vm_id.as_bytes());
        part(&self.vm_configuration);
        part(self.module.digest());
        for (name, value) in &self.environment {
            part(name.as_bytes());
            part(value.as_bytes());
        }
        for capability in &self.capabilities {
            part(capability.as_bytes());
        }
        hash.finalize().into()
    }

    /// Plugins with the same key share a root context in their VM (`PluginBase::makePluginKey`).
    pub(crate) fn key(&self) -> (&str, &str, &[u8]) {
        (&self.name, &self.root_id, &self.configuration)
    }

    /// What Envoy prints after `wasm log` for streams of this plugin.
    pub(crate) fn log_prefix(&self) -> String {
        prefix(&[&self.name, &self.root_id, &self.vm_id])
    }

    /// The same for its root context, which has no name.
    pub(crate) fn root_log_prefix(&self) -> String {
        prefix(&[&self.root_id, &self.vm_id])
    }
}

fn prefix(parts: &[&str]) -> String {
    parts.iter().filter(|part| !part.is_empty()).copied().collect::<Vec<&str>>().join(" ")
}
