//! Envoy's own log, read back: format `[time][thread][level][component] [file:line] message`, written with
//! `--log-format-escaped`, so that no message can look like the beginning of another one.

use crate::observation::LogLine;

/// What stands before everything a filter logs (Envoy's `Context::log`).
const FROM_FILTER: &str = "wasm log";

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    head: String,
    level: String,
    component: String,
    pub(super) message: String,
}

/// What a line is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum About {
    /// A filter logged something.
    Filter(LogLine),
    /// A callback of a module did not return.
    Trap,
    /// The administration served this path.
    Served(String),
    /// How a VM works, which only `wasm:trace` and `wasm:debug` tell: every call into it and out of it.
    Inside,
    /// Anything else.
    Other,
}

impl Line {
    /// Reads one line without its end; `None` where it is no beginning of a message.
    pub(super) fn parse(line: &[u8]) -> Option<Self> {
        let mut rest = line;
        let [time, _thread, level, component] =
            [field(&mut rest)?, field(&mut rest)?, field(&mut rest)?, field(&mut rest)?];
        rest = rest.strip_prefix(b" ")?;
        field(&mut rest)?;
        let message = rest.strip_prefix(b" ")?;
        // 2026-11-22 01:05:35.599
        (time.len() == 23 && time.get(4) == Some(&b'-')).then_some(())?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let head = line.get(..line.len().checked_sub(message.len())?)?;
        Some(Self {
            head: text(head),
            level: text(level),
            component: text(component),
            message: text(&unescaped(message)),
        })
    }

    pub(super) fn about(&self) -> About {
        let quiet = matches!(self.level.as_str(), "trace" | "debug");
        match self.component.as_str() {
            "wasm" => match self.message.strip_prefix(FROM_FILTER) {
                Some(logged) => self.filter(logged),
                None if quiet => About::Inside,
                None if is_trap(&self.message) => About::Trap,
                None => About::Other,
            },
            "admin" if quiet => {
                let path = self.message.rsplit_once("request complete: path: ");
                path.map_or(About::Inside, |(_, path)| About::Served(path.to_owned()))
            }
            _ => About::Other,
        }
    }

    /// `logged` is ` <prefix>: <text>`, or `: <text>` of a root context without root id and VM id.
    fn filter(&self, logged: &str) -> About {
        let (prefix, text) = logged.split_once(": ").unwrap_or(("", logged));
        About::Filter(LogLine {
            level: self.level.clone(),
            prefix: prefix.trim_start().to_owned(),
            text: text.to_owned(),
        })
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}{}", self.head, self.message.trim_end())
    }
}

/// What Envoy logs when a callback of a module does not return.
fn is_trap(message: &str) -> bool {
    (message.starts_with("Function: ") && message.contains(" failed")) || message.contains("in-VM backtrace")
}

/// The text between brackets at the beginning of `rest`, which is then what follows.
fn field<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let inside = rest.strip_prefix(b"[")?;
    let end = inside.iter().position(|byte| *byte == b']')?;
    *rest = inside.get(end + 1..)?;
    inside.get(..end)
}

/// The reverse of `absl::CEscape`.
fn unescaped(escaped: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(escaped.len());
    let mut rest = escaped;
    while let [first, after @ ..] = rest {
        let (byte, after) = match (first, after) {
            (b'\\', [b'n', after @ ..]) => (b'\n', after),
            (b'\\', [b'r', after @ ..]) => (b'\r', after),
            (b'\\', [b't', after @ ..]) => (b'\t', after),
            (b'\\', [octal @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..]) => {
                ((octal - b'0') << 6 | (b - b'0') << 3 | (c - b'0'), after)
            }
            (b'\\', [quoted, after @ ..]) => (*quoted, after),
            _ => (*first, after),
        };
        bytes.push(byte);
        rest = after;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::{About, Line};

    const HEAD: &str = "[2026-11-22 02:14:19.541][13872]";

    fn about(rest: &str) -> About {
        Line::parse(format!("{HEAD}{rest}").as_bytes()).unwrap().about()
    }

    fn logged(rest: &str) -> (String, String) {
        let About::Filter(line) = about(rest) else { panic!("{rest}") };
        (line.to_string(), line.text)
    }

    #[test]
    fn a_filters_text_comes_back_as_it_was() {
        let (line, text) = logged(
            r#"[info][wasm] [source/extensions/common/wasm/context.cc:1151] wasm log a b c: x\n[2026] \"\\n\" \303\251: \' "#,
        );
        assert_eq!(text, "x\n[2026] \"\\n\" é: ' ");
        assert_eq!(line, format!("info a b c: {text}"));
        assert_eq!(logged("[warning][wasm] [x.cc:1] wasm log: ").0, "warning: ");
        assert_eq!(logged(r"[trace][wasm] [x.cc:1] wasm log n: \377").1, "\u{fffd}");
    }

    #[test]
    fn the_rest_is_told_apart() {
        let trap = r"[error][wasm] [x.cc:1] Function: proxy_on_log failed: Uncaught RuntimeError: unreachable\nProxy-Wasm";
        assert_eq!(about(trap), About::Trap);
        assert_eq!(about("[trace][wasm] [x.cc:39] [host->vm] proxy_on_log(2)"), About::Inside);
        assert_eq!(about("[debug][wasm] [x.cc:144] ~Wasm 2 remaining active"), About::Inside);
        let served =
            r#"[debug][admin] [x.cc:85] [Tags: \"StreamId\":\"1\"] request complete: path: /ready?mark=7"#;
        assert_eq!(about(served), About::Served("/ready?mark=7".to_owned()));
        assert_eq!(about("[info][admin] [x.cc:66] admin address: 127.0.0.1:1"), About::Other);
        assert_eq!(about("[info][main] [x.cc:1] wasm log a: b"), About::Other, "another component said it");
        for text in
            ["", "wasm log: x", "[a][b][c][wasm] [d] wasm log: x", "[2026-11-22 02:14:19.541][1][info]"]
        {
            assert_eq!(Line::parse(text.as_bytes()), None, "{text}");
        }
    }
}
