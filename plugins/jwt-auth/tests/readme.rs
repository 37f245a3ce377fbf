//! What is generated from the configuration types is what they say: the README's tables, and the JSON Schema that
//! editors read.

testkit::generated_docs!(
    jwt_auth::JwtAuth,
    jwt_auth::Config,
    ["policy.unavailable", "policy.phase", "path.", "header.host", "jwt.", "jwks.", "revocation.",]
);
