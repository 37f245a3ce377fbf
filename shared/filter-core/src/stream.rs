//! The phase machine of one request: which event reaches the policy when, what is held back, what is refused
//! by size. Pure; the guest in Envoy and the native executor run this same code.

use crate::audit::{self, Facts, LineLimiter};
use crate::config::{self, ConfigErrors, Digest, Env};
use crate::denial::{Denial, LocalReply, Reason};
use crate::effect::{Effects, HeaderOp, Level, LogLine, Metric, ResponseStep, Step, Verdict};
use crate::message::{Headers, RequestHead, ResponseHead};
use crate::names;
use crate::policy::{Cx, Mode, Policy};

/// A configured filter on one worker: what its streams share.
pub struct Filter<P: Policy> {
    instance: String,
    policy: Option<P>,
    state: P::State,
    limiter: LineLimiter,
}

/// A filter without a policy: it refuses every request with `policy.unavailable`.
impl<P: Policy> Default for Filter<P> {
    fn default() -> Self {
        Self {
            instance: P::NAME.to_owned(),
            policy: None,
            state: P::State::default(),
            limiter: LineLimiter::default(),
        }
    }
}

impl<P: Policy> Filter<P> {
    /// Loads the policy; state starts anew. `instance` is Envoy's `name` of the plugin. After an error the
    /// filter is without a policy.
    ///
    /// # Errors
    /// Everything that is wrong with the configuration.
    pub fn configure(&mut self, instance: &str, bytes: &[u8], env: &dyn Env) -> Result<Digest, ConfigErrors> {
        instance.clone_into(&mut self.instance);
        self.policy = None;
        self.state = P::State::default();
        self.policy = Some(config::load(bytes, env)?);
        Ok(Digest::of(bytes))
    }
}

/// What the host does with the stream after an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flow {
    /// Pass what was held, go on.
    Continue,
    /// Hold.
    Pause,
    /// Answer; never resume.
    Reply(LocalReply),
}

/// Everything the host has to do after an event, in this order: headers, exports, counters, logs, flow.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Outcome {
    /// Operations on the header map of the event.
    pub headers: Vec<HeaderOp>,
    /// Filter state, full keys without Envoy's `wasm.`.
    pub exports: Vec<(String, Vec<u8>)>,
    /// Counters to increase, full names.
    pub counters: Vec<String>,
    /// Log lines.
    pub logs: Vec<LogLine>,
    /// What happens to the stream.
    pub flow: Flow,
}

impl Outcome {
    /// Nothing but a flow.
    pub fn flow(flow: Flow) -> Self {
        Self { headers: Vec::new(), exports: Vec::new(), counters: Vec::new(), logs: Vec::new(), flow }
    }
}

/// Bytes of a body, fetched only when a policy wants them. `None`: the host could not give them.
pub type FetchBody<'a> = &'a mut dyn FnMut() -> Option<Vec<u8>>;

enum Phase {
    Fresh,
    Passing,
    Counting { limit: u64, mode: Mode, seen: u64 },
    Awaiting { limit: u64, mode: Mode, seen: u64 },
    Answered,
}

/// One request.
pub struct Stream<P: Policy> {
    phase: Phase,
    data: P::Stream,
    facts: Option<Facts>,
    grpc: bool,
    shadow: Vec<Reason>,
}

impl<P: Policy> Default for Stream<P> {
    fn default() -> Self {
        Self { phase: Phase::Fresh, data: P::Stream::default(), facts: None, grpc: false, shadow: Vec::new() }
    }
}

impl<P: Policy> Stream<P> {
    /// The request's head arrived.
    pub fn request_headers(
        &mut self,
        filter: &mut Filter<P>,
        head: &RequestHead<'_>,
        cx: &dyn Cx,
    ) -> Outcome {
        let step = match &filter.policy {
            None => Effects::default().deny(Denial::new(Reason::PolicyUnavailable)),
            Some(_) if !matches!(self.phase, Phase::Fresh) => misuse(),
            Some(_) if head.headers.is_empty() => Effects::default().deny(Denial::new(Reason::HeaderTooMany)),
            Some(policy) => policy.on_request_headers(&mut filter.state, &mut self.data, head, cx),
        };
        // Only what is or may still be refused needs its facts copied now; most requests do not.
        if !matches!(step.verdict, Verdict::Continue | Verdict::Answer(_)) || !step.effects.shadow.is_empty()
        {
            self.facts = Some(Facts::of(head));
            self.grpc = head.headers.is_grpc();
        }
        let Step { verdict, effects } = step;
        let announced = || head.headers.first("content-length").and_then(content_length).unwrap_or(0);
        let flow = match verdict {
            Verdict::Continue => self.pass(),
            Verdict::Deny(denial) => return self.deny(filter, effects, denial, cx),
            Verdict::Answer(reply) => return self.answer(filter, effects, reply, cx),
            Verdict::AwaitBody { limit, mode } | Verdict::CountBody { limit, mode }
                if announced() > limit =>
            {
                return self.too_large(filter, effects, mode, cx);
            }
            Verdict::CountBody { .. } if head.end_of_stream => self.pass(),
            Verdict::CountBody { limit, mode } => {
                self.phase = Phase::Counting { limit, mode, seen: 0 };
                Flow::Continue
            }
            Verdict::AwaitBody { .. } if head.end_of_stream => {
                return self.whole_body(filter, effects, &[], cx);
            }
            Verdict::AwaitBody { limit, mode } => {
                self.phase = Phase::Awaiting { limit, mode, seen: 0 };
                if filter.policy.as_ref().is_some_and(Policy::hold_headers) {
                    Flow::Pause
                } else {
                    Flow::Continue
                }
            }
        };
        self.report(filter, effects, flow, cx)
    }

