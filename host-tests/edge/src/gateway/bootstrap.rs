//! The file as a run has it. What is replaced is replaced in its text, so that all else is what a user copies.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use super::Surroundings;
use crate::authority::{Authority, TLS_FOLDER};

/// The gateway, from the repository root.
pub const FILE: &str = "envoy-configs/envoy/gateway.yaml";
/// The administration, which the metrics listener calls.
const ADMIN: &str = "127.0.0.1, port_value: 9901";
/// The authorities of the system.
const SYSTEM: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The load balancers of the file.
const BALANCERS: &str = "address_prefix: 10.0.0.10, prefix_len: 32";

/// The bootstrap as a tree: what starts Envoy hands over JSON. That Envoy reads our YAML itself a test shows.
pub(super) fn tree(text: &str) -> Result<Value> {
    serde_saphyr::from_str(text).map_err(|error| anyhow::anyhow!("{error}"))
}

/// The bootstrap as Envoy is given it. `admin` is the port of the administration, the listeners take free ones.
///
/// # Errors
/// The file does not have what is to be replaced.
pub fn text(authority: &Authority, surroundings: &Surroundings, admin: u16) -> Result<String> {
    let root = backends::root()?;
    let mut text = std::fs::read_to_string(root.join(FILE)).context(FILE)?;
    let (network, bits) = &surroundings.load_balancers;
    replace(&mut text, TLS_FOLDER, utf8(authority.tls())?)?;
    replace(&mut text, SYSTEM, utf8(&authority.root())?)?;
    replace(&mut text, ADMIN, &format!("127.0.0.1, port_value: {admin}"))?;
    replace(&mut text, BALANCERS, &format!("address_prefix: {network:?}, prefix_len: {bits}"))?;
    for port in [443, 8443, 8444, 80, 8081, 9102] {
        replace(&mut text, &format!("0.0.0.0, port_value: {port} "), "127.0.0.1, port_value: 0 ")?;
    }
    for (place, addr) in [
        ("127.0.0.1, port_value: 9000", surroundings.api),
        ("127.0.0.1, port_value: 9001", surroundings.api_grpc),
        ("idp.example.com, port_value: 443", surroundings.idp),
        ("127.0.0.1, port_value: 7379", surroundings.rate_limit),
        ("127.0.0.1, port_value: 7380", surroundings.idempotency),
        ("127.0.0.1, port_value: 7381", surroundings.revocation),
    ] {
        replace(&mut text, &format!("address: {place} "), &address(addr))?;
    }
    for (mark, on) in [("#api+ ", surroundings.api_tls), ("#redis+ ", surroundings.redis_tls)] {
        ensure!(text.contains(mark), "{FILE}: no line begins with {mark:?}");
        if on {
            text = text.replace(mark, "");
        }
    }
    Ok(text)
}

pub(super) fn address(addr: SocketAddr) -> String {
    format!("address: {:?}, port_value: {} ", addr.ip().to_string(), addr.port())
}

pub(super) fn replace(text: &mut String, from: &str, to: &str) -> Result<()> {
    ensure!(text.contains(from), "the file has no {from:?}");
    *text = text.replace(from, to);
    Ok(())
}

pub(super) fn utf8(path: &Path) -> Result<&str> {
    path.to_str().with_context(|| format!("{}: not UTF-8", path.display()))
}
