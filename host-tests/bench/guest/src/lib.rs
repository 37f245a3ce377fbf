//! A no-op filter that repeats one host call as often as it is told, so that a call can be priced:
//! `(cpu(n calls) - cpu(no calls)) / n`.
//!
//! Its configuration is the text `CALL COUNT`, for example `get_header 20`; `none 0` is the no-op against
//! which our filters are measured. It is built on the SDK as the SDK's own examples are, because the no-op
//! has to be what a reader would write. An unknown call or a malformed count refuses the configuration.
#![cfg(target_arch = "wasm32")]
#![allow(missing_docs, reason = "the SDK's main! defines a public function without a comment")]

use proxy_wasm::hostcalls;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{Action, ContextType, LogLevel, MapType, MetricType, Status};

proxy_wasm::main! {{
    proxy_wasm::set_root_context(|_| Box::new(Root { call: Call::None, count: 0 }));
}}

/// The shared key that `get_shared_data` and `set_shared_data` use: 32 bytes, present from the start.
const SHARED_KEY: &str = "bench";
const SHARED_VALUE: &[u8; 32] = b"0123456789abcdef0123456789abcdef";
/// The names that `set_map` adds to the answer's.
const FURTHER: [&str; 8] =
    ["x-bench-1", "x-bench-2", "x-bench-3", "x-bench-4", "x-bench-5", "x-bench-6", "x-bench-7", "x-bench-8"];

/// The host call to repeat, with what it needs prepared.
#[derive(Clone, Copy)]
enum Call {
    None,
    GetHeader,
    GetMap,
    GetResponseMap,
    SetMap,
    SetHeader,
    AddHeader,
    RemoveHeader,
    GetProperty,
    SetProperty,
    GetTime,
    IncrementMetric(u32),
    GetSharedData,
    SetSharedData,
    LogOff,
}

impl Call {
    /// The call of this name. Defines its metric or its shared value where it has one.
    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "none" => Self::None,
            "get_header" => Self::GetHeader,
            "get_map" => Self::GetMap,
            "get_response_map" => Self::GetResponseMap,
            "set_map" => Self::SetMap,
            "set_header" => Self::SetHeader,
            "add_header" => Self::AddHeader,
            "remove_header" => Self::RemoveHeader,
            "get_property" => Self::GetProperty,
            "set_property" => Self::SetProperty,
            "get_time" => Self::GetTime,
            "increment_metric" => {
                Self::IncrementMetric(hostcalls::define_metric(MetricType::Counter, "bench_calls").ok()?)
            }
            "get_shared_data" | "set_shared_data" => {
                hostcalls::set_shared_data(SHARED_KEY, Some(SHARED_VALUE), None).ok()?;
                if name == "get_shared_data" { Self::GetSharedData } else { Self::SetSharedData }
            }
            "log_off" => Self::LogOff,
            _ => return None,
        })
    }

    /// Whether the call belongs to the response headers; all others are made on the request headers.
    fn in_response(self) -> bool {
        matches!(
            self,
            Self::GetResponseMap | Self::SetMap | Self::SetHeader | Self::AddHeader | Self::RemoveHeader
        )
    }

    /// What the call hands over, read or made once per request: for `set_map` the answer's headers and eight more.
    fn map(self) -> Result<Vec<(String, Vec<u8>)>, Status> {
        let Self::SetMap = self else { return Ok(Vec::new()) };
        let mut map = hostcalls::get_map_bytes(MapType::HttpResponseHeaders)?;
        map.extend(FURTHER.map(|name| (name.to_owned(), b"nosniff".to_vec())));
        Ok(map)
    }

    /// Makes the call once.
    fn make(self, map: &[(String, Vec<u8>)]) -> Result<(), Status> {
        match self {
            Self::None => Ok(()),
            Self::GetHeader => hostcalls::get_map_value_bytes(MapType::HttpRequestHeaders, ":path").map(drop),
            Self::GetMap => hostcalls::get_map_bytes(MapType::HttpRequestHeaders).map(drop),
            Self::GetResponseMap => hostcalls::get_map_bytes(MapType::HttpResponseHeaders).map(drop),
            Self::SetMap => {
                let pairs = map.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
                hostcalls::set_map_bytes(MapType::HttpResponseHeaders, pairs)
            }
            Self::SetHeader => {
                hostcalls::set_map_value_bytes(MapType::HttpResponseHeaders, "x-bench", Some(b"nosniff"))
            }
            Self::AddHeader => {
                hostcalls::add_map_value_bytes(MapType::HttpResponseHeaders, "x-bench", b"nosniff")
            }
            Self::RemoveHeader => hostcalls::remove_map_value(MapType::HttpResponseHeaders, "x-absent"),
            Self::GetProperty => hostcalls::get_property(vec!["source", "address"]).map(drop),
            Self::SetProperty => hostcalls::set_property(vec!["bench"], Some(b"allow")),
            Self::GetTime => hostcalls::get_current_time().map(drop),
            Self::IncrementMetric(id) => hostcalls::increment_metric(id, 1),
            Self::GetSharedData => hostcalls::get_shared_data(SHARED_KEY).map(drop),
            Self::SetSharedData => hostcalls::set_shared_data(SHARED_KEY, Some(SHARED_VALUE), None),
            Self::LogOff => hostcalls::log(LogLevel::Trace, "a line below the level that Envoy writes"),
        }
    }
}

/// The configured call.
struct Root {
    call: Call,
    count: u32,
}

impl Context for Root {}

impl RootContext for Root {
    fn on_configure(&mut self, _size: usize) -> bool {
        let Some(bytes) = self.get_plugin_configuration() else { return false };
        let Some((name, count)) =
            std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().split_once(' '))
        else {
            return false;
        };
        let (Some(call), Ok(count)) = (Call::named(name), count.parse()) else { return false };
        self.call = call;
        self.count = count;
        true
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }

    fn create_http_context(&self, _id: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(Stream { call: self.call, count: self.count }))
    }
}

/// One request.
struct Stream {
    call: Call,
    count: u32,
}

impl Stream {
    /// Makes the calls of this phase. A call that fails answers 500, so that the bench fails instead of
    /// reporting the price of calls that were not made.
    fn run(&self, in_response: bool) -> Action {
        if self.call.in_response() == in_response && self.repeat().is_err() {
            self.send_http_response(500, Vec::new(), None);
            return Action::Pause;
        }
        Action::Continue
    }

    fn repeat(&self) -> Result<(), Status> {
        let map = self.call.map()?;
        (0..self.count).try_for_each(|_| self.call.make(&map))
    }
}

impl Context for Stream {}

impl HttpContext for Stream {
    fn on_http_request_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.run(false)
    }

    fn on_http_response_headers(&mut self, _count: usize, _end_of_stream: bool) -> Action {
        self.run(true)
    }
}
