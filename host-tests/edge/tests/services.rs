//! The client and the services, without a gateway between them.

use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use edge::authority::{Authority, Service};
use edge::client::{Answer, Client, Identity, Protocol, Trust};
use edge::services::api::{CASE, User};
use edge::services::key_server::{Issuer, KEYS, TOKEN};
use edge::services::{Api, KeyServer};
use http::Request;
use http::header::{CONTENT_TYPE, HOST};
use serde_json::Value;

fn authority(folder: &Path) -> Result<(Authority, Client)> {
    let authority = Authority::create(folder)?;
    let client = Client::new(Trust::read(&authority.root())?, Service::Idp.host())?;
    Ok((authority, client))
}

async fn ask(
    client: &Client,
    server: &KeyServer,
    protocol: Protocol,
    path: &str,
    form: Option<&str>,
) -> Result<Answer> {
    let request = if form.is_some() { Request::post(path) } else { Request::get(path) };
    let request =
        request.header(HOST, Service::Idp.host()).body(Bytes::from(form.unwrap_or_default().to_owned()))?;
    client.send(client.open(server.addr()).await?, protocol, request).await
}

#[tokio::test]
async fn a_key_server_signs_what_its_keys_verify() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (authority, client) = authority(folder.path())?;
    let files = authority.service(Service::Idp);
    let tls = Identity::read(&files.chain, &files.key)?.serves()?;
    let issuer = Issuer { issuer: "https://idp.example.com/".to_owned(), audience: "api".to_owned() };
    let server = KeyServer::start(issuer, Some(tls))?;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let keys = ask(&client, &server, protocol, KEYS, None).await?;
        ensure!(keys.status == 200, "{keys:?}");
        let token = ask(&client, &server, protocol, TOKEN, Some("sub=bob&scope=a+b")).await?;
        ensure!(token.status == 200 && token.header("content-type") == "application/jwt", "{token:?}");
        let text = String::from_utf8(token.body.to_vec())?;
        let (head, claims) = verified(&text, &serde_json::from_slice(&keys.body)?)?;
        ensure!(head.get("typ") == Some(&"at+jwt".into()), "{head}");
        for (name, value) in
            [("iss", "https://idp.example.com/"), ("aud", "api"), ("sub", "bob"), ("scope", "a b")]
        {
            ensure!(claims.get(name) == Some(&value.into()), "{name}: {claims}");
        }
        ensure!(
            ask(&client, &server, protocol, TOKEN, Some("sub")).await?.status == 400,
            "a form that is none"
        );
        ensure!(ask(&client, &server, protocol, TOKEN, None).await?.status == 405, "another method");
        ensure!(ask(&client, &server, protocol, "/", None).await?.status == 404, "another path");
    }
    Ok(())
}

/// The head and the claims of a token that the only key of a set signed.
fn verified(token: &str, keys: &Value) -> Result<(Value, Value)> {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
    use p256::ecdsa::signature::Verifier as _;

    let part = |name: &str| -> Result<Vec<u8>> {
        let text = keys.pointer(&format!("/keys/0/{name}")).and_then(Value::as_str).context("a key")?;
        Ok(BASE64.decode(text)?)
    };
    let point = [vec![4], part("x")?, part("y")?].concat();
    let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point)?;
    let (signed, signature) = token.rsplit_once('.').context("a signature")?;
    key.verify(signed.as_bytes(), &p256::ecdsa::Signature::from_slice(&BASE64.decode(signature)?)?)?;
    let (head, claims) = signed.split_once('.').context("a head")?;
    Ok((serde_json::from_slice(&BASE64.decode(head)?)?, serde_json::from_slice(&BASE64.decode(claims)?)?))
}

#[tokio::test]
async fn the_api_says_what_reached_it() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (_, client) = authority(folder.path())?;
    let api = Api::start(0, User { name: "alice".to_owned(), password: "s3cret".to_owned() })?;
    let send = async |path: &str, body: &str| {
        let request = Request::post(path).header(HOST, "api").header(CONTENT_TYPE, "application/json");
        let request = request.header(CASE, path).body(Bytes::from(body.to_owned()))?;
        client.send(client.open(api.addr()).await?, Protocol::Plain, request).await
    };
    let order = send("/orders?a=b", "{}").await?;
    ensure!(order.status == 201 && order.header("server") == "demo-api/1.0", "{order:?}");
    let arrived = api.arrived("/orders?a=b");
    ensure!(arrived.len() == 1 && arrived.iter().all(|one| one.path == "/orders?a=b"), "{arrived:?}");
    ensure!(api.arrived("/orders").is_empty(), "nobody asked for it");
    let right = send("/login", r#"{"user":"alice","password":"s3cret"}"#).await?;
    ensure!(right.status == 200, "{right:?}");
    let wrong = send("/login", r#"{"user":"alice","password":"secret"}"#).await?;
    let unknown = send("/login", r#"{"user":"bob","password":"s3cret"}"#).await?;
    ensure!(wrong.status == 401 && wrong.body == unknown.body, "{wrong:?} {unknown:?}");
    Ok(())
}
