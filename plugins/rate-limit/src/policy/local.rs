//! Counting in the table of this gateway.

use super::{RateLimit, Settled};
use crate::slots::{Claim, Taken};
use crate::state::State;
use crate::stream::{Asked, By, Case, Charged};
use filter_core::effect::{Effects, Metric};
use filter_core::policy::Cx;

impl RateLimit {
    /// Counts a request under all limits whose turn it is that are counted so, or under none.
    pub(super) fn count(
        &self,
        state: &mut State,
        case: &mut Case,
        by: By,
        effects: &mut Effects,
        cx: &dyn Cx,
    ) -> Settled {
        let mut counted = case.group();
        counted.retain(|index| {
            case.asked.get(*index).is_some_and(|asked| asked.by == by && asked.charged.is_none())
        });
        if counted.is_empty() {
            return Settled::Passed;
        }
        let Some(seed) = state.seed(&self.table, cx) else {
            return Settled::Unavailable("the host has no random bytes".into());
        };
        let cost = case.rule.cost;
        let asked = counted.iter().filter_map(|index| case.asked.get(*index));
        let claims: Vec<Claim<'_>> = asked
            .map(|asked| {
                let (quota, identity) = asked.local();
                Claim { spot: self.table.spot(&seed, identity, &asked.key), quota, cost }
            })
            .collect();
        let (taken, sharing) = self.table.take(&claims, cx.now(), cx.store());
        effects.metrics.extend((0..sharing).map(|_| Metric { what: "overflow", reason: None }));
        let spots: Vec<_> = claims.iter().map(|claim| claim.spot).collect();
        match taken {
            Taken::Granted(decisions) => {
                for ((index, decision), spot) in counted.into_iter().zip(decisions).zip(spots) {
                    if let Some(asked) = case.asked.get_mut(index) {
                        asked.decision = Some(decision);
                        asked.charged = Some(Charged::Table(spot));
                    }
                }
                Settled::Passed
            }
            Taken::Refused(refused) => {
                let index = |(index, decision)| Some((*counted.get(index)?, decision));
                Settled::Used(refused.into_iter().filter_map(index).collect())
            }
            Taken::Busy => {
                Settled::Unavailable("no room in the table, or other workers were quicker every time".into())
            }
        }
    }

    /// Takes back what the limits whose turn it is have counted of a request that does not pass.
    pub(super) fn refund(&self, state: &mut State, case: &mut Case, cx: &dyn Cx) {
        let cost = case.rule.cost;
        for index in case.group() {
            if let Some(asked) = case.asked.get_mut(index) {
                self.take_back(state, asked, cost, cx);
            }
        }
    }

    /// Takes back what one limit has counted.
    pub(super) fn take_back(&self, state: &mut State, asked: &mut Asked, cost: u32, cx: &dyn Cx) {
        match asked.charged.take() {
            Some(Charged::Table(spot)) => {
                let claim = Claim { spot, quota: asked.local().0, cost };
                self.table.refund(&claim, cx.now(), cx.store());
            }
            Some(Charged::Ahead) => {
                if let Some(number) = asked.number {
                    state.shared.leases.give_back(number, cost);
                }
            }
            // It is asked last: whoever was counted there passed.
            Some(Charged::Exactly) | None => {}
        }
    }
}
