//! Bytes from a guest are pairs or none, and pairs survive the way to a guest and back.

#![no_main]

use libfuzzer_sys::fuzz_target;
use proxy_wasm_host::pairs::{MAX_PAIRS, decode, encode};

fuzz_target!(|input: &[u8]| {
    let pairs = decode(input);
    assert!(pairs.len() <= MAX_PAIRS);
    let encoded = encode(pairs.iter().map(|(name, value)| (name.as_slice(), value.as_slice())));
    assert_eq!(decode(&encoded), pairs);
    // There is one way to write pairs: what is not that way was refused.
    assert!(pairs.is_empty() || encoded == input);
});
