//! A guest made of host calls: each is made with the arguments given, and a line is logged of what it answered.

use std::collections::BTreeMap;
use std::fmt::Write as _;

pub use super::argument::Argument;

/// Where results go: three words, which say 0xEEEEEEEE before each call.
pub const OUT: u32 = 64;
/// The second word, and the third.
pub const OUT2: u32 = OUT + 4;
pub const OUT3: u32 = OUT + 8;
/// No place in any memory of these tests.
pub const FAR: u32 = 0x7fff_fff0;

/// What is logged beside the number that was answered.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Show {
    /// Nothing.
    Nothing,
    /// The bytes to which the first two words of the result point.
    Text,
    /// The same in hexadecimal digits.
    Hex,
    /// The first word of the result.
    Word,
    /// The first two words.
    Words,
    /// The first eight bytes of the result as one number.
    Long,
    /// `Text` and the third word.
    TextAndWord,
}

/// A host call, and what is expected to be logged of it.
#[derive(Clone)]
pub struct Step {
    pub function: &'static str,
    pub arguments: Vec<Argument>,
    pub show: Show,
    pub expected: String,
    /// How often the call is made; only the last is logged.
    pub times: u32,
}

impl Step {
    pub fn repeated(mut self, times: u32) -> Self {
        self.times = times;
        self
    }
}

/// `call!(show, "expected", "function", arguments…)`
macro_rules! call {
    ($show:ident, $expected:expr, $function:literal $(, $argument:expr)* $(,)?) => {
        $crate::guest::Step {
            function: $function,
            arguments: vec![$($crate::guest::Argument::from($argument)),*],
            show: $crate::guest::Show::$show,
            expected: $expected.to_string(),
            times: 1,
        }
    };
    ($expected:literal, $function:literal $(, $argument:expr)* $(,)?) => {
        call!(Nothing, $expected, $function $(, $argument)*)
    };
}
pub(crate) use call;

/// Header pairs as the ABI has them.
pub fn pairs(list: &[(&str, &str)]) -> Vec<u8> {
    let list = list.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes()));
    proxy_wasm_host::pairs::encode(list)
}

/// How the guest allocates.
#[derive(Clone, Copy, Default)]
pub enum Malloc {
    /// From a heap that is never full.
    #[default]
    Heap,
    /// Never.
    Null,
    /// Where there is no memory.
    Far,
    /// It traps.
    Trap,
    /// It calls a host function that it may call then, `proxy_log`.
    Log,
    /// It calls one that it may not, `proxy_get_log_level`.
    Restricted,
}

/// A callback with what it does and what it answers.
#[derive(Clone)]
struct Callback {
    name: &'static str,
    steps: Vec<Step>,
    answer: u32,
}

/// A module under construction.
#[derive(Clone, Default)]
pub struct Guest {
    abi: Option<&'static str>,
    callbacks: Vec<Callback>,
    malloc: Malloc,
}

impl Guest {
    pub fn new() -> Self {
        Self::default()
    }

    /// The version of the ABI instead of `0_2_1`.
    pub fn abi(mut self, version: &'static str) -> Self {
        self.abi = Some(version);
        self
    }

    pub fn malloc(mut self, malloc: Malloc) -> Self {
        self.malloc = malloc;
        self
    }

    /// What a callback does. It answers 0, `proxy_on_configure` and its kind 1.
    pub fn on(self, name: &'static str, steps: Vec<Step>) -> Self {
        let answer = matches!(name, "proxy_on_configure" | "proxy_on_vm_start" | "proxy_on_done");
        self.answering(name, u32::from(answer), steps)
    }

    /// The same with another answer.
    pub fn answering(mut self, name: &'static str, answer: u32, steps: Vec<Step>) -> Self {
        self.callbacks.push(Callback { name, steps, answer });
        self
    }

    /// The lines that a callback is to log.
    pub fn expected(&self, name: &str) -> Vec<String> {
        let callback = self.callbacks.iter().find(|callback| callback.name == name).unwrap();
        let steps = callback.steps.iter();
        steps.map(|step| format!("{}: {}", step.function, step.expected)).collect()
    }

    /// The module.
    pub fn wasm(&self) -> Vec<u8> {
        wat::parse_str(self.wat()).unwrap()
    }

