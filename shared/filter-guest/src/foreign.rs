//! Envoy's `verify_signature` (`source/extensions/common/wasm/ext/verify_signature.proto`): protocol buffers in and out.

use crate::abi;

/// Result of a good signature, byte for byte: field 1, `true`. A host that answers anything else, nothing included, has
/// not said so: that the call succeeded means only that there is an answer.
const GOOD: [u8; 2] = [0x08, 0x01];

/// Whether the host says that it is a signature. `None`: it has no such function, or cannot read the question.
pub(crate) fn verify_signature(hash: &str, key: &[u8], signature: &[u8], text: &[u8]) -> Option<bool> {
    let mut question = Vec::with_capacity(
        [hash.len(), key.len(), signature.len(), text.len()]
            .iter()
            .fold(24, |sum, one| sum.saturating_add(*one)),
    );
    for (field, bytes) in [(1_u8, hash.as_bytes()), (2, key), (3, signature), (4, text)] {
        // Length-delimited.
        question.push(field << 3 | 2);
        varint(&mut question, bytes.len());
        question.extend_from_slice(bytes);
    }
    abi::foreign_function("verify_signature", &question).ok().map(|answer| answer == GOOD)
}

fn varint(bytes: &mut Vec<u8>, mut number: usize) {
    loop {
        let low = u8::try_from(number & 0x7f).unwrap_or_default();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}
