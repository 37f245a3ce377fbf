//! What schema-guard takes to read a document and hold it against a schema, beside ajv in Node: the same schemas and
//! texts, by turns in one run. The module is run by wasmtime, without a gateway: one call for each document.

pub mod ajv;
pub mod documents;
pub mod guest;
