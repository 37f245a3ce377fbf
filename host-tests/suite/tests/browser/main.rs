//! CORS as a browser sees it: pages call an API of another origin, behind a real Envoy with request-policy.
//!
//! `make test-browser` runs these; they need a Chromium, which `cargo test` alone does not.

mod browser;
mod chromium;
mod gateway;
mod site;

use anyhow::{Context as _, Result, bail, ensure};
use browser::Browser;
use gateway::{Gateway, Line};
use recorder::Recorded;
use serde_json::{Value, json};

/// Pages that may call the API. They and the API are of one site, `shop.localhost`, and of three origins.
const APP: &str = "app.shop.localhost";
const ADMIN: &str = "admin.shop.localhost";
/// One that may not, of another site.
const EVIL: &str = "evil.localhost";

/// What Envoy logged, as far as one line of a test can say it.
fn outcomes(lines: &[Line]) -> Vec<String> {
    let outcome = |line: &Line| match &line.reason {
        Some(reason) => format!("{} {} {reason}", line.method, line.status),
        None => format!("{} {}", line.method, line.status),
    };
    lines.iter().map(outcome).collect()
}

/// The names in `vary`, in lower case.
fn vary(line: &Line) -> Vec<String> {
    let vary = line.vary.as_deref().unwrap_or_default();
    vary.split(',').map(|name| name.trim().to_ascii_lowercase()).collect()
}

fn header<'a>(request: &'a Recorded, name: &str) -> Option<&'a [u8]> {
    request.headers.iter().find(|(have, _)| have == name).map(|(_, value)| value.as_slice())
}

/// What reached the upstream, in a line each.
fn shown(requests: &[Recorded]) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let one = |request: &Recorded| {
        let headers = request.headers.iter().map(|(name, value)| format!("{name}: {}", text(value)));
        let headers: Vec<String> = headers.collect();
        let (path, body) = (text(&request.path), text(&request.body));
        format!("{} {path} [{}] {body:?}", request.method, headers.join(", "))
    };
    requests.iter().map(one).collect::<Vec<_>>().join("\n")
}

/// The only request that reached the upstream.
fn only(gateway: &Gateway) -> Result<Recorded> {
    let forwarded = gateway.forwarded();
    match <[Recorded; 1]>::try_from(forwarded) {
        Ok([request]) => Ok(request),
        Err(forwarded) => bail!("the upstream got {} requests\n{}", forwarded.len(), shown(&forwarded)),
    }
}

/// Nothing did.
fn untouched(gateway: &Gateway) -> Result<()> {
    let forwarded = gateway.forwarded();
    ensure!(forwarded.is_empty(), "the upstream got\n{}", shown(&forwarded));
    Ok(())
}

/// The code of one of our refusals.
fn code(body: &str) -> Result<String> {
    let problem: Value =
        serde_json::from_str(body).with_context(|| format!("no problem document: {body:?}"))?;
    let code =
        problem.get("type").and_then(Value::as_str).and_then(|kind| kind.strip_prefix("urn:portcullis:"));
    Ok(code.with_context(|| format!("no type in {body}"))?.to_owned())
}

#[tokio::test]
async fn a_page_of_an_allowed_origin_reads_body_and_exposed_headers() -> Result<()> {
    let (gateway, mut browser) = (Gateway::start().await?, Browser::start(APP).await?);
    gateway.answers("three orders", &[("x-total", "3"), ("x-internal", "7")])?;
    let seen = browser.fetch(&gateway.url("/orders"), json!({})).await?.answer()?;
    ensure!(seen.status == 200 && seen.body == "three orders", "the script read {seen:?}");
    ensure!(seen.headers.get("x-total").is_some_and(|total| total == "3"), "x-total is hidden: {seen:?}");
    ensure!(!seen.headers.contains_key("x-internal"), "x-internal is shown, which nobody exposed: {seen:?}");
    let line = gateway.only("/orders").await?;
    ensure!(line.method == "GET", "a simple request needs no preflight, Envoy logged {line:?}");
    ensure!(line.allow_origin == Some(browser.origin(APP)), "{line:?}");
    ensure!(vary(&line).contains(&"origin".to_owned()), "{line:?}");
    only(&gateway)?;
    gateway.stop().await
}

