//! The phase machine of one request: which event reaches the policy when, what is held back, what is refused
//! by size. Pure; the guest in Envoy and the native executor run this same code.

mod answer;
mod call;
mod held;
mod watch;

pub(crate) use held::Held;

use crate::audit::Facts;
use crate::denial::{Denial, LocalReply, Reason};
use crate::effect::{Effects, Metric, Step, Verdict};
use crate::filter::{Filter, Flow, Host, Outcome};
use crate::message::RequestHead;
use crate::names;
use crate::policy::{Mode, Policy};
use crate::tasks::Waiter;

/// Bytes of a body, fetched only when a policy wants them. `None`: the host could not give them.
pub type FetchBody<'a> = &'a mut dyn FnMut() -> Option<Vec<u8>>;

/// Most bytes of a body that may gather behind a request that awaits a call-out: more is refused with 413. Where the
/// host holds the whole stream, none come.
const WAITING_BODY: u64 = 1024 * 1024;

#[derive(Debug, Clone, Copy)]
enum Phase {
    Fresh,
    Passing,
    Counting { limit: u64, mode: Mode },
    AwaitingBody { limit: u64, mode: Mode },
    AwaitingTask,
    Answered,
}

/// What is known of the request's body.
#[derive(Debug, Clone, Copy, Default)]
struct Body {
    /// `content-length`, where it says a number.
    announced: u64,
    /// Bytes that have come.
    seen: u64,
    /// Its end has come.
    complete: bool,
}

/// The event at which a policy gave its verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Head,
    Body,
    Reply,
}

/// One request.
pub struct Stream<P: Policy> {
    id: Waiter,
    phase: Phase,
    body: Body,
    awaits: u8,
    /// Nothing went on yet, not even the head.
    holds_head: bool,
    data: P::Stream,
    facts: Option<Facts>,
    grpc: bool,
    shadow: Vec<Reason>,
    watch: Option<watch::Watch>,
}

impl<P: Policy> Default for Stream<P> {
    fn default() -> Self {
        Self::new(0)
    }
}

impl<P: Policy> Stream<P> {
    /// The stream with the host's number for its context.
    #[must_use]
    pub fn new(id: Waiter) -> Self {
        Self {
            id,
            phase: Phase::Fresh,
            body: Body::default(),
            awaits: 0,
            holds_head: false,
            data: P::Stream::default(),
            facts: None,
            grpc: false,
            shadow: Vec::new(),
            watch: None,
        }
    }

    /// The request's head arrived.
    pub fn request_headers(
        &mut self,
        filter: &mut Filter<P>,
        head: &RequestHead<'_>,
        host: &dyn Host,
    ) -> Outcome {
        let step = match &filter.policy {
            None => Effects::default().deny(Denial::new(Reason::PolicyUnavailable)),
            Some(_) if !matches!(self.phase, Phase::Fresh) => misuse(),
            Some(_) if head.headers.is_empty() => Effects::default().deny(Denial::new(Reason::HeaderTooMany)),
            Some(policy) => policy.on_request_headers(&mut filter.state, &mut self.data, head, host),
        };
        // Only what is or may still be refused needs its facts copied now; most requests do not.
        let watches = P::WATCHES && filter.policy.as_ref().is_some_and(Policy::watches);
        let passes = matches!(step.verdict, Verdict::Continue | Verdict::Answer(_));
        if !passes || watches || !step.effects.shadow.is_empty() {
            self.facts = Some(Facts::of(head));
            self.grpc = head.headers.is_grpc();
            self.body.announced = head.content_length().unwrap_or_default();
        }
        self.body.complete = head.end_of_stream;
        let outcome = self.follow(filter, step, Asked::Head, &mut || None, host);
        self.holds_head = outcome.flow == Flow::Pause;
        outcome
    }

