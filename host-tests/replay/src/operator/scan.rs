//! Keys by a pattern, found with SCAN, which never holds Redis up.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result};
use backends::resp::RespValue;

use super::{Link, array, command, text};

/// Keys that match a pattern, in order, and whether there are more than `most`. Of more, which ones is up to Redis.
pub(super) async fn scan(link: &mut Link, pattern: &str, most: usize) -> Result<(Vec<Vec<u8>>, bool)> {
    let count = link.page().to_string();
    // A key may come twice.
    let mut keys = BTreeSet::new();
    let mut cursor = "0".to_owned();
    loop {
        let answers = link.read(&[command(&["SCAN", &cursor, "MATCH", pattern, "COUNT", &count])]).await?;
        let Some([next, found]) = answers.first().and_then(array) else { anyhow::bail!("SCAN: {answers:?}") };
        for key in array(found).context("SCAN: no keys")? {
            if let RespValue::Bulk(key) = key {
                keys.insert(key.clone());
            }
        }
        cursor = text(next).context("SCAN: no cursor")?.to_owned();
        let more = keys.len() > most;
        if more || cursor == "0" {
            return Ok((keys.into_iter().take(most).collect(), more));
        }
    }
}
