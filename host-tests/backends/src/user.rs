//! The users of Redis.

/// A user of `users.acl`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum User {
    /// Limits: `portcullis:rl:*`.
    GatewayRateLimit,
    /// Idempotency: `portcullis:idem:*`.
    GatewayIdempotency,
    /// The deny list, to be read: `portcullis:rev:*`.
    GatewayRevocation,
    /// An operator who looks at everything.
    OperatorRead,
    /// An operator who revokes.
    OperatorRevoke,
}

impl User {
    /// Every user who can log in.
    pub const ALL: [Self; 5] = [
        Self::GatewayRateLimit,
        Self::GatewayIdempotency,
        Self::GatewayRevocation,
        Self::OperatorRead,
        Self::OperatorRevoke,
    ];

    /// The name in Redis.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::GatewayRateLimit => "gateway-rate-limit",
            Self::GatewayIdempotency => "gateway-idempotency",
            Self::GatewayRevocation => "gateway-revocation",
            Self::OperatorRead => "operator-read",
            Self::OperatorRevoke => "operator-revoke",
        }
    }

    /// The environment variable that `render.sh` takes the password from.
    #[must_use]
    pub fn variable(self) -> String {
        format!("PORTCULLIS_{}_PASSWORD", self.name().to_uppercase().replace('-', "_"))
    }

    /// The configuration of the gateway that logs in as this user; operators have none.
    #[must_use]
    pub fn webdis(self) -> Option<&'static str> {
        match self {
            Self::GatewayRateLimit => Some("webdis-rate-limit.json"),
            Self::GatewayIdempotency => Some("webdis-idempotency.json"),
            Self::GatewayRevocation => Some("webdis-revocation.json"),
            Self::OperatorRead | Self::OperatorRevoke => None,
        }
    }
}
