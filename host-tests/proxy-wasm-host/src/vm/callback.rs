//! The functions a module exports for the host to call, and their signatures.

use wasmtime::{AsContextMut, ExternType, FuncType, Instance, TypedFunc, ValType};

use crate::abi::AbiVersion;
use crate::error::LoadError;

/// A function of the guest by how many integers it takes and whether it answers one.
#[derive(Clone)]
pub(crate) enum Function {
    One(TypedFunc<u32, ()>),
    OneAnswer(TypedFunc<u32, u32>),
    Two(TypedFunc<(u32, u32), ()>),
    TwoAnswer(TypedFunc<(u32, u32), u32>),
    Three(TypedFunc<(u32, u32, u32), ()>),
    ThreeAnswer(TypedFunc<(u32, u32, u32), u32>),
    Five(TypedFunc<(u32, u32, u32, u32, u32), ()>),
}

impl Function {
    /// Calls it with as many of `arguments` as it takes; 0 where it answers nothing.
    pub(crate) fn call(&self, store: impl AsContextMut, arguments: [u32; 5]) -> wasmtime::Result<u32> {
        let [a, b, c, d, e] = arguments;
        match self {
            Self::One(function) => function.call(store, a).map(|()| 0),
            Self::OneAnswer(function) => function.call(store, a),
            Self::Two(function) => function.call(store, (a, b)).map(|()| 0),
            Self::TwoAnswer(function) => function.call(store, (a, b)),
            Self::Three(function) => function.call(store, (a, b, c)).map(|()| 0),
            Self::ThreeAnswer(function) => function.call(store, (a, b, c)),
            Self::Five(function) => function.call(store, (a, b, c, d, e)).map(|()| 0),
        }
    }
}

