//! The definitions, written without a thought for speed and sharing nothing with the code: logs of all that passed, exact
//! fractions, and of nginx its own lines.

use rate_limit::Algorithm;
use rate_limit::quota::Quota;

/// A limit that keeps everything.
pub struct Reference {
    quota: Quota,
    /// When how many passed; of a fixed window asked. In µs.
    log: Vec<(u64, u64)>,
    nginx: Option<Nginx>,
}

/// A node of its tree (`ngx_http_limit_req_node_t`).
struct Nginx {
    last: i64,
    excess: i64,
}

impl Reference {
    pub fn new(quota: Quota) -> Self {
        Self { quota, log: Vec::new(), nginx: None }
    }

    /// Whether a request passes.
    pub fn take(&mut self, now: u64, cost: u32) -> bool {
        let cost = u64::from(cost);
        let passes = match self.quota.algorithm() {
            Algorithm::TokenBucket => self.conforms(now, cost),
            Algorithm::LeakyBucket => return self.nginx(now, cost),
            Algorithm::SlidingWindow => self.weighted(now, cost),
            Algorithm::FixedWindow => self.windows(now, cost),
        };
        if passes || self.quota.algorithm() == Algorithm::FixedWindow {
            self.log.push((now, cost));
        }
        passes
    }

    /// What a token bucket is (RFC 2697, RFC 3290 section A.1): in no stretch of time, ending now, more passes than fits at once
    /// and what flows off in it.
    fn conforms(&self, now: u64, cost: u64) -> bool {
        let most = u128::from(self.quota.burst()) + 1;
        let (requests, per) = (u128::from(self.quota.requests()), u128::from(self.quota.per_micros()));
        let fits = |since: u64, passed: u64| {
            u128::from(passed + cost) * per <= most * per + u128::from(now - since) * requests
        };
        let mut passed = 0;
        fits(now, 0)
            && self.log.iter().rev().all(|(at, cost)| {
                passed += cost;
                fits(*at, passed)
            })
    }

    /// The estimate of a sliding window from two counts, in ms.
    fn weighted(&self, now: u64, cost: u64) -> bool {
        let per = self.quota.per_millis();
        let window = |at: u64| at / 1000 / per;
        let count = |number: u64| -> u64 {
            self.log.iter().filter(|(at, _)| window(*at) == number).map(|(_, cost)| cost).sum()
        };
        let (current, into) = (window(now), now / 1000 % per);
        let used = u128::from(count(current - 1)) * u128::from(per - into)
            + u128::from(count(current) + cost) * u128::from(per);
        used <= u128::from(self.quota.requests()) * u128::from(per)
    }

    fn windows(&self, now: u64, cost: u64) -> bool {
        let per = self.quota.per_micros();
        let asked =
            self.log.iter().filter(|(at, _)| at / per == now / per).map(|(_, cost)| cost).sum::<u64>();
        asked + cost <= u64::from(self.quota.requests())
    }

    /// `ngx_http_limit_req_lookup`, once for each request that this one counts as.
    fn nginx(&mut self, now: u64, cost: u64) -> bool {
        let now = i64::try_from(now / 1000).expect("a time");
        let scale = i64::try_from(self.quota.per().as_secs()).expect("seconds");
        let rate = i64::from(self.quota.requests()) * 1000 / scale;
        let burst = i64::from(self.quota.burst()) * 1000;
        let mut node = self.nginx.take();
        let before = node.as_ref().map(|node| (node.last, node.excess));
        let mut passes = true;
        for _ in 0..cost {
            match &mut node {
                None => node = Some(Nginx { last: now, excess: 0 }),
                Some(node) => {
                    let mut ms = now - node.last;
                    if ms < -60_000 {
                        ms = 1;
                    } else if ms < 0 {
                        ms = 0;
                    }
                    let excess = (node.excess - rate * ms / 1000 + 1000).max(0);
                    if excess > burst {
                        passes = false;
                        break;
                    }
                    node.excess = excess;
                    if ms != 0 {
                        node.last = now;
                    }
                }
            }
        }
        self.nginx = if passes { node } else { before.map(|(last, excess)| Nginx { last, excess }) };
        passes
    }
}
