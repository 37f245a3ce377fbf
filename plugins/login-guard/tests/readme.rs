//! What is generated from the configuration types is what they say.

use login_guard::{Config, LoginGuard};

testkit::generated_docs!(
    LoginGuard,
    Config,
    [
        "policy.unavailable",
        "policy.phase",
        "policy.hold",
        "path.ambiguous",
        "path.malformed",
        "header.host",
        "header.duplicate",
        "size.body",
        "media.",
        "login."
    ]
);
