//! What can go wrong with a module, a VM or a host.

use thiserror::Error;

/// Why bytes are no module that can be run.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Not WebAssembly, or more than the engine knows.
    #[error("corrupted Wasm module: {0}")]
    Corrupted(String),
    /// No function export marks the ABI.
    #[error("missing or unknown Proxy-Wasm ABI version")]
    AbiVersion,
    /// It asks for what no proxy-wasm host has.
    #[error("missing import: {0}")]
    MissingImport(String),
    /// It asks for a host function with another signature.
    #[error("import type mismatch: {name}, want: {want}, but host exports: {have}")]
    ImportType {
        /// `module.name`
        name: String,
        /// The module's signature.
        want: String,
        /// The host's.
        have: String,
    },
    /// It has no function the host could allocate memory with.
    #[error("missing malloc function (malloc or proxy_on_memory_allocate)")]
    MissingMalloc,
    /// It exports no memory.
    #[error("missing memory export")]
    MissingMemory,
    /// A callback has another signature than the ABI's.
    #[error("bad function signature for: {name}, want: {want}, but the module exports: {have}")]
    ExportType {
        /// The callback.
        name: String,
        /// The ABI's signature.
        want: String,
        /// The module's.
        have: String,
    },
    /// It needs more memory or tables than the limit from the start.
    #[error("failed to create a Wasm instance: {0}")]
    Instance(String),
}

/// Why a plugin does not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The module cannot be run.
    #[error("{plugin}: {source}")]
    Load {
        /// The plugin.
        plugin: String,
        /// Why.
        #[source]
        source: LoadError,
    },
    /// The VM trapped during its start.
    #[error("{plugin}: {trap}")]
    Trap {
        /// The plugin.
        plugin: String,
        /// What happened.
        trap: Trap,
    },
    /// `proxy_on_vm_start` answered false.
    #[error("{plugin}: the module refuses to start")]
    Refused {
        /// The plugin.
        plugin: String,
    },
    /// `proxy_on_configure` answered false.
    #[error("{plugin}: the module refuses its configuration")]
    Configuration {
        /// The plugin.
        plugin: String,
    },
}

/// A guest function that did not return. The VM is dead.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("function: {function} failed: {reason}")]
pub struct Trap {
    /// The exported function that was called.
    pub function: String,
    /// What the engine says.
    pub reason: String,
}