#[tokio::test]
async fn a_page_of_another_origin_learns_nothing_and_the_upstream_is_not_asked() -> Result<()> {
    let (gateway, mut browser) = (Gateway::start().await?, Browser::start(EVIL).await?);
    let seen = browser.fetch(&gateway.url("/orders"), json!({})).await?;
    ensure!(seen.is_withheld(), "a page of {EVIL}: {seen}");
    let line = gateway.only("/orders").await?;
    ensure!(outcomes(std::slice::from_ref(&line)) == ["GET 403 cors.origin"], "{line:?}");
    ensure!(line.allow_origin.is_none() && vary(&line).contains(&"origin".to_owned()), "{line:?}");
    untouched(&gateway)?;

    // It gets no further where the browser asks first.
    let seen = browser.fetch(&gateway.url("/orders/7"), json!({ "method": "PUT" })).await?;
    ensure!(seen.is_withheld(), "a page of {EVIL}: {seen}");
    let lines = gateway.log("/orders/7").await?;
    ensure!(outcomes(&lines) == ["OPTIONS 403 cors.origin"], "{lines:#?}");

    // Where a mismatch is silent the upstream answers, and the browser keeps that to itself.
    let seen = browser.fetch(&gateway.url("/silent"), json!({})).await?;
    ensure!(seen.is_withheld(), "a page of {EVIL}: {seen}");
    let line = gateway.only("/silent").await?;
    ensure!(line.status == 200 && line.allow_origin.is_none(), "{line:?}");
    only(&gateway)?;
    gateway.stop().await
}

