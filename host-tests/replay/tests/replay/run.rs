//! Runs the program in the repository's root.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_portcullis");
pub(crate) const POLICY: &str = "envoy-configs/envoy/request-policy.yaml";

/// What a run came to.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

pub(crate) fn portcullis(arguments: &[&str]) -> Ran {
    let output = Command::new(PROGRAM).args(arguments).current_dir(root()).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    Ran { code: output.status.code().unwrap(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
}

/// A folder of files that the program reads and writes.
pub(crate) struct Scratch(TempDir);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    pub(crate) fn read(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    /// The results of a file of lines; what belongs to no request is the last.
    pub(crate) fn lines(&self, name: &str) -> Vec<Value> {
        json_lines(&self.read(name))
    }

    /// The shipped bootstrap with a change.
    pub(crate) fn policy(&self, name: &str, from: &str, to: &str) -> String {
        let text = std::fs::read_to_string(root().join(POLICY)).unwrap();
        assert_eq!(text.matches(from).count(), 1, "{from}");
        self.write(name, &text.replace(from, to))
    }
}

pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The file among the data of these tests.
pub(crate) fn data(name: &str) -> String {
    format!("{}/tests/data/replay/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// Requests of several kinds that the shipped policy treats in several ways.
pub(crate) fn mixed(count: usize) -> String {
    let kinds = [
        ("GET", "/orders/7?page=2"),
        ("POST", "/orders"),
        ("DELETE", "/orders"),
        ("GET", "//admin"),
        ("GET", "/reports/2026"),
        ("DELETE", "/reports/2026"),
    ];
    let mut text = String::new();
    for index in 0..count {
        let (method, path) = kinds[index % kinds.len()];
        // Some overtake others.
        let delay = [0, 90, 5][index % 3];
        let response = format!("{{\"delay_ms\":{delay}}}");
        writeln!(
            text,
            "{{\"id\":\"r{index}\",\"t_ms\":{},\"method\":\"{method}\",\"path\":\"{path}\",\"response\":{response}}}",
            index * 10
        )
        .unwrap();
    }
    text
}
