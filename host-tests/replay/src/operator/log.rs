//! The log of a provider's revocations, from the side of who writes it.

use anyhow::{Context as _, Result, bail};
use filter_core::keys::{Claim, LOG_OVERLAP, LogMember};

use super::{Link, array, command, number, text, within};

/// Members of the log that a write looks at, oldest first, for what can go: 600 KB at most, and so bounded time. Of a
/// longer log the rest is looked at once the oldest members are gone.
const MOST_LOOKED_AT: usize = 10_000;
/// Members that one transaction removes: so many of the longest fit a call to a gateway, every byte encoded.
const MOST_REMOVED: usize = 8;

/// What in a log concerns a write.
pub(super) struct Log {
    /// Members about the same id: the new one replaces them.
    pub(super) same: Vec<LogMember>,
    /// What is moot.
    expired: Vec<String>,
}

impl Log {
    /// Looks at the log. `now` is in Unix seconds.
    ///
    /// # Errors
    /// [`Link`]'s, or it takes so long that readers of the log might have gone past the score of the new member.
    pub(super) async fn read(link: &mut Link, key: &str, claim: Claim, id: &str, now: u64) -> Result<Self> {
        within(LOG_OVERLAP / 2, Self::pages(link, key, claim, id, now)).await.context("the log")
    }

    async fn pages(link: &mut Link, key: &str, claim: Claim, id: &str, now: u64) -> Result<Self> {
        let mut log = Self { same: Vec::new(), expired: Vec::new() };
        let page = link.page();
        let mut from = 0_usize;
        while from < MOST_LOOKED_AT {
            let to = from.saturating_add(page).saturating_sub(1).to_string();
            let answers = link.read(&[command(&["ZRANGE", key, &from.to_string(), &to])]).await?;
            let members = answers.first().and_then(array).context("ZRANGE: not a list")?;
            // What is no member of ours is left to whoever wrote it.
            for member in members.iter().filter_map(text).filter_map(LogMember::parse) {
                if member.claim == claim && member.id == id {
                    log.same.push(member);
                } else if member.expires <= now {
                    log.expired.push(member.to_string());
                }
            }
            if members.len() < page {
                break;
            }
            from = from.saturating_add(page);
        }
        Ok(log)
    }

    /// The commands that put a member into the place of those about the same id.
    pub(super) fn put(&self, key: &str, score: u64, member: &LogMember) -> Vec<Vec<String>> {
        let mut commands = Vec::new();
        let member = member.to_string();
        let replaced: Vec<String> =
            self.same.iter().map(ToString::to_string).filter(|old| *old != member).collect();
        if !replaced.is_empty() {
            // More than one there is only after somebody wrote by hand.
            commands.push(remove(key, replaced.get(..MOST_REMOVED).unwrap_or(&replaced)));
        }
        commands.push(command(&["ZADD", key, &score.to_string(), &member]));
        commands
    }

    /// Removes what is moot.
    pub(super) async fn clean(&self, link: &mut Link, key: &str) -> Result<()> {
        for members in self.expired.chunks(MOST_REMOVED) {
            link.write(&[key], &[remove(key, members)])
                .await
                .context("that was done, but what has expired could not be removed from the log")?;
        }
        Ok(())
    }
}

fn remove(key: &str, members: &[String]) -> Vec<String> {
    let mut words = command(&["ZREM", key]);
    words.extend(members.iter().cloned());
    words
}

/// The score of a new member, given the clock of Redis in ms and the answer to `ZRANGE <log> -1 -1 WITHSCORES`.
pub(super) fn score(now: u64, last: &backends::resp::RespValue) -> Result<u64> {
    // A sorted set counts in doubles: beyond this one more is not always another number.
    const MOST: i64 = 1 << 53;
    match array(last) {
        Some([]) => Ok(now),
        Some([_, last]) => match number(last).filter(|last| (0..MOST).contains(last)) {
            Some(last) => Ok(now.max(u64::try_from(last)?.saturating_add(1))),
            None => bail!("the last score in the log is no time in ms; remove that member (ZREM)"),
        },
        _ => bail!("ZRANGE: not a member and its score"),
    }
}
