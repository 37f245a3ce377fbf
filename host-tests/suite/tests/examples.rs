//! The files a user copies: Envoy and the native loader accept them, and what they promise an operator comes true.

use anyhow::{Context as _, Result, ensure};
use replay::check;
use replay::client::send;
use replay::envoy::{Envoy, validate};
use replay::envoy_config::Bootstrap;
use replay::request::Request;
use suite::{files, root, runnable, settings};

const FOLDER: &str = "envoy-configs/envoy";
/// It needs certificates, too: the tests of `edge` make them.
const WHOLE: &str = "gateway.yaml";

#[tokio::test]
async fn envoy_accepts_every_example() -> Result<()> {
    let launch = settings()?.launch();
    for path in files(FOLDER, "yaml")? {
        if path.ends_with(WHOLE) {
            continue;
        }
        let seen = validate(&runnable(&path)?, &launch).await?;
        ensure!(seen.exit.success(), "{}:\n{}", path.display(), seen.log);
        ensure!(!seen.log.contains("][warning]["), "{}: warnings\n{}", path.display(), seen.log);
    }
    Ok(())
}

#[test]
fn every_plugin_of_an_example_loads_natively() -> Result<()> {
    let settings = settings()?;
    for path in files(FOLDER, "yaml")? {
        let plugins = Bootstrap::read(&path)?.plugins()?;
        ensure!(!plugins.is_empty(), "{}: no plugin", path.display());
        for plugin in plugins {
            check(&plugin, &settings).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}

/// proxy-wasm metrics have no labels; the shipped `stats_tags` make some out of their names.
#[tokio::test]
async fn prometheus_shows_instance_and_reason_as_labels() -> Result<()> {
    let path = root()?.join(FOLDER).join("request-policy.yaml");
    let envoy = Envoy::start(&runnable(&path)?, &settings()?.launch()).await?;
    let gateway = envoy.listener("ingress").await?;
    for (method, path) in [("TRACE", "/orders"), ("GET", "//orders"), ("DELETE", "/reports/2026")] {
        let exchange = send(gateway, &Request::new(method, path)).await?;
        exchange.response.map_err(anyhow::Error::msg)?;
    }
    let metrics = envoy.admin("/stats/prometheus").await?;
    for line in [
        r#"portcullis_request_policy_denied{portcullis_instance="request-policy",portcullis_reason="method.not_allowed"} 1"#,
        r#"portcullis_request_policy_denied{portcullis_instance="request-policy",portcullis_reason="path.ambiguous"} 1"#,
        r#"portcullis_request_policy_shadowed{portcullis_instance="request-policy",portcullis_reason="method.not_allowed"} 1"#,
    ] {
        let ours: Vec<&str> = metrics.lines().filter(|line| line.contains("portcullis")).collect();
        ensure!(ours.contains(&line), "{line} is not in\n{}", ours.join("\n"));
    }
    envoy.stop().await
}
