//! `portcullis limits`: what rate limits keep in Redis.

use anyhow::Result;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use replay::operator::limits::{Keys, Limit, Shown, look};
use replay::shown;
use serde_json::{Value, json};

use super::connection::{Connection, Purpose};
use super::revoke::Output;

/// Show what rate limits keep in Redis
#[derive(Debug, Args)]
pub(super) struct Arguments {
    #[command(flatten)]
    which: Which,
    /// How many keys at most
    #[arg(long, value_name = "N", default_value = "1000", value_parser = clap::value_parser!(u32).range(1..))]
    most: u32,
    /// How it is printed
    #[arg(long, value_enum, default_value = "text")]
    format: Output,
    #[command(flatten)]
    connection: Connection,
}

#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
struct Which {
    /// A key below portcullis:rl:, exit code 1 if there is none, or a pattern with * ? [ ] and \
    #[arg(long, value_name = "KEY", value_parser = Keys::key)]
    key: Option<Keys>,
    /// Every key that begins so, portcullis:rl: or longer
    #[arg(long, value_name = "TEXT", value_parser = Keys::prefix)]
    prefix: Option<Keys>,
}

/// Whether the key is there; of several any number is as expected.
pub(super) async fn run(arguments: &Arguments) -> Result<bool> {
    let Which { key, prefix } = &arguments.which;
    let Some(keys) = key.as_ref().or(prefix.as_ref()) else { anyhow::bail!("--key or --prefix") };
    let mut link = arguments.connection.open(Purpose::Read).await?;
    let (limits, more) = look(&mut link, keys, usize::try_from(arguments.most)?).await?;
    let text = match arguments.format {
        Output::Json => {
            let all: Vec<Value> = limits.iter().map(object).collect();
            serde_json::to_string_pretty(&json!({ "keys": all, "more": more }))?
        }
        Output::Text => lines(&limits, more).join("\n"),
    };
    super::print(&text)?;
    Ok(!limits.is_empty() || matches!(keys, Keys::Matching(_)))
}

fn lines(limits: &[Limit], more: bool) -> Vec<String> {
    let mut lines = Vec::new();
    for limit in limits {
        let end = limit.ttl_ms.map_or("without an end".to_owned(), |ms| format!("{ms} ms"));
        let head = format!("{}  {}  {end}", shown(&limit.key), limit.kind);
        let rest = if cut(limit) { format!("  … of {}", limit.size) } else { String::new() };
        match &limit.value {
            Shown::Text(text) => lines.push(format!("{head}  {}{rest}", shown(text))),
            Shown::Other => lines.push(head),
            Shown::Pairs(pairs) => {
                lines.push(head);
                lines
                    .extend(pairs.iter().map(|(name, value)| format!("  {}  {}", shown(name), shown(value))));
                lines.extend(Some(rest).filter(|rest| !rest.is_empty()));
            }
        }
    }
    let plural = if limits.len() == 1 { "" } else { "s" };
    let there = if more { ", and there are more: --most" } else { "" };
    lines.push(format!("{} key{plural}{there}", limits.len()));
    lines
}

fn object(limit: &Limit) -> Value {
    let value = match &limit.value {
        Shown::Text(text) => bytes(text),
        Shown::Pairs(pairs) => pairs.iter().map(|(name, value)| json!([bytes(name), bytes(value)])).collect(),
        Shown::Other => Value::Null,
    };
    json!({
        "key": bytes(&limit.key), "type": limit.kind, "ttl_ms": limit.ttl_ms, "value": value, "size": limit.size,
        "cut": cut(limit),
    })
}

fn cut(limit: &Limit) -> bool {
    u64::try_from(limit.value.len()).is_ok_and(|len| len < limit.size)
}

/// Text, or what is not as `{"b64": …}`, as in traffic.
fn bytes(bytes: &[u8]) -> Value {
    match str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => json!({ "b64": STANDARD.encode(bytes) }),
    }
}
