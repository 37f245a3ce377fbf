//! Functions of the host beyond the ABI, by name.

mod crypto;
mod zlib;

use std::collections::BTreeMap;
use std::fmt;

use prost::Message as _;

use crate::abi::Status;

/// A function: bytes in, bytes out.
pub type ForeignFunction = Box<dyn Fn(&[u8]) -> Result<Vec<u8>, Status>>;

/// The functions that guests may call. By default those of Envoy.
pub struct Registry(BTreeMap<String, ForeignFunction>);

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Default for Registry {
    fn default() -> Self {
        Self::envoy()
    }
}

impl Registry {
    /// None at all.
    #[must_use]
    pub fn empty() -> Self {
        Self(BTreeMap::new())
    }

    /// What Envoy has (`source/extensions/common/wasm/foreign.cc`), as far as it is modelled: `verify_signature`,
    /// `compress` and `uncompress`. Without an effect there are `clear_route_cache`, because there are no routes,
    /// `declare_property`, because every property is kept as bytes, and `set_envoy_filter_state`, which knows none
    /// of the objects that Envoy's own filters look for.
    ///
    /// Envoy also has `sign`, `expr_create`, `expr_evaluate` and `expr_delete`. A guest that calls them here is told
    /// that there is no such function.
    #[must_use]
    pub fn envoy() -> Self {
        Self::empty()
            .with("verify_signature", crypto::verify_signature)
            .with("compress", zlib::compress)
            .with("uncompress", zlib::uncompress)
            .with("clear_route_cache", |_| Ok(Vec::new()))
            .with("declare_property", |arguments| is_protobuf(arguments).map(|()| Vec::new()))
            .with("set_envoy_filter_state", |arguments| is_protobuf(arguments).and(Err(Status::NotFound)))
    }

    /// Adds a function or replaces one.
    #[must_use]
    pub fn with(mut self, name: &str, function: impl Fn(&[u8]) -> Result<Vec<u8>, Status> + 'static) -> Self {
        self.0.insert(name.to_owned(), Box::new(function));
        self
    }

    pub(crate) fn get(&self, name: &[u8]) -> Option<&ForeignFunction> {
        self.0.get(std::str::from_utf8(name).ok()?)
    }
}

/// Whether bytes are a message at all.
fn is_protobuf(bytes: &[u8]) -> Result<(), Status> {
    <()>::decode(bytes).map_err(|_| Status::BadArgument)
}
