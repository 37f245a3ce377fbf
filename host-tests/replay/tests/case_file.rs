//! Case files that cannot be read say where.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

use std::path::Path;

use replay::case::CaseFile;
use replay::request::Protocol;
use replay::step::Split;

fn read(text: &str) -> anyhow::Result<CaseFile> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("cases.yaml");
    std::fs::write(&path, text)?;
    CaseFile::read(&path)
}

fn one(case: &str) -> String {
    format!("config: c.yaml\ncases:\n- id: a\n{case}")
}

#[test]
fn errors_name_the_file_and_the_place() {
    const STEP: &str = "  steps: [{expect: {}}]\n";
    for (text, says) in [
        ("config: [".to_owned(), vec!["cases.yaml", "line 1"]),
        ("config: c.yaml\ncases: []\n".to_owned(), vec!["cases: empty"]),
        (format!("config: c.yaml\nconfigs: x\ncases:\n- id: a\n{STEP}"), vec!["configs", "line 2"]),
        (one(&format!("  expects: x\n{STEP}")), vec!["expects", "line 4"]),
        (one("  steps:\n  - expect: {}\n    metod: GET\n"), vec!["metod", "line 6"]),
        (one("  steps:\n  - expect: {}\n    response: {state: 2}\n"), vec!["state", "line 6"]),
        (one("  steps:\n  - method: GET\n"), vec!["steps[0]", "expect: absent"]),
        (one("  steps: []\n"), vec!["cases[0] (a)", "steps: empty"]),
        (one(&format!("{STEP}- id: a\n{STEP}")), vec!["cases[1] (a)", "used before"]),
        (one(&format!("  executors: [native]\n{STEP}")), vec!["cases[0] (a)", "`why`"]),
        (one(&format!("  executors: []\n  why: x\n{STEP}")), vec!["executors: empty"]),
        (one(&format!("  executors: [nginx]\n  why: x\n{STEP}")), vec!["nginx", "line 4"]),
        (format!("executors: [envoy]\n{}", one(STEP)), vec!["`why`"]),
        (
            format!(
                "executors: [envoy]\nwhy: x\n{}",
                one(&format!("  executors: [native]\n  why: x\n{STEP}"))
            ),
            vec!["more than the file's"],
        ),
        (one(&format!("  xfail: ''\n{STEP}")), vec!["xfail: needs a reason"]),
        (one(&format!("  chunks: [0]\n{STEP}")), vec!["line 4"]),
        (one(&format!("  chunks: [half]\n{STEP}")), vec!["half", "whole"]),
        (one("  steps: [{http: 3, expect: {}}]\n"), vec!["steps[0]", "http: 3"]),
        (one("  steps: [{path: 5, expect: {}}]\n"), vec!["quote numbers", "line 4"]),
        (one("  steps: [{body: abc, chunks: [2, 2], expect: {}}]\n"), vec!["steps[0]", "3 bytes"]),
        (one("  steps: [{body: abc, chunks: [0], expect: {}}]\n"), vec!["would end the body"]),
        (
            one("  chunks: [1]\n  steps: [{body: abc, chunks: [1], expect: {}}]\n"),
            vec!["the case has chunks too"],
        ),
        (one("  steps: [{raw: x, expect: {}}]\n"), vec!["steps[0]", "raw: only the envoy executor"]),
        (one("  steps: [{response: {status: 99}, expect: {}}]\n"), vec!["steps[0]", "status 99"]),
        (
            one("  steps: [{response: {headers: [[a, \"b\\nc\"]]}, expect: {}}]\n"),
            vec!["steps[0]", "value of a"],
        ),
    ] {
        let error = format!("{:#}", read(&text).expect_err(&text));
        for part in says {
            assert!(error.contains(part), "{text}\n{part:?} is not in: {error}");
        }
    }
    let error = format!("{:#}", CaseFile::read(Path::new("/nowhere/x.yaml")).unwrap_err());
    assert!(error.contains("/nowhere/x.yaml"), "{error}");
}

#[test]
fn defaults_and_splits() {
    let file = read(&one(
        "  chunks: [2, whole]\n  steps:\n  - {expect: {}}\n  - {method: PUT, http: 2, scheme: https, body: abcde, expect: {}}\n",
    ))
    .unwrap();
    let case = &file.cases[0];
    assert_eq!(file.executors_of(case), replay::Kind::ALL);
    assert_eq!(case.splits(), [Some(Split::Every(2)), Some(Split::Whole)]);

    let request = case.steps[0].request(Some(Split::Every(2)));
    assert_eq!((request.method.as_str(), request.path.as_slice()), ("GET", &b"/"[..]));
    assert_eq!((request.authority.as_slice(), request.scheme.as_str()), (&b"api.example.com"[..], "http"));
    assert_eq!((request.protocol, request.body, request.headers.len()), (Protocol::H1, None, 0));

    let request = case.steps[1].request(Some(Split::Every(2)));
    let pieces: Vec<_> = ["ab", "cd", "e"].map(|piece| piece.as_bytes().to_vec()).into();
    assert_eq!((request.protocol, request.body, request.headers.len()), (Protocol::H2, Some(pieces), 0));
    let request = case.steps[1].request(Some(Split::Whole));
    assert_eq!(request.headers, [("content-length".to_owned(), b"5".to_vec())]);
}
