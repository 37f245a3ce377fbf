//! What rate limits keep in Redis.

use anyhow::{Context as _, Result, bail, ensure};
use backends::resp::RespValue;
use filter_core::keys::LIMITS;

use super::scan::scan;
use super::{Link, array, command, number, printable, text};

/// Bytes of a string that are shown.
const MOST_BYTES: usize = 1024;
/// Fields and members that are shown, about.
const MOST_MEMBERS: usize = 64;

/// Which keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Keys {
    /// This one.
    One(String),
    /// Those that match a pattern as of SCAN.
    Matching(String),
}

impl Keys {
    /// A key, or a pattern if it has one of `* ? [ \`.
    ///
    /// # Errors
    /// It does not begin with [`LIMITS`].
    pub fn key(text: &str) -> Result<Self> {
        ensure!(text.starts_with(LIMITS), "not a key of rate limits, which begin with {LIMITS}");
        Ok(match text.contains(['*', '?', '[', '\\']) {
            true => Self::Matching(text.to_owned()),
            false => Self::One(text.to_owned()),
        })
    }

    /// Every key that begins so.
    ///
    /// # Errors
    /// As [`Keys::key`].
    pub fn prefix(text: &str) -> Result<Self> {
        Self::key(text)?;
        let plain: String = text
            .chars()
            .flat_map(|c| matches!(c, '*' | '?' | '[' | ']' | '\\').then_some('\\').into_iter().chain([c]))
            .collect();
        Ok(Self::Matching(plain + "*"))
    }
}

/// A key and what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// The key.
    pub key: Vec<u8>,
    /// The type as Redis names it.
    pub kind: String,
    /// Milliseconds until it ends; `None`: it does not.
    pub ttl_ms: Option<u64>,
    /// What is there.
    pub value: Shown,
    /// Of how many bytes, fields or members there are.
    pub size: u64,
}

/// A value, or its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// A string.
    Text(Vec<u8>),
    /// Fields and values of a hash, members and scores of a sorted set.
    Pairs(Vec<(Vec<u8>, Vec<u8>)>),
    /// Of another type than limits have.
    Other,
}

impl Shown {
    /// How much of it this is, in the unit of [`Limit::size`].
    #[must_use]
    pub fn len(&self) -> usize {
        match self {
            Self::Text(bytes) => bytes.len(),
            Self::Pairs(pairs) => pairs.len(),
            Self::Other => 0,
        }
    }

    /// Whether this is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What there is, `most` keys at most, in order, and whether there are more.
///
/// # Errors
/// [`Link`]'s.
pub async fn look(link: &mut Link, keys: &Keys, most: usize) -> Result<(Vec<Limit>, bool)> {
    let (found, more) = match keys {
        Keys::One(key) => (vec![key.clone().into_bytes()], false),
        Keys::Matching(pattern) => scan(link, pattern, most).await?,
    };
    let mut limits = Vec::new();
    for key in found {
        limits.extend(one(link, key).await?);
    }
    Ok((limits, more))
}

/// `None`: there is nothing, or nothing any more.
async fn one(link: &mut Link, key: Vec<u8>) -> Result<Option<Limit>> {
    let Ok(name) = str::from_utf8(&key) else {
        // Ours are ASCII, and what is not text cannot be asked for through a gateway.
        let (kind, value) = ("unknown".to_owned(), Shown::Other);
        return Ok(Some(Limit { key, kind, ttl_ms: None, value, size: 0 }));
    };
    let answers = link.read(&[command(&["TYPE", name])]).await?;
    let kind = answers.first().and_then(text).context("TYPE: not a name")?.to_owned();
    let (size, value) = match kind.as_str() {
        "none" => return Ok(None),
        "string" => {
            let last = MOST_BYTES.saturating_sub(1).to_string();
            (command(&["STRLEN", name]), command(&["GETRANGE", name, "0", &last]))
        }
        "hash" => {
            (command(&["HLEN", name]), command(&["HSCAN", name, "0", "COUNT", &MOST_MEMBERS.to_string()]))
        }
        "zset" => {
            let last = MOST_MEMBERS.saturating_sub(1).to_string();
            (command(&["ZCARD", name]), command(&["ZRANGE", name, "0", &last, "WITHSCORES"]))
        }
        // Something that needs no value.
        _ => (command(&["PTTL", name]), command(&["PTTL", name])),
    };
    let answers = link.read(&[command(&["PTTL", name]), size, value]).await?;
    let [ttl, size, value] = answers.as_slice() else { bail!("three answers") };
    // PTTL: -1 without an end, -2 without a key.
    let ttl = number(ttl).context("PTTL: not a number")?;
    if ttl == -2 {
        return Ok(None);
    }
    let value = match (kind.as_str(), value) {
        ("string", RespValue::Bulk(bytes)) => Shown::Text(bytes.clone()),
        ("hash", RespValue::Array(parts)) => Shown::Pairs(pairs(parts.get(1))),
        ("zset", members) => Shown::Pairs(pairs(Some(members))),
        _ => Shown::Other,
    };
    let size = number(size).filter(|_| value != Shown::Other).and_then(|size| u64::try_from(size).ok());
    let kind = printable(&kind);
    Ok(Some(Limit { key, kind, ttl_ms: u64::try_from(ttl).ok(), value, size: size.unwrap_or(0) }))
}

fn pairs(list: Option<&RespValue>) -> Vec<(Vec<u8>, Vec<u8>)> {
    let bytes = |value: &RespValue| match value {
        RespValue::Bulk(bytes) => bytes.clone(),
        _ => Vec::new(),
    };
    let list = list.and_then(array).unwrap_or_default();
    let pairs = list.chunks(2).filter_map(|pair| Some((bytes(pair.first()?), bytes(pair.get(1)?))));
    // A small hash comes whole, whatever COUNT says.
    pairs.take(MOST_MEMBERS).collect()
}