#[tokio::test]
async fn a_sandboxed_frame_of_an_allowed_page_has_the_origin_null_and_is_denied() -> Result<()> {
    let (gateway, mut browser) = (Gateway::start().await?, Browser::start(APP).await?);
    let seen = browser.fetch_sandboxed(&gateway.url("/orders"), json!({})).await?;
    ensure!(seen.is_withheld(), "a frame of the origin null: {seen}");
    let line = gateway.only("/orders").await?;
    ensure!(outcomes(std::slice::from_ref(&line)) == ["GET 403 cors.origin"], "{line:?}");
    ensure!(line.allow_origin.is_none(), "{line:?}");
    untouched(&gateway)?;
    gateway.stop().await
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_gateway_and_kept_by_the_browser() -> Result<()> {
    let (gateway, mut browser) = (Gateway::start().await?, Browser::start(APP).await?);
    gateway.answers("changed", &[])?;
    let put = json!({
        "method": "PUT",
        "headers": { "content-type": "application/json", "x-client": "page" },
        "body": r#"{"amount":1}"#,
    });
    for _ in 0..2 {
        let seen = browser.fetch(&gateway.url("/orders/1"), put.clone()).await?.answer()?;
        ensure!(seen.status == 200 && seen.body == "changed", "the script read {seen:?}");
    }
    let lines = gateway.log("/orders/1").await?;
    ensure!(outcomes(&lines) == ["OPTIONS 204", "PUT 200", "PUT 200"], "{lines:#?}");
    let preflight = lines.first().context("no preflight")?;
    for name in ["origin", "access-control-request-method", "access-control-request-headers"] {
        ensure!(vary(preflight).contains(&name.to_owned()), "Vary lacks {name}: {preflight:?}");
    }
    let forwarded = gateway.forwarded();
    let methods: Vec<&str> = forwarded.iter().map(|request| request.method.as_str()).collect();
    ensure!(methods == ["PUT", "PUT"], "the upstream got\n{}", shown(&forwarded));
    let whole = |request: &Recorded| {
        request.body == br#"{"amount":1}"# && header(request, "x-client") == Some(b"page")
    };
    ensure!(forwarded.iter().all(whole), "the upstream got\n{}", shown(&forwarded));
    gateway.stop().await
}

#[tokio::test]
async fn a_method_and_a_header_that_are_not_allowed_are_never_sent() -> Result<()> {
    let (gateway, mut browser) = (Gateway::start().await?, Browser::start(APP).await?);
    for (path, init, outcome) in [
        ("/orders/1", json!({ "method": "DELETE" }), "OPTIONS 403 cors.method"),
        ("/orders/2", json!({ "headers": { "x-debug": "1" } }), "OPTIONS 403 cors.headers"),
        (
            "/orders/3",
            json!({ "method": "PUT", "headers": { "authorization": "Bearer x" } }),
            "OPTIONS 403 cors.headers",
        ),
    ] {
        let seen = browser.fetch(&gateway.url(path), init.clone()).await?;
        ensure!(seen.is_withheld(), "{init}: {seen}");
        let lines = gateway.log(path).await?;
        ensure!(outcomes(&lines) == [outcome], "{init}: {lines:#?}");
    }
    untouched(&gateway)?;
    gateway.stop().await
}

#[tokio::test]
async fn cookies_go_along_where_credentials_are_allowed_and_only_there() -> Result<()> {
    let (gateway, mut browser) = (Gateway::start().await?, Browser::start(APP).await?);
    login(&gateway, &mut browser).await?;
    gateway.answers("yours", &[])?;
    let with = json!({ "credentials": "include" });
    let seen = browser.fetch(&gateway.url("/account"), with.clone()).await?.answer()?;
    ensure!(seen.body == "yours", "the script read {seen:?}");
    let request = only(&gateway)?;
    ensure!(header(&request, "cookie") == Some(b"session=1"), "no cookie: {}", shown(&[request]));

    // Envoy answers; what an answer without Access-Control-Allow-Credentials says is not for a request with them.
    let seen = browser.fetch(&gateway.url("/orders"), with).await?;
    ensure!(seen.is_withheld(), "with credentials, where they are not allowed: {seen}");
    let line = gateway.only("/orders").await?;
    ensure!(line.status == 200 && line.allow_origin == Some(browser.origin(APP)), "{line:?}");
    gateway.stop().await
}

/// Sets the cookie of the tests, for requests of other sites too. A browser takes `Secure` from a host of localhost.
async fn login(gateway: &Gateway, browser: &mut Browser) -> Result<()> {
    gateway.answers("welcome", &[("set-cookie", "session=1; Path=/; Secure; HttpOnly; SameSite=None")])?;
    let login = json!({ "method": "POST", "credentials": "include", "body": "name" });
    let seen = browser.fetch(&gateway.url("/account/login"), login).await?.answer()?;
    ensure!(seen.body == "welcome", "the script read {seen:?}");
    gateway.forwarded();
    Ok(())
}

/// Without CORS headers on errors a script cannot tell a 401 from a cable that was pulled.
#[tokio::test]
async fn a_script_reads_the_401_of_a_later_filter() -> Result<()> {
    let (gateway, mut browser) = (Gateway::start().await?, Browser::start(APP).await?);
    let url = gateway.url("/private");
    let seen = browser.fetch(&url, json!({})).await?.answer()?;
    ensure!(seen.status == 401 && seen.body == "Jwt is missing", "the script read {seen:?}");
    // The preflight has no token: it is answered before anybody asks for one.
    let bearer = json!({ "headers": { "authorization": "Bearer x" } });
    let seen = browser.fetch(&url, bearer.clone()).await?.answer()?;
    ensure!(
        seen.status == 401 && seen.body.starts_with("Jwt is not in the form of"),
        "the script read {seen:?}"
    );
    let lines = gateway.log("/private").await?;
    ensure!(outcomes(&lines) == ["GET 401", "OPTIONS 204", "GET 401"], "{lines:#?}");

    browser.visit(EVIL).await?;
    for init in [json!({}), bearer] {
        let seen = browser.fetch(&url, init).await?;
        ensure!(seen.is_withheld(), "a page of {EVIL}: {seen}");
    }
    untouched(&gateway)?;
    gateway.stop().await
}

#[tokio::test]
async fn a_script_reads_our_own_405_and_413() -> Result<()> {
    let (gateway, mut browser) = (Gateway::start().await?, Browser::start(APP).await?);
    let post = json!({ "method": "POST", "body": "x".repeat(65) });
    for (path, status, reason) in [("/catalog", 405, "method.not_allowed"), ("/orders", 413, "size.body")] {
        let seen = browser.fetch(&gateway.url(path), post.clone()).await?.answer()?;
        ensure!(seen.status == status && code(&seen.body)? == reason, "{path}: the script read {seen:?}");
        let lines = gateway.log(path).await?;
        ensure!(outcomes(&lines) == [format!("POST {status} {reason}")], "{lines:#?}");
    }
    untouched(&gateway)?;
    gateway.stop().await
}

/// Two origins of one site share the browser's cache.
#[tokio::test]
async fn a_cached_answer_is_not_handed_to_another_origin() -> Result<()> {
    let (gateway, mut browser) = (Gateway::start().await?, Browser::start(APP).await?);
    let url = gateway.url("/catalog");
    gateway.answers("prices", &[("cache-control", "max-age=600")])?;
    for visit in ["first", "second"] {
        let seen = browser.fetch(&url, json!({})).await?.answer()?;
        ensure!(seen.body == "prices", "{visit} time, {APP}: the script read {seen:?}");
    }
    let line = gateway.only("/catalog").await.context("the browser does not cache the answer")?;
    ensure!(line.allow_origin == Some(browser.origin(APP)), "{line:?}");
    browser.visit(ADMIN).await?;
    let seen = browser.fetch(&url, json!({})).await?.answer()?;
    ensure!(seen.body == "prices", "{ADMIN}: the script read {seen:?}");
    let lines = gateway.log("/catalog").await?;
    let origins: Vec<Option<String>> = lines.into_iter().map(|line| line.allow_origin).collect();
    ensure!(origins == [Some(browser.origin(APP)), Some(browser.origin(ADMIN))], "{origins:?}");
    gateway.stop().await
}

/// What the test above would see without `Vary`: an upstream that does CORS itself and forgets it.
#[tokio::test]
async fn without_vary_the_cached_answer_of_one_origin_locks_the_other_out() -> Result<()> {
    let (gateway, mut browser) = (Gateway::start().await?, Browser::start(APP).await?);
    let url = gateway.url("/unruled");
    let app = browser.origin(APP);
    gateway.answers("prices", &[("cache-control", "max-age=600"), ("access-control-allow-origin", &app)])?;
    browser.fetch(&url, json!({})).await?.answer()?;
    browser.visit(ADMIN).await?;
    let seen = browser.fetch(&url, json!({})).await?;
    ensure!(seen.is_withheld(), "{ADMIN}: {seen}");
    gateway.only("/unruled").await.context("the two origins do not share a cache")?;
    gateway.stop().await
}

#[tokio::test]
async fn a_form_of_another_site_with_the_users_cookie_is_refused() -> Result<()> {
    let (gateway, mut browser) = (Gateway::start().await?, Browser::start(APP).await?);
    login(&gateway, &mut browser).await?;
    let fields = json!({ "to": "mallory" });

    browser.visit(EVIL).await?;
    // Where nothing checks it arrives, with the cookie.
    browser.submit(&gateway.url("/unruled"), fields.clone()).await?;
    let request = only(&gateway)?;
    ensure!(header(&request, "cookie") == Some(b"session=1"), "no cookie: {}", shown(&[request]));
    browser.submit(&gateway.url("/transfer"), fields.clone()).await?;
    let lines = gateway.log("/transfer").await?;
    ensure!(outcomes(&lines) == ["POST 403 csrf.cross_site"], "{lines:#?}");
    untouched(&gateway)?;

    browser.visit(APP).await?;
    browser.submit(&gateway.url("/transfer"), fields).await?;
    let request = only(&gateway)?;
    let whole = request.body == b"to=mallory" && header(&request, "cookie") == Some(b"session=1");
    ensure!(whole, "the upstream got {}", shown(&[request]));
    gateway.stop().await
}
