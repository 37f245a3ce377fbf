//! Base64url without padding (RFC 4648 section 5, RFC 7515 section 2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// What a text stands for; of each value there is one text: padding, white space, the other alphabet and bits to spare
/// are refused (RFC 4648 sections 3.2 to 3.5).
#[must_use]
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}
