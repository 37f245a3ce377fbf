//! Tokens.

use anyhow::Result;
use serde_json::{Value, json};

use super::super::ask::Which::{A, B};
use super::super::ask::get;
use super::super::expect::{denied, passes};
use super::super::stage::Stage;

pub(super) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    let token = |over: Value| stage.world.token(&over);
    let alice = token(json!({}))?;
    let (expired, elsewhere) = (
        token(json!({ "iat": 1_700_000_000, "exp": 1_700_000_600 }))?,
        token(json!({ "aud": "https://other.example.com" }))?,
    );
    let (issued, admin) =
        (token(json!({ "iss": "https://evil.example.com/" }))?, token(json!({ "scope": "admin" }))?);
    let forged = stage.world.forged()?;

    // The gateway hands on whom the token names, and neither the token nor what the client claims.
    let good = get(A, "/orders/7").http1().token(&alice).header("x-user", "root");
    let known = passes(200).upstream("x-user", Some("alice")).upstream("authorization", None);
    stage.see("a good token passes and its subject goes on without it", &good, &known).await?;
    stage
        .see("the other gateway knows the same keys", &get(B, "/orders/7").token(&alice), &passes(200))
        .await?;
    let open = get(B, "/catalogue").http1();
    stage
        .see("what is for everybody asks for no token", &open, &passes(200).upstream("x-user", None))
        .await?;
    let challenge = denied(401, "jwt.missing").with("www-authenticate", "Bearer realm=\"api\"");
    stage.see("no token is a challenge", &get(A, "/orders/7"), &challenge).await?;
    stage
        .see("a token that has expired", &get(B, "/orders/7").token(&expired), &denied(401, "jwt.expired"))
        .await?;
    stage
        .see(
            "a token for another audience",
            &get(A, "/orders/7").token(&elsewhere),
            &denied(401, "jwt.audience"),
        )
        .await?;
    stage
        .see("a token of another issuer", &get(B, "/orders/7").token(&issued), &denied(401, "jwt.issuer"))
        .await?;
    stage
        .see(
            "a token that somebody else signed",
            &get(A, "/orders/7").token(&forged),
            &denied(401, "jwt.unknown_kid"),
        )
        .await?;
    stage
        .see(
            "a good token is not enough for administrators",
            &get(B, "/admin/stats").token(&alice),
            &denied(403, "jwt.scope"),
        )
        .await?;
    stage.see("an administrator has the scope", &get(B, "/admin/stats").token(&admin), &passes(200)).await?;
    Ok(())
}
