//! One entry becomes one step.

use std::fmt::Display;

use anyhow::{Error, Result, anyhow};

use super::url::{NoUrl, Url};
use super::{model, request, response, url};
use crate::step::Step;
use crate::traffic::document::joined;
use crate::traffic::reader::State;
use crate::traffic::{Origin, step};

/// Where an entry stands, for messages.
pub(super) struct Place<'a> {
    pub(super) origin: &'a Origin,
    pub(super) path: &'a str,
    pub(super) state: &'a mut State,
}

impl Place<'_> {
    pub(super) fn warn(&mut self, member: &str, what: &str) {
        self.state.warn(self.origin, format!("{}: {what}", joined(self.path, member)));
    }

    pub(super) fn error(&self, member: &str, what: impl Display) -> Error {
        anyhow!("{}: {}: {what}", self.origin, joined(self.path, member))
    }
}

pub(super) enum Outcome {
    Step(Box<Step>),
    /// Nothing to replay, and why.
    Skipped(String),
}

pub(super) fn step(entry: model::Entry, place: &mut Place<'_>) -> Result<Outcome> {
    let url = match url::parse(&entry.request.url) {
        Ok(url) => url,
        Err(NoUrl::Scheme(scheme)) => return Ok(Outcome::Skipped(format!("{scheme}: is not HTTP"))),
        Err(NoUrl::Invalid) => {
            return Err(place.error("request.url", format_args!("{:?} is not a URL", entry.request.url)));
        }
    };
    if let Some(why) = unsuitable(&entry) {
        return Ok(Outcome::Skipped(why));
    }
    note(&url, place);
    let mut step = step::blank();
    step.method = entry.request.method.clone();
    step.scheme = url.scheme;
    step.authority.0 = url.authority.into_bytes();
    step.path.0 = url.path;
    request::read(entry.request, &mut step, place)?;
    response::read(entry.response, &mut step, place)?;
    step.response.delay_ms = millis(entry.time);
    Ok(Outcome::Step(Box::new(step)))
}

/// Why there is nothing to replay.
fn unsuitable(entry: &model::Entry) -> Option<String> {
    let socket = entry.messages.is_some() || entry.resource_type.as_deref() == Some("websocket");
    match entry.response.status {
        _ if entry.request.method == "CONNECT" => Some("a tunnel".to_owned()),
        101 => Some("a WebSocket".to_owned()),
        _ if socket => Some("a WebSocket".to_owned()),
        // 0, and -1 by Playwright.
        ..=0 => Some("it was never answered".to_owned()),
        status @ (1..=199 | 1000..) => Some(format!("no upstream can answer with the status {status}")),
        200..=999 => None,
    }
}

fn note(url: &Url, place: &mut Place<'_>) {
    if url.userinfo {
        place.warn("request.url", "user info dropped");
    }
    if url.encoded {
        place.warn("request.url", "bytes that no request can hold were percent-encoded");
    }
}

/// Whole milliseconds, 0 for what is not known.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a float is clamped to the integers by the cast, and negative times mean unknown"
)]
fn millis(time: Option<f64>) -> u64 {
    time.unwrap_or(0.0).round() as u64
}
