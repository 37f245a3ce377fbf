//! Where a run finds its parts.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::envoy::Launch;

/// What marks the root of the repository.
const MARK: &str = "Cargo.lock";

/// The surroundings of a run.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The repository root: `config:` paths and Envoy's working directory start here.
    pub root: PathBuf,
    /// The folder of the built modules.
    pub dist: PathBuf,
    /// Environment variables for the gateway, on top of this process's own.
    pub environment: Vec<(String, String)>,
}

impl Settings {
    /// The repository that `file` lies in, else the one of the current directory.
    ///
    /// # Errors
    /// Neither lies in a repository: no folder above holds a `Cargo.lock`.
    pub fn discover(file: &Path) -> Result<Self> {
        let here = std::env::current_dir().context("current directory")?;
        let from = |start: &Path| start.ancestors().find(|dir| dir.join(MARK).is_file()).map(Path::to_owned);
        let root = file.canonicalize().ok().and_then(|file| from(&file)).or_else(|| from(&here));
        let root = root.with_context(|| {
            format!("{}: neither it nor the current directory lies in a folder with a {MARK}", file.display())
        })?;
        Ok(Self { dist: root.join("dist"), root, environment: Vec::new() })
    }

    /// The same for starting Envoy.
    #[must_use]
    pub fn launch(&self) -> Launch {
        Launch { root: self.root.clone(), environment: self.environment.clone() }
    }

    /// An environment variable as the gateway has it.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        let given = self.environment.iter().rev().find(|(key, _)| key == name);
        given.map(|(_, value)| value.clone()).or_else(|| std::env::var(name).ok())
    }
}
