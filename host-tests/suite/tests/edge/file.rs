//! The file as it is: Envoy's own YAML reader takes it, and it does not start without its secrets.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use edge::authority::Authority;
use edge::gateway::{ENVIRONMENT, EdgeGateway, Surroundings, text};
use suite::patience::in_time;
use suite::root;
use tokio::process::Command;

use crate::{Secrets, alone};

#[tokio::test]
async fn envoy_reads_the_file_itself_without_a_warning() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    let said = validate(&secrets.authority, &Surroundings::default()).await?;
    ensure!(said.contains("OK"), "{said}");
    ensure!(!said.contains("][warning]["), "{said}");
    let both = Surroundings { api_tls: true, redis_tls: true, ..Surroundings::default() };
    let said = validate(&secrets.authority, &both).await?;
    ensure!(said.contains("OK") && !said.contains("][warning]["), "{said}");
    Ok(())
}

async fn validate(authority: &Authority, surroundings: &Surroundings) -> Result<String> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("gateway.yaml");
    std::fs::write(&file, text(authority, surroundings, 9901)?)?;
    let mut command = Command::new(replay::envoy::binary(&root()?)?);
    command.args(["--mode", "validate", "-c"]).arg(&file).current_dir(root()?);
    command.envs(surroundings.environment.iter().cloned()).stdin(Stdio::null()).kill_on_drop(true);
    backends::end_with_parent(&mut command);
    let output = in_time("envoy --mode validate", command.output()).await?.context("envoy")?;
    Ok(format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test]
async fn it_does_not_start_without_a_secret() -> Result<()> {
    let _alone = alone().await;
    let secrets = Secrets::new()?;
    for name in ENVIRONMENT {
        let mut surroundings = Surroundings::default();
        surroundings.environment.retain(|(have, _)| have != name);
        let Err(why) = EdgeGateway::start(&secrets.authority, &surroundings).await else {
            anyhow::bail!("it starts without {name}");
        };
        let why = format!("{why:#}");
        ensure!(why.contains(&format!("environment variable {name} is not set")), "{name}: {why}");
    }
    Ok(())
}
