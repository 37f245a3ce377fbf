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
            one(
                "  steps: [{expect: {}, callouts: [{cluster: c, path: /}, {cluster: c, path: /, status: 99}]}]\n",
            ),
            vec!["steps[0]", "callouts[1]", "status 99"],
        ),
        (
            one("  steps: [{expect: {}, callouts: [{cluster: c, path: /, fault: slow}]}]\n"),
            vec!["slow", "refused"],
        ),
        (one("  steps: [{expect: {}, callouts: [{cluster: c}]}]\n"), vec!["path", "line 4"]),
        (
            one(
                "  steps: [{expect: {}, callouts: [{cluster: c, path: /a}, {cluster: c, path: /b, fault: refused}]}]\n",
            ),
            vec!["steps[0]", "cluster \"c\" is to refuse /b and to answer /a at the same time"],
        ),
        (
            one("  steps: [{expect: {}, callouts: [{cluster: c, path: /, redis: {error: x}, body: z}]}]\n"),
            vec!["steps[0]", "callouts[0]", "redis: instead of `status`, `body` and `fault`"],
        ),
        (
            one("  steps: [{expect: {}, callouts: [{cluster: c, path: /, redis: {nonce: own}}]}]\n"),
            vec!["redis: either", "line 4"],
        ),
        (one("  steps: [{expect: {}, redis: [[PING]]}]\n"), vec!["steps[0]", "no `real` one"]),
        (
            format!("real: {{c: rate-limit}}\n{}", one("  steps: [{expect: {}, redis: [[]]}]\n")),
            vec!["steps[0]", "redis: a command of no words"],
        ),
        (format!("real: {{c: limits}}\n{}", one(STEP)), vec!["limits", "rate-limit", "line 1"]),
        (
            format!("real: {{c: rate-limit}}\n{}", one("  steps: [{expect: {callouts: [{path: /}]}}]\n")),
            vec!["steps[0]", "expect.callouts: each needs a `cluster`"],
        ),
        (
            format!("callouts: [{{cluster: c, path: /, status: 1}}]\n{}", one(STEP)),
            vec!["callouts[0]", "status 1"],
        ),
        (format!("workers: 0\n{}", one(STEP)), vec!["workers: 0"]),
        (one("  steps: [{expect: {}, src: 127.0.0.1}]\n"), vec!["src", "line 4"]),
        (
            one("  steps: [{expect: {}, t_ms: 5}]\n"),
            vec!["steps[0]", "t_ms, properties: not where a real Envoy runs"],
        ),
        (one("  steps: [{expect: {traps: -1}}]\n"), vec!["traps", "line 4"]),
        (one("  steps: [{expect: {logs: [5]}}]\n"), vec!["quote numbers", "line 4"]),
        (one("  steps: [{expect: {callouts: [{trailers: {}}]}}]\n"), vec!["trailers", "line 4"]),
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

/// Where no real listener is involved, a cluster can do both.
#[test]
fn a_model_may_refuse_one_path_and_answer_another() {
    let step = "{expect: {}, callouts: [{cluster: c, path: /a}, {cluster: c, path: /b, fault: refused}]}";
    read(&one(&format!("  executors: [native]\n  why: x\n  steps: [{step}]\n"))).unwrap();
}

