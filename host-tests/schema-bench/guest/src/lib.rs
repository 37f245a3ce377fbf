//! schema-guard's check of a document as one function: what it costs without a gateway around it.
//!
//! The host asks for `room`, writes a schema there and calls `compile`; then a document, as often as it likes, and
//! calls `check`.
#![cfg(target_arch = "wasm32")]
#![allow(unsafe_code, reason = "functions are exported by their names")]

use filter_core::config::At;
use schema_guard::engine::{Draft, Options, Sources};
use schema_guard::json::Limits;
use schema_guard::schema::Schema;
use std::cell::RefCell;

#[derive(Default)]
struct Bench {
    text: Vec<u8>,
    schema: Option<Schema>,
}

thread_local! {
    static BENCH: RefCell<Bench> = RefCell::default();
}

/// Where so many bytes are to be written.
#[unsafe(no_mangle)]
pub extern "C" fn room(length: usize) -> *mut u8 {
    BENCH.with_borrow_mut(|bench| {
        bench.text.clear();
        bench.text.resize(length, 0);
        bench.text.as_mut_ptr()
    })
}

/// Compiles the schema that was written; 1: it is one.
#[unsafe(no_mangle)]
pub extern "C" fn compile() -> u32 {
    BENCH.with_borrow_mut(|bench| {
        let errors = RefCell::default();
        let at = At::root(&errors);
        let options = Options { draft: Draft::Draft202012, assert_formats: true, allow_unknown: false };
        let written = serde_json::from_slice(&bench.text).ok();
        let sources = Sources::none(&options, &at);
        bench.schema =
            written.zip(sources).and_then(|(written, sources)| Schema::compile(&written, &sources, &at));
        u32::from(bench.schema.is_some())
    })
}

/// Reads the document that was written and holds it against the schema; 1: it is valid.
#[unsafe(no_mangle)]
pub extern "C" fn check() -> u32 {
    BENCH.with_borrow(|bench| {
        let valid = bench
            .schema
            .as_ref()
            .is_some_and(|schema| schema.check(&bench.text, &Limits::DEFAULT, 10).is_ok());
        u32::from(valid)
    })
}