    /// Body bytes arrived. `size`: while the stream is paused all buffered bytes, otherwise only the new ones
    /// (as proxy-wasm counts).
    pub fn request_body(
        &mut self,
        filter: &mut Filter<P>,
        size: usize,
        end_of_stream: bool,
        body: FetchBody<'_>,
        cx: &dyn Cx,
    ) -> Outcome {
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        let (limit, mode, total) = match &mut self.phase {
            Phase::Passing => return Outcome::flow(Flow::Continue),
            Phase::Answered => return Outcome::flow(Flow::Pause),
            Phase::Fresh => return self.settle(filter, misuse(), cx),
            Phase::Counting { limit, mode, seen } => {
                *seen = seen.saturating_add(size);
                (*limit, *mode, *seen)
            }
            Phase::Awaiting { limit, mode, seen } => {
                *seen = size.max(*seen);
                (*limit, *mode, *seen)
            }
        };
        if total > limit {
            return self.too_large(filter, Effects::default(), mode, cx);
        }
        match (&self.phase, end_of_stream) {
            (Phase::Awaiting { .. }, false) => Outcome::flow(Flow::Pause),
            (Phase::Awaiting { .. }, true) => self.awaited(filter, body, cx),
            _ => Outcome::flow(Flow::Continue),
        }
    }

    /// Trailers arrived: the body is complete although no body event said so.
    pub fn request_trailers(&mut self, filter: &mut Filter<P>, body: FetchBody<'_>, cx: &dyn Cx) -> Outcome {
        match self.phase {
            Phase::Awaiting { .. } => self.awaited(filter, body, cx),
            Phase::Passing | Phase::Counting { .. } => Outcome::flow(Flow::Continue),
            Phase::Answered => Outcome::flow(Flow::Pause),
            Phase::Fresh => self.settle(filter, misuse(), cx),
        }
    }

    /// An answer is on its way, from the upstream, from Envoy, from another filter or from ourselves.
    pub fn response_headers(
        &mut self,
        filter: &mut Filter<P>,
        head: &ResponseHead<'_>,
        cx: &dyn Cx,
    ) -> Outcome {
        let ResponseStep { replacement, mut effects } = match &filter.policy {
            Some(policy) => policy.on_response_headers(&mut filter.state, &mut self.data, head, cx),
            None => ResponseStep::default(),
        };
        let flow = match replacement {
            Some(reply) => {
                effects.headers.clear();
                Flow::Reply(reply)
            }
            None => Flow::Continue,
        };
        self.report(filter, effects, flow, cx)
    }

    /// The answer ends with trailers.
    pub fn response_trailers(&mut self, filter: &mut Filter<P>, trailers: &Headers, cx: &dyn Cx) -> Outcome {
        let effects = match &filter.policy {
            Some(policy) => policy.on_response_trailers(&mut filter.state, &mut self.data, trailers, cx),
            None => Effects::default(),
        };
        self.report(filter, effects, Flow::Continue, cx)
    }

    /// The stream ended.
    pub fn done(&mut self, filter: &mut Filter<P>, cx: &dyn Cx) -> Outcome {
        let effects = match &filter.policy {
            Some(policy) => policy.on_done(&mut filter.state, &mut self.data, cx),
            None => Effects::default(),
        };
        self.report(filter, effects, Flow::Continue, cx)
    }

    /// The host did not carry out an operation on the request's headers: a request that keeps what the policy took
    /// from it must not go upstream.
    pub fn operation_refused(&mut self, filter: &mut Filter<P>, cx: &dyn Cx) -> Outcome {
        self.settle(filter, misuse(), cx)
    }

    fn pass(&mut self) -> Flow {
        self.phase = Phase::Passing;
        Flow::Continue
    }

    /// A body above its limit: refused, or in shadow reported and passed unseen.
    fn too_large(
        &mut self,
        filter: &mut Filter<P>,
        mut effects: Effects,
        mode: Mode,
        cx: &dyn Cx,
    ) -> Outcome {
        match effects.refuse(mode, Denial::new(Reason::SizeBody)) {
            Some(denial) => self.deny(filter, effects, denial, cx),
            None => self.settle(filter, Step::proceed(effects), cx),
        }
    }

