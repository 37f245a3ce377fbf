//! A policy whose configuration scripts what it does: awaits, counts or ignores a body, denies, reflects what
//! the client sent, counts in the shared store. It exists to show, in Envoy and natively, what the adapter and
//! the phase machine do for *any* policy. Never deployed.

use filter_core::config::{At, Env, SecretRef, Version};
use filter_core::denial::{Denial, Reason};
use filter_core::effect::{
    Effects, HeaderOp, Level, LogLine, Metric, ResponseStep, Step, Verdict, sanitized,
};
use filter_core::http::HeaderName;
use filter_core::message::{RequestHead, ResponseHead};
use filter_core::policy::{Cx, Mode, Policy, Watched};
use filter_core::store;
use filter_core::{config_enum, config_struct};
use std::num::NonZeroU64;
use std::time::Duration;

config_struct! {
    /// What the probe does.
    pub struct Config {
        /// Version of this configuration format.
        version: Version,
        /// What happens to a body.
        body: OnBody = "ignore",
        /// Largest body, in bytes.
        limit: NonZeroU64 = 1048576,
        /// Whether larger bodies are refused or reported.
        mode: Mode = "enforce",
        /// Whether the headers wait for the body.
        hold_headers: bool = false,
        /// A body that holds this text is refused.
        forbidden: Option<String>,
        /// Bodies of answers up to so many bytes are looked at while they pass: one with the forbidden text is reported, and
        /// how large each was is logged.
        watch: Option<NonZeroU64>,
        /// Whether to count requests in the shared store and answer the count as `x-probe-count`.
        count: bool = false,
        /// A secret, whose length is answered as `x-probe-secret`.
        secret: Option<SecretRef>,
    }
}

config_enum! {
    /// What happens to a body.
    pub enum OnBody {
        /// It passes.
        Ignore = "ignore",
        /// It passes, counted.
        Count = "count",
        /// It is looked at whole.
        Await = "await",
    }
}

/// The compiled probe.
pub struct Probe {
    config: Config,
    secret_length: Option<usize>,
}

/// What the answer will tell.
#[derive(Default)]
pub struct Stream {
    answers: Vec<(&'static str, Vec<u8>)>,
}

impl Policy for Probe {
    const NAME: &'static str = "probe";
    type Config = Config;
    type State = ();
    type Stream = Stream;

    /// For what is held too long; it calls nobody.
    const TICK: Option<Duration> = Some(Duration::from_secs(1));
    const CALLS: bool = false;
    const WATCHES: bool = true;

    fn watches(&self) -> bool {
        self.config.watch.is_some()
    }

    fn compile(config: Config, env: &dyn Env, at: &At<'_>) -> Option<Self> {
        let secret_length = match &config.secret {
            Some(secret) => Some(secret.resolve(env, &at.key("secret"))?.expose().len()),
            None => None,
        };
        Some(Self { config, secret_length })
    }

    fn hold_headers(&self) -> bool {
        self.config.hold_headers
    }

    fn awaits_body(&self) -> bool {
        self.config.body == OnBody::Await
    }

    fn on_request_headers(
        &self,
        _: &mut (),
        stream: &mut Stream,
        head: &RequestHead<'_>,
        cx: &dyn Cx,
    ) -> Step {
        if let Some(value) = head.headers.first("x-reflect") {
            stream.answers.push(("x-probe-reflected", unescaped(value)));
        }
        if let Some(length) = self.secret_length {
            stream.answers.push(("x-probe-secret", length.to_string().into_bytes()));
        }
        if self.config.count {
            stream.answers.push((
                "x-probe-count",
                store::count(cx.store(), "probe.count")
                    .map_or(b"lost".to_vec(), |n| n.to_string().into_bytes()),
            ));
        }
        let mut effects = Effects::default();
        effects.headers.push(HeaderOp::Add(HeaderName::from_static("x-probe"), sanitized(b"seen")));
        effects.exports.push(("probe".to_owned(), b"seen".to_vec()));
        let (limit, mode) = (self.config.limit.get(), self.config.mode);
        let verdict = match self.config.body {
            OnBody::Ignore => Verdict::Continue,
            OnBody::Count => Verdict::CountBody { limit, mode },
            OnBody::Await => Verdict::AwaitBody { limit, mode },
        };
        Step { verdict, effects }
    }

    fn on_request_body(&self, _: &mut (), stream: &mut Stream, body: &[u8], _: &dyn Cx) -> Step {
        stream.answers.push(("x-probe-body", body.len().to_string().into_bytes()));
        let mut effects = Effects::default();
        match self
            .forbids(body)
            .then(|| effects.refuse(self.config.mode, Denial::new(Reason::SizeBody)))
            .flatten()
        {
            Some(denial) => effects.deny(denial),
            None => Step::proceed(effects),
        }
    }

    fn on_response_headers(
        &self,
        _: &mut (),
        stream: &mut Stream,
        _: &ResponseHead<'_>,
        _: &dyn Cx,
    ) -> ResponseStep {
        let mut effects = Effects::default();
        for (name, value) in stream.answers.drain(..) {
            effects.headers.push(HeaderOp::Set(HeaderName::from_static(name), sanitized(&value)));
        }
        ResponseStep { watch: self.config.watch.map(NonZeroU64::get), effects, ..ResponseStep::default() }
    }

    fn on_response_body(&self, _: &mut (), _: &mut Stream, body: Watched<'_>, _: &dyn Cx) -> Effects {
        let mut effects = Effects::default();
        let text = match body {
            Watched::Whole(body) => {
                if self.forbids(body) {
                    effects.shadow.push(Denial::new(Reason::SchemaResponse));
                }
                format!("watched {} bytes", body.len())
            }
            Watched::TooLarge => "watched too much".to_owned(),
        };
        // No header operation can come of this.
        effects.headers.push(HeaderOp::Set(HeaderName::from_static("x-watched"), sanitized(b"1")));
        effects.logs.push(LogLine { level: Level::Info, text });
        effects
    }

    fn on_done(&self, _: &mut (), _: &mut Stream, _: &dyn Cx) -> Effects {
        let mut effects = Effects::default();
        effects.metrics.push(Metric { what: "done", reason: None });
        effects
    }
}

impl Probe {
    fn forbids(&self, body: &[u8]) -> bool {
        self.config.forbidden.as_ref().is_some_and(|text| contains(body, text.as_bytes()))
    }
}

/// `\r` and `\n` spelt out become the bytes no client can put into a header itself.
fn unescaped(value: &[u8]) -> Vec<u8> {
    String::from_utf8_lossy(value).replace("\\r", "\r").replace("\\n", "\n").into_bytes()
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    text.windows(part.len()).any(|window| window == part)
}
