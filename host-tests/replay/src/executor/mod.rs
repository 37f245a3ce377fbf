//! The places a case can run.

mod envoy;
mod native;
mod real;
mod wasm;

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::Result;
use serde::Deserialize;

use crate::envoy_config::{Bootstrap, PluginSpec};
use crate::observation::{LogLine, Observation};
use crate::settings::Settings;
use crate::step::{CallOut, Split, Step};

pub use real::Purpose;
pub(crate) use wasm::observed;

/// An executor by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The policies, called as functions in this process.
    Native,
    /// The built modules in a model of Envoy.
    Wasm,
    /// A real Envoy with the built modules.
    Envoy,
}

impl Kind {
    /// All, in the order they run.
    pub const ALL: [Self; 3] = [Self::Native, Self::Wasm, Self::Envoy];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
            Self::Wasm => "wasm",
            Self::Envoy => "envoy",
        })
    }
}

/// Configures a plugin as the native executor does.
///
/// # Errors
/// No plugin has this name, or everything that is wrong with its configuration, a line each.
pub fn check(plugin: &PluginSpec, settings: &Settings) -> Result<()> {
    native::check(plugin, settings)
}

/// What a plugin that would start does otherwise than its configuration says, for the want of something in Envoy's.
///
/// # Errors
/// As [`check`].
pub(crate) fn advice(plugin: &PluginSpec, settings: &Settings) -> Result<Vec<String>> {
    let (awaits, holds) = native::body(plugin, settings)?;
    let flag = "allow_on_headers_stop_iteration";
    Ok(match (holds, plugin.allow_on_headers_stop_iteration) {
        _ if !awaits => Vec::new(),
        (true, false) => vec![format!(
            "config.{flag}: absent or false, and the plugin's configuration says `hold_headers: true`: every request with a body \
             hangs until it is refused. Set `{flag}: true` beside `vm_config` (Envoy 1.35 or later; a WasmPlugin of Istio cannot \
             say it), or `hold_headers: false`"
        )],
        (false, true) => vec![format!(
            "config.{flag}: true, and the plugin's configuration says `hold_headers: false`: the upstream gets the head of a \
             request before its body is refused. Say `hold_headers: true`, or leave the flag out"
        )],
        _ => Vec::new(),
    })
}

/// Whether [`check`] knows the plugin.
pub(crate) fn is_native(plugin: &PluginSpec) -> bool {
    native::is_known(plugin)
}

/// One gateway, set up from one bootstrap.
pub(crate) enum Executor {
    Native(Box<native::Native>),
    Wasm(Box<wasm::WasmExecutor>),
    Envoy(Box<envoy::EnvoyExecutor>),
}

/// What a gateway is started with.
#[derive(Clone, Copy)]
pub(crate) struct Start<'a> {
    pub(crate) bootstrap: &'a Bootstrap,
    pub(crate) settings: &'a Settings,
    /// When a modelled gateway starts, since the Unix epoch.
    pub(crate) now: Duration,
    /// Worker threads.
    pub(crate) workers: u32,
    /// Answers to call-outs that belong to no request.
    pub(crate) callouts: &'a [CallOut],
    /// The clusters with a real Redis behind them, where Envoy is real, too.
    pub(crate) real: &'a BTreeMap<String, Purpose>,
    /// Whether clients may have addresses of their own.
    pub(crate) proxied: bool,
}

impl Executor {
    /// Sets the gateway up; an error is about the bootstrap or the machine, not about a case.
    pub(crate) async fn start(kind: Kind, start: &Start<'_>) -> Result<Self> {
        Ok(match kind {
            Kind::Native => Self::Native(Box::new(native::Native::new(start)?)),
            Kind::Wasm => Self::Wasm(Box::new(wasm::WasmExecutor::start(start)?)),
            Kind::Envoy => Self::Envoy(Box::new(envoy::EnvoyExecutor::start(start).await?)),
        })
    }

    /// What the filters logged before the first request; `None` from an executor that does not know.
    pub(crate) fn start_logs(&self) -> Option<&[LogLine]> {
        match self {
            Self::Native(_) => None,
            Self::Wasm(wasm) => Some(wasm.start_logs()),
            Self::Envoy(envoy) => Some(envoy.start_logs()),
        }
    }

    /// Sends one request, its body split as the step says, else in this way.
    pub(crate) async fn send(&mut self, step: &Step, split: Option<Split>) -> Result<Observation> {
        let mut seen = match self {
            Self::Native(native) => native.send(step, split),
            Self::Wasm(wasm) => wasm.send(step, split),
            Self::Envoy(envoy) => envoy.send(step, split).await,
        }?;
        seen.hide_nonces();
        Ok(seen)
    }

    /// Ends the gateway; what went wrong with it over all cases.
    pub(crate) async fn finish(self) -> Result<Vec<String>> {
        match self {
            Self::Native(_) | Self::Wasm(_) => Ok(Vec::new()),
            Self::Envoy(envoy) => envoy.finish().await,
        }
    }
}
