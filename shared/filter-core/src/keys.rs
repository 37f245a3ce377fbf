//! The keys of ours in Redis, and what the log of revocations holds: written by operators, read by filters.
//!
//! | key | type | value |
//! |---|---|---|
//! | `portcullis:rl:…` | | state of a rate limit |
//! | `portcullis:idem:…` | | state of an idempotency key |
//! | `portcullis:rev:{<provider>}:jti:<id>` | string | `1`: the token with this `jti` is revoked |
//! | `portcullis:rev:{<provider>}:sub:<id>`, `…:sid:<id>` | string | Unix seconds: tokens of this `sub` or `sid` with an earlier `iat` are revoked |
//! | `portcullis:rev:{<provider>}:log` | sorted set | [`LogMember`]s by the time of the change, in ms |
//!
//! The strings of revocations expire (`EXAT`) with the last token that they concern. `<provider>` and `<id>` are
//! percent-encoded ([`encode`]), so that nothing in a token can end a part of a key, and in braces, so that Redis Cluster
//! keeps a provider on one slot.
//!
//! # The log
//! For gateways that keep the deny list in memory: whoever applies its members in the order of their scores has every
//! revocation that has not expired, without reading anything else. Applying one twice does no harm.
//!
//! - A score is the clock of Redis (`TIME`), but always larger than the last one, even after the clock was set back. Two
//!   operators at the same time may get in between: a reader goes on [`LOG_OVERLAP`] before the last score it saw.
//! - Of two members with the same score the one that revokes counts: a cancellation sorts before it.
//! - The last part of every member says when it is moot. The log has no expiry of its own: whoever writes removes what is moot
//!   and what the new member replaces. So it holds one member per id of what is live, and what expired since the last write.

use crate::policy::hex;
use crate::redis::MAX_KEY;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sha2::{Digest as _, Sha256};
use std::fmt;
use std::time::Duration;

/// All but the unreserved characters of RFC 3986 section 2.3.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What every key of ours begins with.
pub const PREFIX: &str = "portcullis:";
/// What keys of rate limits begin with.
pub const LIMITS: &str = "portcullis:rl:";
/// What keys of idempotency begin with.
pub const IDEMPOTENCY: &str = "portcullis:idem:";
/// What keys of revocations begin with.
pub const REVOCATIONS: &str = "portcullis:rev:";
/// How far before the last score that it saw a reader of the log goes on. A write takes less, or is given up.
pub const LOG_OVERLAP: Duration = Duration::from_secs(60);

/// Longest name of an instance that is written out in a key, encoded, in bytes.
const LONGEST_INSTANCE: usize = 64;
/// What a cancellation in the log begins with. It sorts before the name of every claim.
const CANCEL: &str = "cancel";
/// Longest member of the log, in bytes: an id that fits a key, two numbers of 64 bits and the names.
const MAX_MEMBER: usize = MAX_KEY + 64;

/// The claim of a token that a revocation goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Claim {
    /// One token (RFC 7519 section 4.1.7).
    Jti,
    /// A session (OpenID Connect Front-Channel Logout 1.0 section 3).
    Sid,
    /// A subject (RFC 7519 section 4.1.2).
    Sub,
}

impl Claim {
    /// Every claim.
    pub const ALL: [Self; 3] = [Self::Jti, Self::Sid, Self::Sub];

    /// The name in tokens, keys and the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Jti => "jti",
            Self::Sid => "sid",
            Self::Sub => "sub",
        }
    }

    fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|claim| claim.as_str() == name)
    }

    /// Whether a revocation by it carries the second before which tokens were issued. By `jti` it is one token.
    #[must_use]
    pub fn by_time(self) -> bool {
        self != Self::Jti
    }
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Why there is no such key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyError {
    /// A provider or an id without a character.
    Empty,
    /// The key would have so many bytes, more than [`MAX_KEY`].
    TooLong(usize),
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("provider and id must not be empty"),
            Self::TooLong(bytes) => {
                write!(
                    f,
                    "the key would have {bytes} bytes once percent-encoded; at most {MAX_KEY} are allowed"
                )
            }
        }
    }
}

impl std::error::Error for KeyError {}

/// The name of a filter's instance as a part of a key: encoded, and where it is long a sum of it.
#[must_use]
pub fn instance_part(instance: &str) -> String {
    let instance = encode(instance);
    if instance.len() > LONGEST_INSTANCE { hex(&Sha256::digest(instance.as_bytes())) } else { instance }
}

/// The key that revokes what has this id.
///
/// # Errors
/// Provider or id are empty, or too long together: such an id cannot be revoked.
pub fn revocation(provider: &str, claim: Claim, id: &str) -> Result<String, KeyError> {
    if id.is_empty() {
        return Err(KeyError::Empty);
    }
    below(provider, &format!("{claim}:{}", encode(id)))
}

