//! The functions a guest can call, under the names and with the signatures of proxy-wasm-cpp-host
//! (`src/exports.cc`, `WasmBase::registerCallbacks`).
//!
//! Module `env` has the `proxy_*` functions of the guest's version of the ABI, `pthread_equal` and
//! `emscripten_notify_memory_growth`; `wasi_unstable` and `wasi_snapshot_preview1` both have the WASI functions. A
//! module that imports anything else cannot be run: no host has a global for it, and, unlike V8 in Envoy, this one
//! has no memory or table for it either (no toolchain asks for them).
//!
//! # What they answer
//!
//! `proxy_*` functions answer a [`Status`], WASI functions an `errno`. Arguments are checked in the order of
//! `exports.cc`: a kind of map, buffer or stream that does not exist is `BadArgument` before any pointer is looked
//! at, and a range outside the memory is `InvalidMemoryAccess`, the place for the result included. What had to be
//! done before the result could be written is done by then. Serialised pairs that do not parse are no pairs.
//!
//! Bytes are handed over in memory from the guest's own `malloc` (else `proxy_on_memory_allocate`). While it runs,
//! and while the module starts, only some functions may be called; any other traps (`restricted_callback`). A trap
//! in the allocator ends the callback that needed memory. (Envoy lets that callback run on in the dead VM.)
//!
//! With capabilities (`capability_restriction_config`), a function that is not among them answers
//! `InternalFailure`, a WASI function `ENOTCAPABLE`, and a line is logged.
//!
//! # Where a host differs from Envoy on purpose
//!
//! - Everything has a bound ([`Limits`](crate::Limits)): beyond it the answer is `InternalFailure`.
//! - A header of a local reply with a line break or a NUL in its name or value is left out, with a warning in the
//!   log; Envoy sends it as it is.
//! - `CallData` is an empty buffer; in Envoy it is whatever buffer the context looked at last.
//! - `proxy_get_log_level` answers trace: every line is kept.
//! - `proxy_done` finds nothing that waits for it: root contexts are not shut down.
//! - gRPC through Google's client and a description of no service are bad arguments; Envoy aborts at the second. What
//!   is sent on a gRPC stream and the time-out of a gRPC call do not reach the network.
//! - An answer of a foreign function for which the guest gives no memory is `InvalidMemoryAccess`; Envoy crashes.

mod buffers;
pub(crate) mod callout;
mod grpc;
mod headers;
mod properties;
mod state;
mod streams;
mod system;
mod wasi;

use std::collections::BTreeSet;
use std::iter::repeat_n;

use wasmtime::{Engine, ExternType, FuncType, Linker, ValType};

use crate::abi::{AbiVersion, Level, Status};
use crate::error::LoadError;
use crate::memory::{Guest, Stop};
use crate::vm::callback::described;
use crate::vm::{Restriction, VmState};

/// What a function comes to that only answers a number.
type Done = Result<(), Status>;
/// What a function comes to that hands bytes over, too.
type Handed = Result<(), Stop>;

/// What the guest gets to see of a result.
trait Answer {
    fn number(self) -> wasmtime::Result<u32>;
}

impl Answer for Done {
    fn number(self) -> wasmtime::Result<u32> {
        Ok(self.err().unwrap_or(Status::Ok) as u32)
    }
}

impl Answer for Handed {
    fn number(self) -> wasmtime::Result<u32> {
        match self {
            Ok(()) => Ok(Status::Ok as u32),
            Err(Stop::Status(status)) => Ok(status as u32),
            Err(Stop::Trap(trap)) => Err(trap),
        }
    }
}

impl Answer for u32 {
    fn number(self) -> wasmtime::Result<u32> {
        Ok(self)
    }
}

/// A type of WebAssembly in a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    I32,
    I64,
}

trait Parameter {
    const TYPE: Type;
}

impl Parameter for u32 {
    const TYPE: Type = Type::I32;
}

