//! A request that is sent twice, the second time to the other gateway.

use anyhow::Result;
use serde_json::{Value, json};

use super::super::ask::Which::{A, B};
use super::super::ask::post;
use super::super::expect::{denied, passes};
use super::super::stage::Stage;
use super::order;
use crate::services::signer::random_id;

pub(super) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    let token = stage.world.token(&json!({ "sub": "buyer" }))?;
    let other = stage.world.token(&json!({ "sub": "seller" }))?;
    let key = random_id()?;
    let send = |which, token: &str, body: &Value| {
        post(which, "/orders", body).token(token).header("idempotency-key", &key)
    };
    stage.see("the first with a key passes", &send(A, &token, &order()), &passes(201)).await?;
    let again = denied(409, "idempotency.completed");
    stage.see("the same again on the other gateway", &send(B, &token, &order()), &again).await?;
    stage.see("and on the same one", &send(A, &token, &order()).http1(), &again).await?;
    let more = json!({ "item": "pen", "count": 300 });
    stage
        .see("another body with the same key", &send(B, &token, &more), &denied(422, "idempotency.reused"))
        .await?;
    stage.see("somebody else's key of the same name", &send(B, &other, &order()), &passes(201)).await?;
    Ok(())
}
