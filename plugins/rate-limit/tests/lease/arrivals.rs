//! When requests come, and on which worker.

/// The output function of SplitMix64.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Below this.
    pub fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    /// In (0, 1].
    fn unit(&mut self) -> f64 {
        ((self.next() >> 11) + 1) as f64 / (1_u64 << 53) as f64
    }
}

/// So many in a second, evenly.
pub fn even(per_second: u64, count: u64, workers: u64, seed: u64) -> Vec<(u64, usize)> {
    let mut random = Random(seed);
    (0..count).map(|i| (i * 1_000_000 / per_second, random.below(workers) as usize)).collect()
}

/// So many in a second on average, each at any time.
pub fn poisson(per_second: u64, count: u64, workers: u64, seed: u64) -> Vec<(u64, usize)> {
    let (mut random, mut at) = (Random(seed), 0.0);
    let mut next = || {
        at += -random.unit().ln() * 1e6 / per_second as f64;
        (at as u64, random.below(workers) as usize)
    };
    (0..count).map(|_| next()).collect()
}
