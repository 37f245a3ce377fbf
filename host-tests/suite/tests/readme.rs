//! What the README shows is what happens.

use anyhow::{Context as _, Result, ensure};
use replay::check;
use replay::client::send;
use replay::envoy::{Envoy, validate};
use replay::envoy_config::Bootstrap;
use replay::request::Request;
use suite::{root, runnable, settings};

const EXAMPLE: &str = "envoy-configs/envoy/request-policy.yaml";
/// Where an example's filters begin and where its router does.
const FILTERS: &str = "          http_filters:\n";
const ROUTER: &str = "          - name: envoy.filters.http.router\n";

fn readme() -> Result<String> {
    std::fs::read_to_string(root()?.join("README.md")).context("README.md")
}

/// The fenced blocks of a language.
fn blocks<'t>(text: &'t str, language: &str) -> Vec<&'t str> {
    let fence = format!("```{language}\n");
    text.split(fence.as_str())
        .skip(1)
        .filter_map(|rest| rest.split_once("```").map(|(block, _)| block))
        .collect()
}

/// Each filter of the README, in the place of the example's.
#[tokio::test]
async fn every_filter_of_the_readme_is_accepted_by_envoy_and_natively() -> Result<()> {
    let (readme, example) = (readme()?, std::fs::read_to_string(root()?.join(EXAMPLE))?);
    let (before, rest) = example.split_once(FILTERS).context("http_filters")?;
    let (_, after) = rest.split_once(ROUTER).context("router")?;
    let filters: Vec<&str> =
        blocks(&readme, "yaml").into_iter().filter(|b| b.starts_with("- name: ")).collect();
    ensure!(!filters.is_empty(), "README.md shows no filter");
    let settings = settings()?;
    for filter in filters {
        let indented: String = filter.lines().map(|line| format!("          {line}\n")).collect();
        let file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
        std::fs::write(file.path(), [before, FILTERS, &indented, ROUTER, after].concat())?;
        for plugin in Bootstrap::read(file.path())?.plugins()? {
            check(&plugin, &settings).with_context(|| filter.to_owned())?;
        }
        let seen = validate(&runnable(file.path())?, &settings.launch()).await?;
        ensure!(seen.exit.success(), "{filter}\n{}", seen.log);
    }
    Ok(())
}

/// The request of "One denied request": its answer, less the date, stands in the README line by line.
#[tokio::test]
async fn the_denied_request_is_answered_as_the_readme_shows() -> Result<()> {
    let readme = readme()?;
    let envoy = Envoy::start(&runnable(&root()?.join(EXAMPLE))?, &settings()?.launch()).await?;
    let request =
        Request { authority: b"127.0.0.1:10000".to_vec(), ..Request::new("DELETE", "/orders?token=s3cret") };
    let exchange = send(envoy.listener("ingress").await?, &request).await?;
    let response = exchange.response.map_err(anyhow::Error::msg)?;
    for (name, value) in
        response.headers.iter().filter(|(name, _)| !["date", "connection"].contains(&name.as_str()))
    {
        let line = format!("{name}: {}\n", String::from_utf8_lossy(value));
        ensure!(readme.contains(&line), "README.md does not show {line}");
    }
    let body = String::from_utf8(response.body)?;
    ensure!(readme.contains(&body), "README.md does not show {body}");
    ensure!(!envoy.log().contains("s3cret"), "the log shows the token\n{}", envoy.log());
    envoy.stop().await
}

/// The mistakes of "Use it" are those of a fixture.
#[test]
fn the_refused_configuration_reads_as_the_readme_shows() -> Result<()> {
    let (readme, fixture) = (readme()?, root()?.join("envoy-configs/bad/request-policy/mistakes.err"));
    for line in std::fs::read_to_string(&fixture).with_context(|| fixture.display().to_string())?.lines() {
        ensure!(readme.contains(line), "README.md does not show {line}");
    }
    Ok(())
}
