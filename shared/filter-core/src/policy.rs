//! The contract of a plugin: a pure function from (compiled policy, event, time, store) to a [`Step`].

use crate::config::{At, Env, FromTree};
use crate::config_enum;
use crate::denial::{Denial, Reason};
use crate::effect::{Effects, ResponseStep, Step};
use crate::message::{Headers, RequestHead, ResponseHead};
use crate::store::SharedStore;
use crate::task::TaskResult;
use std::time::Duration;

config_enum! {
    /// Whether refusals are carried out.
    pub enum Mode {
        /// Refuse.
        Enforce = "enforce",
        /// Change nothing, report what would have been refused.
        Shadow = "shadow",
    }
}

impl Mode {
    /// The weaker of two modes: a rule in shadow stays so, and a plugin in shadow puts all its rules there.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Enforce, Self::Enforce) => Self::Enforce,
            _ => Self::Shadow,
        }
    }
}

/// Microseconds since the Unix epoch. Wall clock: it may step back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

/// A duration as [`Timestamp`]s count it.
#[must_use]
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// 128 random bits as 32 hexadecimal digits. `None`: the host has no random bytes.
#[must_use]
pub fn random_digits(cx: &dyn Cx) -> Option<String> {
    let mut random = [0; 16];
    cx.random(&mut random).then(|| hex(&random))
}

/// Two lower-case digits for each byte.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the world around a policy answers.
pub trait Cx {
    /// The time of this event.
    fn now(&self) -> Timestamp;

    /// Fills `bytes` with random bytes fit for keys and nonces. `false`: the host has none; do without or deny.
    #[must_use]
    fn random(&self, bytes: &mut [u8]) -> bool;

    /// A host attribute, as `["source", "address"]`; integers are 8 bytes little-endian.
    fn property(&self, path: &[&str]) -> Option<Vec<u8>>;

    /// State shared by all workers of a gateway.
    fn store(&self) -> &dyn SharedStore;

    /// Asks the host whether `signature` is one of `text`, by the `SubjectPublicKeyInfo` (DER) in `key`: RSASSA-PKCS1-v1_5,
    /// or ECDSA with a DER signature (Envoy's `verify_signature`). `hash` as `sha256`. `None`: the host cannot say.
    fn verify_signature(&self, _hash: &str, _key: &[u8], _signature: &[u8], _text: &[u8]) -> Option<bool> {
        None
    }
}

/// What was gathered of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watched<'a> {
    /// The whole body, which is empty where the answer has none.
    Whole(&'a [u8]),
    /// There is more than was asked for, or than this worker gathers at once.
    TooLarge,
}