    fn wat(&self) -> String {
        let mut data = Data { at: 0x1_0000, segments: String::new() };
        let mut imports = BTreeMap::from([("proxy_log", " (param i32 i32 i32) (result i32)".to_owned())]);
        if matches!(self.malloc, Malloc::Restricted) {
            imports.insert("proxy_get_log_level", " (param i32) (result i32)".to_owned());
        }
        let mut code = String::new();
        for callback in &self.callbacks {
            let (parameters, answers) = signature(callback.name, self.abi);
            write!(code, "(func (export \"{}\") {parameters}", callback.name).unwrap();
            if answers {
                code.push_str(" (result i32)");
            }
            for step in &callback.steps {
                imports.insert(step.function, step.signature());
                step.code(&mut data, &mut code);
            }
            if answers {
                write!(code, " (i32.const {})", callback.answer).unwrap();
            }
            code.push_str(")\n");
        }
        let mut text = String::from("(module\n");
        for (name, signature) in imports {
            let module = if name.starts_with("proxy_") || name == "pthread_equal" {
                "env"
            } else {
                "wasi_snapshot_preview1"
            };
            writeln!(text, "(import \"{module}\" \"{name}\" (func ${name}{signature}))").unwrap();
        }
        let abi = self.abi.unwrap_or("0_2_1");
        writeln!(text, "(func (export \"proxy_abi_version_{abi}\"))").unwrap();
        text.push_str(PRELUDE);
        text.push_str(self.malloc.code());
        text.push_str(&code);
        text.push_str(&data.segments);
        text.push(')');
        text
    }
}

/// Texts in the guest's memory.
struct Data {
    at: u32,
    segments: String,
}

impl Data {
    fn put(&mut self, bytes: &[u8]) -> u32 {
        let at = self.at;
        let escaped = bytes.iter().fold(String::new(), |mut text, byte| {
            write!(text, "\\{byte:02x}").unwrap();
            text
        });
        writeln!(self.segments, "(data (i32.const {at}) \"{escaped}\")").unwrap();
        self.at += u32::try_from(bytes.len()).unwrap() + 8;
        at
    }
}

impl Step {
    fn signature(&self) -> String {
        let mut text = String::from(" (param");
        for argument in &self.arguments {
            text.push_str(match argument {
                Argument::Number(_) | Argument::At(_) => " i32",
                Argument::Long(_) => " i64",
                Argument::Bytes(_) => " i32 i32",
            });
        }
        text.push_str(if self.answers() { ") (result i32)" } else { ")" });
        text
    }

    fn answers(&self) -> bool {
        self.function != "proc_exit"
    }

    fn code(&self, data: &mut Data, code: &mut String) {
        let name = format!("{}: ", self.function);
        write!(code, "\n (call $begin (i32.const {}) (i32.const {}))", data.put(name.as_bytes()), name.len())
            .unwrap();
        let mut call = format!("(call ${}", self.function);
        for argument in &self.arguments {
            match argument {
                Argument::Number(number) => write!(call, " (i32.const {number})").unwrap(),
                Argument::Long(number) => write!(call, " (i64.const {number})").unwrap(),
                Argument::At(bytes) => write!(call, " (i32.const {})", data.put(bytes)).unwrap(),
                Argument::Bytes(bytes) => {
                    let (at, size) = (data.put(bytes), bytes.len());
                    write!(call, " (i32.const {at}) (i32.const {size})").unwrap();
                }
            }
        }
        call.push(')');
        let answered = if self.answers() { call } else { format!("{call} (i32.const 0)") };
        write!(
            code,
            " (global.set $left (i32.const {})) (loop $again (global.set $answer {answered})
              (global.set $left (i32.sub (global.get $left) (i32.const 1))) (br_if $again (global.get $left)))
              (call $status (global.get $answer))",
            self.times
        )
        .unwrap();
        let show = match self.show {
            Show::Nothing => "",
            Show::Text => "(call $show_text)",
            Show::Hex => "(call $show_hex)",
            Show::Word => "(call $show_word (i32.const 64))",
            Show::Words => "(call $show_word (i32.const 64)) (call $show_word (i32.const 68))",
            Show::Long => "(call $space) (call $number (i64.load (i32.const 64)))",
            Show::TextAndWord => "(call $show_text) (call $show_word (i32.const 72))",
        };
        write!(code, " {show} (call $flush)").unwrap();
    }
}

impl Malloc {
    fn code(self) -> &'static str {
        match self {
            Self::Heap => {
                "(func (export \"malloc\") (param $size i32) (result i32) (local $at i32)
                   (local.set $at (global.get $heap))
                   (global.set $heap (i32.add (local.get $at) (i32.add (local.get $size) (i32.const 8))))
                   (if (i32.gt_u (global.get $heap) (i32.const 0x300000))
                     (then (local.set $at (i32.const 0x200000)) (global.set $heap (i32.const 0x200000))))
                   (local.get $at))\n"
            }
            Self::Null => "(func (export \"malloc\") (param i32) (result i32) (i32.const 0))\n",
            Self::Far => "(func (export \"malloc\") (param i32) (result i32) (i32.const 0x7ffffff0))\n",
            Self::Trap => "(func (export \"malloc\") (param i32) (result i32) unreachable)\n",
            Self::Log => {
                "(func (export \"malloc\") (param i32) (result i32)
                   (drop (call $proxy_log (i32.const 2) (i32.const 0) (i32.const 0))) (i32.const 0x200000))\n"
            }
            Self::Restricted => {
                "(func (export \"malloc\") (param i32) (result i32)
                   (drop (call $proxy_get_log_level (i32.const 64))) (i32.const 0x200000))\n"
            }
        }
    }
}

