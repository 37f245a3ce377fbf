//! What stands for a client's values where others may read.

use filter_core::config::{At, Secret};
use filter_core::policy::hex;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// Shortest secret, in bytes.
const LEAST: usize = 16;

/// HMAC-SHA-256 (RFC 2104) by the operator's secret.
pub(crate) struct KeySecret(Hmac<Sha256>);

impl KeySecret {
    /// `None`: an error was reported.
    pub(crate) fn new(secret: &Secret<String>, at: &At<'_>) -> Option<Self> {
        let secret = secret.expose().as_bytes();
        let keyed = Hmac::new_from_slice(secret).ok().filter(|_| secret.len() >= LEAST);
        if keyed.is_none() {
            at.error(format!("the secret must have at least {LEAST} bytes"));
        }
        keyed.map(Self)
    }

    /// The first 128 bits of the code, as 32 hexadecimal digits.
    pub(crate) fn digits(&self, bytes: &[u8]) -> String {
        let code = self.0.clone().chain_update(bytes).finalize().into_bytes();
        hex(code.get(..16).unwrap_or_default())
    }
}
