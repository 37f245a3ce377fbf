//! The world around a policy, over host calls: [`Cx`], [`SharedStore`], [`Env`], and the worker's counters.

use crate::abi;
use crate::foreign;
use filter_core::config::Env;
use filter_core::filter;
use filter_core::message::Headers;
use filter_core::policy::{Cx, Timestamp};
use filter_core::store::{Conflict, Expect, SharedStore};
use filter_core::task::CallOut;
use filter_core::workers::Queue;
use std::cell::RefCell;
use std::collections::HashMap;

/// One per root context.
#[derive(Default)]
pub(crate) struct Host {
    /// Defining a metric again would make a new handle each time.
    metrics: RefCell<HashMap<String, u32>>,
}

impl Host {
    /// Increases a counter; a host without metrics loses it, the request goes on.
    pub(crate) fn count(&self, name: String) {
        if let Some(id) = self.metric(name, abi::define_counter) {
            let _ = abi::increment(id);
        }
    }

    /// Sets a gauge.
    pub(crate) fn record(&self, name: String, value: u64) {
        if let Some(id) = self.metric(name, abi::define_gauge) {
            let _ = abi::record(id, value);
        }
    }

    fn metric(&self, name: String, define: impl FnOnce(&str) -> Result<u32, abi::Refused>) -> Option<u32> {
        let mut metrics = self.metrics.try_borrow_mut().ok()?;
        if let Some(id) = metrics.get(&name) {
            return Some(*id);
        }
        let id = define(&name).ok()?;
        metrics.insert(name, id);
        Some(id)
    }
}

impl Cx for Host {
    fn now(&self) -> Timestamp {
        Timestamp(abi::now() / 1000)
    }

    fn random(&self, bytes: &mut [u8]) -> bool {
        abi::random(bytes)
    }

    fn property(&self, path: &[&str]) -> Option<Vec<u8>> {
        abi::property(&path.join("\0"))
    }

    fn store(&self) -> &dyn SharedStore {
        self
    }

    fn verify_signature(&self, hash: &str, key: &[u8], signature: &[u8], text: &[u8]) -> Option<bool> {
        foreign::verify_signature(hash, key, signature, text)
    }
}

impl filter::Host for Host {
    fn dial(&self, call: &CallOut) -> Option<u32> {
        let pseudo = [
            (&b":method"[..], call.method.as_str().as_bytes()),
            (b":path", call.path.as_bytes()),
            (b":authority", call.authority.as_bytes()),
        ];
        let headers = call.headers.iter().map(|(name, value)| (name.as_str().as_bytes(), value.as_bytes()));
        let headers = Headers::encode(pseudo.into_iter().chain(headers));
        // Zero would mean for ever.
        let timeout = u32::try_from(call.timeout.as_millis()).unwrap_or(u32::MAX).max(1);
        abi::http_call(&call.cluster, &headers, &call.body, timeout).ok()
    }

    fn listen(&self, name: &str) -> Option<Queue> {
        abi::register_queue(name).ok()
    }
}

/// An insertion that must find nothing: any version but 0, which is unconditional, is ignored where the key is
/// absent and mismatches where it is not. Versions start at 1 and would have to wrap to reach this one.
const ABSENT: u32 = u32::MAX;

impl SharedStore for Host {
    fn get(&self, key: &str) -> Option<(Vec<u8>, u32)> {
        abi::shared_data(key)
    }

    fn cas(&self, key: &str, value: &[u8], expect: Expect) -> Result<(), Conflict> {
        let cas = match expect {
            Expect::Absent => ABSENT,
            // 0 would mean "whatever is there".
            Expect::Version(0) => return Err(Conflict),
            Expect::Version(version) => version,
        };
        abi::set_shared_data(key, value, cas).map_err(|_| Conflict)
    }
}

/// The variables of the VM configuration, which the host serves as the WASI environment.
pub(crate) struct VmEnv;

impl Env for VmEnv {
    fn var(&self, name: &str) -> Option<String> {
        std::env::var(name).ok()
    }
}
