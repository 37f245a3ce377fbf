//! Lines are read or refused, and what was read is written and read again as the same.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::{read, written_is_read_again};
use replay::traffic::Format;

fuzz_target!(|input: &[u8]| {
    if let Some(items) = read(input, Format::Jsonl) {
        written_is_read_again(&items);
    }
});
