//! What the guests share: their configuration and how they show bytes.
//!
//! The guests are the examples of this crate, a plugin each, written on the SDK in the style of its
//! documentation. A host is judged by what they log, so a guest logs only what the same traffic makes the same
//! on every run. They exist as WebAssembly alone; natively they are empty.
#![cfg(target_arch = "wasm32")]

use std::cell::RefCell;
use std::rc::Rc;

use proxy_wasm::hostcalls::get_property;
use proxy_wasm::traits::RootContext;
use proxy_wasm::types::Status;

/// The plugin configuration: lines `key=value`; a key may come several times, a line without `=` is ignored.
#[derive(Clone, Default)]
pub struct Settings(Vec<(String, String)>);

impl Settings {
    /// Reads the configuration of this root context; empty where there is none.
    pub fn read(root: &dyn RootContext) -> Self {
        let text = root.get_plugin_configuration().unwrap_or_default();
        let pairs = String::from_utf8_lossy(&text)
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()))
            .collect();
        Self(pairs)
    }

    /// The first value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().find(|(have, _)| have == key).map(|(_, value)| value.as_str())
    }

    /// Whether a key has this value.
    pub fn is(&self, key: &str, value: &str) -> bool {
        self.get(key) == Some(value)
    }

    /// All values of a key, in order.
    pub fn all<'a>(&'a self, key: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(have, _)| have == key).map(|(_, value)| value.as_str())
    }
}

/// The streams of this VM that wait for their root context, by context id.
#[derive(Clone, Default)]
pub struct Waiting(Rc<RefCell<Vec<u32>>>);

impl Waiting {
    /// Adds one.
    pub fn push(&self, context: u32) {
        self.0.borrow_mut().push(context);
    }

    /// Removes one that no longer waits.
    pub fn remove(&self, context: u32) {
        self.0.borrow_mut().retain(|other| *other != context);
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }

    /// Removes all, in order of arrival.
    pub fn take(&self) -> Vec<u32> {
        self.0.take()
    }
}

/// Bytes as printable ASCII.
pub fn shown(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

/// A value as printable ASCII, or that there is none.
pub fn shown_or_absent(value: Option<Vec<u8>>) -> String {
    value.map_or_else(|| "absent".to_owned(), |value| shown(&value))
}

/// Bytes in hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A property by its dotted path; there are some that a host knows and cannot give.
pub fn property(path: &str) -> Result<Option<Vec<u8>>, Status> {
    get_property(path.split('.').collect())
}
