//! rate-limit beside Envoy's own limits, local and global; none of them has anything to refuse.

mod backends;
mod native;
mod ours;

use std::path::Path;

use anyhow::Result;
use serde_json::json;

pub use self::backends::Backends;
pub(crate) use self::ours::{SECRET, secret};
use crate::variants::{Chain, Guest, Kind, Variant, module, wasm_filter};

/// What the report says about them.
pub const NOTE: &str = "Every limit counts 1,000,000 requests a second by the client's address, more than anybody sends; \
    with two limits, also of all clients together. Before measuring, every variant must refuse the second request of \
    one with a header that selects a limit of one an hour. Behind `ratelimit` is a reference service, which is ours \
    (`host-tests/bench/src/service`): per request one pipelined INCRBY and PEXPIRE in the same Redis that rate-limit asks \
    through Webdis, and nothing else; a call that fails would be an error of the run, there and with rate-limit. Redis (without a file), Webdis and the service run on the load generator's core; \
    what they need is not the gateway's, and is in the second table.";

/// Requests per second of the run that is not as fast as answers come.
pub const PER_SECOND: u32 = 1000;
/// What every generous limit lets pass in a second.
const GENEROUS: u32 = 1_000_000;

const LOCAL: &str = "local_ratelimit";
const LOCAL_TWO: &str = "local_ratelimit, two limits and headers";
const GLOBAL: &str = "ratelimit, reference service";

/// How rate-limit counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// On the gateway.
    Locally,
    /// On the gateway, by a second limit too, and answers say what is left.
    Twice,
    /// In Redis, ahead.
    Leased,
    /// In Redis, every request.
    Exactly,
}

/// All variants, some of which need these backends.
///
/// # Errors
/// A module is missing.
pub fn all(dist: &Path, backends: &Backends) -> Result<Vec<Variant>> {
    let mut variants = Vec::new();
    for forwards in [false, true] {
        let mut add = |name: &str, kind, chain| {
            variants.push(Variant::new(name.to_owned(), kind, forwards, chain));
        };
        add("no filter", Kind::NoFilter, Chain::default());
        add("no-op wasm", Kind::NoOp, Guest { call: "none", repeated: 0 }.filter(dist)?);
        let caller = module(dist, Path::new("caller.wasm"))?;
        let nothing = wasm_filter("caller", &caller, r#"{"version": 1}"#, &json!({}))?;
        add("a policy that does nothing", Kind::Machinery, nothing);
        let native = |headers| Kind::Limits { beside: None, headers };
        let ours = |beside, headers| Kind::Limits { beside: Some(beside), headers };
        let filter = |counted| ours::filter(dist, counted, backends);
        add(LOCAL, native(false), native::local(false));
        add("rate-limit, local", ours(LOCAL, false), filter(Counted::Locally)?);
        add(LOCAL_TWO, native(true), native::local(true));
        add("rate-limit, local, two limits and headers", ours(LOCAL_TWO, true), filter(Counted::Twice)?);
        add(GLOBAL, native(false), native::global(backends));
        add("rate-limit, lease", ours(GLOBAL, false), filter(Counted::Leased)?);
        add("rate-limit, exact", ours(GLOBAL, false), filter(Counted::Exactly)?);
    }
    Ok(variants)
}
