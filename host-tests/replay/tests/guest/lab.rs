//! Small modules for an Envoy, and cases that run with them.

use std::path::Path;

use replay::report::Report;
use replay::{Settings, run};

/// A bootstrap whose one filter is the module `dist/guests/guest.wasm`.
pub const BOOTSTRAP: &str = include_str!("bootstrap.yaml");
/// Modules in text form, see [`assemble`].
pub const TRACER: &str = include_str!("tracer.wat");
pub const CALLER: &str = include_str!("caller.wat");
/// Where the texts of a module begin.
const TEXTS: usize = 1024;

/// Assembles a module. `@include` stands for what every guest has, `@"text"` for the address and the length of that
/// text, `@map("name=value" …)` for those of a header map in the form of the ABI.
pub fn assemble(module: &str) -> Vec<u8> {
    let module = module.replace("@include", include_str!("text.wat"));
    let mut parts = module.split('@');
    let mut out = parts.next().unwrap().to_owned();
    let (mut data, mut at) = (String::new(), TEXTS);
    for part in parts {
        let (bytes, rest) = match part.strip_prefix("map(") {
            Some(list) => {
                let (list, rest) = list.split_once(')').unwrap();
                (map(list), rest)
            }
            None => {
                let (text, rest) = part[1..].split_once('"').unwrap();
                (unescaped(text), rest)
            }
        };
        out.push_str(&format!("(i32.const {at}) (i32.const {}){rest}", bytes.len()));
        let escaped: String = bytes.iter().map(|byte| format!("\\{byte:02x}")).collect();
        data.push_str(&format!("(data (i32.const {at}) \"{escaped}\")\n"));
        at += bytes.len();
    }
    let end = out.rfind(')').unwrap();
    out.insert_str(end, &data);
    wat::parse_str(&out).unwrap_or_else(|error| panic!("{error}\n{out}"))
}

/// `\\n`, `\\0` and `\\\\` as in Rust.
fn unescaped(text: &str) -> Vec<u8> {
    let mut characters = text.chars();
    let mut out = String::new();
    while let Some(character) = characters.next() {
        out.push(match character {
            '\\' => match characters.next().unwrap() {
                'n' => '\n',
                '0' => '\0',
                other => other,
            },
            other => other,
        });
    }
    out.into_bytes()
}

fn map(list: &str) -> Vec<u8> {
    let pairs: Vec<(&str, &str)> =
        list.split('"').skip(1).step_by(2).map(|pair| pair.split_once('=').unwrap()).collect();
    let number = |n: usize| u32::try_from(n).unwrap().to_le_bytes();
    let mut bytes = number(pairs.len()).to_vec();
    for (name, value) in &pairs {
        bytes.extend([number(name.len()), number(value.len())].concat());
    }
    for (name, value) in &pairs {
        bytes.extend(format!("{name}\0{value}\0").into_bytes());
    }
    bytes
}

/// One case with these steps, each a map of its members and one of its expectations.
pub fn steps(steps: impl IntoIterator<Item = (impl Into<String>, String)>) -> String {
    let step = |(members, expect): (_, String)| {
        let members: String = Into::into(members);
        let members = members.trim_start_matches('{').trim_end_matches('}').trim().to_owned();
        let comma = if members.is_empty() { "" } else { ", " };
        format!("  - {{ {members}{comma}expect: {expect} }}\n")
    };
    format!("- id: a\n  steps:\n{}", steps.into_iter().map(step).collect::<String>())
}

/// A run of cases with a module.
pub struct Lab<'a> {
    pub module: &'a str,
    /// Changes of the bootstrap, each from one text to another.
    pub changes: &'a [(&'a str, &'a str)],
    /// Members of the case file, above its cases.
    pub file: &'a str,
}

impl Lab<'_> {
    /// Runs these cases in Envoy.
    pub async fn run(&self, cases: &str) -> anyhow::Result<Report> {
        let dir = tempfile::tempdir()?;
        std::fs::create_dir(dir.path().join("guests"))?;
        std::fs::write(dir.path().join("guests/guest.wasm"), assemble(self.module))?;
        let mut bootstrap = BOOTSTRAP.to_owned();
        for (from, to) in self.changes {
            assert!(bootstrap.contains(from), "{from}");
            bootstrap = bootstrap.replace(from, to);
        }
        let config = dir.path().join("envoy.yaml");
        std::fs::write(&config, bootstrap)?;
        let file = dir.path().join("cases.yaml");
        let head = format!("config: {}\nexecutors: [envoy]\nwhy: a guest has no policy\n", config.display());
        std::fs::write(&file, format!("{head}{}\ncases:\n{cases}", self.file))?;
        let mut settings = Settings::discover(Path::new(env!("CARGO_MANIFEST_DIR")))?;
        settings.dist = dir.path().to_owned();
        run(&file, &[], &settings).await
    }

    /// Runs these cases, which must pass.
    pub async fn passes(&self, cases: &str) -> Report {
        let report = self.run(cases).await.unwrap();
        assert!(report.passed(), "{}", report.table());
        report
    }
}
