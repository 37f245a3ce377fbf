//! The places a case can run.

mod envoy;
mod native;

use std::fmt;

use anyhow::Result;
use serde::Deserialize;

use crate::envoy_config::{Bootstrap, PluginSpec};
use crate::observation::Observation;
use crate::request::Request;
use crate::settings::Settings;

/// An executor by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// The policies, called as functions in this process.
    Native,
    /// A real Envoy with the built modules.
    Envoy,
}

impl Kind {
    /// All, in the order they run.
    pub const ALL: [Self; 2] = [Self::Native, Self::Envoy];
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Native => "native",
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

/// One gateway, set up from one bootstrap.
pub(crate) enum Executor {
    Native(native::Native),
    Envoy(Box<envoy::EnvoyExecutor>),
}

impl Executor {
    /// Sets the gateway up; an error is about the bootstrap or the machine, not about a case.
    pub(crate) async fn start(kind: Kind, bootstrap: &Bootstrap, settings: &Settings) -> Result<Self> {
        Ok(match kind {
            Kind::Native => Self::Native(native::Native::new(bootstrap, settings)?),
            Kind::Envoy => Self::Envoy(Box::new(envoy::EnvoyExecutor::start(bootstrap, settings).await?)),
        })
    }

    /// Sends one request; `answer` is what the upstream says if it gets there.
    pub(crate) async fn send(
        &mut self,
        request: &Request,
        answer: recorder::Response,
    ) -> Result<Observation> {
        match self {
            Self::Native(native) => native.send(request, &answer),
            Self::Envoy(envoy) => envoy.send(request, answer).await,
        }
    }

    /// Ends the gateway; what went wrong with it over all cases.
    pub(crate) async fn finish(self) -> Result<Vec<String>> {
        match self {
            Self::Native(_) => Ok(Vec::new()),
            Self::Envoy(envoy) => envoy.finish().await,
        }
    }
}
