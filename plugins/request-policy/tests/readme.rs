//! What is generated from the configuration types is what they say: the README's tables, and the JSON Schema that
//! editors read.

testkit::generated_docs!(
    request_policy::RequestPolicy,
    request_policy::Config,
    [
        "policy.unavailable",
        "policy.phase",
        "path.",
        "method.",
        "header.",
        "address.",
        "cors.",
        "csrf.",
        "size.",
        "media.missing",
        "media.type",
    ]
);
