//! Redis as this filter asks it.

use crate::script::Scripts;
use filter_core::redis::Redis;

/// Redis, and what is asked there.
pub(crate) struct Backend {
    pub(crate) redis: Redis,
    pub(crate) scripts: Scripts,
}

impl Backend {
    pub(crate) fn new(redis: Redis) -> Self {
        Self { redis, scripts: Scripts::default() }
    }
}
