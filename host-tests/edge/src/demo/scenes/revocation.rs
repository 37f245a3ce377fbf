//! A token that is revoked before it expires, by the operator's command.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::super::ask::Which::{A, B};
use super::super::ask::get;
use super::super::expect::{denied, passes};
use super::super::stage::Stage;

/// A gateway that has asked about a token believes the answer for 5 s (`revocation.ttl` of jwt-auth), and as long again on a busy
/// machine.
const REMEMBERED: Duration = Duration::from_secs(10);

pub(super) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    let (lost, other) = (
        stage.world.token(&json!({ "jti": "lost", "sub": "mallory" }))?,
        stage.world.token(&json!({ "sub": "mallory" }))?,
    );
    let with = |which, token: &str| get(which, "/orders/7").token(token);
    let revoked = denied(401, "jwt.revoked");
    stage.see("a token before it is revoked", &with(A, &lost), &passes(200)).await?;
    stage.world.revoke("lost").await?;
    stage.see("the gateway that never saw it refuses at once", &with(B, &lost), &revoked).await?;
    stage.see_within(REMEMBERED, "the one that did within 5 s", &with(A, &lost), &revoked).await?;
    stage.see("another token of the same user passes", &with(B, &other), &passes(200)).await?;
    Ok(())
}
