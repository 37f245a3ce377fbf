//! Every user of Redis can do what its purpose needs, and nothing else.

mod commands;

use std::collections::BTreeSet;
use std::io::Write as _;

use anyhow::{Context as _, Result, ensure};
use backends::resp::{Connection, RespValue};
use backends::{Configuration, Options, Redis, User};
use commands::{OPERATOR_GATEWAY, OPERATOR_GATEWAY_COMMANDS, commands};

/// Somebody of the test's who may ask Redis what others may do. The files that ship have no such user.
const ADMIN: &str = "user test-admin on >test-admin ~* &* +@all\n";

/// The commands that Redis lets everybody run: they end a connection or begin a login.
const ALWAYS: [&str; 4] = ["auth", "hello", "quit", "reset"];

/// Beginnings of keys: whose they are.
const PREFIXES: [&str; 4] = ["portcullis:rl:", "portcullis:idem:", "portcullis:rev:", "other:"];

fn owns(user: User, prefix: &str) -> bool {
    match user {
        User::GatewayRateLimit => prefix == "portcullis:rl:",
        User::GatewayIdempotency => prefix == "portcullis:idem:",
        User::GatewayRevocation | User::OperatorRevoke => prefix == "portcullis:rev:",
        User::OperatorRead => prefix.starts_with("portcullis:"),
    }
}

async fn with_admin() -> Result<(Redis, Connection)> {
    let configuration = Configuration::render()?;
    let file = configuration.folder().join("users.acl");
    std::fs::OpenOptions::new().append(true).open(file)?.write_all(ADMIN.as_bytes())?;
    let redis = Redis::start_with(configuration, &Options::default()).await?;
    let mut admin = Connection::open(redis.addr()).await?;
    let answer = admin.command(&["AUTH", "test-admin", "test-admin"]).await?;
    ensure!(answer.error().is_none(), "{answer:?}");
    Ok((redis, admin))
}

fn text(value: &RespValue) -> Option<&str> {
    match value {
        RespValue::Simple(text) | RespValue::Error(text) => Some(text),
        RespValue::Bulk(bytes) => std::str::from_utf8(bytes).ok(),
        _ => None,
    }
}

/// The names of all commands, those with subcommands as `config|get`, each with as many words as it takes at least.
async fn all_commands(admin: &mut Connection) -> Result<Vec<(String, usize)>> {
    let mut open = vec![admin.command(&["COMMAND"]).await?];
    let mut found = Vec::new();
    while let Some(RespValue::Array(commands)) = open.pop() {
        for command in commands {
            let RespValue::Array(mut parts) = command else { continue };
            // Redis 7: name, arity, flags, three about keys, categories, tips, key specifications, subcommands.
            let below = parts.get_mut(9).map(|part| std::mem::replace(part, RespValue::Nil));
            let name = parts.first().and_then(text).context("a name")?.to_owned();
            let Some(RespValue::Integer(arity)) = parts.get(1) else { anyhow::bail!("{name}: no arity") };
            match below {
                Some(RespValue::Array(below)) if !below.is_empty() => open.push(RespValue::Array(below)),
                _ => found.push((name, usize::try_from(arity.abs())?)),
            }
        }
    }
    Ok(found)
}

/// Whether Redis would let the user run this, as far as the command goes and as far as its keys go.
async fn may(admin: &mut Connection, user: &str, words: &[&str]) -> Result<(bool, bool)> {
    let dry: Vec<&str> = ["ACL", "DRYRUN", user].into_iter().chain(words.iter().copied()).collect();
    let answer = admin.command(&dry).await?;
    let said = text(&answer).with_context(|| format!("{words:?}: {answer:?}"))?;
    let (command, key) = (!said.contains("to run the"), !said.contains("key"));
    ensure!(said == "OK" || !command || !key || said.contains("channel"), "{words:?}: {said}");
    Ok((command, key))
}