    /// Body bytes arrived. `size`: while the stream is paused all buffered bytes, otherwise only the new ones
    /// (as proxy-wasm counts).
    pub fn request_body(
        &mut self,
        filter: &mut Filter<P>,
        size: usize,
        end_of_stream: bool,
        body: FetchBody<'_>,
        host: &dyn Host,
    ) -> Outcome {
        let size = u64::try_from(size).unwrap_or(u64::MAX);
        self.body.complete |= end_of_stream;
        self.shown(filter);
        let (limit, mode) = match self.phase {
            Phase::Passing => return Outcome::flow(Flow::Continue),
            Phase::Answered => return Outcome::flow(Flow::Pause),
            Phase::Fresh => return self.follow(filter, misuse(), Asked::Body, body, host),
            Phase::Counting { limit, mode } => {
                self.body.seen = self.body.seen.saturating_add(size);
                (limit, mode)
            }
            Phase::AwaitingBody { limit, mode } => {
                self.body.seen = size.max(self.body.seen);
                (limit, mode)
            }
            Phase::AwaitingTask => {
                self.body.seen = size.max(self.body.seen);
                (WAITING_BODY, Mode::Enforce)
            }
        };
        if self.body.seen > limit {
            return self.too_large(filter, Effects::default(), mode, host);
        }
        match self.phase {
            Phase::AwaitingBody { .. } if end_of_stream => {
                self.whole_body(filter, Effects::default(), body, host)
            }
            Phase::AwaitingBody { .. } | Phase::AwaitingTask => Outcome::flow(Flow::Pause),
            _ => Outcome::flow(Flow::Continue),
        }
    }

    /// Trailers arrived: the body is complete although no body event said so.
    pub fn request_trailers(
        &mut self,
        filter: &mut Filter<P>,
        body: FetchBody<'_>,
        host: &dyn Host,
    ) -> Outcome {
        self.body.complete = true;
        self.shown(filter);
        match self.phase {
            Phase::AwaitingBody { .. } => self.whole_body(filter, Effects::default(), body, host),
            Phase::Passing | Phase::Counting { .. } => Outcome::flow(Flow::Continue),
            // To go on now would be to go on undecided.
            Phase::Answered | Phase::AwaitingTask => Outcome::flow(Flow::Pause),
            Phase::Fresh => self.follow(filter, misuse(), Asked::Body, body, host),
        }
    }

    /// The host did not carry out an operation on the request's headers: a request that keeps what the policy took
    /// from it must not go upstream.
    pub fn operation_refused(&mut self, filter: &mut Filter<P>, host: &dyn Host) -> Outcome {
        self.follow(filter, misuse(), Asked::Body, &mut || None, host)
    }

    /// Does what a verdict says. `earlier` effects are in the step.
    fn follow(
        &mut self,
        filter: &mut Filter<P>,
        step: Step,
        asked: Asked,
        body: FetchBody<'_>,
        host: &dyn Host,
    ) -> Outcome {
        let Step { verdict, effects } = step;
        let known = self.body.seen.max(self.body.announced);
        match verdict {
            Verdict::Continue => {
                self.phase = Phase::Passing;
                self.report(filter, effects, Flow::Continue, host)
            }
            Verdict::Deny(denial) => self.deny(filter, effects, denial, host),
            Verdict::Answer(reply) => self.answer(filter, effects, reply, host),
            Verdict::Await(task) => self.wait(filter, effects, &task, body, host),
            // A policy that has the body cannot ask for it again.
            Verdict::AwaitBody { .. } | Verdict::CountBody { .. } if asked == Asked::Body => {
                self.deny(filter, effects, Denial::new(Reason::PolicyPhase), host)
            }
            Verdict::AwaitBody { limit, mode } | Verdict::CountBody { limit, mode } if known > limit => {
                self.too_large(filter, effects, mode, host)
            }
            Verdict::CountBody { .. } if self.body.complete => {
                self.phase = Phase::Passing;
                self.report(filter, effects, Flow::Continue, host)
            }
            Verdict::CountBody { limit, mode } => {
                self.phase = Phase::Counting { limit, mode };
                self.report(filter, effects, Flow::Continue, host)
            }
            Verdict::AwaitBody { limit, mode } => {
                self.phase = Phase::AwaitingBody { limit, mode };
                if self.body.complete {
                    return self.whole_body(filter, effects, body, host);
                }
                // What has come of the body while a call-out was awaited stays held, whatever the configuration says of the
                // head: to let go of it would be to show the policy the rest as the whole. Else the head goes on, for
                // Envoy shows no body behind a held one.
                let held = filter.policy.as_ref().is_some_and(Policy::hold_headers);
                let unseen = self.body.seen == 0;
                if held && unseen && !self.waits_for_body(filter) {
                    return self.deny(filter, effects, Denial::new(Reason::PolicyUnavailable), host);
                }
                let flow = if held || !unseen { Flow::Pause } else { Flow::Continue };
                self.report(filter, effects, flow, host)
            }
        }
    }

