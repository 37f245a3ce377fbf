//! Where the modules are.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail, ensure};

use crate::envoy_config::PluginSpec;

/// The folder of built modules, from the working directory or the root of the repository.
const DIST: &str = "dist";

/// Places of modules that the files do not know.
#[derive(Debug, Default)]
pub struct Modules {
    overrides: Vec<(String, PathBuf)>,
    used: RefCell<BTreeSet<usize>>,
}

impl Modules {
    /// The overrides: a name, and where what has that name is.
    #[must_use]
    pub fn new(overrides: Vec<(String, PathBuf)>) -> Self {
        Self { overrides, used: RefCell::default() }
    }

    /// The file of a filter's module; `config` is the file that describes the filter.
    ///
    /// # Errors
    /// It is in none of the places; all are named.
    pub fn find(&self, plugin: &PluginSpec, config: &Path) -> Result<PathBuf> {
        let overriding = self.overrides.iter().position(|(name, _)| is_called(plugin, name));
        if let Some((index, path)) = overriding.and_then(|index| Some((index, &self.overrides.get(index)?.1)))
        {
            self.used.borrow_mut().insert(index);
            ensure!(
                path.is_file(),
                "{}: no such file, given for the module of {:?}",
                path.display(),
                plugin.name
            );
            return Ok(path.clone());
        }
        let places = places(&plugin.wasm, config);
        if let Some(found) = places.iter().find(|place| place.is_file()) {
            return Ok(found.clone());
        }
        let places: Vec<String> = places.iter().map(|place| place.display().to_string()).collect();
        bail!(
            "the module of {:?} ({}) is not found; looked at {}. --module {}=PATH says where it is",
            plugin.name,
            plugin.wasm.display(),
            places.join(", "),
            plugin.name
        )
    }

    /// The overrides that no filter asked for.
    #[must_use]
    pub fn unused(&self) -> Vec<&str> {
        let used = self.used.borrow();
        let all = self.overrides.iter().enumerate();
        all.filter(|(index, _)| !used.contains(index)).map(|(_, (name, _))| name.as_str()).collect()
    }
}

/// Whether a name means this filter's module: the instance, the module as the file names it, its file name
/// with or without extension.
fn is_called(plugin: &PluginSpec, name: &str) -> bool {
    let wasm = &plugin.wasm;
    let file = wasm.file_name().and_then(|file| file.to_str());
    plugin.name == name || wasm.to_str() == Some(name) || file == Some(name) || plugin.plugin() == name
}

/// As the file says it, from the file's folder and from the working directory; then among the built modules.
fn places(wasm: &Path, config: &Path) -> Vec<PathBuf> {
    let mut places = Vec::new();
    let mut add = |place: PathBuf| {
        if !places.contains(&place) {
            places.push(place);
        }
    };
    add(config.parent().unwrap_or(Path::new("")).join(wasm));
    add(wasm.to_owned());
    if let Some(file) = wasm.file_name() {
        add(Path::new(DIST).join(file));
        let repository = crate::Settings::discover(config).ok();
        for dist in repository.iter().map(|settings| &settings.dist) {
            add(below_dist(wasm).map_or_else(|| dist.join(file), |below| dist.join(below)));
        }
    }
    places
}

/// The part of a path below a folder called `dist`.
fn below_dist(wasm: &Path) -> Option<PathBuf> {
    let below: PathBuf = wasm.components().skip_while(|part| part.as_os_str() != DIST).skip(1).collect();
    (below.components().next().is_some() && wasm.is_relative()).then_some(below)
}
