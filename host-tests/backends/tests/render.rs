//! `render.sh`: no password of its own, none that could be guessed, and files that only their owner reads.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use backends::{Configuration, User};

const HTTP: &str = "PORTCULLIS_WEBDIS_PASSWORD";

/// A good password for every user.
fn passwords() -> Vec<(String, String)> {
    let number = |n: usize| format!("0123456789abcdef0123456789abcdef{n:08}");
    User::ALL.into_iter().enumerate().map(|(n, user)| (user.variable(), number(n))).collect()
}

/// What `render.sh` says when the variable `name` is this (or absent), and whether it succeeded and wrote anything.
fn outcome(name: &str, value: Option<&str>) -> Result<(bool, bool, String)> {
    let mut variables = passwords();
    variables.retain(|(other, _)| other != name);
    variables.extend(value.map(|value| (name.to_owned(), value.to_owned())));
    let folder = tempfile::tempdir()?;
    let target = folder.path().join("redis");
    let output = Configuration::script(&target, &variables)?;
    Ok((output.status.success(), target.exists(), String::from_utf8(output.stderr)?))
}

#[test]
fn a_password_that_is_missing_or_weak_stops_it_before_anything_is_written() -> Result<()> {
    let other = passwords().first().context("a password")?.1.clone();
    let long = "0123456789abcdef".repeat(3);
    for user in User::ALL {
        let name = user.variable();
        let mut cases = vec![
            (None, "is not set, or empty"),
            (Some(""), "is not set, or empty"),
            (Some("portcullis"), "is shorter than 32 characters"),
            (Some("changemechangemechangemechangeme"), "fewer than 10 different characters"),
            (Some("0123456789abcdef 0123456789abcdef"), "only letters, digits, - and _"),
            (Some("0123456789abcdef\"0123456789abcdef"), "only letters, digits, - and _"),
            (Some("0123456789abcdef\n0123456789abcdef"), "only letters, digits, - and _"),
            (Some("$REDIS_PASSWORD_0123456789ABCDEFGH"), "only letters, digits, - and _"),
        ];
        if name != User::GatewayRateLimit.variable() {
            cases.push((Some(&other), "is the same as another password"));
        }
        for (value, expected) in cases {
            let (success, wrote, said) = outcome(&name, value)?;
            ensure!(!success && !wrote, "{name}={value:?}: accepted, or something was written");
            ensure!(said.contains(expected), "{name}={value:?}: {said}");
            ensure!(said.contains(&user.variable()) || value == Some(&other), "{name}={value:?}: {said}");
        }
    }
    for (value, expected) in [
        ("", "is not set, or empty"),
        ("short", "is shorter than 32 characters"),
        (other.as_str(), "is the same as another password"),
        // One more than fits Webdis' comparison.
        (&long[..43], "is longer than 42 characters"),
    ] {
        let (success, wrote, said) = outcome(HTTP, Some(value))?;
        ensure!(!success && !wrote, "{value}: accepted, or something was written");
        ensure!(said.contains(HTTP) && said.contains(expected), "{value}: {said}");
    }
    Ok(())
}

#[test]
fn every_mistake_is_named_at_once() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let output = Configuration::script(&folder.path().join("redis"), &[])?;
    let said = String::from_utf8(output.stderr)?;
    for user in User::ALL {
        ensure!(said.contains(&format!("{} is not set", user.variable())), "{said}");
    }
    ensure!(output.status.code() == Some(1), "{}", output.status);
    Ok(())
}

#[test]
fn only_the_owner_reads_what_is_written_even_in_the_place_of_a_file_that_all_could_read() -> Result<()> {
    let folder = tempfile::tempdir()?;
    std::fs::set_permissions(folder.path(), PermissionsExt::from_mode(0o755))?;
    for name in ["users.acl", "webdis-rate-limit.json"] {
        std::fs::write(folder.path().join(name), "old")?;
        std::fs::set_permissions(folder.path().join(name), PermissionsExt::from_mode(0o644))?;
    }
    let output = Configuration::script(folder.path(), &passwords())?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mode = |path: &Path| Ok::<_, std::io::Error>(std::fs::metadata(path)?.permissions().mode() & 0o777);
    ensure!(mode(folder.path())? == 0o700, "the folder is open to others");
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder.path())? {
        let entry = entry?;
        ensure!(mode(&entry.path())? == 0o600, "{}: open to others", entry.path().display());
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    let expected = [
        "redis.conf",
        "users.acl",
        "webdis-idempotency.json",
        "webdis-rate-limit.json",
        "webdis-revocation.json",
    ];
    ensure!(names == expected, "{names:?}");
    Ok(())
}

#[test]
fn redis_gets_hashes_and_each_gateway_its_own_password_only() -> Result<()> {
    let configuration = Configuration::render()?;
    let read = |name: &str| std::fs::read_to_string(configuration.folder().join(name));
    let redis = read("redis.conf")? + &read("users.acl")?;
    ensure!(!redis.contains('@') || !redis.contains("_SHA256@"), "a place was not filled:\n{redis}");
    for user in User::ALL {
        ensure!(!redis.contains(configuration.password(user)), "{}: its password is there", user.name());
        let Some(name) = user.webdis() else { continue };
        let webdis = read(name)?;
        for other in User::ALL {
            let has = webdis.contains(configuration.password(other));
            ensure!(has == (other == user), "{name}: the password of {}: {has}", other.name());
        }
    }
    Ok(())
}
