//! The case file: traffic, the scripted upstream, expectations. `README.md` is its manual.

use std::collections::BTreeSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use crate::executor::Kind;
use crate::expect::Expect;
use crate::request::{Protocol, Request};
use crate::text::Text;
use crate::yaml;

/// Cases that share one Envoy configuration.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CaseFile {
    /// The Envoy bootstrap, from the repository root.
    pub config: PathBuf,
    /// The executors of every case; all when absent.
    pub executors: Option<Vec<Kind>>,
    /// Why `executors` names fewer than all.
    pub why: Option<String>,
    /// The cases, run in this order against one gateway.
    pub cases: Vec<Case>,
}

/// One named piece of traffic.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Unique in the file.
    pub id: String,
    /// Fewer executors than the file's.
    pub executors: Option<Vec<Kind>>,
    /// Why `executors` is given.
    pub why: Option<String>,
    /// The case is repeated with every request body split in each of these ways.
    pub chunks: Option<Vec<Split>>,
    /// Why the case is known to fail. Strict: it fails the run when it passes.
    pub xfail: Option<String>,
    /// The requests, sent one after the other, each on a connection of its own.
    pub steps: Vec<Step>,
}

/// One request, what the upstream answers to it and what must come of it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    #[serde(default = "get")]
    method: String,
    #[serde(default = "root")]
    path: Text,
    #[serde(default = "authority")]
    authority: Text,
    #[serde(default)]
    scheme: Scheme,
    #[serde(default = "one")]
    http: u8,
    #[serde(default)]
    headers: Vec<(String, Text)>,
    body: Option<Text>,
    chunks: Option<Vec<usize>>,
    #[serde(default)]
    trailers: Vec<(String, Text)>,
    raw: Option<Text>,
    #[serde(default)]
    response: Answer,
    /// What must be observed.
    pub expect: Expect,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Scheme {
    #[default]
    Http,
    Https,
}

/// The upstream's answer, as written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    #[serde(default = "ok")]
    status: u16,
    #[serde(default)]
    headers: Vec<(String, Text)>,
    #[serde(default = "ok_body")]
    body: Text,
    #[serde(default)]
    trailers: Vec<(String, Text)>,
    #[serde(default)]
    delay_ms: u64,
}

impl Default for Answer {
    fn default() -> Self {
        Self { status: ok(), headers: Vec::new(), body: ok_body(), trailers: Vec::new(), delay_ms: 0 }
    }
}

fn get() -> String {
    "GET".to_owned()
}
fn root() -> Text {
    "/".into()
}
fn authority() -> Text {
    "api.example.com".into()
}
fn one() -> u8 {
    1
}
fn ok() -> u16 {
    200
}
fn ok_body() -> Text {
    "ok\n".into()
}

/// One way to split a request body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Split {
    /// Pieces of this many bytes, the last one shorter.
    Every(usize),
    /// One piece.
    Whole,
}

impl fmt::Display for Split {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Every(size) => write!(f, "{size}"),
            Self::Whole => f.write_str("whole"),
        }
    }
}

impl<'de> Deserialize<'de> for Split {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct SplitVisitor;
        impl Visitor<'_> for SplitVisitor {
            type Value = Split;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of bytes above 0, or `whole`")
            }
            fn visit_u64<E: Error>(self, size: u64) -> Result<Split, E> {
                match usize::try_from(size) {
                    Ok(size) if size > 0 => Ok(Split::Every(size)),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Unsigned(size), &self)),
                }
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Split, E> {
                match text {
                    "whole" => Ok(Split::Whole),
                    _ => Err(E::invalid_value(serde::de::Unexpected::Str(text), &self)),
                }
            }
        }
        deserializer.deserialize_any(SplitVisitor)
    }
}

impl CaseFile {
    /// Reads and checks a case file.
    ///
    /// # Errors
    /// Names the file and the place: line and column for what does not parse, `cases[i].…` for what
    /// contradicts itself.
    pub fn read(path: &Path) -> Result<Self> {
        let file: Self = yaml::read(path)?;
        file.check().with_context(|| path.display().to_string())?;
        Ok(file)
    }

    /// The executors of one case: its own, else the file's, else all.
    #[must_use]
    pub fn executors_of(&self, case: &Case) -> Vec<Kind> {
        case.executors.clone().or_else(|| self.executors.clone()).unwrap_or_else(|| Kind::ALL.to_vec())
    }

    fn check(&self) -> Result<()> {
        check_narrowing(self.executors.as_deref(), self.why.as_deref())?;
        ensure!(!self.cases.is_empty(), "cases: empty");
        let mut ids = BTreeSet::new();
        for (index, case) in self.cases.iter().enumerate() {
            let place = || format!("cases[{index}] ({})", case.id);
            ensure!(!case.id.is_empty(), "cases[{index}].id: empty");
            ensure!(ids.insert(&case.id), "{}: the id is used before", place());
            check_narrowing(case.executors.as_deref(), case.why.as_deref()).with_context(place)?;
            self.check_case(case).with_context(place)?;
        }
        Ok(())
    }

