//! Calls functions of the host by name: one that no host has, and `verify_signature` of Envoy with a right
//! signature and with wrong ones.
//!
//! The key and the signature (RSASSA-PKCS1-v1_5 with SHA-256 over [`TEXT`]) are fixed; its private key is gone.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]

use guests::hex;
use log::info;
use proxy_wasm::hostcalls::call_foreign_function;
use proxy_wasm::traits::{Context, HttpContext};
use proxy_wasm::types::{Action, LogLevel};

proxy_wasm::main! {{
    proxy_wasm::set_log_level(LogLevel::Trace);
    proxy_wasm::set_http_context(|_, _| Box::new(Foreign));
}}

const TEXT: &[u8] = b"signed by a stranger";
const PUBLIC_KEY: &[u8] = include_bytes!("../keys/rsa-public.der");
const SIGNATURE: &[u8] = include_bytes!("../keys/rsa-sha256.signature");

/// `envoy.source.extensions.common.wasm.VerifySignatureArguments`, field by field.
fn arguments(hash: &str, key: &[u8], signature: &[u8], text: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    for (number, bytes) in [(1, hash.as_bytes()), (2, key), (3, signature), (4, text)] {
        // A length-delimited field: its tag, its length as a varint, its bytes.
        message.push(number << 3 | 2);
        let mut length = bytes.len();
        loop {
            let [low, ..] = length.to_le_bytes();
            length >>= 7;
            message.push(if length > 0 { low | 0x80 } else { low });
            if length == 0 {
                break;
            }
        }
        message.extend_from_slice(bytes);
    }
    message
}

fn log_call(what: &str, name: &str, arguments: Option<&[u8]>) {
    match call_foreign_function(name, arguments) {
        Ok(Some(bytes)) => info!("{what}: {}", hex(&bytes)),
        Ok(None) => info!("{what}: nothing"),
        Err(status) => info!("{what}: {status:?}"),
    }
}

struct Foreign;

impl Context for Foreign {}

impl HttpContext for Foreign {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        log_call("unknown", "no_such_function", Some(b"x"));
        log_call("unnamed", "", None);
        let call = |what: &str, arguments: &[u8]| log_call(what, "verify_signature", Some(arguments));
        call("right", &arguments("sha256", PUBLIC_KEY, SIGNATURE, TEXT));
        call("right, hash in upper case", &arguments("SHA256", PUBLIC_KEY, SIGNATURE, TEXT));
        call("another text", &arguments("sha256", PUBLIC_KEY, SIGNATURE, b"signed by a strangeR"));
        call("another hash", &arguments("sha384", PUBLIC_KEY, SIGNATURE, TEXT));
        call("a hash nobody knows", &arguments("sha257", PUBLIC_KEY, SIGNATURE, TEXT));
        let (_, short) = SIGNATURE.split_at(1);
        call("a short signature", &arguments("sha256", PUBLIC_KEY, short, TEXT));
        call("an empty signature", &arguments("sha256", PUBLIC_KEY, b"", TEXT));
        let (_, broken) = PUBLIC_KEY.split_at(1);
        call("a broken key", &arguments("sha256", broken, SIGNATURE, TEXT));
        call("no arguments", b"");
        call("no message", b"\xff\xff\xff");
        let compressed = call_foreign_function("compress", Some(TEXT));
        let back = compressed.map(|bytes| call_foreign_function("uncompress", bytes.as_deref()));
        info!("compressed and back: {}", matches!(back, Ok(Ok(Some(text))) if text == TEXT));
        log_call("uncompress what is not compressed", "uncompress", Some(b"junk"));
        Action::Continue
    }
}
