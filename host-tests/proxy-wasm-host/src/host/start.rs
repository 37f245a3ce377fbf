//! Plugins are started, and VMs that failed replaced (`createWasm`, `getOrCreateThreadLocalPlugin` of
//! proxy-wasm-cpp-host, `PluginConfig` in Envoy's `source/extensions/common/wasm/plugin.cc`).

use std::rc::Rc;

use super::{Host, Installed, Invoked};
use crate::error::StartError;
use crate::message::Network;
use crate::plugin::{FailurePolicy, Plugin};
use crate::stream::nanoseconds;
use crate::vm::callback::Callback;
use crate::vm::{Template, Vm, VmAt};

impl<N: Network> Host<N> {
    pub(super) fn install(&mut self, plugins: Vec<Plugin>) -> Result<(), StartError> {
        let mut keys: Vec<[u8; 32]> = Vec::new();
        for plugin in plugins {
            let plugin = Rc::new(plugin);
            let key = plugin.vm_key();
            let vm = match keys.iter().position(|have| *have == key) {
                Some(vm) => vm,
                None => {
                    keys.push(key);
                    self.templates.push(template(&plugin)?);
                    let vm = self.templates.len() - 1;
                    // The base VM: it is started, and other VMs are copies of it.
                    self.load(vm, self.main())?;
                    vm
                }
            };
            self.chain.push(Installed { plugin, vm });
        }
        // The canaries: what a configuration is first tried on.
        for at in 0..self.chain.len() {
            self.forget(self.main());
            self.configure(self.main(), at)?;
        }
        self.forget(self.main());
        for thread in std::iter::once(self.main()).chain(0..self.workers) {
            for at in 0..self.chain.len() {
                self.configure(thread, at)?;
            }
        }
        Ok(())
    }

    fn main(&self) -> usize {
        self.workers
    }

    fn forget(&mut self, thread: usize) {
        if let Some(thread) = self.threads.get_mut(thread) {
            thread.vms.clear();
            thread.roots.clear();
        }
    }

    /// Loads and starts a VM, in the place of the one that is there.
    fn load(&mut self, vm: usize, thread: usize) -> Result<VmAt, StartError> {
        self.generations += 1;
        let at = VmAt { thread, vm, generation: self.generations };
        let template = self.templates.get(vm);
        let name = template.map(|template| template.plugin.name.clone()).unwrap_or_default();
        let limits = Rc::clone(&self.world.limits);
        let made = template.map(|template| Vm::new(template, at, &limits));
        let mut made = match made {
            Some(Ok(made)) => made,
            Some(Err(source)) => return Err(StartError::Load { plugin: name, source }),
            None => return Err(StartError::Refused { plugin: name }),
        };
        made.start(&mut self.world).map_err(|trap| StartError::Trap { plugin: name, trap })?;
        if let Some(thread) = self.threads.get_mut(thread) {
            if thread.vms.len() <= vm {
                thread.vms.resize_with(vm + 1, || None);
            }
            if let Some(slot) = thread.vms.get_mut(vm) {
                *slot = Some(made);
            }
        }
        Ok(at)
    }

    /// Makes the root context of a plugin on a thread, and its VM first where there is none.
    fn configure(&mut self, thread: usize, at: usize) -> Result<(), StartError> {
        let Some(Installed { plugin, vm }) = self.chain.get(at).cloned() else { return Ok(()) };
        let running = self.running_vm(thread, vm).filter(|(_, failed)| !failed);
        let vm_at = match running {
            Some((at, _)) => at,
            None => self.load(vm, thread)?,
        };
        let root = match self.shared_root(thread, at, vm_at.generation) {
            Some(root) => root,
            None => self.start_root(vm_at, &plugin)?,
        };
        if let Some(thread) = self.threads.get_mut(thread) {
            if thread.roots.len() <= at {
                thread.roots.resize(at + 1, None);
            }
            if let Some(slot) = thread.roots.get_mut(at) {
                *slot = Some((vm_at.generation, root));
            }
        }
        self.set_configuring(vm_at, Some(&plugin));
        let size = u32::try_from(plugin.configuration.len()).unwrap_or(u32::MAX);
        let configured = self.invoke(vm_at, root, Callback::Configure, [size, 0, 0, 0], None);
        self.set_configuring(vm_at, None);
        match configured {
            Invoked::Answer(answer) if answer.value == 0 => {
                Err(StartError::Configuration { plugin: plugin.name.clone() })
            }
            Invoked::Failed => Err(self.start_trap(&plugin)),
            _ => Ok(()),
        }
    }

