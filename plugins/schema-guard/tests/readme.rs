//! What is generated from the configuration types is what they say: the README's tables, and the JSON Schema that
//! editors read.

testkit::generated_docs!(
    schema_guard::SchemaGuard,
    schema_guard::Config,
    [
        "policy.",
        "path.",
        "method.not_allowed",
        "header.host",
        "header.duplicate",
        "size.body",
        "body.timeout",
        "media.",
        "schema.",
    ]
);