/// A plugin. `compile` happens once per configuration and worker; the rest per event.
pub trait Policy: Sized + 'static {
    /// Folder, crate, filter name and metric prefix, as `request-policy`.
    const NAME: &'static str;
    /// The configuration as written.
    type Config: FromTree;
    /// Per worker: parsed keys, caches, leases.
    type State: Default;
    /// Per request.
    type Stream: Default;

    /// How often [`Self::on_tick`] comes. Without one a policy can make no call-outs, for lost ones are noticed then; and a
    /// head that is held has no deadline.
    const TICK: Option<Duration> = None;

    /// Whether it makes call-outs at all; what they need is left out of the module of one that does not. To be set where
    /// one ticks for another reason.
    const CALLS: bool = Self::TICK.is_some();

    /// Whether it may hold heads ([`Self::hold_headers`]); the deadline of one that is held too long is left out of the module of
    /// a policy that does not. To be set where one ticks for another reason.
    const HOLDS: bool = Self::TICK.is_some();

    /// Whether it may ask for the bodies of answers ([`ResponseStep::watch`]); what that needs is left out of the module of one
    /// that does not, which says so where it is exported, too (`export_filter!(…, watches)`).
    const WATCHES: bool = false;

    /// How often one request may await something; then the answer is [`Failure::TooManyAwaits`](crate::task::Failure::TooManyAwaits).
    const AWAITS: u8 = 3;

    /// Checks what reading alone cannot, resolves secrets, and makes the policy. `None`: an error was reported
    /// at or below `at`.
    fn compile(config: Self::Config, env: &dyn Env, at: &At<'_>) -> Option<Self>;

    /// What Envoy calls this instance of the plugin, told once and first: what two instances of one chain keep in the shared
    /// store must not meet.
    fn instance(&mut self, _name: &str) {}

    /// Whether a request that awaits its body is held back whole, headers included. Needs
    /// `allow_on_headers_stop_iteration: true` on the filter in Envoy (1.35 or later): without that flag a
    /// held request hangs, or where there are ticks gets an answer after five seconds ([`Reason::PolicyHold`]).
    fn hold_headers(&self) -> bool {
        false
    }

    /// Whether it awaits the body of any request. One that does and does not hold the head lets the upstream be
    /// contacted before a body is refused.
    fn awaits_body(&self) -> bool {
        self.hold_headers()
    }

    /// Whether it asks for the body of any answer, as it is configured: what the log will say of a request is then kept until
    /// its answer has come.
    fn watches(&self) -> bool {
        Self::WATCHES
    }

    /// Whether it looks at answers, as it is configured: [`Self::on_response_headers`], [`Self::on_response_trailers`]. Where
    /// it does not, the host is not asked for their headers, which costs as much as those of the request.
    fn answers(&self) -> bool {
        true
    }

    /// A request arrived.
    fn on_request_headers(
        &self,
        state: &mut Self::State,
        stream: &mut Self::Stream,
        head: &RequestHead<'_>,
        cx: &dyn Cx,
    ) -> Step;

    /// The call-out that this request awaited is over; a shared one has been told to [`Self::on_task`] before. May await
    /// again, [`Self::AWAITS`] times in all; by default nothing passes that nobody decided about.
    fn on_reply(
        &self,
        _state: &mut Self::State,
        _stream: &mut Self::Stream,
        _result: &TaskResult,
        _cx: &dyn Cx,
    ) -> Step {
        Effects::default().deny(Denial::new(Reason::PolicyPhase))
    }

    /// A shared call-out is over, here or on another worker ([`Failure::Elsewhere`](crate::task::Failure::Elsewhere)).
    fn on_task(&self, _state: &mut Self::State, _name: &str, _result: &TaskResult, _cx: &dyn Cx) -> Effects {
        Effects::default()
    }

    /// Time has passed: [`Self::TICK`].
    fn on_tick(&self, _state: &mut Self::State, _cx: &dyn Cx) -> Effects {
        Effects::default()
    }

    /// The awaited body is complete; also called with an empty one. May await a call-out, but no body.
    fn on_request_body(
        &self,
        _state: &mut Self::State,
        _stream: &mut Self::Stream,
        _body: &[u8],
        _cx: &dyn Cx,
    ) -> Step {
        Step::proceed(Effects::default())
    }

    /// An answer is on its way to the client, our own denials included. The only place that decorates.
    fn on_response_headers(
        &self,
        _state: &mut Self::State,
        _stream: &mut Self::Stream,
        _head: &ResponseHead<'_>,
        _cx: &dyn Cx,
    ) -> ResponseStep {
        ResponseStep::default()
    }

    /// An answer that was asked for ([`ResponseStep::watch`]) has passed, once for each: not for one that was cut off. What
    /// comes of it changes nothing about the answer; header operations are dropped.
    fn on_response_body(
        &self,
        _state: &mut Self::State,
        _stream: &mut Self::Stream,
        _body: Watched<'_>,
        _cx: &dyn Cx,
    ) -> Effects {
        Effects::default()
    }

    /// Trailers end the answer. Header operations apply to them.
    fn on_response_trailers(
        &self,
        _state: &mut Self::State,
        _stream: &mut Self::Stream,
        _trailers: &Headers,
        _cx: &dyn Cx,
    ) -> Effects {
        Effects::default()
    }

    /// The stream is gone, answered or not.
    fn on_done(&self, _state: &mut Self::State, _stream: &mut Self::Stream, _cx: &dyn Cx) -> Effects {
        Effects::default()
    }
}
