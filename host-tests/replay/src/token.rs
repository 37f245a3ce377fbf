//! Tokens in a case file, made when it is read: `{jwt: {key: rsa-one, claims: {sub: alice, exp: now+300}}}`.

use std::cell::Cell;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::{Number, Value};
use testkit::jwt::{SigningKey, header_of, signed, text};

/// A JSON Web Token as a case describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Name of the key that signs: one of those in `shared/testkit/keys`, or `secret`.
    key: String,
    /// Members over `{alg: <the key's>, kid: <its name>}`, null removes one. A string is the header as it is.
    #[serde(default)]
    header: Value,
    /// The claims; `now`, `now+300` and `now-1.5` are seconds since the epoch. A string is the payload as it is.
    claims: Value,
    /// The algorithm that signs. Absent: what the header says where the key can, else the key's own.
    sign: Option<String>,
    /// Instead of the signature: these bytes, in hexadecimal digits.
    signature: Option<String>,
}

impl Token {
    /// The compact serialisation.
    ///
    /// # Errors
    /// There is no such key, or it signs nothing with such an algorithm.
    pub(crate) fn mint(self) -> Result<String, String> {
        let Self { key, header, claims, sign, signature } = self;
        let key = SigningKey::named(&key).ok_or_else(|| {
            let known: Vec<&str> = SigningKey::ALL.iter().map(|key| key.kid()).collect();
            format!("jwt: no key is called {key:?}; there are {}", known.join(", "))
        })?;
        let header_says = header_of(key, &header);
        let algorithm = match &sign {
            Some(algorithm) if key.algorithms().contains(&algorithm.as_str()) => algorithm,
            Some(other) => return Err(format!("jwt: {} signs nothing with {other:?}", key.kid())),
            None => header_says
                .get("alg")
                .and_then(Value::as_str)
                .filter(|name| key.algorithms().contains(name))
                .unwrap_or(key.algorithm()),
        };
        let raw = |value: Value| match value {
            Value::String(raw) => raw,
            other => other.to_string(),
        };
        let header = if header.is_string() { raw(header) } else { header_says.to_string() };
        let minted = signed(key, algorithm, &header, &raw(timed(claims)?));
        let Some(digits) = signature else { return Ok(minted) };
        let signed = minted.rsplit_once('.').map_or(minted.as_str(), |(signed, _)| signed);
        Ok(format!("{signed}.{}", text(&bytes(&digits)?)))
    }
}

/// The claims with their times. The outermost string is no time but a payload.
fn timed(claims: Value) -> Result<Value, String> {
    match claims {
        Value::Object(members) => {
            let timed = |(name, value)| match value {
                Value::String(text) => Ok((name, moment(&text)?.unwrap_or(Value::String(text)))),
                other => Ok((name, timed(other)?)),
            };
            members.into_iter().map(timed).collect::<Result<_, String>>().map(Value::Object)
        }
        Value::Array(items) => items.into_iter().map(timed).collect::<Result<_, String>>().map(Value::Array),
        other => Ok(other),
    }
}

/// `now`, and seconds after or before it.
fn moment(text: &str) -> Result<Option<Value>, String> {
    let Some(offset) = text.strip_prefix("now") else { return Ok(None) };
    if offset.is_empty() {
        return Ok(Some(now().into()));
    }
    if !offset.starts_with(['+', '-']) {
        return Ok(None);
    }
    let whole: Result<i64, _> = offset.parse();
    if let Ok(offset) = whole {
        return Ok(Some(now().saturating_add(offset).into()));
    }
    let offset: f64 = offset.parse().map_err(|_| format!("jwt: {text:?} is no time"))?;
    #[allow(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^53")]
    let time = Number::from_f64(now() as f64 + offset);
    time.map(|time| Some(Value::Number(time))).ok_or_else(|| format!("jwt: {text:?} is no time"))
}

fn bytes(digits: &str) -> Result<Vec<u8>, String> {
    let digit =
        |pair: &[u8; 2]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    match digits.as_bytes().as_chunks() {
        (pairs, []) => pairs.iter().map(digit).collect::<Option<_>>(),
        _ => None,
    }
    .ok_or_else(|| "jwt: signature: not hexadecimal digits".to_owned())
}

thread_local! {
    /// What `now` is in the file that is being read. Tokens are made while it is, deep inside the reader of YAML, which
    /// hands nothing down.
    static NOW: Cell<Option<i64>> = const { Cell::new(None) };
}

/// The time that tokens are made for, in seconds since the epoch.
pub(crate) fn now() -> i64 {
    NOW.get().unwrap_or_else(|| {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or_default()
    })
}

/// Has every token that `read` makes be of the same time, which it gives back.
pub(crate) fn at_one_time<T>(read: impl FnOnce() -> T) -> (T, i64) {
    let now = now();
    NOW.set(Some(now));
    let read = read();
    NOW.set(None);
    (read, now)
}
