//! The ways in which a case is repeated: what must not change a verdict.

use std::fmt;

use anyhow::{Result, ensure};
use serde::Deserialize;

use crate::step::{Split, Step};
use crate::text::Text;

/// The trailer that a repetition with trailers adds.
const TRAILER: (&str, &str) = ("x-every", "trailers");

/// What each case is repeated with: every combination of one value from each list. What is not named, or has an empty
/// list, stays as the steps have it.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Every {
    /// How request bodies are split.
    #[serde(default)]
    chunks: Vec<Split>,
    /// Whether request bodies end with trailers.
    #[serde(default)]
    trailers: Vec<bool>,
    /// The versions of HTTP.
    #[serde(default)]
    http: Vec<u8>,
}

/// One way to run a case. What is `None` stays as the steps have it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Variant {
    pub(crate) split: Option<Split>,
    trailers: Option<bool>,
    http: Option<u8>,
}

/// What tells the requests of two variants of a step apart.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    http: u8,
    /// Bytes of a piece, where there are several.
    piece: Option<usize>,
    trailers: bool,
}

impl Every {
    /// The ways to run these steps. A combination that sends the same as an earlier one is left out: a body of five bytes
    /// is whole in pieces of seven, and a request without a body has no trailers to get.
    pub(crate) fn variants(&self, steps: &[Step]) -> Vec<Variant> {
        let mut found: Vec<(Variant, Vec<Shape>)> = Vec::new();
        for http in options(&self.http) {
            for trailers in options(&self.trailers) {
                for split in options(&self.chunks) {
                    let variant = Variant { split, trailers, http };
                    let shapes: Vec<Shape> = steps.iter().map(|step| variant.shape(step)).collect();
                    if !found.iter().any(|(_, have)| *have == shapes) {
                        found.push((variant, shapes));
                    }
                }
            }
        }
        found.into_iter().map(|(variant, _)| variant).collect()
    }

    /// These, with other splits.
    pub(crate) fn split(&self, chunks: &[Split]) -> Self {
        Self { chunks: chunks.to_vec(), ..self.clone() }
    }

    /// # Errors
    /// There is no such version of HTTP.
    pub(crate) fn check(&self) -> Result<()> {
        for http in &self.http {
            ensure!(matches!(http, 1 | 2), "every.http: {http} is neither 1 nor 2");
        }
        Ok(())
    }
}

/// The values of a list, or that there are none.
fn options<T: Copy>(list: &[T]) -> Vec<Option<T>> {
    if list.is_empty() { vec![None] } else { list.iter().copied().map(Some).collect() }
}

impl Variant {
    /// The step as this variant sends it, but for its splits. Bytes stay what they are.
    pub(crate) fn of(&self, step: &Step) -> Step {
        let http = self.http(step);
        Step { http, trailers: self.trailers(step, http), ..step.clone() }
    }

    fn http(&self, step: &Step) -> u8 {
        self.http.filter(|_| step.raw.is_none()).unwrap_or(step.http)
    }

    fn trailers(&self, step: &Step, http: u8) -> Vec<(String, Text)> {
        let own = || step.trailers.clone();
        match self.trailers {
            None => own(),
            Some(false) => Vec::new(),
            Some(true) if !step.trailers.is_empty() => own(),
            Some(true) => {
                // Over HTTP/1 only chunks can end with trailers, and a length of its own rules them out.
                let length = step.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
                let carried = step.body.is_some() && (http == 2 || !length);
                let (name, value) = TRAILER;
                if carried { vec![(name.to_owned(), value.into())] } else { Vec::new() }
            }
        }
    }

    fn shape(&self, step: &Step) -> Shape {
        if step.raw.is_some() {
            return Shape { http: step.http, piece: None, trailers: false };
        }
        let http = self.http(step);
        let length = step.body.as_ref().map_or(0, |body| body.0.len());
        let piece = match self.split {
            Some(Split::Every(size)) if step.chunks.is_none() && size < length => Some(size),
            _ => None,
        };
        Shape { http, piece, trailers: !self.trailers(step, http).is_empty() }
    }

    /// Whether it sends one of these steps with trailers that only HTTP/1 with trailers turned on carries.
    pub(crate) fn needs_http1_trailers(&self, steps: &[Step]) -> bool {
        let added = |shape: Shape| shape.http == 1 && shape.trailers;
        self.trailers == Some(true) && steps.iter().any(|step| added(self.shape(step)))
    }

    /// The name of a case in this variant.
    pub(crate) fn name(&self, id: &str) -> String {
        let text = self.to_string();
        if text.is_empty() { id.to_owned() } else { format!("{id}[{text}]") }
    }
}

impl fmt::Display for Variant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let split = self.split.map(|split| split.to_string());
        let http = self.http.map(|http| format!("http{http}"));
        let trailers = (self.trailers == Some(true)).then(|| "trailers".to_owned());
        let parts: Vec<String> = [split, http, trailers].into_iter().flatten().collect();
        f.write_str(&parts.join(","))
    }
}
