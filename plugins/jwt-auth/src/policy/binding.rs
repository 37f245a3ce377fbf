//! Tokens that only the holder of a certificate may use (RFC 8705 section 3).

use super::JwtAuth;
use crate::accepted::{Accepted, Binding};
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
        let note = match (provider.binding, accepted.binding) {
            (CertificateBinding::Ignore, _) | (CertificateBinding::IfPresent, Binding::None) => return Ok(()),
            (CertificateBinding::Require, Binding::None) => "the token is bound to no certificate",
            (_, Binding::Malformed) => "the token's binding is malformed",
            (_, Binding::To(wanted)) => match *seen.get_or_insert_with(|| certificate(cx)) {
                Some(certificate) if certificate == wanted => return Ok(()),
                Some(_) => "the token is bound to another certificate",
                None => "the client has no certificate",
            },
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
