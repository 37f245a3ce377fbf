//! Recorded traffic: what every format becomes, and what is said where it cannot be read.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod envoy;
mod files;
mod har;
mod har_broken;
mod jsonl;
mod properties;
mod raw;
mod redact;
mod redact_files;
mod tap;

use std::io::Cursor;
use std::path::{Path, PathBuf};

use replay::request::Request;
use replay::traffic::{Exchange, Format, Item, Reader};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// What a text holds, and what was said while reading it.
fn try_read(name: &str, text: &[u8], format: Option<Format>) -> anyhow::Result<(Vec<Item>, Vec<String>)> {
    let mut reader = Reader::from_read(name, Cursor::new(text.to_vec()), format)?;
    let items = reader.by_ref().collect::<anyhow::Result<Vec<Item>>>()?;
    Ok((items, reader.warnings().iter().map(ToString::to_string).collect()))
}

fn exchanges(items: Vec<Item>) -> Vec<Exchange> {
    let exchange = |item| match item {
        Item::Exchange(exchange) => exchange,
        Item::Setup(setup) => panic!("a setup: {setup:?}"),
    };
    items.into_iter().map(exchange).collect()
}

fn read(name: &str, text: impl AsRef<[u8]>) -> (Vec<Exchange>, Vec<String>) {
    let (items, warnings) = try_read(name, text.as_ref(), None).unwrap();
    (exchanges(items), warnings)
}

/// The message of the error that ends the reading.
fn error(name: &str, text: impl AsRef<[u8]>) -> String {
    match try_read(name, text.as_ref(), None) {
        Ok((items, _)) => panic!("{} items without an error", items.len()),
        Err(error) => format!("{error:#}"),
    }
}

/// A request in one line, with its headers.
fn shown(exchange: &Exchange) -> String {
    let request = exchange.step.request(None);
    let Request { method, path, authority, scheme, protocol, .. } = &request;
    let headers: Vec<String> =
        request.headers.iter().map(|(name, value)| format!("{name}={}", value.escape_ascii())).collect();
    let body =
        request.body.as_ref().map_or("none".to_owned(), |body| body.concat().escape_ascii().to_string());
    format!(
        "{method} {scheme}://{}{} {protocol:?} [{}] {body}",
        authority.escape_ascii(),
        path.escape_ascii(),
        headers.join(", ")
    )
}

/// An answer in one line.
fn answer(exchange: &Exchange) -> String {
    let response = exchange.step.response().unwrap();
    let headers: Vec<String> =
        response.headers().iter().map(|(name, value)| format!("{name}={}", value.escape_ascii())).collect();
    format!("{} [{}] {}", response.status(), headers.join(", "), response.body().escape_ascii())
}

fn ids(exchanges: &[Exchange]) -> Vec<&str> {
    exchanges.iter().map(|exchange| exchange.id.as_str()).collect()
}

fn times(exchanges: &[Exchange]) -> Vec<u128> {
    exchanges.iter().map(|exchange| exchange.at.as_millis()).collect()
}
