//! Methods, paths, hosts, origins, headers.

use anyhow::Result;
use http::Method;
use serde_json::json;

use super::super::ask::Which::{A, B};
use super::super::ask::{ask, get};
use super::super::expect::{answered, denied, passes};
use super::super::stage::Stage;

/// The origin whose pages may call.
const PAGE: &str = "https://app.example.com";

pub(super) async fn play(stage: &mut Stage<'_>) -> Result<()> {
    let token = stage.world.token(&json!({}))?;
    let decorated = passes(200)
        .with("x-content-type-options", "nosniff")
        .with("strict-transport-security", "max-age=31536000; includeSubDomains")
        .with("content-security-policy", "default-src 'none'; frame-ancestors 'none'")
        .without("server")
        .without("x-powered-by");
    stage
        .see("security headers and no name of any software", &get(A, "/orders/7").token(&token), &decorated)
        .await?;
    let refused = denied(405, "method.not_allowed")
        .with("allow", "GET, HEAD, POST")
        .with("x-content-type-options", "nosniff");
    stage
        .see("a method outside the list", &ask(B, &Method::DELETE, "/orders").token(&token), &refused)
        .await?;
    stage
        .see("TRACE", &ask(A, &Method::TRACE, "/orders/7").http1(), &denied(405, "method.not_allowed"))
        .await?;
    stage
        .see(
            "a path with two readings",
            &get(B, "/orders/../admin/stats").http1(),
            &denied(400, "path.ambiguous"),
        )
        .await?;
    stage.see("an encoded slash", &get(A, "/orders%2f..%2fadmin"), &denied(400, "path.ambiguous")).await?;
    stage
        .see(
            "an unknown host",
            &get(B, "/catalogue").host("evil.example.net"),
            &denied(421, "header.misdirected"),
        )
        .await?;
    stage
        .see(
            "a path that no schema knows",
            &get(A, "/internal").token(&token),
            &denied(404, "schema.unknown_route"),
        )
        .await?;

    let preflight = |which, origin: &str| {
        let asked = ask(which, &Method::OPTIONS, "/orders").header("origin", origin);
        asked
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "authorization,content-type")
    };
    let allowed = answered(204)
        .with("access-control-allow-origin", PAGE)
        .with("access-control-allow-methods", "GET, HEAD, POST");
    stage.see("a preflight of a page that may call", &preflight(A, PAGE), &allowed).await?;
    let foreign = denied(403, "cors.origin").without("access-control-allow-origin");
    stage.see("a preflight of any other page", &preflight(B, "https://evil.example.net"), &foreign).await?;
    let readable = passes(200).with("access-control-allow-origin", PAGE);
    stage
        .see(
            "a page that may call reads the answer",
            &get(B, "/orders/7").token(&token).header("origin", PAGE),
            &readable,
        )
        .await?;
    Ok(())
}
