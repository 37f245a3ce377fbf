//! Revoking tokens, taking that back, and what is revoked.

use anyhow::{Context as _, Result, anyhow, ensure};
use backends::resp::RespValue;
use filter_core::keys::{self, Change, Claim, LogMember};

use super::log::{self, Log};
use super::moment::{Moment, shown};
use super::scan::scan;
use super::{Link, array, command, number, text};

/// The longest time ahead, in seconds: ten years. No token lives so long; who gives more mistook milliseconds for seconds.
const FARTHEST: u64 = 3653 * 24 * 3600;
/// Keys whose values are asked for at once: so many of the longest fit a call to a gateway, every byte encoded.
const TOGETHER: usize = 8;

/// What is revoked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The provider, as the filter's configuration names it.
    pub provider: String,
    /// The claim.
    pub claim: Claim,
    /// Its value.
    pub id: String,
}

/// A revocation as Redis holds it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Revocation {
    /// The claim.
    pub claim: Claim,
    /// Its value.
    pub id: String,
    /// Unix seconds before which tokens were issued that are revoked; `None` where it is about one token.
    pub before: Option<u64>,
    /// Unix seconds when it ends; `None`: never, as nothing of ours writes it.
    pub expires: Option<u64>,
}

/// What is revoked by a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// In order of claim and id.
    pub revocations: Vec<Revocation>,
    /// There are more than were asked for.
    pub more: bool,
    /// Keys below the provider's that no filter looks up: an id that is not percent-encoded, a value that is no time.
    pub odd: usize,
}

/// What Redis says before a change.
struct State {
    key: String,
    log: String,
    /// In Unix milliseconds.
    now_ms: u64,
    value: Option<String>,
    /// Unix seconds; `None`: never, or there is nothing.
    expires: Option<u64>,
    score: u64,
}

impl State {
    async fn read(link: &mut Link, subject: &Subject) -> Result<Self> {
        let Subject { provider, claim, id } = subject;
        let (key, log) = (keys::revocation(provider, *claim, id)?, keys::revocation_log(provider)?);
        let commands = [
            command(&["TIME"]),
            command(&["GET", &key]),
            command(&["EXPIRETIME", &key]),
            command(&["ZRANGE", &log, "-1", "-1", "WITHSCORES"]),
        ];
        let answers = link.read(&commands).await?;
        let [time, value, expires, last] = answers.as_slice() else { return Err(anyhow!("four answers")) };
        let now_ms = milliseconds(time).context("TIME: not seconds and microseconds")?;
        let value = text(value).map(str::to_owned);
        let expires = number(expires).and_then(|seconds| u64::try_from(seconds).ok());
        let score = log::score(now_ms, last)?;
        Ok(Self { key, log, now_ms, value, expires, score })
    }

    fn now(&self) -> u64 {
        self.now_ms / 1000
    }
}

/// The answer to TIME, in ms.
fn milliseconds(time: &RespValue) -> Option<u64> {
    let [seconds, micros] = array(time)? else { return None };
    let (seconds, micros) = (u64::try_from(number(seconds)?).ok()?, u64::try_from(number(micros)?).ok()?);
    seconds.checked_mul(1000)?.checked_add(micros / 1000)
}

/// Revokes the token with this `jti`, or all of a `sub` or `sid` that were issued before `before`; `None`: until now.
/// `expires` is when the last of them expires by itself.
///
/// # Errors
/// A time that cannot be meant, a revocation that there is and goes further, or [`Link`]'s.
pub async fn revoke(
    link: &mut Link,
    subject: &Subject,
    expires: Moment,
    before: Option<Moment>,
) -> Result<Revocation> {
    let state = State::read(link, subject).await?;
    let (now, claim) = (state.now(), subject.claim);
    let expires = expires.resolve(now);
    ensure!(expires > now, "--exp {}: is over; a token that has expired needs no revocation", shown(expires));
    ensure!(
        expires.saturating_sub(now) <= FARTHEST,
        "--exp {}: more than ten years ahead; is it in milliseconds?",
        shown(expires)
    );
    // `iat` has whole seconds: a token of this very second counts as issued before now, too.
    let before = claim.by_time().then(|| before.map_or(now.saturating_add(1), |before| before.resolve(now)));
    if let Some(before) = before {
        ensure!(before <= expires, "--before {}: later than --exp {}", shown(before), shown(expires));
    }
    weakens(&state, expires, before)?;
    let log = Log::read(link, &state.log, claim, &subject.id, now).await?;
    let change = before.map_or(Change::Revoked, Change::RevokedBefore);
    let member = LogMember { claim, id: subject.id.clone(), change, expires };
    let value = before.map_or("1".to_owned(), |before| before.to_string());
    let mut commands = vec![command(&["SET", &state.key, &value, "EXAT", &expires.to_string()])];
    commands.extend(log.put(&state.log, state.score, &member));
    link.write(&[&state.key, &state.log], &commands).await?;
    log.clean(link, &state.log).await?;
    Ok(Revocation { claim, id: subject.id.clone(), before, expires: Some(expires) })
}