#[tokio::test]
async fn each_user_may_run_the_commands_of_its_list_and_no_others() -> Result<()> {
    let (_redis, mut admin) = with_admin().await?;
    let all = all_commands(&mut admin).await?;
    ensure!(all.len() > 250, "only {} commands", all.len());
    let users = User::ALL.map(|user| (user.name(), commands(user)));
    for (user, commands) in users.into_iter().chain([(OPERATOR_GATEWAY, &OPERATOR_GATEWAY_COMMANDS[..])]) {
        let mut allowed = BTreeSet::new();
        for (name, arity) in &all {
            let mut words: Vec<&str> = name.split('|').collect();
            words.resize((*arity).max(words.len()), "1");
            if may(&mut admin, user, &words).await?.0 && !ALWAYS.contains(&name.as_str()) {
                allowed.insert(name.as_str());
            }
        }
        let expected: BTreeSet<&str> = commands.iter().copied().collect();
        ensure!(allowed == expected, "{user}: {allowed:?}");
    }
    Ok(())
}

#[tokio::test]
async fn each_user_reaches_the_keys_of_its_purpose_and_no_others() -> Result<()> {
    let (_redis, mut admin) = with_admin().await?;
    for user in User::ALL {
        for prefix in PREFIXES {
            let key = format!("{prefix}x");
            let reads = may(&mut admin, user.name(), &["GET", &key]).await?;
            ensure!(reads == (true, owns(user, prefix)), "{} reads {key}: {reads:?}", user.name());
            let writes = may(&mut admin, user.name(), &["SET", &key, "1"]).await?;
            let expected = commands(user).contains(&"set") && owns(user, prefix);
            ensure!((writes.0 && writes.1) == expected, "{} writes {key}: {writes:?}", user.name());
        }
        // A key that only begins alike, and one of everything.
        for key in ["portcullis:r", "portcullis:", "portcullis:revx", ""] {
            let (command, reached) = may(&mut admin, user.name(), &["GET", key]).await?;
            let expected = user == User::OperatorRead && key.starts_with("portcullis:");
            ensure!(command && reached == expected, "{} reads {key:?}", user.name());
        }
    }
    Ok(())
}

/// It writes what `operator-revoke` writes and reads of the rest what `portcullis limits` shows.
#[tokio::test]
async fn the_operators_gateway_reaches_the_deny_list_and_looks_at_limits() -> Result<()> {
    let (_redis, mut admin) = with_admin().await?;
    for (key, reads, writes) in [
        ("portcullis:rev:x", true, true),
        ("portcullis:rl:x", true, false),
        ("portcullis:idem:x", false, false),
        ("other:x", false, false),
    ] {
        let read = may(&mut admin, OPERATOR_GATEWAY, &["GET", key]).await?;
        ensure!(read == (true, reads), "reads {key}: {read:?}");
        for write in [&["SET", key, "1"][..], &["DEL", key], &["EVAL", "return 1", "1", key]] {
            let write = may(&mut admin, OPERATOR_GATEWAY, write).await?;
            ensure!(write == (true, writes), "writes {key}: {write:?}");
        }
    }
    Ok(())
}

/// What `render.sh` does with a good password for everybody and these two.
fn rendered(redis: Option<&str>, http: Option<&str>) -> Result<(tempfile::TempDir, std::process::Output)> {
    let folder = tempfile::tempdir()?;
    let number = |n: usize| format!("0123456789abcdef0123456789abcdef{n:08}");
    let users = User::ALL.into_iter().enumerate().map(|(n, user)| (user.variable(), number(n)));
    let operator =
        [("PORTCULLIS_OPERATOR_GATEWAY_PASSWORD", redis), ("PORTCULLIS_WEBDIS_OPERATOR_PASSWORD", http)];
    let operator =
        operator.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_owned())));
    // What an earlier run with a gateway left behind.
    std::fs::write(folder.path().join("webdis-operator.json"), "old")?;
    let output = Configuration::script(folder.path(), &users.chain(operator).collect::<Vec<_>>())?;
    Ok((folder, output))
}

