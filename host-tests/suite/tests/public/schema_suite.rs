//! The official JSON Schema test suite through the module of schema-guard: every schema is that of a rule, every value a
//! body, and what is valid reaches the upstream.

use anyhow::{Context as _, Result, bail, ensure};
use proxy_wasm_host::{
    CallOut, CallOutAnswer, Engine, HeaderMap, Host, Kind, Limits, Module, Network, Options, Plugin, Request,
    Response, StreamId, UpstreamRequest,
};
use serde_json::{Map, Value, json};
use std::path::{Path, PathBuf};
use std::time::Duration;
use suite::{root, settings};

/// The dialects, and how many tests each has that an implementation must pass.
const DRAFTS: [(&str, &str, usize); 5] = [
    ("draft4", "4", 618),
    ("draft6", "6", 839),
    ("draft7", "7", 927),
    ("draft2019-09", "2019-09", 1259),
    ("draft2020-12", "2020-12", 1299),
];

/// Answers 200.
struct Upstream;

impl Network for Upstream {
    fn upstream(&mut self, _: StreamId, _: &UpstreamRequest) -> Option<Response> {
        let headers = HeaderMap::from_pairs(Kind::Response, [(":status", "200")]);
        Some(Response { headers, end_with_last: true, ..Response::default() })
    }

    fn call_out(&mut self, _: Option<StreamId>, _: &CallOut) -> CallOutAnswer {
        CallOutAnswer::Silence
    }
}

/// The folder of the suite.
fn folder() -> Result<PathBuf> {
    let suites = std::env::var("SUITES").context("SUITES is not set: run `make suites`")?;
    Ok(root()?.join(suites).join("json-schema-test-suite"))
}

/// The JSON documents below a folder by their path there, but for those below folders of this name.
fn documents(folder: &Path, without: &str) -> Result<Vec<(String, Value)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).with_context(|| next.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.extend((!path.ends_with(without)).then_some(path));
                continue;
            }
            let name = path.strip_prefix(folder)?.to_str().context("a name that is no text")?.to_owned();
            found.push((
                name,
                serde_json::from_slice(&std::fs::read(&path)?).with_context(|| path.display().to_string())?,
            ));
        }
    }
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    Ok(found)
}

/// The documents that the tests of a dialect refer to, by URI. Some tests refer to another dialect's.
fn remotes(suite: &Path, draft: &str) -> Result<Map<String, Value>> {
    let others: &[&str] = match draft {
        "draft2019-09" => &["draft7", "draft2020-12"],
        "draft2020-12" => &["draft7", "draft2019-09"],
        _ => &[],
    };
    let mut remotes = documents(&suite.join("remotes"), "v1")?;
    remotes.retain(|(name, remote)| {
        let of = name.split('/').next().unwrap_or_default();
        !of.starts_with("draft") || of == draft || (others.contains(&of) && remote.get("$schema").is_some())
    });
    Ok(remotes.into_iter().map(|(name, remote)| (format!("http://localhost:1234/{name}"), remote)).collect())
}

/// The groups of tests of a dialect: a schema, and values with what is to be said of them.
fn groups(suite: &Path, draft: &str) -> Result<Vec<Value>> {
    let mut groups = Vec::new();
    for (name, file) in documents(&suite.join("tests").join(draft), "optional")? {
        for group in file.as_array().context("groups")? {
            let mut group = group.clone();
            group.as_object_mut().context("a group")?.insert("file".to_owned(), json!(name));
            groups.push(group);
        }
    }
    Ok(groups)
}

/// One rule for each group.
fn configuration(suite: &Path, draft: &str, named: &str, groups: &[Value]) -> Result<Value> {
    let rules = groups.iter().enumerate().map(|(number, group)| {
        let content = json!({"application/json": {"schema": group.get("schema")}});
        json!({
            "name": format!("group-{number}"),
            "match": {"path": {"exact": format!("/{number}")}},
            "operations": {"POST": {"body": {"content": content}}},
        })
    });
    Ok(json!({
        "version": 1,
        "draft": named,
        // In these tests formats are notes, and keywords that a dialect does not know are ignored.
        "formats": "annotate",
        "unknown_keywords": "allow",
        "schemas": remotes(suite, draft)?,
        "rules": rules.collect::<Vec<_>>(),
    }))
}

fn module() -> Result<Module> {
    let path = settings()?.dist.join("schema-guard.wasm");
    Ok(Module::new(&Engine::new(false)?, &std::fs::read(&path).with_context(|| path.display().to_string())?)?)
}

