//! gRPC, WebSockets, client certificates, and what is not encrypted.

use anyhow::Result;
use http::Method;
use serde_json::json;

use super::super::ask::Which::{A, B};
use super::super::ask::{Shown, ask, get};
use super::super::expect::{answered, denied, no_handshake, passes};
use super::super::stage::Stage;

/// What is said over a WebSocket.
const SAYS: &[&str] = &["how ", "are ", "you"];

pub(super) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    let token = stage.world.token(&json!({ "sub": "machine" }))?;

    let call = |which| ask(which, &Method::POST, "/example.v1.Orders/Echo").call("an order");
    stage.see("a call of gRPC", &call(A).token(&token), &passes(200).grpc("0").body("an order")).await?;
    // The status of the call says it; that of HTTP is 200.
    stage.see("a call without a token", &call(B), &denied(200, "jwt.missing").grpc("16")).await?;
    let missing = ask(A, &Method::POST, "/example.v1.Orders/Missing").call("an order").token(&token);
    stage.see("the API's own refusal of a call arrives", &missing, &passes(200).grpc("12")).await?;

    let feed = |which| get(which, "/feed").socket(SAYS);
    stage
        .see("a WebSocket through the whole chain", &feed(B).token(&token), &passes(101).body("how are you"))
        .await?;
    stage.see("a WebSocket without a token", &feed(A), &denied(401, "jwt.missing")).await?;

    let partner = |which, shown| get(which, "/orders/7").token(&token).mutual(shown);
    stage.see("8443 with a certificate", &partner(A, Shown::Valid), &passes(200)).await?;
    stage
        .see(
            "8443 without one",
            &partner(B, Shown::Nothing),
            &no_handshake("peer_did_not_provide_required_client_certificate"),
        )
        .await?;
    stage
        .see(
            "8443 with one that has expired",
            &partner(A, Shown::Expired),
            &no_handshake("certificate_has_expired"),
        )
        .await?;
    stage
        .see(
            "8443 with one of another authority",
            &partner(B, Shown::Foreign),
            &no_handshake("unable_to_get_local_issuer_certificate"),
        )
        .await?;
    let forged = get(A, "/orders/7").token(&token).header("x-forwarded-client-cert", "Subject=\"CN=root\"");
    let sanitised = passes(200).upstream("x-forwarded-client-cert", None);
    stage.see("a forged certificate header on 443", &forged, &sanitised).await?;

    let location = "https://api.example.com/catalogue";
    stage
        .see("port 80 leads to TLS", &get(B, "/catalogue").plain(), &answered(308).with("location", location))
        .await?;
    let secret = get(A, "/orders/7").plain().token("not-for-everybody");
    stage.see("credentials in the clear", &secret, &answered(403).without("location")).await?;
    let body = ask(B, &Method::POST, "/orders").plain().body("{}");
    stage.see("a body in the clear", &body, &answered(403).without("location")).await?;
    Ok(())
}
