//! The WebAssembly engine and compiled modules.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use wasmtime::{Config, ExternType, InstancePre};

use crate::abi::AbiVersion;
use crate::error::LoadError;
use crate::hostcalls;
use crate::vm::VmState;
use crate::vm::callback::check_signatures;

/// How often a running guest is interrupted to look at its CPU time.
const TICK: Duration = Duration::from_millis(5);

/// Compiles and runs modules. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    pub(crate) inner: wasmtime::Engine,
    pub(crate) fuel: bool,
    /// Ends the ticking thread with the last engine.
    _alive: Arc<()>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Engine").field("fuel", &self.fuel).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine. With `fuel`, what every callback burns is counted, at the price of speed.
    ///
    /// # Errors
    /// This machine cannot run compiled WebAssembly.
    pub fn new(fuel: bool) -> Result<Self, LoadError> {
        let mut config = Config::new();
        config.epoch_interruption(true).consume_fuel(fuel);
        let inner =
            wasmtime::Engine::new(&config).map_err(|error| LoadError::Instance(format!("{error:#}")))?;
        let alive = Arc::new(());
        tick(inner.clone(), Arc::downgrade(&alive));
        Ok(Self { inner, fuel, _alive: alive })
    }
}

fn tick(engine: wasmtime::Engine, alive: Weak<()>) {
    thread::spawn(move || {
        while alive.strong_count() > 0 {
            thread::sleep(TICK);
            engine.increment_epoch();
        }
    });
}

/// A compiled proxy-wasm module. Cheap to clone.
#[derive(Clone)]
pub struct Module {
    inner: wasmtime::Module,
    engine: Engine,
    abi: AbiVersion,
    digest: [u8; 32],
}

impl fmt::Debug for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Module").field("abi", &self.abi).finish_non_exhaustive()
    }
}

impl Module {
    /// Compiles a module, and checks everything about it that does not depend on its configuration.
    ///
    /// # Errors
    /// As Envoy refuses it: corrupted, no ABI marker, a missing or mistyped import or callback, no allocator.
    pub fn new(engine: &Engine, bytes: &[u8]) -> Result<Self, LoadError> {
        let inner = wasmtime::Module::from_binary(&engine.inner, bytes)
            .map_err(|error| LoadError::Corrupted(format!("{error:#}")))?;
        let functions = inner.exports().filter(|export| matches!(export.ty(), ExternType::Func(_)));
        let abi = functions.filter_map(|export| AbiVersion::of_marker(export.name())).next();
        let abi = abi.ok_or(LoadError::AbiVersion)?;
        hostcalls::check_imports(&inner, abi)?;
        check_signatures(&inner, abi)?;
        let digest = Sha256::digest(bytes).into();
        Ok(Self { inner, engine: engine.clone(), abi, digest })
    }

    /// The ABI it was built for.
    #[must_use]
    pub fn abi(&self) -> AbiVersion {
        self.abi
    }

    /// SHA-256 of its bytes.
    #[must_use]
    pub fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The module with its host functions; unless `capabilities` is empty, those it does not name are refused
    /// when called.
    pub(crate) fn linked(&self, capabilities: &BTreeSet<String>) -> Result<InstancePre<VmState>, LoadError> {
        hostcalls::linker(&self.engine.inner, self.abi, capabilities)
            .and_then(|linker| linker.instantiate_pre(&self.inner))
            .map_err(|error| LoadError::Instance(format!("{error:#}")))
    }
}
