//! What the scripts are to answer, by [`Quota`] alone.

use filter_core::policy::Timestamp;
use rate_limit::lease::{Ask, Heard};
use rate_limit::quota::{Quota, Record};
use rate_limit::script::SHARE;

/// `lease.lua`.
pub fn lease(quota: &Quota, record: Option<Record>, now: Timestamp, ask: Ask) -> (Heard, Option<Record>) {
    let mut kept = record;
    let mut give = |want: u32| {
        let (decision, after) = quota.grant(kept, now, want);
        if kept.unwrap_or_default() != after {
            kept = Some(after);
        }
        (decision.granted, decision.remaining)
    };
    let (_, room) = give(0);
    let mut granted = 0;
    if ask.least > room {
        let (_, after) = quota.take(kept, now, ask.least);
        if kept.unwrap_or_default() != after {
            kept = Some(after);
        }
    } else {
        let (needed, room) = give(ask.need);
        let (further, _) = give((ask.want - ask.need).min(room / SHARE));
        granted = needed + further;
    }
    let (after, _) = quota.grant(kept, now, 0);
    let (next, _) = quota.take(kept, now, ask.least.max(1));
    let heard =
        Heard { granted, remaining: after.remaining, retry_us: next.retry_us, reset_us: after.reset_us };
    (heard, kept)
}

/// `refund.lua`.
pub fn refund(quota: &Quota, record: Option<Record>, now: Timestamp, back: u32) -> Option<Record> {
    record.map(|record| quota.refund(record, now, back))
}
