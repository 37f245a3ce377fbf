//! What is generated from the configuration types is what they say.

use rate_limit::{Config, RateLimit};

testkit::generated_docs!(
    RateLimit,
    Config,
    ["policy.unavailable", "policy.phase", "path.ambiguous", "path.malformed", "header.host", "rate."]
);
