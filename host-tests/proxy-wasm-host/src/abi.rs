//! Numbers of the proxy-wasm ABI, as proxy-wasm-cpp-host has them (`proxy_wasm_common.h`,
//! `proxy_wasm_enums.h` of its SDK).

/// The result of a host call (`WasmResult`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Status {
    /// Done.
    Ok = 0,
    /// There is no such thing.
    NotFound = 1,
    /// An argument that cannot be.
    BadArgument = 2,
    /// A value that cannot be handed over as bytes.
    SerializationFailure = 3,
    /// Bytes that do not parse.
    ParseFailure = 4,
    /// Not a range of the guest's memory, or the guest's allocator gave none.
    InvalidMemoryAccess = 6,
    /// The queue is empty.
    Empty = 7,
    /// The value was changed by somebody else.
    CasMismatch = 8,
    /// The host could not do it, or a limit of the host was reached.
    InternalFailure = 10,
    /// The connection broke.
    BrokenConnection = 11,
    /// The host does not have it.
    Unimplemented = 12,
}

/// Declares an enum with the numbers of the ABI and a checked way from a number.
macro_rules! numbered {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $number:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u32)]
        pub enum $name {
            $($(#[$variant_doc])* $variant = $number,)+
        }

        impl $name {
            /// The one with this number; `None` above the highest.
            #[must_use]
            pub fn from_number(number: u32) -> Option<Self> {
                match number {
                    $($number => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

numbered! {
    /// Which header map (`WasmHeaderMapType`).
    MapType {
        /// Headers of the request.
        RequestHeaders = 0,
        /// Trailers of the request.
        RequestTrailers = 1,
        /// Headers of the response.
        ResponseHeaders = 2,
        /// Trailers of the response.
        ResponseTrailers = 3,
        /// Initial metadata of a gRPC call-out.
        GrpcReceiveInitialMetadata = 4,
        /// Trailing metadata of a gRPC call-out.
        GrpcReceiveTrailingMetadata = 5,
        /// Headers of the answer to an HTTP call-out.
        HttpCallResponseHeaders = 6,
        /// Trailers of the answer to an HTTP call-out.
        HttpCallResponseTrailers = 7,
    }
}

numbered! {
    /// Which buffer (`WasmBufferType`).
    BufferType {
        /// Body of the request: what is buffered, else the piece at hand.
        HttpRequestBody = 0,
        /// Body of the response.
        HttpResponseBody = 1,
        /// Bytes of a downstream connection; there is none here.
        NetworkDownstreamData = 2,
        /// Bytes of an upstream connection; there is none here.
        NetworkUpstreamData = 3,
        /// Body of the answer to an HTTP call-out.
        HttpCallResponseBody = 4,
        /// A message of a gRPC call-out.
        GrpcReceiveBuffer = 5,
        /// The VM's configuration.
        VmConfiguration = 6,
        /// The plugin's configuration.
        PluginConfiguration = 7,
        /// Arguments of a foreign function that calls the guest.
        CallData = 8,
    }
}

numbered! {
    /// Which direction of a stream (`WasmStreamType`).
    StreamType {
        /// The request.
        Request = 0,
        /// The response.
        Response = 1,
        /// A downstream connection; there is none here.
        Downstream = 2,
        /// An upstream connection; there is none here.
        Upstream = 3,
    }
}

numbered! {
    /// Level of a log line.
    Level {
        /// Finest.
        Trace = 0,
        /// For developers.
        Debug = 1,
        /// Ordinary.
        Info = 2,
        /// Something to look at.
        Warn = 3,
        /// Something failed.
        Error = 4,
        /// Worse.
        Critical = 5,
    }
}

impl Level {
    /// As Envoy prints it between brackets.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Trace => "trace",
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
        }
    }
}

numbered! {
    /// Kind of a metric.
    MetricKind {
        /// Only rises.
        Counter = 0,
        /// Goes up and down.
        Gauge = 1,
        /// Collects values.
        Histogram = 2,
    }
}

/// Version of the ABI, by the marker function the module exports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AbiVersion {
    /// `proxy_abi_version_0_1_0`
    V0_1_0,
    /// `proxy_abi_version_0_2_0`
    V0_2_0,
    /// `proxy_abi_version_0_2_1`
    V0_2_1,
}

impl AbiVersion {
    /// The version a function export marks.
    #[must_use]
    pub fn of_marker(export: &str) -> Option<Self> {
        match export {
            "proxy_abi_version_0_1_0" => Some(Self::V0_1_0),
            "proxy_abi_version_0_2_0" => Some(Self::V0_2_0),
            "proxy_abi_version_0_2_1" => Some(Self::V0_2_1),
            _ => None,
        }
    }
}