    fn check_case(&self, case: &Case) -> Result<()> {
        let executors = self.executors_of(case);
        if let (Some(own), Some(file)) = (&case.executors, &self.executors) {
            ensure!(own.iter().all(|kind| file.contains(kind)), "executors: more than the file's");
        }
        ensure!(case.xfail.as_deref() != Some(""), "xfail: needs a reason");
        ensure!(!case.steps.is_empty(), "steps: empty");
        ensure!(case.chunks.as_ref().is_none_or(|chunks| !chunks.is_empty()), "chunks: empty");
        for (index, step) in case.steps.iter().enumerate() {
            step.check(case.chunks.is_some(), &executors).with_context(|| format!("steps[{index}]"))?;
        }
        Ok(())
    }
}

impl Case {
    /// The ways to run the case: one per entry of `chunks`, or one without.
    #[must_use]
    pub fn splits(&self) -> Vec<Option<Split>> {
        match &self.chunks {
            Some(chunks) => chunks.iter().copied().map(Some).collect(),
            None => vec![None],
        }
    }
}

impl Step {
    /// The request to send, its body split as the step says, else as the case says.
    #[must_use]
    pub fn request(&self, split: Option<Split>) -> Request {
        let body = self.body.as_ref().map(|body| match (&self.chunks, split) {
            (Some(sizes), _) => pieces(&body.0, sizes.iter().copied()),
            (None, Some(Split::Every(size))) => pieces(&body.0, std::iter::repeat(size)),
            (None, Some(Split::Whole) | None) => vec![body.0.clone()],
        });
        let mut request = Request {
            method: self.method.clone(),
            path: self.path.0.clone(),
            authority: self.authority.0.clone(),
            scheme: match self.scheme {
                Scheme::Http => "http".to_owned(),
                Scheme::Https => "https".to_owned(),
            },
            protocol: if self.http == 2 { Protocol::H2 } else { Protocol::H1 },
            headers: bytes_of(&self.headers),
            body,
            trailers: bytes_of(&self.trailers),
            chunked: false,
            raw: self.raw.as_ref().map(|raw| raw.0.clone()),
        };
        request.frame();
        request
    }

    /// The upstream's answer.
    ///
    /// # Errors
    /// It holds something no upstream of ours can send; see [`recorder::Response`].
    pub fn response(&self) -> Result<recorder::Response> {
        let answer = &self.response;
        let mut response = recorder::Response::new(answer.status, answer.body.0.clone())?
            .delay(Duration::from_millis(answer.delay_ms));
        for (name, value) in &answer.headers {
            response = response.header(name, &value.0)?;
        }
        for (name, value) in &answer.trailers {
            response = response.trailer(name, &value.0)?;
        }
        Ok(response)
    }

    fn check(&self, case_splits: bool, executors: &[Kind]) -> Result<()> {
        ensure!(matches!(self.http, 1 | 2), "http: {} is neither 1 nor 2", self.http);
        if self.raw.is_some() {
            ensure!(self.http == 1, "raw: bytes of HTTP/1 only");
            ensure!(
                executors == [Kind::Envoy],
                "raw: only the envoy executor reads bytes (executors: [envoy])"
            );
        }
        if let Some(sizes) = &self.chunks {
            ensure!(!case_splits, "chunks: the case has chunks too");
            ensure!(!sizes.contains(&0), "chunks: 0 bytes would end the body");
            let length = self.body.as_ref().map_or(0, |body| body.0.len());
            if sizes.iter().sum::<usize>() > length {
                bail!("chunks: more than the {length} bytes of the body");
            }
        }
        self.response().context("response").map(drop)
    }
}

/// Consecutive pieces of these sizes; what is left over is the last piece.
fn pieces(body: &[u8], sizes: impl Iterator<Item = usize>) -> Vec<Vec<u8>> {
    let mut rest = body;
    let mut pieces = Vec::new();
    for size in sizes {
        match rest.split_at_checked(size) {
            Some((piece, left)) if !left.is_empty() => {
                pieces.push(piece.to_vec());
                rest = left;
            }
            _ => break,
        }
    }
    pieces.push(rest.to_vec());
    pieces
}

fn bytes_of(pairs: &[(String, Text)]) -> recorder::Headers {
    pairs.iter().map(|(name, value)| (name.clone(), value.0.clone())).collect()
}

fn check_narrowing(executors: Option<&[Kind]>, why: Option<&str>) -> Result<()> {
    let Some(executors) = executors else { return Ok(()) };
    ensure!(!executors.is_empty(), "executors: empty");
    let narrows = Kind::ALL.iter().any(|kind| !executors.contains(kind));
    ensure!(!narrows || why.is_some_and(|why| !why.is_empty()), "executors: fewer than all need a `why`");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::pieces;

    #[test]
    fn a_body_is_split_without_loss() {
        assert_eq!(pieces(b"abcdefg", std::iter::repeat(3)), [&b"abc"[..], b"def", b"g"]);
        assert_eq!(pieces(b"abcdef", std::iter::repeat(3)), [&b"abc"[..], b"def"]);
        assert_eq!(pieces(b"abcdefg", [1, 2].into_iter()), [&b"a"[..], b"bc", b"defg"]);
        assert_eq!(pieces(b"", std::iter::repeat(3)), [&b""[..]]);
    }
}
