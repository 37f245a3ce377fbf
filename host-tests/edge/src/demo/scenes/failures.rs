//! An API that is slow, away, and back.

use std::time::Duration;

use anyhow::Result;
use serde_json::json;

use super::super::ask::Which::{A, B};
use super::super::ask::{get, post};
use super::super::expect::{answered, passes};
use super::super::stage::Stage;
use super::order;
use crate::services::api::SLOW_ORDER;

/// Health checks come every 5 s, and three must fail.
const NOTICED: Duration = Duration::from_secs(40);

pub(super) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    let token = stage.world.token(&json!({ "sub": "patient" }))?;
    let ask = |which| get(which, "/orders/7").token(&token);
    let problem = |status| {
        answered(status)
            .with("content-type", "application/problem+json")
            .with("x-content-type-options", "nosniff")
    };
    let slow = |which| get(which, SLOW_ORDER).token(&token);
    let late = problem(504).reaches();
    stage
        .see_both([
            ("an API that does not answer in time", &slow(A), &late),
            ("the same over HTTP/1.1", &slow(B).http1(), &late),
        ])
        .await?;

    stage.world.api_leaves();
    let unsent = post(A, "/orders", &order()).token(&token);
    stage.see("nobody listens behind the gateway", &unsent, &problem(502)).await?;
    stage.see_within(NOTICED, "no healthy host is left", &ask(B), &problem(503)).await?;
    stage.world.api_returns()?;
    stage.see_within(NOTICED, "the API is back on one gateway", &ask(A), &passes(200)).await?;
    stage.see_within(NOTICED, "and on the other", &ask(B), &passes(200)).await?;
    Ok(())
}
