//! What a request holds while it is counted.

use crate::exact::Answer;
use crate::limit::{Allowance, Limit};
use crate::quota::{Decision, Quota};
use crate::rule::Rule;
use crate::slots::Spot;
use filter_core::http::{HeaderName, HeaderValue};
use filter_core::policy::{Mode, Timestamp};
use filter_core::redis::{BackendError, Query};
use filter_core::task::CallOut;
use std::sync::Arc;

/// What a request holds.
#[derive(Default)]
pub struct Stream {
    /// While it waits.
    pub(crate) case: Option<Case>,
    /// What its answer is to carry.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
}

/// A request that is not counted everywhere yet.
pub(crate) struct Case {
    pub(crate) rule: Arc<Rule>,
    /// Limits that have something to say: those that refuse first.
    pub(crate) asked: Vec<Asked>,
    /// Whose turn it is: limits that refuse, then those that report. `None`: all are through.
    pub(crate) turn: Option<Mode>,
    /// What it waits for, or what came of that.
    pub(crate) waits: Waits,
    /// When its own question was sent.
    pub(crate) sent: Option<Timestamp>,
}

/// A limit that is asked.
pub(crate) struct Asked {
    pub(crate) limit: Arc<Limit>,
    pub(crate) allowance: Arc<Allowance>,
    pub(crate) key: Vec<u8>,
    /// Of plugin, rule and limit together.
    pub(crate) mode: Mode,
    /// Who counts.
    pub(crate) by: By,
    /// What was decided, once it was.
    pub(crate) decision: Option<Decision>,
    /// Where it is counted, for as long as it can be taken back.
    pub(crate) charged: Option<Charged>,
    /// What stands for limit and key in this worker, once it was needed.
    pub(crate) number: Option<u64>,
    /// It waited for requests in advance and was woken.
    pub(crate) woken: bool,
    /// It cannot wait any longer.
    pub(crate) failed: Option<BackendError>,
}

/// Who counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum By {
    /// This gateway, the whole limit.
    Table,
    /// All gateways, through Redis.
    Redis,
    /// This gateway, its part of the limit: Redis cannot be asked.
    Alone,
    /// Nobody: Redis cannot be asked, and the limit says `allow`.
    Nobody,
}

/// Where a request was counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Charged {
    /// In the table.
    Table(Spot),
    /// Of what this worker was given in advance.
    Ahead,
    /// In Redis, for good.
    Exactly,
}

/// What a request waits for.
#[derive(Default)]
pub(crate) enum Waits {
    /// Nothing.
    #[default]
    Nothing,
    /// Requests in advance, for the limit of this index.
    Ahead(usize),
    /// What Redis says of so many limits.
    Exactly(Query, usize),
    /// The same, once this is sent.
    Again(Query, Box<CallOut>),
    /// Nothing any more: this is what it said.
    Answered(Result<Vec<Answer>, BackendError>),
}

impl Asked {
    /// Whether it is still to be counted, and so.
    pub(crate) fn is_open(&self, by: By) -> bool {
        self.by == by && self.charged.is_none()
    }

    /// What this gateway counts by.
    pub(crate) fn local(&self) -> (&Quota, &[u8]) {
        match (&self.allowance.alone, self.by) {
            (Some(alone), By::Alone) => (&alone.quota, &alone.identity),
            _ => (&self.allowance.quota, &self.allowance.identity),
        }
    }
}

impl Case {
    /// `asked`: those that refuse first.
    pub(crate) fn new(rule: Arc<Rule>, asked: Vec<Asked>) -> Self {
        let turn = asked.first().map(|asked| asked.mode);
        Self { rule, asked, turn, waits: Waits::Nothing, sent: None }
    }

    /// Whether Redis has been asked about this request, or has answered.
    pub(crate) fn asks_exactly(&self) -> bool {
        matches!(self.waits, Waits::Exactly(..) | Waits::Again(..) | Waits::Answered(_))
    }

    /// Whose turn it is next.
    pub(crate) fn next(&mut self) {
        let more =
            self.turn == Some(Mode::Enforce) && self.asked.iter().any(|asked| asked.mode == Mode::Shadow);
        self.turn = more.then_some(Mode::Shadow);
    }

    /// What the limits that refuse decided, for the client.
    pub(crate) fn said(&self) -> Vec<(&Asked, Decision)> {
        let refusing = self.asked.iter().filter(|asked| asked.mode == Mode::Enforce);
        refusing.filter_map(|asked| Some((asked, asked.decision?))).collect()
    }

    /// Indices of the limits whose turn it is.
    pub(crate) fn group(&self) -> Vec<usize> {
        let in_turn = |(index, asked): (usize, &Asked)| (Some(asked.mode) == self.turn).then_some(index);
        self.asked.iter().enumerate().filter_map(in_turn).collect()
    }
}
