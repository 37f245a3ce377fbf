//! YAML in. The only file that names the YAML library.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow};
use serde::de::DeserializeOwned;

/// Reads one YAML document.
///
/// # Errors
/// Names the line and column where the text is not YAML or does not fit `T`.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_saphyr::from_str(text).map_err(|error| anyhow!("{error}"))
}

/// Reads every YAML document of a Kubernetes manifest, empty ones left out. Integers are read as the API server's tools
/// read them: `010` is 8.
///
/// # Errors
/// As [`parse`].
pub fn manifest<T: DeserializeOwned>(text: &str) -> Result<Vec<T>> {
    let options = serde_saphyr::options! { legacy_octal_numbers: true };
    serde_saphyr::from_multiple_with_options(text, options).map_err(|error| anyhow!("{error}"))
}

/// Reads the YAML document in `path`.
///
/// # Errors
/// Names the file; else as [`parse`].
pub fn read<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    parse(&text).with_context(|| path.display().to_string())
}