impl Parameter for u64 {
    const TYPE: Type = Type::I64;
}

impl From<Type> for ValType {
    fn from(one: Type) -> Self {
        match one {
            Type::I32 => Self::I32,
            Type::I64 => Self::I64,
        }
    }
}

/// A function of the host.
struct HostFunction {
    name: &'static str,
    parameters: &'static [Type],
    answers: bool,
    link: fn(&mut Linker<VmState>, &'static str, Gate) -> wasmtime::Result<()>,
}

impl HostFunction {
    fn signature(&self, engine: &Engine) -> FuncType {
        let parameters = self.parameters.iter().map(|one| ValType::from(*one));
        FuncType::new(engine, parameters, repeat_n(ValType::I32, usize::from(self.answers)))
    }
}

/// Declares host functions: the exported name, the parameters, and what runs (`=`) or what is always answered (`=>`).
macro_rules! host_functions {
    ($($(#[$doc:meta])* $visibility:vis $list:ident {
        $($name:literal($($argument:ident: $type:ty),*) $how:tt $body:expr;)+
    })+) => {$(
        $(#[$doc])*
        $visibility const $list: &[$crate::hostcalls::HostFunction] = &[$($crate::hostcalls::HostFunction {
            name: $name,
            parameters: &[$(<$type as $crate::hostcalls::Parameter>::TYPE),*],
            answers: true,
            link: |linker, module, gate| {
                let run = move |mut guest: $crate::memory::Guest<'_>, $($argument: $type),*| {
                    gate.run(&mut guest, |guest| host_functions!(@$how $body, guest $(, $argument)*))
                };
                linker.func_wrap(module, $name, run).map(drop)
            },
        },)+];
    )+};
    (@= $body:expr, $($argument:ident),+) => { $body($($argument),+) };
    (@=> $answer:expr, $($argument:ident),+) => {{
        let _ = ($($argument),+);
        $answer
    }};
}
use host_functions;

/// A function that takes a number and answers none.
macro_rules! silent_function {
    ($name:literal) => {
        $crate::hostcalls::HostFunction {
            name: $name,
            parameters: &[$crate::hostcalls::Type::I32],
            answers: false,
            link: |linker, module, gate| {
                let run = move |mut guest: $crate::memory::Guest<'_>, _: u32| {
                    gate.run(&mut guest, |_| Ok::<(), $crate::abi::Status>(())).map(drop)
                };
                linker.func_wrap(module, $name, run).map(drop)
            },
        }
    };
}
use silent_function;

/// To whom a function belongs: it decides what a guest is told that may not call it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Interface {
    /// What compilers call; always allowed.
    Compiler,
    ProxyWasm,
    Wasi,
}

/// What stands before a host function.
#[derive(Clone, Copy)]
struct Gate {
    name: &'static str,
    interface: Interface,
    capable: bool,
    /// May be called while the module starts.
    starting: bool,
    /// May be called while the guest allocates.
    allocating: bool,
}

impl Gate {
    fn new(interface: Interface, name: &'static str, capabilities: &BTreeSet<String>) -> Self {
        let unrestricted = interface == Interface::Compiler || capabilities.is_empty();
        Self {
            name,
            interface,
            capable: unrestricted || capabilities.contains(name),
            starting: DURING_START.contains(&name)
                || interface == Interface::Wasi && wasi::during_start(name),
            allocating: DURING_ALLOCATION.contains(&name),
        }
    }

