//! A limit that is counted in Redis, for both gateways together.

use anyhow::Result;
use serde_json::json;

use super::super::ask::Which::{A, B};
use super::super::ask::get;
use super::super::expect::{denied, passes};
use super::super::stage::Stage;

/// Exports a minute of one consumer (`exports` of rate-limit-consumer).
const EXPORTS: usize = 10;

pub(super) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    let (busy, calm) =
        (stage.world.token(&json!({ "sub": "busy" }))?, stage.world.token(&json!({ "sub": "calm" }))?);
    let export = |which, token: &str| get(which, "/orders/export").token(token);
    for _ in 0..EXPORTS {
        stage.see("ten exports on one gateway", &export(A, &busy), &passes(200)).await?;
    }
    stage.see("none more on the other", &export(B, &busy), &denied(429, "rate.limited")).await?;
    stage.see("nor on the same one", &export(A, &busy), &denied(429, "rate.limited")).await?;
    stage.see("somebody else has a limit of his own", &export(B, &calm), &passes(200)).await?;
    Ok(())
}
