//! schema-guard's check as one function of a module.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use wasmtime::{Engine, Instance, Linker, Memory, Module, Store, TypedFunc};

/// A running module with a schema.
pub struct Guest {
    store: Store<()>,
    memory: Memory,
    room: TypedFunc<u32, u32>,
    compile: TypedFunc<(), u32>,
    check: TypedFunc<(), u32>,
}

impl Guest {
    /// Starts the module of this file.
    ///
    /// # Errors
    /// There is no such file, or it is another module.
    pub fn start(path: &Path) -> Result<Self> {
        let engine = Engine::default();
        let bytes =
            std::fs::read(path).with_context(|| format!("{}: run `make bench-schema`", path.display()))?;
        let module = Module::new(&engine, bytes).map_err(of_wasmtime)?;
        let mut store = Store::new(&engine, ());
        let mut linker = Linker::new(&engine);
        // WASI: the check asks for none of it.
        linker.define_unknown_imports_as_default_values(&mut store, &module).map_err(of_wasmtime)?;
        let instance = linker.instantiate(&mut store, &module).map_err(of_wasmtime)?;
        if let Ok(start) = instance.get_typed_func::<(), ()>(&mut store, "_initialize") {
            start.call(&mut store, ()).map_err(of_wasmtime)?;
        }
        let memory = instance.get_memory(&mut store, "memory").context("no memory")?;
        let room = instance.get_typed_func(&mut store, "room").map_err(of_wasmtime)?;
        let compile = function(&instance, &mut store, "compile")?;
        let check = function(&instance, &mut store, "check")?;
        Ok(Self { store, memory, room, compile, check })
    }

    /// From now on documents are held against this schema.
    ///
    /// # Errors
    /// It is none.
    pub fn compile(&mut self, schema: &Value) -> Result<()> {
        self.write(schema.to_string().as_bytes())?;
        let compiled = self.compile.call(&mut self.store, ()).map_err(of_wasmtime)?;
        ensure!(compiled == 1, "the schema does not compile");
        Ok(())
    }

    /// How long it takes to hand over a document, read it and find it valid, so many times.
    ///
    /// # Errors
    /// It is not valid.
    pub fn check(&mut self, text: &str, times: u32) -> Result<Duration> {
        let start = Instant::now();
        for _ in 0..times {
            self.write(text.as_bytes())?;
            let valid = self.check.call(&mut self.store, ()).map_err(of_wasmtime)?;
            ensure!(valid == 1, "the document is not valid");
        }
        Ok(start.elapsed())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let length = u32::try_from(bytes.len())?;
        let at = self.room.call(&mut self.store, length).map_err(of_wasmtime)?;
        Ok(self.memory.write(&mut self.store, usize::try_from(at)?, bytes)?)
    }
}

fn function(instance: &Instance, store: &mut Store<()>, name: &str) -> Result<TypedFunc<(), u32>> {
    instance.get_typed_func(store, name).map_err(of_wasmtime)
}

fn of_wasmtime(error: wasmtime::Error) -> anyhow::Error {
    anyhow::anyhow!("{error:#}")
}