/// The key of a provider's log.
///
/// # Errors
/// The provider is empty or too long.
pub fn revocation_log(provider: &str) -> Result<String, KeyError> {
    below(provider, "log")
}

/// A pattern (`SCAN … MATCH`) for the revocations of a provider, by one claim or by any; the latter matches the log, too.
///
/// # Errors
/// The provider is empty or too long.
pub fn revocations(provider: &str, claim: Option<Claim>) -> Result<String, KeyError> {
    match claim {
        Some(claim) => below(provider, &format!("{claim}:*")),
        None => below(provider, "*"),
    }
}

/// Provider, claim and id of a key as [`revocation`] makes them; `None` for any other text.
#[must_use]
pub fn parse_revocation(key: &str) -> Option<(String, Claim, String)> {
    let (provider, rest) = key.strip_prefix(REVOCATIONS)?.strip_prefix('{')?.split_once("}:")?;
    let (claim, id) = rest.split_once(':')?;
    let (provider, id) = (decode(provider)?, decode(id)?);
    (key.len() <= MAX_KEY).then_some((provider, Claim::named(claim)?, id))
}

fn below(provider: &str, rest: &str) -> Result<String, KeyError> {
    if provider.is_empty() {
        return Err(KeyError::Empty);
    }
    let key = format!("{REVOCATIONS}{{{}}}:{rest}", encode(provider));
    if key.len() > MAX_KEY { Err(KeyError::TooLong(key.len())) } else { Ok(key) }
}

/// A member of the log.
///
/// | member | what |
/// |---|---|
/// | `jti:<id>:<expires>` | this token is revoked |
/// | `sub:<id>:<before>:<expires>`, `sid:…` | tokens with an `iat` earlier than `<before>` are |
/// | `cancel:jti:<id>:<expires>`, `cancel:sub:…`, `cancel:sid:…` | what came before about this id is no longer so |
///
/// Times are Unix seconds in decimal digits; from `<expires>` on the member is moot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogMember {
    /// What it goes by.
    pub claim: Claim,
    /// The value of the claim, decoded.
    pub id: String,
    /// What happened.
    pub change: Change,
    /// Unix seconds from which on this is moot: every token that it concerns has expired.
    pub expires: u64,
}

/// What a member of the log says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The token with this `jti` is revoked. Of [`Claim::Jti`] only.
    Revoked,
    /// Tokens that were issued before this second are. Of the other claims only.
    RevokedBefore(u64),
    /// A revocation was taken back.
    Cancelled,
}

impl LogMember {
    /// Reads what [`LogMember`] displays as, and nothing else: an id has one spelling.
    #[must_use]
    pub fn parse(member: &str) -> Option<Self> {
        if member.len() > MAX_MEMBER {
            return None;
        }
        let (cancels, rest) = match member.split_once(':')? {
            (CANCEL, rest) => (true, rest),
            _ => (false, member),
        };
        let mut parts = rest.split(':');
        let claim = Claim::named(parts.next()?)?;
        let id = decode(parts.next()?)?;
        let change = match (cancels, claim.by_time()) {
            (true, _) => Change::Cancelled,
            (false, false) => Change::Revoked,
            (false, true) => Change::RevokedBefore(seconds(parts.next()?)?),
        };
        let expires = seconds(parts.next()?)?;
        parts.next().is_none().then_some(Self { claim, id, change, expires })
    }
}

impl fmt::Display for LogMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { claim, id, change, expires } = self;
        let id = encode(id);
        match change {
            Change::Revoked => write!(f, "{claim}:{id}:{expires}"),
            Change::RevokedBefore(before) => write!(f, "{claim}:{id}:{before}:{expires}"),
            Change::Cancelled => write!(f, "{CANCEL}:{claim}:{id}:{expires}"),
        }
    }
}

/// Decimal digits as they are written, without a sign or leading zeros.
fn seconds(digits: &str) -> Option<u64> {
    let canonical =
        digits.bytes().all(|byte| byte.is_ascii_digit()) && (digits == "0" || !digits.starts_with('0'));
    canonical.then(|| digits.parse().ok()).flatten()
}

/// Percent-encodes every byte but the unreserved characters of RFC 3986 section 2.3, hexadecimal digits in upper case.
#[must_use]
pub fn encode(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// What [`encode`] was given. `None`: it would not have written this, or nothing at all.
#[must_use]
pub fn decode(text: &str) -> Option<String> {
    let decoded = percent_decode_str(text).decode_utf8().ok()?;
    (!decoded.is_empty() && encode(&decoded) == text).then(|| decoded.into_owned())
}
