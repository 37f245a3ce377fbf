//! Bodies.

use anyhow::Result;
use serde_json::{Value, json};

use super::super::ask::Which::{A, B};
use super::super::ask::post;
use super::super::expect::{denied, passes};
use super::super::stage::Stage;
use super::order;

/// More than the gateway takes.
const TOO_LARGE: usize = 300 * 1024;

pub(super) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    let token = stage.world.token(&json!({ "sub": "writer" }))?;
    let send = |which, body: &Value| post(which, "/orders", body).token(&token);
    stage.see("a body that fits its schema", &send(A, &order()), &passes(201)).await?;
    stage.see("the same over HTTP/1.1", &send(B, &order()).http1(), &passes(201)).await?;
    let zero = json!({ "item": "pen", "count": 0 });
    stage.see("a number out of range", &send(A, &zero), &denied(422, "schema.invalid")).await?;
    let more = json!({ "item": "pen", "count": 3, "price": 0 });
    stage.see("a member more", &send(B, &more), &denied(422, "schema.invalid")).await?;
    let broken = send(A, &order()).http1().body("{\"item\":");
    stage.see("what is no JSON", &broken, &denied(400, "schema.malformed")).await?;
    let text = send(B, &order()).media("text/plain");
    stage.see("another media type", &text, &denied(415, "media.type")).await?;
    let packed = send(A, &order()).header("content-encoding", "gzip");
    stage.see("a compressed body", &packed, &denied(415, "media.encoding")).await?;
    let large = send(B, &order()).body(vec![b' '; TOO_LARGE]);
    stage.see("a body that is too large", &large, &denied(413, "size.body")).await?;
    Ok(())
}
