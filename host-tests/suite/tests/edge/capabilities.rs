//! What the filters may call of their host: all that they do, and one less is too few.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, ensure};
use edge::gateway::{EdgeGateway, Surroundings};
use serde_json::Value;

use crate::s_client::{connect, shake};
use crate::{Secrets, alone};

/// Where the filters are in the bootstrap.
const FILTERS: &str = "/static_resources/listeners/0/filter_chains/0/filters/1/typed_config/http_filters";
/// What Envoy logs of a call that is not allowed.
const REFUSED: &str = "Attempted call to restricted ";
/// The filter whose list is taken apart.
const FILTER: &str = "request-policy";

#[tokio::test]
async fn every_function_that_is_allowed_is_one_that_is_called() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let allowed = allowed(&secrets).await?;
    ensure!(allowed.len() > 10, "{allowed:?}");
    // With all of them nothing is refused.
    let log = exercised(&secrets, None).await?;
    ensure!(!log.contains(REFUSED), "{}", lines(&log));
    for name in &allowed {
        let log = exercised(&secrets, Some(name)).await?;
        let said = |line: &str| line.contains(REFUSED) && line.contains(&format!("capability: {name}"));
        ensure!(log.lines().any(said), "without {name} nothing is missing:\n{}", lines(&log));
    }
    println!("{FILTER} calls each of its {} functions, and no other: {allowed:?}", allowed.len());
    Ok(())
}

/// The functions of the host that the file allows the filter; callbacks of the filter are none.
async fn allowed(secrets: &Secrets) -> Result<BTreeSet<String>> {
    let text = edge::gateway::text(&secrets.authority, &Surroundings::default(), 1)?;
    let begin = text.find(&format!("name: {FILTER}\n")).context("no filter")?;
    let rest = text.get(begin..).unwrap_or_default();
    let begin = rest.find("allowed_capabilities:").context("nothing is allowed")?;
    let end = rest.find("runtime:").context("no runtime")?;
    let names = rest
        .get(begin..end)
        .unwrap_or_default()
        .split([',', '{', '}', '\n'])
        .filter_map(|part| part.trim().strip_suffix(':'));
    let functions = names.map(str::trim).filter(|name| !name.is_empty() && *name != "allowed_capabilities");
    Ok(functions.filter(|name| !name.starts_with("proxy_on_")).map(str::to_owned).collect())
}

/// What a gateway logged that has this filter alone, and may not call `without`.
async fn exercised(secrets: &Secrets, without: Option<&str>) -> Result<String> {
    let change = |tree: &mut Value| -> Result<()> {
        for_each_chain(tree, &mut |filters| {
            filters.retain(|filter| {
                let name = filter.get("name").and_then(Value::as_str).unwrap_or_default();
                name == FILTER || name == "envoy.filters.http.router"
            });
            let capabilities = filters.first_mut().context("no filter")?.pointer_mut(
                "/typed_config/config/vm_config/capability_restriction_config/allowed_capabilities",
            );
            let capabilities = capabilities.and_then(Value::as_object_mut).context("nothing is allowed")?;
            if let Some(name) = without {
                capabilities.remove(name).with_context(|| name.to_owned())?;
            }
            Ok(())
        })
    };
    let started = EdgeGateway::start_changed(&secrets.authority, &Surroundings::default(), change).await;
    let gateway = match started {
        Ok(gateway) => gateway,
        // It cannot even be configured.
        Err(why) => return Ok(format!("{why:#}")),
    };
    let addr = gateway.addresses().tls;
    for (head, body) in [
        ("GET /catalogue HTTP/1.1\r\nX-Real-IP: 192.0.2.1\r\nX-Forwarded-For: 192.0.2.1\r\n", ""),
        ("GET /catalogue HTTP/1.1\r\nOrigin: https://app.example.com\r\n", ""),
        ("DELETE /orders HTTP/1.1\r\n", ""),
        ("POST /orders HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n", "{}"),
    ] {
        let request = format!("{head}Host: api.example.com\r\nConnection: close\r\n\r\n{body}");
        connect(addr, &["-ign_eof"], &request).await?;
    }
    shake(addr, &[]).await?;
    Ok(gateway.envoy().log())
}

/// Every list of HTTP filters that has the one in question.
fn for_each_chain(tree: &mut Value, change: &mut impl FnMut(&mut Vec<Value>) -> Result<()>) -> Result<()> {
    ensure!(tree.pointer(FILTERS).is_some(), "the file is built otherwise");
    let listeners = tree.pointer_mut("/static_resources/listeners").and_then(Value::as_array_mut);
    for listener in listeners.into_iter().flatten() {
        let filters = listener.pointer_mut("/filter_chains/0/filters/1/typed_config/http_filters");
        if let Some(filters) = filters.and_then(Value::as_array_mut)
            && filters.iter().any(|filter| filter.get("name").and_then(Value::as_str) == Some(FILTER))
        {
            change(filters)?;
        }
    }
    Ok(())
}

/// The end of a log.
fn lines(log: &str) -> String {
    let all: Vec<&str> = log.lines().collect();
    all.get(all.len().saturating_sub(20)..).unwrap_or_default().join("\n")
}