/// Declares the callbacks: name, number of arguments, whether there is an answer.
macro_rules! callbacks {
    ($($(#[$doc:meta])* $variant:ident = $name:literal, $arguments:literal, $answers:literal;)+) => {
        /// A callback.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(crate) enum Callback {
            $($(#[$doc])* $variant,)+
        }

        /// Name, number of arguments, whether there is an answer.
        const CALLBACKS: &[(Callback, &str, usize, bool)] = &[
            $((Callback::$variant, $name, $arguments, $answers),)+
        ];

        impl Callback {
            /// The exported name.
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }
        }
    };
}

callbacks! {
    ContextCreate = "proxy_on_context_create", 2, false;
    VmStart = "proxy_on_vm_start", 2, true;
    Configure = "proxy_on_configure", 2, true;
    Tick = "proxy_on_tick", 1, false;
    QueueReady = "proxy_on_queue_ready", 2, false;
    RequestHeaders = "proxy_on_request_headers", 3, true;
    RequestBody = "proxy_on_request_body", 3, true;
    RequestTrailers = "proxy_on_request_trailers", 2, true;
    RequestMetadata = "proxy_on_request_metadata", 2, true;
    ResponseHeaders = "proxy_on_response_headers", 3, true;
    ResponseBody = "proxy_on_response_body", 3, true;
    ResponseTrailers = "proxy_on_response_trailers", 2, true;
    ResponseMetadata = "proxy_on_response_metadata", 2, true;
    HttpCallResponse = "proxy_on_http_call_response", 5, false;
    GrpcReceiveInitialMetadata = "proxy_on_grpc_receive_initial_metadata", 3, false;
    GrpcReceiveTrailingMetadata = "proxy_on_grpc_receive_trailing_metadata", 3, false;
    GrpcReceive = "proxy_on_grpc_receive", 3, false;
    GrpcClose = "proxy_on_grpc_close", 3, false;
    NewConnection = "proxy_on_new_connection", 1, true;
    DownstreamData = "proxy_on_downstream_data", 3, true;
    UpstreamData = "proxy_on_upstream_data", 3, true;
    DownstreamConnectionClose = "proxy_on_downstream_connection_close", 2, false;
    UpstreamConnectionClose = "proxy_on_upstream_connection_close", 2, false;
    ForeignFunction = "proxy_on_foreign_function", 3, false;
    Done = "proxy_on_done", 1, true;
    Log = "proxy_on_log", 1, false;
    Delete = "proxy_on_delete", 1, false;
}

/// What the module exports, by callback; `allowed` says which may be called at all.
#[derive(Clone, Default)]
pub(crate) struct Exports(Vec<Option<Function>>);

impl Exports {
    pub(crate) fn find(
        instance: &Instance,
        mut store: impl AsContextMut,
        allowed: impl Fn(&str) -> bool,
    ) -> Self {
        let mut found = Vec::with_capacity(CALLBACKS.len());
        for (_, name, _, _) in CALLBACKS {
            let function = allowed(name).then(|| instance.get_func(&mut store, name)).flatten();
            found.push(function.and_then(|function| {
                let store = &mut store;
                let one = function.typed(&mut *store).map(Function::One);
                one.or_else(|_| function.typed(&mut *store).map(Function::OneAnswer))
                    .or_else(|_| function.typed(&mut *store).map(Function::Two))
                    .or_else(|_| function.typed(&mut *store).map(Function::TwoAnswer))
                    .or_else(|_| function.typed(&mut *store).map(Function::Three))
                    .or_else(|_| function.typed(&mut *store).map(Function::ThreeAnswer))
                    .or_else(|_| function.typed(&mut *store).map(Function::Five))
                    .ok()
            }));
        }
        Self(found)
    }

    pub(crate) fn get(&self, callback: Callback) -> Option<&Function> {
        self.0.get(callback as usize)?.as_ref()
    }
}

/// Every callback the module exports must have the signature of the ABI; the host's own entries too.
pub(crate) fn check_signatures(module: &wasmtime::Module, abi: AbiVersion) -> Result<(), LoadError> {
    let mut allocator = false;
    let mut memory = false;
    for export in module.exports() {
        match export.ty() {
            ExternType::Memory(_) => memory = true,
            ExternType::Func(have) => {
                let name = export.name();
                allocator |= matches!(name, "malloc" | "proxy_on_memory_allocate");
                if let Some((arguments, answers)) = signature(name, abi) {
                    check(name, &have, arguments, answers)?;
                }
            }
            _ => {}
        }
    }
    if !allocator {
        return Err(LoadError::MissingMalloc);
    }
    if memory { Ok(()) } else { Err(LoadError::MissingMemory) }
}

/// Number of arguments, and whether there is an answer; `None` for what the host does not call.
fn signature(name: &str, abi: AbiVersion) -> Option<(usize, bool)> {
    match name {
        "_initialize" | "_start" => return Some((0, false)),
        "main" => return Some((2, true)),
        "__main_void" => return Some((0, true)),
        "malloc" | "proxy_on_memory_allocate" => return Some((1, true)),
        // Unknown to the first version.
        "proxy_on_foreign_function" if abi == AbiVersion::V0_1_0 => return None,
        // It did not tell the end of the stream.
        "proxy_on_request_headers" | "proxy_on_response_headers" if abi == AbiVersion::V0_1_0 => {
            return Some((2, true));
        }
        _ => {}
    }
    let (_, _, arguments, answers) = CALLBACKS.iter().find(|(_, have, _, _)| *have == name)?;
    Some((*arguments, *answers))
}

fn check(name: &str, have: &FuncType, arguments: usize, answers: bool) -> Result<(), LoadError> {
    let integers = |mut types: Box<dyn Iterator<Item = ValType> + '_>| types.all(|one| one.is_i32());
    let fits = have.params().len() == arguments
        && have.results().len() == usize::from(answers)
        && integers(Box::new(have.params()))
        && integers(Box::new(have.results()));
    if fits {
        return Ok(());
    }
    Err(LoadError::ExportType {
        name: name.to_owned(),
        want: format!("{} -> {}", list(arguments), list(usize::from(answers))),
        have: described(have),
    })
}

fn list(count: usize) -> String {
    if count == 0 { "void".to_owned() } else { vec!["i32"; count].join(" ") }
}

/// A signature as V8 in Envoy prints it.
pub(crate) fn described(have: &FuncType) -> String {
    let list = |types: Vec<String>| if types.is_empty() { "void".to_owned() } else { types.join(" ") };
    let params = have.params().map(|one| one.to_string()).collect();
    let results = have.results().map(|one| one.to_string()).collect();
    format!("{} -> {}", list(params), list(results))
}
