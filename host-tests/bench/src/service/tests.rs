//! The service as Envoy sees it, over a real Redis.

use anyhow::{Context as _, Result};
use backends::{Options, Redis, User};
use bytes::BytesMut;
use http::Request;
use prost::Message as _;
use tokio::net::TcpStream;

use super::proto::Entry;
use super::*;

/// A request with one descriptor of one entry.
fn asks(key: &str, value: &str) -> RateLimitRequest {
    let entry = Entry { key: key.to_owned(), value: value.to_owned() };
    RateLimitRequest {
        domain: "test".to_owned(),
        descriptors: vec![Descriptor { entries: vec![entry] }],
        hits_addend: 0,
    }
}

/// Makes these calls one after the other on one connection: the code of each, or its `grpc-status` without a message.
async fn calls(
    addr: SocketAddr,
    path: &str,
    requests: &[RateLimitRequest],
) -> Result<Vec<Result<Code, String>>> {
    let (mut sender, connection) = h2::client::handshake(TcpStream::connect(addr).await?).await?;
    tokio::spawn(connection);
    let mut codes = Vec::new();
    for request in requests {
        let head = Request::post(format!("http://{addr}{path}")).body(())?;
        sender = sender.ready().await?;
        let (response, mut body) = sender.send_request(head, false)?;
        body.send_data(grpc::prefixed(request)?, true)?;
        let (head, mut body) = response.await?.into_parts();
        let mut bytes = BytesMut::new();
        while let Some(part) = body.data().await {
            bytes.extend_from_slice(&part?);
        }
        let trailers = body.trailers().await?.unwrap_or(head.headers);
        let status = trailers.get("grpc-status").context("no grpc-status")?.to_str()?;
        codes.push(if status == "0" {
            let answer = RateLimitResponse::decode(grpc::unprefixed(&bytes)?)?;
            assert_eq!(answer.statuses.len(), request.descriptors.len());
            Ok(Code::try_from(answer.overall_code)?)
        } else {
            Err(status.to_owned())
        });
    }
    Ok(codes)
}

async fn start() -> Result<(Redis, Service)> {
    let redis = Redis::start(&Options::default()).await?;
    let user = User::GatewayRateLimit;
    let service = Service::start(redis.addr(), user.name(), redis.configuration().password(user))?;
    Ok((redis, service))
}

#[tokio::test]
async fn the_second_strict_request_is_over_its_limit() {
    let (_redis, service) = start().await.unwrap();
    let requests =
        [asks("strict", "a"), asks("strict", "a"), asks("strict", "b"), asks("remote_address", "a")];
    let codes = calls(service.addr, grpc::METHOD, &requests).await.unwrap();
    assert_eq!(codes, [Ok(Code::Ok), Ok(Code::OverLimit), Ok(Code::Ok), Ok(Code::Ok)]);
    service.worker().unwrap().usage().unwrap();
}

#[tokio::test]
async fn one_descriptor_over_its_limit_is_enough() {
    let (_redis, service) = start().await.unwrap();
    let mut both = asks("remote_address", "a");
    both.descriptors.extend(asks("strict", "a").descriptors);
    let codes = calls(service.addr, grpc::METHOD, &[both.clone(), both]).await.unwrap();
    assert_eq!(codes, [Ok(Code::Ok), Ok(Code::OverLimit)]);
}

#[tokio::test]
async fn what_redis_counts_expires() {
    let (redis, service) = start().await.unwrap();
    calls(service.addr, grpc::METHOD, &[asks("strict", "a")]).await.unwrap();
    let words = ["SCAN", "0", "MATCH", "portcullis:rl:reference:test_strict_a_*"];
    let answer = redis.command(User::OperatorRead, &words).await.unwrap();
    let backends::resp::RespValue::Array(parts) = answer else { panic!("{answer:?}") };
    let Some(backends::resp::RespValue::Array(keys)) = parts.get(1) else { panic!("{parts:?}") };
    let [backends::resp::RespValue::Bulk(key)] = keys.as_slice() else { panic!("{keys:?}") };
    let key = std::str::from_utf8(key).unwrap();
    let answer = redis.command(User::OperatorRead, &["TTL", key]).await.unwrap();
    let backends::resp::RespValue::Integer(seconds) = answer else { panic!("{answer:?}") };
    assert!((3590..=3600).contains(&seconds), "{seconds}");
}

#[tokio::test]
async fn without_redis_a_call_fails() {
    let (mut redis, service) = start().await.unwrap();
    redis.kill().await.unwrap();
    let codes = calls(service.addr, grpc::METHOD, &[asks("remote_address", "a")]).await.unwrap();
    assert_eq!(codes, [Err("14".to_owned())]);
}

#[tokio::test]
async fn another_method_is_refused() {
    let (_redis, service) = start().await.unwrap();
    let codes = calls(service.addr, "/other/Method", &[asks("remote_address", "a")]).await.unwrap();
    assert_eq!(codes, [Err("14".to_owned())]);
}

#[tokio::test]
async fn a_wrong_password_is_told() {
    let redis = Redis::start(&Options::default()).await.unwrap();
    let error = Service::start(redis.addr(), User::GatewayRateLimit.name(), "wrong").unwrap_err();
    assert!(error.to_string().contains("WRONGPASS"), "{error:#}");
}