#[test]
fn the_operators_gateway_is_off_unless_both_of_its_passwords_are_given() -> Result<()> {
    let (redis, http) = ("0123456789abcdef0123456789abcdef-redis", "0123456789abcdef0123456789abcdef-http");
    let (folder, output) = rendered(None, None)?;
    ensure!(output.status.success(), "{output:?}");
    ensure!(
        !folder.path().join("webdis-operator.json").exists(),
        "the file of a gateway that is off is there"
    );
    let users = std::fs::read_to_string(folder.path().join("users.acl"))?;
    ensure!(users.contains("\nuser operator-gateway off resetchannels "), "{users}");
    let long = "0123456789abcdef".repeat(3);
    for (first, second, says) in [
        (Some(redis), None, "PORTCULLIS_WEBDIS_OPERATOR_PASSWORD is not set, or empty"),
        (None, Some(http), "PORTCULLIS_OPERATOR_GATEWAY_PASSWORD is not set, or empty"),
        (Some(redis), Some("short"), "PORTCULLIS_WEBDIS_OPERATOR_PASSWORD is shorter than 32"),
        (Some(redis), Some(&long), "PORTCULLIS_WEBDIS_OPERATOR_PASSWORD is longer than 42"),
        (Some(redis), Some(redis), "PORTCULLIS_WEBDIS_OPERATOR_PASSWORD is the same as another"),
    ] {
        let (folder, output) = rendered(first, second)?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        ensure!(!output.status.success() && said.contains(says), "{says}: {said}");
        ensure!(!folder.path().join("users.acl").exists(), "{says}: something was written");
    }
    let (folder, output) = rendered(Some(redis), Some(http))?;
    ensure!(output.status.success(), "{output:?}");
    let users = std::fs::read_to_string(folder.path().join("users.acl"))?;
    ensure!(users.contains("\nuser operator-gateway on #") && !users.contains(redis), "{users}");
    let webdis = std::fs::read_to_string(folder.path().join("webdis-operator.json"))?;
    let webdis: serde_json::Value = serde_json::from_str(&webdis)?;
    ensure!(webdis["redis_auth"] == serde_json::json!([OPERATOR_GATEWAY, redis]), "{webdis}");
    ensure!(webdis["http_port"] == 7382 && webdis["http_host"] == "127.0.0.1", "{webdis}");
    ensure!(webdis["acl"][1]["http_basic_auth"] == format!("operator:{http}"), "{webdis}");
    Ok(())
}