#[test]
fn what_the_world_around_a_gateway_does() {
    let file = read(&format!(
        "workers: 3\ncallouts: [{{cluster: c, path: /}}]\n{}",
        one(r#"  steps: [{src: "[::1]:9", expect: {}, callouts: [{cluster: c, path: /a, status: 500, headers: [[a, b]], body: x, delay_ms: 7, fault: stalled}]}]"#)
    ))
    .unwrap();
    assert_eq!((file.workers, file.callouts.len()), (Some(3), 1));
    let step = &file.cases[0].steps[0];
    assert_eq!(step.src.unwrap().to_string(), "[::1]:9");
    let [scripted] = <[_; 1]>::try_from(replay::step::scripted(&step.callouts).unwrap()).unwrap();
    assert_eq!((scripted.cluster.as_str(), scripted.path.as_slice()), ("c", &b"/a"[..]));
    let answer = scripted.answer;
    assert_eq!((answer.response.status(), answer.response.body()), (500, &b"x"[..]));
    assert_eq!(answer.response.headers(), [("a".to_owned(), b"b".to_vec())]);
    assert_eq!((answer.response.wait().as_millis(), answer.fault), (7, Some(replay::step::Fault::Stalled)));
    let [plain] = <[_; 1]>::try_from(replay::step::scripted(&file.callouts).unwrap()).unwrap();
    assert_eq!((plain.answer.response.status(), plain.answer.response.body()), (200, &b""[..]));
}

/// What Redis answers depends on the call. Behind a real one anything can be scripted: it is for the models.
#[test]
fn what_redis_answers() {
    let file = read(&format!(
        "real: {{r: rate-limit}}\n{}",
        one(
            r#"  steps: [{redis: [[SCRIPT, FLUSH]], expect: {callouts: [{cluster: r}]}, callouts: [{cluster: r, path: /, redis: {values: [1, a, null], nonce: another}, delay_ms: 3}, {cluster: r, path: /b, fault: refused}]}]"#
        )
    ))
    .unwrap();
    let scripted = replay::step::scripted(&file.cases[0].steps[0].callouts).unwrap();
    let response = scripted[0].answer.response.clone();
    assert_eq!(response.wait().as_millis(), 3);
    let answer = response.to(b"EVAL/return/0/0123456789abcdef0123456789abcdef");
    let body = format!(r#"{{"EVAL":[1,"a",null,"{}"]}}"#, "f".repeat(32));
    assert_eq!((answer.status(), answer.body()), (200, body.as_bytes()));
}

/// The variants of the only case.
fn names(file: &CaseFile) -> Vec<String> {
    let variants = file.variants_of(file.cases.first().unwrap());
    variants.iter().map(|variant| variant.to_string()).map(|name| format!("[{name}]")).collect()
}

const EVERY: &str = "every: {chunks: [1, 7, whole], trailers: [false, true], http: [1, 2]}\n";

#[test]
fn every_combination_is_a_variant_once() {
    let file = |case: &str| read(&format!("{EVERY}{}", one(case))).unwrap();
    let all = names(&file("  steps: [{body: abcdefgh, expect: {}}]\n"));
    let twelve = ["[1,http1]", "[7,http1]", "[whole,http1]", "[1,http1,trailers]", "[7,http1,trailers]"];
    assert_eq!((all.len(), &all[..5]), (12, &twelve.map(str::to_owned)[..]));
    // The same requests are not sent twice.
    assert_eq!(names(&file("  steps: [{expect: {}}]\n")), ["[1,http1]", "[1,http2]"]);
    let short = names(&file("  steps: [{body: ab, expect: {}}]\n"));
    assert_eq!(short.len(), 8, "{short:?}");
    let announced = names(&file("  steps: [{body: ab, headers: [[Content-Length, '2']], expect: {}}]\n"));
    assert_eq!(announced.len(), 6, "{announced:?}");
    // What a case or a step says itself counts.
    assert_eq!(names(&file("  every: {}\n  steps: [{body: abcdefgh, expect: {}}]\n")), ["[]"]);
    assert_eq!(names(&file("  every: {http: [2]}\n  steps: [{body: abcdefgh, expect: {}}]\n")), ["[http2]"]);
    assert_eq!(names(&file("  chunks: [3]\n  steps: [{body: abcdefgh, expect: {}}]\n")).len(), 4);
    assert_eq!(names(&file("  steps: [{body: abcdefgh, chunks: [3], expect: {}}]\n")).len(), 4);
    let raw = "  executors: [envoy]\n  why: x\n  steps: [{raw: x, expect: {}}]\n";
    assert_eq!(names(&file(raw)), ["[1,http1]"]);
    let error = format!("{:#}", read(&format!("every: {{http: [3]}}\n{}", one(raw))).unwrap_err());
    assert!(error.contains("every.http: 3 is neither 1 nor 2"), "{error}");
}

#[test]
fn defaults_and_splits() {
    let file = read(&one(
        "  chunks: [2, whole]\n  steps:\n  - {expect: {}}\n  - {method: PUT, http: 2, scheme: https, body: abcde, expect: {}}\n",
    ))
    .unwrap();
    let case = &file.cases[0];
    assert_eq!(file.executors_of(case), replay::Kind::ALL);
    assert_eq!(names(&file), ["[2]", "[whole]"]);

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
