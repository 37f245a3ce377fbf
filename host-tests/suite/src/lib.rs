//! The cases, and the tests that run them on every executor: what the tests share.

pub mod clients;
pub mod figures;
pub mod gateway;
pub mod patience;
pub mod server;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};
use replay::Settings;
use replay::envoy_config::{Bootstrap, Rewrite};

/// The root of the repository.
///
/// # Errors
/// This crate does not lie in one.
pub fn root() -> Result<PathBuf> {
    Ok(settings()?.root)
}

/// The surroundings of every run here, with the secrets that the shipped files name.
///
/// # Errors
/// This crate does not lie in a repository.
pub fn settings() -> Result<Settings> {
    let mut settings = Settings::discover(Path::new(env!("CARGO_MANIFEST_DIR")))?;
    let secret = |name: &str| (name.to_owned(), "a secret that stands for another".to_owned());
    settings.environment.extend(["PORTCULLIS_KEY_SECRET", "PORTCULLIS_WEBDIS_PASSWORD"].map(secret));
    Ok(settings)
}

/// The files directly in `folder` (from the repository root) with this extension, sorted; at least one.
///
/// # Errors
/// There is none, or the folder cannot be read.
pub fn files(folder: &str, extension: &str) -> Result<Vec<PathBuf>> {
    let found = below(&root()?.join(folder), extension, &|_| false)?;
    ensure!(!found.is_empty(), "{folder}: no .{extension} file");
    Ok(found)
}

/// The files with this extension in `folder` and in those of its sub-folders that `enter` accepts by name, sorted.
///
/// # Errors
/// A folder cannot be read.
pub fn below(folder: &Path, extension: &str, enter: &dyn Fn(&str) -> bool) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if enter(name) {
                found.extend(below(&path, extension, enter)?);
            }
        } else if path.extension().is_some_and(|have| have == extension) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

/// The names of the folders directly in `folder` (from the repository root), sorted.
///
/// # Errors
/// The folder cannot be read.
pub fn folders(folder: &str) -> Result<Vec<String>> {
    let entries = std::fs::read_dir(root()?.join(folder)).with_context(|| folder.to_owned())?;
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| folder.to_owned())?;
        if entry.path().is_dir() {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found.sort();
    Ok(found)
}

/// The bootstrap at `path` as a test runs it: free ports, this tree's modules, and an upstream that nobody is
/// behind.
///
/// # Errors
/// It is no bootstrap, or a module is missing.
pub fn runnable(path: &Path) -> Result<String> {
    let nobody = SocketAddr::from(([127, 0, 0, 1], 9));
    let rewrite = Rewrite { upstream: nobody, dist: &settings()?.dist, access_log: None };
    Bootstrap::read(path)?.rewritten(&rewrite).with_context(|| path.display().to_string())
}