    fn awaited(&mut self, filter: &mut Filter<P>, body: FetchBody<'_>, cx: &dyn Cx) -> Outcome {
        let Phase::Awaiting { limit, seen, .. } = self.phase else {
            return self.settle(filter, misuse(), cx);
        };
        let bytes = if seen == 0 { Some(Vec::new()) } else { body() };
        match bytes {
            // The host announced more than it hands over, or hands over more than was counted: checking a part
            // would let the rest pass unseen.
            Some(bytes) if u64::try_from(bytes.len()).is_ok_and(|len| len >= seen && len <= limit) => {
                self.whole_body(filter, Effects::default(), &bytes, cx)
            }
            _ => self.settle(filter, misuse(), cx),
        }
    }

    fn whole_body(
        &mut self,
        filter: &mut Filter<P>,
        mut earlier: Effects,
        body: &[u8],
        cx: &dyn Cx,
    ) -> Outcome {
        let Step { verdict, effects } = match &filter.policy {
            Some(policy) => policy.on_request_body(&mut filter.state, &mut self.data, body, cx),
            None => misuse(),
        };
        earlier.append(effects);
        self.settle(filter, Step { verdict, effects: earlier }, cx)
    }

    /// Ends a request's decision: whatever is neither Continue nor a denial is refused.
    fn settle(&mut self, filter: &mut Filter<P>, step: Step, cx: &dyn Cx) -> Outcome {
        match step.verdict {
            Verdict::Continue => {
                let flow = self.pass();
                self.report(filter, step.effects, flow, cx)
            }
            Verdict::Deny(denial) => self.deny(filter, step.effects, denial, cx),
            Verdict::Answer(reply) => self.answer(filter, step.effects, reply, cx),
            Verdict::AwaitBody { .. } | Verdict::CountBody { .. } => {
                self.deny(filter, step.effects, Denial::new(Reason::PolicyPhase), cx)
            }
        }
    }

    /// Answers without refusing.
    fn answer(
        &mut self,
        filter: &mut Filter<P>,
        mut effects: Effects,
        reply: LocalReply,
        cx: &dyn Cx,
    ) -> Outcome {
        self.phase = Phase::Answered;
        effects.headers.clear();
        self.report(filter, effects, Flow::Reply(reply), cx)
    }

    fn deny(&mut self, filter: &mut Filter<P>, mut effects: Effects, denial: Denial, cx: &dyn Cx) -> Outcome {
        self.phase = Phase::Answered;
        effects.headers.clear();
        let reply = denial.reply(self.grpc);
        let mut outcome = self.report(filter, effects, Flow::Reply(reply), cx);
        let state = |what, value: &str| (names::state(&filter.instance, what), value.as_bytes().to_vec());
        outcome.exports.push(state("decision", "deny"));
        outcome.exports.push(state("reason", denial.reason.as_str()));
        let metric = Metric { what: "denied", reason: Some(denial.reason) };
        outcome.counters.push(names::metric(P::NAME, &filter.instance, metric));
        self.audit(filter, "deny", &denial, cx, &mut outcome.logs);
        outcome
    }

    /// Turns a policy's effects into what the host performs; shadow refusals become reports.
    fn report(&mut self, filter: &mut Filter<P>, effects: Effects, flow: Flow, cx: &dyn Cx) -> Outcome {
        let mut outcome = Outcome::flow(flow);
        outcome.headers = effects.headers;
        outcome.logs = effects.logs;
        for metric in effects.metrics {
            outcome.counters.push(names::metric(P::NAME, &filter.instance, metric));
        }
        for (key, value) in effects.exports {
            outcome.exports.push((format!("{}{key}", names::STATE_PREFIX), value));
        }
        for denial in &effects.shadow {
            self.shadow.push(denial.reason);
            let metric = Metric { what: "shadowed", reason: Some(denial.reason) };
            outcome.counters.push(names::metric(P::NAME, &filter.instance, metric));
            self.audit(filter, "shadow", denial, cx, &mut outcome.logs);
        }
        if !effects.shadow.is_empty() {
            let list: Vec<&str> = self.shadow.iter().map(|reason| reason.as_str()).collect();
            outcome.exports.push((names::state(&filter.instance, "shadow"), list.join(",").into_bytes()));
            // A denial stays the decision, whatever is reported after it.
            if !matches!(self.phase, Phase::Answered) {
                outcome.exports.push((names::state(&filter.instance, "decision"), b"shadow".to_vec()));
            }
        }
        outcome
    }

    fn audit(
        &self,
        filter: &mut Filter<P>,
        event: &str,
        denial: &Denial,
        cx: &dyn Cx,
        logs: &mut Vec<LogLine>,
    ) {
        if let Some(suppressed) = filter.limiter.admit(cx.now()) {
            let facts = self.facts.as_ref().cloned().unwrap_or_default();
            let text = audit::line(event, &filter.instance, denial, &facts, suppressed);
            logs.push(LogLine { level: Level::Warn, text });
        }
    }
}

fn misuse() -> Step {
    Effects::default().deny(Denial::new(Reason::PolicyPhase))
}

/// RFC 9110 section 8.6: digits only. Anything else is left to the running count.
fn content_length(value: &[u8]) -> Option<u64> {
    std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()
}