    fn run<A: Answer>(
        self,
        guest: &mut Guest<'_>,
        body: impl FnOnce(&mut Guest<'_>) -> A,
    ) -> wasmtime::Result<u32> {
        let allowed = match guest.data().restriction {
            Restriction::None => true,
            Restriction::Start => self.starting,
            Restriction::Allocation => self.allocating,
        };
        if !allowed {
            wasmtime::bail!("restricted_callback");
        }
        if self.capable { body(guest).number() } else { Ok(self.refuse(guest.data_mut())) }
    }

    fn refuse(self, state: &mut VmState) -> u32 {
        let (kind, answer) = match self.interface {
            Interface::Wasi => ("WASI", wasi::NOT_CAPABLE),
            _ => ("proxy-wasm", Status::InternalFailure as u32),
        };
        let line = format!("Attempted call to restricted {kind} capability: {}", self.name);
        system::log_line(state, Level::Error, line.as_bytes());
        answer
    }
}

/// `WasmBase::startVm` allows these beside WASI functions.
const DURING_START: &[&str] = &["emscripten_notify_memory_growth", "proxy_log"];
/// `WasmBase::allocMemory` allows these.
const DURING_ALLOCATION: &[&str] = &["proxy_log", "fd_write", "clock_time_get", "poll_oneoff"];

/// Every function there is for a version of the ABI: the module it is in, whose it is, and itself.
fn functions(
    abi: AbiVersion,
) -> impl Iterator<Item = (&'static str, Interface, &'static HostFunction)> + Clone {
    let specific: [&[HostFunction]; 2] = match abi {
        AbiVersion::V0_1_0 => [streams::V0_1_0, system::V0_1_0],
        AbiVersion::V0_2_0 => [streams::V0_2, &[]],
        AbiVersion::V0_2_1 => [streams::V0_2, system::V0_2_1],
    };
    let common = [
        buffers::FUNCTIONS,
        callout::FUNCTIONS,
        grpc::FUNCTIONS,
        headers::FUNCTIONS,
        properties::FUNCTIONS,
        state::FUNCTIONS,
        streams::FUNCTIONS,
        system::FUNCTIONS,
    ];
    let of = |module, interface| move |function| (module, interface, function);
    let compiler = system::COMPILER.into_iter().flatten().map(of("env", Interface::Compiler));
    let proxy_wasm = common.into_iter().chain(specific).flatten().map(of("env", Interface::ProxyWasm));
    let unstable = wasi::FUNCTIONS.into_iter().flatten().map(of("wasi_unstable", Interface::Wasi));
    let preview1 = wasi::FUNCTIONS.into_iter().flatten().map(of("wasi_snapshot_preview1", Interface::Wasi));
    compiler.chain(proxy_wasm).chain(unstable).chain(preview1)
}

/// Whether the host has everything a module asks for, with the same signatures (`V8::link`).
pub(crate) fn check_imports(module: &wasmtime::Module, abi: AbiVersion) -> Result<(), LoadError> {
    for import in module.imports() {
        let name = format!("{}.{}", import.module(), import.name());
        let found = functions(abi)
            .find(|(module, _, function)| *module == import.module() && function.name == import.name());
        let (Some((_, _, function)), ExternType::Func(want)) = (found, import.ty()) else {
            return Err(LoadError::MissingImport(name));
        };
        let have = function.signature(module.engine());
        let equal = |one: &ValType, other: &ValType| ValType::eq(one, other);
        let same = want.params().len() == have.params().len()
            && want.results().len() == have.results().len()
            && want.params().zip(have.params()).all(|(one, other)| equal(&one, &other))
            && want.results().zip(have.results()).all(|(one, other)| equal(&one, &other));
        if !same {
            return Err(LoadError::ImportType { name, want: described(&want), have: described(&have) });
        }
    }
    Ok(())
}

/// The functions for a version of the ABI. Unless `capabilities` is empty, those it does not name are there, but
/// refuse.
pub(crate) fn linker(
    engine: &Engine,
    abi: AbiVersion,
    capabilities: &BTreeSet<String>,
) -> wasmtime::Result<Linker<VmState>> {
    let mut linker = Linker::new(engine);
    for (module, interface, function) in functions(abi) {
        (function.link)(&mut linker, module, Gate::new(interface, function.name, capabilities))?;
    }
    Ok(linker)
}