    /// A body above its limit: refused, or in shadow reported and passed unseen.
    fn too_large(
        &mut self,
        filter: &mut Filter<P>,
        effects: Effects,
        mode: Mode,
        host: &dyn Host,
    ) -> Outcome {
        self.refuse(filter, effects, mode, Denial::new(Reason::SizeBody), host)
    }

    /// Refuses, or in shadow reports and lets the request pass.
    fn refuse(
        &mut self,
        filter: &mut Filter<P>,
        effects: Effects,
        mode: Mode,
        denial: Denial,
        host: &dyn Host,
    ) -> Outcome {
        self.follow(filter, effects.refuse_or_proceed(mode, denial), Asked::Body, &mut || None, host)
    }

    fn whole_body(
        &mut self,
        filter: &mut Filter<P>,
        mut effects: Effects,
        body: FetchBody<'_>,
        host: &dyn Host,
    ) -> Outcome {
        let Phase::AwaitingBody { limit, .. } = self.phase else {
            return self.follow(filter, misuse(), Asked::Body, body, host);
        };
        let bytes = if self.body.seen == 0 { Some(Vec::new()) } else { body() };
        // The host announced more than it hands over, or hands over more than was counted: checking a part would let
        // the rest pass unseen.
        let whole = bytes.filter(|bytes| {
            u64::try_from(bytes.len()).is_ok_and(|length| length >= self.body.seen && length <= limit)
        });
        let step = match (&filter.policy, whole) {
            (Some(policy), Some(bytes)) => {
                policy.on_request_body(&mut filter.state, &mut self.data, &bytes, host)
            }
            _ => misuse(),
        };
        effects.append(step.effects);
        self.follow(filter, Step { verdict: step.verdict, effects }, Asked::Body, body, host)
    }

    /// Answers without refusing.
    fn answer(
        &mut self,
        filter: &mut Filter<P>,
        mut effects: Effects,
        reply: LocalReply,
        host: &dyn Host,
    ) -> Outcome {
        self.phase = Phase::Answered;
        effects.headers.clear();
        self.report(filter, effects, Flow::Reply(reply), host)
    }

    fn deny(
        &mut self,
        filter: &mut Filter<P>,
        mut effects: Effects,
        denial: Denial,
        host: &dyn Host,
    ) -> Outcome {
        self.phase = Phase::Answered;
        effects.headers.clear();
        let reply = denial.reply(self.grpc);
        let mut outcome = self.report(filter, effects, Flow::Reply(reply), host);
        let state = |what, value: &str| (names::state(&filter.instance, what), value.as_bytes().to_vec());
        outcome.exports.push(state("decision", "deny"));
        outcome.exports.push(state("reason", denial.reason.as_str()));
        let metric = Metric { what: "denied", reason: Some(denial.reason) };
        outcome.counters.push(filter.counter(metric));
        filter.audit("deny", &denial, self.facts.as_ref(), host.now(), &mut outcome.logs);
        outcome
    }

    /// Turns a policy's effects into what the host performs; shadow refusals become reports, tasks are started.
    fn report(
        &mut self,
        filter: &mut Filter<P>,
        mut effects: Effects,
        flow: Flow,
        host: &dyn Host,
    ) -> Outcome {
        let started = filter.start_all(&mut effects, host);
        let shadow = std::mem::take(&mut effects.shadow);
        let mut outcome = filter.perform(effects);
        outcome.precede(started);
        outcome.flow = flow;
        for denial in &shadow {
            self.shadow.push(denial.reason);
            let metric = Metric { what: "shadowed", reason: Some(denial.reason) };
            outcome.counters.push(filter.counter(metric));
            filter.audit("shadow", denial, self.facts.as_ref(), host.now(), &mut outcome.logs);
        }
        if !shadow.is_empty() {
            let list: Vec<&str> = self.shadow.iter().map(|reason| reason.as_str()).collect();
            outcome.exports.push((names::state(&filter.instance, "shadow"), list.join(",").into_bytes()));
            // A denial stays the decision, whatever is reported after it.
            if !matches!(self.phase, Phase::Answered) {
                outcome.exports.push((names::state(&filter.instance, "decision"), b"shadow".to_vec()));
            }
        }
        outcome
    }
}

fn misuse() -> Step {
    Effects::default().deny(Denial::new(Reason::PolicyPhase))
}
