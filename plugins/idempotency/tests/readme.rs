//! What is generated from the configuration types is what they say.

use idempotency::{Config, Idempotency};

testkit::generated_docs!(
    Idempotency,
    Config,
    [
        "policy.",
        "path.ambiguous",
        "path.malformed",
        "header.host",
        "header.too_many",
        "size.body",
        "body.timeout",
        "idempotency.",
    ]
);