/// Parameters of a callback, and whether it answers.
fn signature(name: &str, abi: Option<&str>) -> (&'static str, bool) {
    let first = abi == Some("0_1_0");
    match name {
        "proxy_on_request_headers" | "proxy_on_response_headers" if first => ("(param i32 i32)", true),
        "proxy_on_request_headers"
        | "proxy_on_response_headers"
        | "proxy_on_request_body"
        | "proxy_on_response_body" => ("(param i32 i32 i32)", true),
        "proxy_on_request_trailers"
        | "proxy_on_response_trailers"
        | "proxy_on_configure"
        | "proxy_on_vm_start" => ("(param i32 i32)", true),
        "proxy_on_done" => ("(param i32)", true),
        "proxy_on_tick" | "proxy_on_log" | "proxy_on_delete" => ("(param i32)", false),
        "proxy_on_context_create" | "proxy_on_queue_ready" => ("(param i32 i32)", false),
        "proxy_on_grpc_close"
        | "proxy_on_grpc_receive"
        | "proxy_on_grpc_receive_initial_metadata"
        | "proxy_on_grpc_receive_trailing_metadata" => ("(param i32 i32 i32)", false),
        "proxy_on_http_call_response" => ("(param i32 i32 i32 i32 i32)", false),
        "_initialize" | "_start" => ("", false),
        _ => panic!("no such callback: {name}"),
    }
}

/// The line at 0x1000, results at 64, digits at 96.
const PRELUDE: &str = r#"
(memory (export "memory") 64)
(global $heap (mut i32) (i32.const 0x200000))
(global $end (mut i32) (i32.const 0))
(global $left (mut i32) (i32.const 0))
(global $answer (mut i32) (i32.const 0))
(func $append (param $from i32) (param $size i32)
  (if (i32.gt_u (local.get $size) (i32.const 0x2000)) (then (local.set $size (i32.const 0x2000))))
  (memory.copy (global.get $end) (local.get $from) (local.get $size))
  (global.set $end (i32.add (global.get $end) (local.get $size))))
(func $byte (param $byte i32)
  (i32.store8 (global.get $end) (local.get $byte))
  (global.set $end (i32.add (global.get $end) (i32.const 1))))
(func $space (call $byte (i32.const 32)))
(func $number (param $number i64)
  (if (i64.ge_u (local.get $number) (i64.const 10))
    (then (call $number (i64.div_u (local.get $number) (i64.const 10)))))
  (call $byte (i32.add (i32.const 48) (i32.wrap_i64 (i64.rem_u (local.get $number) (i64.const 10))))))
(func $digit (param $digit i32)
  (call $byte (i32.add (local.get $digit)
    (select (i32.const 48) (i32.const 87) (i32.lt_u (local.get $digit) (i32.const 10))))))
(func $begin (param $name i32) (param $size i32)
  (i64.store (i32.const 64) (i64.const 0xeeeeeeeeeeeeeeee))
  (i32.store (i32.const 72) (i32.const 0xeeeeeeee))
  (global.set $end (i32.const 0x1000))
  (call $append (local.get $name) (local.get $size)))
(func $status (param $status i32) (call $number (i64.extend_i32_u (local.get $status))))
(func $show_text (call $space)
  (if (i32.ne (i32.load (i32.const 68)) (i32.const 0xeeeeeeee))
    (then (call $append (i32.load (i32.const 64)) (i32.load (i32.const 68))))))
(func $show_hex (local $at i32) (local $end i32)
  (call $space)
  (if (i32.eq (i32.load (i32.const 68)) (i32.const 0xeeeeeeee)) (then (return)))
  (local.set $at (i32.load (i32.const 64)))
  (local.set $end (i32.add (local.get $at) (i32.load (i32.const 68))))
  (block $done (loop $next
    (br_if $done (i32.ge_u (local.get $at) (local.get $end)))
    (call $digit (i32.shr_u (i32.load8_u (local.get $at)) (i32.const 4)))
    (call $digit (i32.and (i32.load8_u (local.get $at)) (i32.const 15)))
    (local.set $at (i32.add (local.get $at) (i32.const 1)))
    (br $next))))
(func $show_word (param $at i32)
  (call $space) (call $number (i64.extend_i32_u (i32.load (local.get $at)))))
(func $flush
  (drop (call $proxy_log (i32.const 2) (i32.const 0x1000) (i32.sub (global.get $end) (i32.const 0x1000)))))
"#;