    fn start_root(&mut self, vm_at: VmAt, plugin: &Rc<Plugin>) -> Result<u32, StartError> {
        let root = self.vm(vm_at).map_or(0, |vm| vm.create_context(0, plugin, None));
        self.set_configuring(vm_at, Some(plugin));
        let created = self.invoke(vm_at, root, Callback::ContextCreate, [0; 4], None);
        self.set_configuring(vm_at, None);
        let size = u32::try_from(plugin.vm_configuration.len()).unwrap_or(u32::MAX);
        let started = match created {
            Invoked::Failed => Invoked::Failed,
            _ => self.invoke(vm_at, root, Callback::VmStart, [size, 0, 0, 0], None),
        };
        match started {
            Invoked::Answer(answer) if answer.value == 0 => {
                Err(StartError::Refused { plugin: plugin.name.clone() })
            }
            Invoked::Failed => Err(self.start_trap(plugin)),
            _ => Ok(root),
        }
    }

    fn start_trap(&mut self, plugin: &Plugin) -> StartError {
        match self.traps.pop() {
            Some(trap) => StartError::Trap { plugin: plugin.name.clone(), trap },
            None => StartError::Refused { plugin: plugin.name.clone() },
        }
    }

    fn set_configuring(&mut self, at: VmAt, plugin: Option<&Rc<Plugin>>) {
        if let Some(vm) = self.vm(at) {
            vm.state().configuring = plugin.cloned();
        }
    }

    /// A root context of an equal plugin before this one in the chain.
    fn shared_root(&self, thread: usize, at: usize, generation: u64) -> Option<u32> {
        let wanted = self.chain.get(at)?;
        let mut before = self.chain.iter().take(at).enumerate();
        let (twin, _) =
            before.find(|(_, other)| other.vm == wanted.vm && other.plugin.key() == wanted.plugin.key())?;
        self.root(thread, twin, generation)
    }

    pub(super) fn root(&self, thread: usize, at: usize, generation: u64) -> Option<u32> {
        let (have, root) = (*self.threads.get(thread)?.roots.get(at)?)?;
        (have == generation).then_some(root)
    }

    /// The VM of this number on a thread, and whether it has failed.
    pub(super) fn running_vm(&mut self, thread: usize, vm: usize) -> Option<(VmAt, bool)> {
        let vm = self.threads.get_mut(thread)?.vms.get_mut(vm)?.as_mut()?;
        Some((vm.state().at, vm.failed()))
    }

    /// Where a plugin serves a new stream: the VM and its root context. `None`: the filter is passed over.
    pub(super) fn serving(&mut self, thread: usize, at: usize) -> Option<(VmAt, u32)> {
        let Installed { plugin, vm } = self.chain.get(at).cloned()?;
        let (current, failed) = self.running_vm(thread, vm)?;
        // Another plugin in the same VM may have had it replaced.
        let failed = failed || self.root(thread, at, current.generation).is_none();
        if !failed {
            return Some((current, self.root(thread, at, current.generation)?));
        }
        match plugin.failure_policy {
            FailurePolicy::Open => return None,
            FailurePolicy::Reload => {
                if let Some(serving) = self.reloaded(thread, at, current, &plugin) {
                    return Some(serving);
                }
            }
            FailurePolicy::Closed => {}
        }
        let (generation, root) = (*self.threads.get(thread)?.roots.get(at)?)?;
        Some((VmAt { generation, ..current }, root))
    }

    /// The plugin in a fresh VM, unless the back-off is not over or it does not start.
    fn reloaded(&mut self, thread: usize, at: usize, current: VmAt, plugin: &Plugin) -> Option<(VmAt, u32)> {
        let replaced = self.vm(current).is_some_and(|vm| !vm.failed());
        let failed_at = self.vm(current).map_or(0, |vm| vm.failed_at);
        let due = self.world.now.saturating_sub(failed_at) >= nanoseconds(plugin.reload_backoff);
        if !(due || replaced) || self.configure(thread, at).is_err() {
            return None;
        }
        let (fresh, _) = self.running_vm(thread, current.vm)?;
        Some((fresh, self.root(thread, at, fresh.generation)?))
    }
}

fn template(plugin: &Rc<Plugin>) -> Result<Template, StartError> {
    let module = &plugin.module;
    let instance = module
        .linked(&plugin.capabilities)
        .map_err(|source| StartError::Load { plugin: plugin.name.clone(), source })?;
    Ok(Template { engine: module.engine().clone(), instance, abi: module.abi(), plugin: Rc::clone(plugin) })
}
