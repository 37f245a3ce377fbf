//! Every way in which Redis or its gateway can fail is shown by a case.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use filter_core::redis::BackendError;
use suite::files;

/// The reasons that the caller says in the responses which a case file expects.
fn reasons(text: &str) -> BTreeSet<&str> {
    let values = text.split("x-caller: ").skip(1);
    values.filter_map(|rest| rest.split([' ', ',', '}', '\n']).next()).collect()
}

#[test]
fn every_error_of_a_backend_is_what_a_case_expects() -> Result<()> {
    let texts = files("host-tests/suite/cases/redis", "yaml")?
        .iter()
        .map(|path| std::fs::read_to_string(path).with_context(|| path.display().to_string()))
        .collect::<Result<Vec<_>>>()?;
    let found: BTreeSet<&str> = texts.iter().flat_map(|text| reasons(text)).collect();
    for error in BackendError::ALL {
        ensure!(found.contains(error.as_str()), "{error}: no case expects it");
    }
    Ok(())
}