#[tokio::test]
async fn nobody_logs_in_as_the_operators_gateway_by_default() -> Result<()> {
    let redis = Redis::start(&Options::default()).await?;
    let mut connection = Connection::open(redis.addr()).await?;
    for password in ["", "operator-gateway", "off"] {
        let answer = connection.command(&["AUTH", OPERATOR_GATEWAY, password]).await?;
        ensure!(answer.error().is_some_and(|error| error.starts_with("WRONGPASS")), "{answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_script_may_do_what_its_user_may_and_no_more() -> Result<()> {
    let redis = Redis::start(&Options::default()).await?;
    let prefixes = [
        (User::GatewayRateLimit, "portcullis:rl:"),
        (User::GatewayIdempotency, "portcullis:idem:"),
        (User::GatewayRevocation, "portcullis:rev:"),
    ];
    for (user, prefix) in prefixes {
        let mut connection = redis.connect(user).await?;
        let key = format!("{prefix}x");
        let read = connection.command(&["EVAL", "return redis.call('GET', KEYS[1])", "1", &key]).await?;
        ensure!(read == RespValue::Nil, "{}: {read:?}", user.name());
        let write = connection.command(&["EVAL", "return redis.call('SET', KEYS[1], 1)", "1", &key]).await?;
        let writes = commands(user).contains(&"set");
        ensure!((write == RespValue::Simple("OK".to_owned())) == writes, "{}: {write:?}", user.name());
        for forbidden in [
            "redis.call('FLUSHALL')",
            "redis.call('FLUSHDB')",
            "redis.call('KEYS', '*')",
            "redis.call('SCAN', 0)",
            "redis.call('CONFIG', 'GET', '*')",
            "redis.call('CONFIG', 'SET', 'maxmemory', '1')",
            "redis.call('ACL', 'SETUSER', 'default', 'on')",
            "redis.call('PUBLISH', 'x', 'y')",
            "redis.call('RENAME', KEYS[1], 'other')",
            "redis.call('GET', 'other')",
            "redis.call('SET', 'other', 1)",
            "redis.call('DEL', 'portcullis:rev:{a}:jti:1', 'other')",
        ] {
            let answer = connection.command(&["EVAL", &format!("return {forbidden}"), "1", &key]).await?;
            let error =
                answer.error().with_context(|| format!("{}: {forbidden}: {answer:?}", user.name()))?;
            // Redis 7.0, later ones, and what no script may.
            let refused =
                ["The user executing the script can't", "ACL failure in script", "not allowed from script"];
            ensure!(refused.iter().any(|text| error.contains(text)), "{forbidden}: {error}");
        }
        // A key that is declared is looked at before the script runs.
        let answer = connection.command(&["EVAL", "return 1", "1", "other"]).await?;
        ensure!(answer.error().is_some_and(|error| error.starts_with("NOPERM")), "{answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn nobody_gets_in_without_the_password_of_a_user() -> Result<()> {
    let redis = Redis::start(&Options::default()).await?;
    let mut connection = Connection::open(redis.addr()).await?;
    let right = redis.configuration().password(User::GatewayRateLimit).to_owned();
    let login = |name: &'static str, password: &'static str| vec!["AUTH", name, password];
    for words in [
        vec!["PING"],
        vec!["GET", "portcullis:rl:x"],
        vec!["EVAL", "return 1", "0"],
        vec!["CONFIG", "GET", "*"],
        vec!["AUTH", ""],
        vec!["AUTH", &right],
        login("default", ""),
        login("default", "default"),
        login("gateway-rate-limit", ""),
        login("gateway-rate-limit", "gateway-rate-limit"),
        login("nobody", "nobody"),
        vec!["AUTH", "gateway-revocation", &right],
        vec!["AUTH", "default", &right],
        vec!["HELLO", "2", "AUTH", "default", ""],
    ] {
        let answer = connection.command(&words).await?;
        let error = answer.error().with_context(|| format!("{words:?}: {answer:?}"))?;
        ensure!(error.starts_with("NOAUTH") || error.starts_with("WRONGPASS"), "{words:?}: {error}");
    }
    let answer = connection.command(&["AUTH", "gateway-rate-limit", &right]).await?;
    ensure!(answer == RespValue::Simple("OK".to_owned()), "{answer:?}");
    Ok(())
}

#[tokio::test]
async fn an_operator_revokes_in_one_transaction_and_another_sees_it() -> Result<()> {
    let redis = Redis::start(&Options::default()).await?;
    let mut operator = redis.connect(User::OperatorRevoke).await?;
    let (entry, log) = ("portcullis:rev:{idp}:jti:a1", "portcullis:rev:{idp}:log");
    for words in [
        vec!["MULTI"],
        vec!["SET", entry, "1", "EXAT", "4102444800"],
        vec!["ZADD", log, "1700000000000", "jti:a1:4102444800"],
        vec!["EXEC"],
    ] {
        let answer = operator.command(&words).await?;
        ensure!(answer.error().is_none(), "{words:?}: {answer:?}");
    }
    let script = "return {redis.call('GET', KEYS[1]), redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '+inf')}";
    let seen = redis.command(User::GatewayRevocation, &["EVAL", script, "2", entry, log]).await?;
    let expected = vec![RespValue::bulk("1"), RespValue::Array(vec![RespValue::bulk("jti:a1:4102444800")])];
    ensure!(seen == RespValue::Array(expected), "{seen:?}");
    let listed = redis.command(User::OperatorRead, &["SCAN", "0", "MATCH", "portcullis:rev:*"]).await?;
    ensure!(format!("{listed:?}").contains(&format!("{:?}", RespValue::bulk(entry))), "{listed:?}");
    let ttl = redis.command(User::OperatorRead, &["TTL", entry]).await?;
    ensure!(matches!(ttl, RespValue::Integer(1..)), "{ttl:?}");
    Ok(())
}
