//! Any bytes are requests, and none of them is lost.

#![no_main]

use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::{read, written_is_read_again};
use replay::traffic::{Format, Item};

fuzz_target!(|input: &[u8]| {
    let items = read(input, Format::Raw).expect("no bytes are refused");
    let raw = items.iter().flat_map(|item| match item {
        Item::Exchange(exchange) => exchange.step.request(None).raw.unwrap_or_default(),
        Item::Setup(_) => Vec::new(),
    });
    let raw: Vec<u8> = raw.collect();
    let rest = input.strip_prefix(raw.as_slice()).expect("the bytes are those of the input");
    assert!(rest.iter().all(|byte| matches!(byte, b'\r' | b'\n')), "{}", rest.escape_ascii());
    written_is_read_again(&items);
});