/// What is revoked stays so: a slip of the hand must not let tokens in again.
fn weakens(state: &State, expires: u64, before: Option<u64>) -> Result<()> {
    let Some(value) = &state.value else { return Ok(()) };
    let until = state.expires;
    ensure!(
        until.is_some_and(|until| until <= expires),
        "is revoked {} already; undo that first if it is to end earlier",
        until.map_or("for ever".to_owned(), |until| format!("until {}", shown(until)))
    );
    let earlier = value.parse().ok().filter(|_| before.is_some());
    ensure!(
        earlier <= before,
        "tokens issued before {} are revoked already; undo that first if it is to be fewer",
        earlier.map_or(String::new(), shown)
    );
    Ok(())
}

/// Takes a revocation back; `false`: there is none, neither as a key nor in the log.
///
/// # Errors
/// [`Link`]'s.
pub async fn undo(link: &mut Link, subject: &Subject) -> Result<bool> {
    let state = State::read(link, subject).await?;
    let now = state.now();
    let log = Log::read(link, &state.log, subject.claim, &subject.id, now).await?;
    let live = log.same.iter().filter(|member| member.change != Change::Cancelled && member.expires > now);
    let logged = live.map(|member| member.expires).max();
    if state.value.is_none() && logged.is_none() {
        return Ok(false);
    }
    // As long as somebody may have read of the revocation.
    let expires = state.expires.max(logged).unwrap_or(now.saturating_add(FARTHEST));
    let Subject { claim, id, .. } = subject;
    let member = LogMember { claim: *claim, id: id.clone(), change: Change::Cancelled, expires };
    let mut commands = vec![command(&["DEL", &state.key])];
    commands.extend(log.put(&state.log, state.score, &member));
    link.write(&[&state.key, &state.log], &commands).await?;
    log.clean(link, &state.log).await?;
    Ok(true)
}

/// What a provider has revoked, `most` at most.
///
/// # Errors
/// [`Link`]'s, or a provider that has no keys.
pub async fn list(link: &mut Link, provider: &str, claim: Option<Claim>, most: usize) -> Result<Listed> {
    let log = keys::revocation_log(provider)?;
    let (found, more) = scan(link, &keys::revocations(provider, claim)?, most).await?;
    let mut listed = Listed { revocations: Vec::new(), more, odd: 0 };
    let found: Vec<String> =
        found.into_iter().map(|key| String::from_utf8_lossy(&key).into_owned()).collect();
    let (ours, others): (Vec<_>, Vec<_>) =
        found.iter().partition(|key| keys::parse_revocation(key).is_some());
    listed.odd = others.iter().filter(|key| ***key != log).count();
    for keys in ours.chunks(TOGETHER) {
        let commands: Vec<_> =
            keys.iter().flat_map(|key| [command(&["GET", key]), command(&["EXPIRETIME", key])]).collect();
        let answers = link.ask(&commands).await?;
        for (key, answers) in keys.iter().zip(answers.chunks(2)) {
            let ([value, expires], Some((_, claim, id))) = (answers, keys::parse_revocation(key)) else {
                continue;
            };
            let before = text(value).and_then(|value| value.parse().ok()).filter(|_| claim.by_time());
            match (value, number(expires)) {
                // It ended meanwhile.
                (RespValue::Nil, _) => {}
                (RespValue::Bulk(_), Some(expires)) if before.is_some() || !claim.by_time() => {
                    let expires = u64::try_from(expires).ok();
                    listed.revocations.push(Revocation { claim, id, before, expires });
                }
                _ => listed.odd = listed.odd.saturating_add(1),
            }
        }
    }
    listed.revocations.sort();
    Ok(listed)
}
