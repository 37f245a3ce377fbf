//! The root context: one per configuration and VM.

use crate::abi::{self, BufferType};
use crate::host::{Host, VmEnv};
use crate::stream::HttpStream;
use filter_core::effect::Level;
use filter_core::policy::Policy;
use filter_core::redact;
use filter_core::stream::Filter;
use std::cell::RefCell;
use std::rc::Rc;

/// Holds the filter that its streams share. Until a configuration was accepted it refuses every request.
pub(crate) struct Root<P: Policy> {
    filter: Rc<RefCell<Filter<P>>>,
    host: Rc<Host>,
}

impl<P: Policy> Default for Root<P> {
    fn default() -> Self {
        Self { filter: Rc::default(), host: Rc::default() }
    }
}

impl<P: Policy> Root<P> {
    /// Pure but for its log lines: Envoy calls this on W + 2 VMs, the canary included.
    pub(crate) fn configure(&mut self, size: usize) -> bool {
        // Without a configuration the host answers "not found", which reads as an empty one.
        let bytes = abi::buffer(BufferType::PluginConfiguration, size).unwrap_or_default();
        let name = abi::property("plugin_name").and_then(|name| String::from_utf8(name).ok());
        let name = name.filter(|name| !name.is_empty()).unwrap_or_else(|| P::NAME.to_owned());
        let Ok(mut filter) = self.filter.try_borrow_mut() else { return false };
        match filter.configure(&name, &bytes, &VmEnv) {
            Ok(digest) => {
                let (version, revision, profile) = build();
                let text =
                    format!("{name}: {} {version} ({revision}, {profile}) configuration {digest}", P::NAME);
                abi::log(Level::Info, &redact::line(&text));
                true
            }
            Err(errors) => {
                let errors = errors.as_slice();
                let text = format!("{name}: configuration refused, {} error(s)", errors.len());
                abi::log(Level::Critical, &redact::line(&text));
                for error in errors {
                    abi::log(Level::Critical, &redact::line(&format!("{name}: {error}")));
                }
                false
            }
        }
    }

    /// The context of a new stream.
    pub(crate) fn stream(&self) -> HttpStream<P> {
        HttpStream::new(self.filter.clone(), self.host.clone())
    }
}

/// Version, git revision and profile of this module.
fn build() -> (&'static str, &'static str, &'static str) {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    (env!("CARGO_PKG_VERSION"), option_env!("PORTCULLIS_REVISION").unwrap_or("unknown"), profile)
}
