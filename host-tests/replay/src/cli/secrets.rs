//! What hides secrets, as the command line says.

use anyhow::Result;
use clap::Args;
use replay::traffic::{Found, Redactor};

#[derive(Debug, Args)]
pub(super) struct Secrets {
    /// Mask this member of JSON bodies too (RFC 6901, such as /password); may be repeated
    #[arg(long, value_name = "POINTER", conflicts_with = "no_redact")]
    redact_pointer: Vec<String>,
    /// Mask nothing: results then hold what authenticates your clients
    #[arg(long)]
    no_redact: bool,
}

impl Secrets {
    pub(super) fn redactor(&self) -> Result<Redactor> {
        if self.no_redact { Ok(Redactor::off()) } else { Redactor::new(&self.redact_pointer) }
    }
}

/// A message without what looks like a secret.
pub(super) fn masked(text: &str) -> String {
    match Redactor::new::<&str>(&[]) {
        Ok(redactor) => {
            String::from_utf8_lossy(&redactor.text(text.as_bytes(), &Found::default())).into_owned()
        }
        Err(_) => String::new(),
    }
}
