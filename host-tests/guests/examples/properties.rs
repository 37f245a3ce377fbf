//! Shows properties in both phases, sets one and reads it back.
//!
//! Configuration: `request=path` and `response=path` name what is logged in these phases, `presence=path` what
//! differs from run to run, of which only the size is logged, in both. A request may name others in `x-show`.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]

use std::rc::Rc;

use guests::{Settings, hex, property, shown};
use log::info;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_root_context(|_| Box::new(Root { settings: Rc::default() }));
}}

struct Root {
    settings: Rc<Settings>,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        self.settings = Rc::new(Settings::read(self));
        true
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Properties { settings: Rc::clone(&self.settings), asked: None }))
    }
}

struct Properties {
    settings: Rc<Settings>,
    /// The paths a request asks for instead of the configured ones.
    asked: Option<String>,
}

impl Properties {
    fn log_phase(&self, phase: &str) {
        if let Some(asked) = &self.asked {
            asked.split(',').for_each(|path| log_property(phase, path));
            return;
        }
        self.settings.all(phase).for_each(|path| log_property(phase, path));
        for path in self.settings.all("presence") {
            info!("{phase} {path}: {}", property(path).map_or_else(|status| format!("{status:?}"), size));
        }
    }
}

fn size(value: Option<Vec<u8>>) -> String {
    value.map_or_else(|| "absent".to_owned(), |value| format!("{} bytes", value.len()))
}

fn log_property(phase: &str, path: &str) {
    match property(path) {
        Ok(Some(value)) if value.iter().all(|byte| matches!(byte, b' '..=b'~')) => {
            info!("{phase} {path}: {}", shown(&value));
        }
        Ok(Some(value)) => info!("{phase} {path}: 0x{}", hex(&value)),
        Ok(None) => info!("{phase} {path}: absent"),
        Err(status) => info!("{phase} {path}: {status:?}"),
    }
}

impl Context for Properties {}

impl HttpContext for Properties {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.asked = self.get_http_request_header("x-show");
        self.log_phase("request");
        if let Some(note) = self.get_http_request_header_bytes("x-note") {
            self.set_property(vec!["guest_note"], Some(&note));
            self.set_property(vec!["guest", "deep", "note"], Some(b"deep"));
            self.set_property(vec!["guest_empty"], None);
            for path in ["guest_note", "guest.deep.note", "guest", "guest_empty", "wasm.guest_note"] {
                log_property("set", path);
            }
            self.set_property(vec!["guest_note"], Some(b"again"));
            log_property("set", "guest_note");
        }
        Action::Continue
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.log_phase("response");
        if let Some(note) = self.get_property(vec!["guest_note"]) {
            self.set_http_response_header_bytes("x-note", Some(&note));
        }
        Action::Continue
    }
}
