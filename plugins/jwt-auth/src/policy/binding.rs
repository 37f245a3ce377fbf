//! Tokens that only the holder of a certificate may use (RFC 8705 section 3).

use super::JwtAuth;
use crate::accepted::Accepted;
use crate::config::CertificateBinding;
use filter_core::denial::{Denial, Reason};
use filter_core::policy::Cx;

impl JwtAuth {
    /// Whether the client has the certificate that the token is bound to.
    pub(super) fn bound(
        &self,
        accepted: &Accepted,
        seen: &mut Option<Option<[u8; 32]>>,
        cx: &dyn Cx,
    ) -> Result<(), Denial> {
        let Some(provider) = self.providers.get(accepted.provider) else { return Ok(()) };
        let wanted = match (provider.binding, accepted.binding) {
            (CertificateBinding::Ignore, _) | (CertificateBinding::IfPresent, None) => return Ok(()),
            (CertificateBinding::Require, None) => None,
            (_, Some(digest)) => Some(digest),
        };
        let certificate = *seen.get_or_insert_with(|| certificate(cx));
        if wanted.is_some() && wanted == certificate {
            return Ok(());
        }
        let note = match (wanted, certificate) {
            (None, _) => "the token is bound to no certificate",
            (_, None) => "the client has no certificate",
            _ => "the token is bound to another certificate",
        };
        Err(self.challenges.denial(Reason::JwtBinding).note(note))
    }
}

/// SHA-256 of the client's certificate, which Envoy gives in hexadecimal digits.
fn certificate(cx: &dyn Cx) -> Option<[u8; 32]> {
    let text = cx.property(&["connection", "sha256_peer_certificate_digest"])?;
    let mut digest = [0; 32];
    if text.len() != 64 {
        return None;
    }
    let digit = |byte: u8| char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    for (byte, pair) in digest.iter_mut().zip(text.as_chunks().0) {
        let [high, low] = *pair;
        *byte = digit(high)? << 4 | digit(low)?;
    }
    Some(digest)
}
