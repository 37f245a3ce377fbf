//! Where the programs and the repository are.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// The root of the repository.
///
/// # Errors
/// This crate does not lie in one.
pub fn root() -> Result<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors().nth(2).map(Path::to_owned).context("the root of the repository")
}

/// Redis: `$REDIS_SERVER`, else what `make tools` unpacked, else the one on `PATH`.
///
/// # Errors
/// There is none; the message names `make tools`.
pub fn redis_server() -> Result<PathBuf> {
    program("REDIS_SERVER", ".tools/redis/bin/redis-server", "redis-server")
}

/// Webdis: `$WEBDIS`, else what `make tools` unpacked, else the one on `PATH`. `make tools` unpacks one only where that on
/// `PATH` is too old.
///
/// # Errors
/// There is none; the message names `make tools`.
pub fn webdis() -> Result<PathBuf> {
    program("WEBDIS", ".tools/webdis/bin/webdis", "webdis")
}

/// nginx: `$NGINX`, else what `make tools` unpacked, else the one on `PATH`.
///
/// # Errors
/// There is none; the message names `make tools`.
pub fn nginx() -> Result<PathBuf> {
    program("NGINX", ".tools/nginx/bin/nginx", "nginx")
}

/// OpenSSL's command line: `$OPENSSL`, else what `make tools` unpacked, else the one on `PATH`.
///
/// # Errors
/// There is none; the message names `make tools`.
pub fn openssl() -> Result<PathBuf> {
    program("OPENSSL", ".tools/openssl/bin/openssl", "openssl")
}

/// curl, likewise.
///
/// # Errors
/// There is none; the message names `make tools`.
pub fn curl() -> Result<PathBuf> {
    program("CURL", ".tools/curl/bin/curl", "curl")
}

/// jq, likewise.
///
/// # Errors
/// There is none; the message names `make tools`.
pub fn jq() -> Result<PathBuf> {
    program("JQ", ".tools/jq/bin/jq", "jq")
}

fn program(variable: &str, unpacked: &str, name: &str) -> Result<PathBuf> {
    if let Some(named) = std::env::var_os(variable).filter(|path| !path.is_empty()) {
        return Ok(named.into());
    }
    let unpacked = root()?.join(unpacked);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(name));
    std::iter::once(unpacked)
        .chain(on_path)
        .find(|path| path.is_file())
        .with_context(|| format!("no {name}: run `make tools`, or name one in ${variable}"))
}