fn host(module: &Module, configuration: &Value) -> Result<Host<Upstream>> {
    let mut plugin = Plugin::new("schema-guard", module.clone(), configuration.to_string());
    plugin.allow_on_headers_stop_iteration = true;
    // Hundreds of schemas are compiled.
    let limits = Limits { configure: Duration::from_secs(300), ..Limits::default() };
    Host::new(vec![plugin], Options { limits, ..Options::default() }, Upstream)
        .map_err(|refused| anyhow::anyhow!("{refused:?}"))
}

/// The status a value gets, in a body of two pieces.
fn status(host: &mut Host<Upstream>, number: usize, value: &Value) -> Result<(String, bool)> {
    let (path, body) = (format!("/{number}"), value.to_string());
    let (first, second) = body.split_at_checked(body.len() / 2).unwrap_or((&body, ""));
    let length = body.len().to_string();
    let fields = [
        (":method", "POST"),
        (":path", &path),
        (":scheme", "http"),
        (":authority", "api.example.com"),
        ("content-type", "application/json"),
        ("content-length", &length),
    ];
    host.submit(Request {
        headers: HeaderMap::from_pairs(Kind::Request, fields),
        body: vec![first.as_bytes().to_vec(), second.as_bytes().to_vec()],
        end_with_last: true,
        source: "192.0.2.1:4711".to_owned(),
        ..Request::default()
    });
    host.run();
    let exchange = host.next_finished().context("an exchange")?;
    ensure!(exchange.traps.is_empty(), "{:?}", exchange.traps);
    let response = exchange.response.context("a response")?;
    let status = response.headers.get(b":status").context("a status")?;
    Ok((String::from_utf8(status.to_vec())?, exchange.upstream.is_some()))
}

#[test]
fn every_required_test_of_five_dialects() -> Result<()> {
    let suite = folder()?;
    let (module, mut wrong) = (module()?, Vec::new());
    for (draft, named, expected) in DRAFTS {
        let groups = groups(&suite, draft)?;
        let mut host = host(&module, &configuration(&suite, draft, named, &groups)?)?;
        let mut tests = 0;
        for (number, group) in groups.iter().enumerate() {
            for test in group.get("tests").and_then(Value::as_array).context("tests")? {
                let value = test.get("data").context("data")?;
                let seen = status(&mut host, number, value)?;
                let wanted = match test.get("valid").and_then(Value::as_bool) {
                    Some(true) => ("200".to_owned(), true),
                    Some(false) => ("422".to_owned(), false),
                    None => bail!("{test}"),
                };
                tests += 1;
                if seen != wanted {
                    let name =
                        |value: &Value, key: &str| value.get(key).map(Value::to_string).unwrap_or_default();
                    let group = format!("{draft} {} {}", name(group, "file"), name(group, "description"));
                    wrong.push(format!("{group} {}: {seen:?}", name(test, "description")));
                }
            }
        }
        println!("{draft}: {tests} tests");
        ensure!(tests == expected, "{draft}: {tests} tests, not {expected}");
    }
    ensure!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    Ok(())
}

/// A schema that is held against parts of parts of a value, through so many schemas on each level.
fn recursive(links: usize) -> Value {
    let mut definitions = Map::new();
    for link in 0..links {
        let next = json!({"$ref": format!("#/$defs/d{}", link + 1)});
        definitions.insert(format!("d{link}"), json!({"allOf": [next]}));
    }
    let again = json!({"$ref": "#/$defs/d0"});
    definitions.insert(
        format!("d{links}"),
        json!({"anyOf": [{"items": again, "type": "array"}, {"properties": {"a": again}, "type": "object"}]}),
    );
    json!({"$ref": "#/$defs/d0", "$defs": definitions})
}

/// A trap would be found: a value is valid, or it is not, or there is too much to look at.
#[test]
fn deep_documents_do_not_exhaust_the_stack() -> Result<()> {
    let module = module()?;
    for links in [0, 2, 8, 20] {
        let content = json!({"application/json": {"schema": recursive(links)}});
        let rule = json!({
            "name": "deep",
            "match": {"path": {"exact": "/0"}},
            "operations": {"POST": {"body": {"content": content}}},
        });
        let mut host = host(&module, &json!({"version": 1, "rules": [rule]}))?;
        for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
            for (depth, inner, answers) in [
                (2, "[]", ["200", "200"]),
                (2, "1", ["422", "422"]),
                (62, "[]", ["200", "400"]),
                (62, "1", ["422", "400"]),
            ] {
                let text = format!("{}{inner}{}", open.repeat(depth), close.repeat(depth));
                let (status, _) = status(&mut host, 0, &serde_json::from_str(&text)?)?;
                ensure!(answers.contains(&status.as_str()), "{links} links: {text}: {status}");
            }
        }
    }
    Ok(())
}
