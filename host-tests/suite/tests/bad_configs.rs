//! Configurations that must be refused, with exactly the words beside them: natively, when Envoy validates and
//! when Envoy starts. The words stand in `<name>.err`, one mistake a line.

use anyhow::{Context as _, Result, ensure};
use replay::check;
use replay::envoy::{Envoy, validate};
use replay::envoy_config::Bootstrap;
use std::path::{Path, PathBuf};
use suite::{files, folders, runnable, settings};

const FOLDER: &str = "envoy-configs/bad";

/// What no native loader can be given: the reader of bootstraps refuses it before.
const STRUCT: &str = "request-policy/struct.yaml";

/// Every bad file with its words.
fn bad() -> Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    for folder in folders(FOLDER)? {
        for path in files(&format!("{FOLDER}/{folder}"), "yaml")? {
            let words = path.with_extension("err");
            let text = std::fs::read_to_string(&words).with_context(|| words.display().to_string())?;
            ensure!(!text.trim().is_empty(), "{}: no words", words.display());
            found.push((path, text));
        }
    }
    ensure!(found.len() >= 12, "only {} bad configurations", found.len());
    Ok(found)
}

/// What the guest logs for each line: the instance in front.
fn logged(path: &Path, words: &str) -> Result<Vec<String>> {
    let plugin = path.parent().and_then(Path::file_name).and_then(|name| name.to_str());
    let plugin = plugin.with_context(|| path.display().to_string())?;
    Ok(words.lines().map(|line| format!("wasm log: {plugin}: {line}")).collect())
}

#[test]
fn the_native_loader_says_exactly_the_words_beside_the_file() -> Result<()> {
    let settings = settings()?;
    for (path, words) in bad()? {
        let plugins = Bootstrap::read(&path)?.plugins();
        if path.ends_with(STRUCT) {
            let error = plugins.err().map(|error| format!("{error:#}")).unwrap_or_default();
            ensure!(error.contains("google.protobuf.Struct arrives as binary protobuf"), "{error:?}");
            continue;
        }
        let plugin = plugins?.pop().with_context(|| format!("{}: no plugin", path.display()))?;
        let error = check(&plugin, &settings).err().map(|error| error.to_string()).unwrap_or_default();
        let expected = format!("{}: configuration refused:\n{}", plugin.name, words.trim_end());
        ensure!(error == expected, "{}:\nexpected\n{expected}\ngot\n{error}", path.display());
    }
    Ok(())
}

#[tokio::test]
async fn envoy_refuses_to_validate_and_logs_every_line() -> Result<()> {
    let launch = settings()?.launch();
    for (path, words) in bad()? {
        let seen = validate(&runnable(&path)?, &launch).await?;
        ensure!(!seen.exit.success(), "{}: accepted\n{}", path.display(), seen.log);
        let mut rest = seen.log.as_str();
        for line in logged(&path, &words)? {
            // In this order, each to its end.
            let found = rest.find(&format!("{line}\n"));
            let at =
                found.with_context(|| format!("{}: not logged: {line}\n{}", path.display(), seen.log))?;
            rest = rest.get(at + line.len()..).unwrap_or_default();
        }
        let count = format!("configuration refused, {} error(s)", words.lines().count());
        ensure!(seen.log.contains(&count), "{}: not {count:?}\n{}", path.display(), seen.log);
    }
    Ok(())
}

#[tokio::test]
async fn envoy_does_not_start_and_logs_every_line() -> Result<()> {
    let (path, words) = bad()?
        .into_iter()
        .find(|(path, _)| path.ends_with("request-policy/set-and-removed.yaml"))
        .context("set-and-removed.yaml")?;
    let started = Envoy::start(&runnable(&path)?, &settings()?.launch()).await;
    let error = started.err().map(|error| error.to_string()).context("it started")?;
    ensure!(error.starts_with("envoy ended at its start"), "{error}");
    for line in logged(&path, &words)? {
        ensure!(error.contains(&line), "not logged: {line}\n{error}");
    }
    Ok(())
}

#[test]
fn every_err_file_has_its_configuration() -> Result<()> {
    for folder in folders(FOLDER)? {
        for words in files(&format!("{FOLDER}/{folder}"), "err")? {
            ensure!(words.with_extension("yaml").is_file(), "{}: no configuration", words.display());
        }
    }
    Ok(())
}

/// A secret written in clear must not come back in a message.
#[test]
fn no_message_repeats_a_secret() -> Result<()> {
    let (path, words) = bad()?
        .into_iter()
        .find(|(path, _)| path.ends_with("probe/secret-in-clear.yaml"))
        .context("secret-in-clear.yaml")?;
    let text = std::fs::read_to_string(&path)?;
    ensure!(text.contains("hunter2") && !words.contains("hunter2"), "{words}");
    Ok(())
}
