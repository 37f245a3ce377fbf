//! The outputs: table, lines, JUnit.

use crate::run::{POLICY, Scratch, data, json_lines, mixed, portcullis};
use serde_json::{Value, json};

fn ids(lines: &[Value]) -> Vec<&str> {
    lines.iter().filter_map(|line| line["id"].as_str()).collect()
}

#[test]
fn a_har_is_replayed_request_by_request() {
    let scratch = Scratch::new();
    let out = scratch.path("r.jsonl");
    let ran = portcullis(&["replay", "--config", POLICY, "--traffic", &data("browser.har"), "--out", &out]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let expected = "\
id         request              verdict  status  reason              denied by
browser:0  GET /orders/7        pass     200     -                   -
browser:1  OPTIONS /orders      deny     405     method.not_allowed  request-policy
browser:2  POST /orders         pass     201     -                   -
browser:3  GET /orders/../admin deny     400     path.ambiguous      request-policy

4 requests: 2 pass, 2 deny, 0 error
";
    let squeezed = |text: &str| {
        text.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>()
    };
    assert_eq!(squeezed(&ran.stdout), squeezed(expected), "{}", ran.stdout);
    let lines = scratch.lines("r.jsonl");
    assert_eq!(lines[2]["upstream"]["body"], "{\"item\":7}");
    assert_eq!(lines[2]["upstream"]["headers"][0], json!(["host", "api.example.com"]));
}

#[test]
fn a_line_has_its_members_in_their_order() {
    let scratch = Scratch::new();
    let traffic = scratch.write(
        "t.jsonl",
        "{\"id\":\"one\",\"method\":\"DELETE\",\"path\":\"/reports/2026\",\"body\":{\"b64\":\"//4=\"}}\n\
         {\"method\":\"DELETE\",\"path\":\"/orders\"}\n",
    );
    let out = scratch.path("r.jsonl");
    let ran = portcullis(&["replay", "--config", POLICY, "--traffic", &traffic, "--out", &out]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let text = scratch.read("r.jsonl");
    let [first, second, host] = <[&str; 3]>::try_from(text.lines().collect::<Vec<_>>()).unwrap();
    let mut rest = second;
    for member in [
        "{\"id\":\"t:2\",\"verdict\":\"deny\",\"status\":405,\"headers\":[[\"allow\",\"GET, HEAD, POST\"],",
        "\"body\":\"{\\\"type\\\":\\\"urn:portcullis:method.not_allowed\\\"",
        ",\"trailers\":[]",
        ",\"upstream\":null",
        ",\"denied_by\":\"request-policy\"",
        ",\"reason\":\"method.not_allowed\"",
        ",\"shadow\":[]",
        ",\"callouts\":[]",
        ",\"logs\":[{\"level\":\"warning\",\"prefix\":\"request-policy\",\"text\":\"{",
        ",\"metrics\":{\"portcullis_request_policy_denied_instance=request-policy_reason=method.not_allowed\":1}",
        ",\"traps\":0",
        ",\"errors\":[]",
        ",\"memory_bytes\":",
    ] {
        let at = rest.find(member).unwrap_or_else(|| panic!("{member} is not in {rest}"));
        rest = &rest[at + member.len()..];
    }
    let first: Value = serde_json::from_str(first).unwrap();
    assert_eq!(
        (&first["verdict"], &first["reason"], &first["denied_by"]),
        (&json!("pass"), &Value::Null, &Value::Null)
    );
    assert_eq!(first["shadow"], json!([{ "instance": "request-policy", "reason": "method.not_allowed" }]));
    assert_eq!(first["upstream"]["body"], json!({ "b64": "//4=" }), "not UTF-8");
    assert!(
        first.get("fuel").is_none() && first.get("differences").is_none() && first.get("against").is_none()
    );
    assert!(host.starts_with("{\"host\":{\"logs\":[{\"level\":\"info\",\"prefix\":\"\","), "{host}");
    let host: Value = serde_json::from_str(host).unwrap();
    let name = "portcullis_request_policy_denied_instance=request-policy_reason=method.not_allowed";
    assert_eq!(host["host"]["metrics"][name], 1);
}

#[test]
fn results_come_in_the_order_of_the_traffic_and_are_the_same_every_time() {
    let scratch = Scratch::new();
    let traffic = scratch.write("t.jsonl", &mixed(600));
    for (name, seed) in [("one", "7"), ("other", "7"), ("seed", "8")] {
        let out = scratch.path(name);
        let ran = portcullis(&[
            "replay",
            "--config",
            POLICY,
            "--traffic",
            &traffic,
            "--out",
            &out,
            "--seed",
            seed,
            "--workers",
            "3",
        ]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert!(ran.stdout.contains("\n600 requests: 400 pass, 200 deny, 0 error"), "{}", ran.stdout);
    }
    assert_eq!(scratch.read("one"), scratch.read("other"));
    let lines = scratch.lines("one");
    let wanted: Vec<String> = (0..600).map(|index| format!("r{index}")).collect();
    assert_eq!(ids(&lines), wanted);
    assert_eq!(ids(&scratch.lines("seed")), wanted);
}

#[test]
fn many_requests_are_shown_in_groups() {
    let scratch = Scratch::new();
    let traffic = scratch.write("t.jsonl", &mixed(61));
    let ran = portcullis(&["replay", "--config", POLICY, "--traffic", &traffic]);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("count  request "), "{}", ran.stdout);
    assert!(lines[1].starts_with("11     GET /orders/7 "), "the most frequent first:\n{}", ran.stdout);
    assert!(lines[2].starts_with("10 "), "{}", ran.stdout);
    assert_eq!(lines.last(), Some(&"61 requests: 41 pass, 20 deny, 0 error"));
}

#[test]
fn lines_can_go_to_the_standard_output_and_traffic_come_from_the_standard_input() {
    use std::io::Write as _;
    use std::process::{Command, Stdio};
    let mut child = Command::new(crate::run::PROGRAM)
        .args(["replay", "--config", POLICY, "--traffic", "-", "--out", "-"])
        .current_dir(crate::run::root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(mixed(6).as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let lines = json_lines(&String::from_utf8(output.stdout).unwrap());
    assert_eq!((output.status.code(), lines.len(), ids(&lines).len()), (Some(0), 7, 6));
    assert!(String::from_utf8(output.stderr).unwrap().contains("6 requests: 4 pass, 2 deny, 0 error"));
}

#[test]
fn expectations_that_fail_are_shown_and_end_with_1() {
    let scratch = Scratch::new();
    let traffic = scratch.write(
        "t.jsonl",
        "{\"id\":\"good\",\"path\":\"/orders\",\"expect\":{\"verdict\":\"pass\",\"upstream\":{\"path\":\"/orders\"}}}\n\
         {\"id\":\"bad\",\"path\":\"//a?x=<&>\",\"expect\":{\"verdict\":\"pass\",\"status\":200}}\n\
         {\"id\":\"unasked\",\"path\":\"/\"}\n",
    );
    let (out, junit) = (scratch.path("r.jsonl"), scratch.path("junit.xml"));
    let ran =
        portcullis(&["replay", "--config", POLICY, "--traffic", &traffic, "--out", &out, "--junit", &junit]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let place = format!(
        "{traffic}:2 GET //a (bad)\n  verdict: expected pass, got deny\n  status: expected 200, got 400\n"
    );
    assert!(ran.stdout.contains(&place), "{}", ran.stdout);
    assert!(
        ran.stdout.ends_with("3 requests: 2 pass, 1 deny, 0 error; 1 not as expected\n"),
        "{}",
        ran.stdout
    );
    let lines = scratch.lines("r.jsonl");
    assert_eq!(lines[0]["differences"], json!([]));
    assert_eq!(
        lines[1]["differences"],
        json!(["verdict: expected pass, got deny", "status: expected 200, got 400"])
    );
    assert!(lines[2].get("differences").is_none());
    let junit = scratch.read("junit.xml");
    assert!(junit.contains("<testsuite name=\"replay\" tests=\"3\" failures=\"1\" errors=\"0\">"), "{junit}");
    assert!(junit.contains("<testcase name=\"good\" classname=\"GET /orders\"/>"), "{junit}");
    assert!(
        junit.contains(
            "<testcase name=\"bad\" classname=\"GET //a\"><failure message=\"verdict: expected pass, got deny\">verdict: \
             expected pass, got deny\nstatus: expected 200, got 400</failure></testcase>"
        ),
        "{junit}"
    );
}

#[test]
fn what_is_no_request_never_reaches_a_filter() {
    let scratch = Scratch::new();
    let traffic = scratch.write("t.http", "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n");
    let out = scratch.path("r.jsonl");
    let ran = portcullis(&["replay", "--config", POLICY, "--traffic", &traffic, "--out", &out]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let line = &scratch.lines("r.jsonl")[0];
    assert_eq!((&line["verdict"], &line["status"]), (&json!("error"), &json!(400)));
    assert_eq!(line["reason"], "http1.content_length_is_not_a_number");
    assert_eq!((&line["headers"], &line["logs"], &line["upstream"]), (&json!([]), &json!([]), &Value::Null));
}

#[test]
fn fuel_is_counted_where_it_is_asked_for() {
    let scratch = Scratch::new();
    let traffic = scratch.write("t.jsonl", &mixed(3));
    let out = scratch.path("r.jsonl");
    let ran = portcullis(&["replay", "--config", POLICY, "--traffic", &traffic, "--out", &out, "--trace"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    for line in &scratch.lines("r.jsonl")[..3] {
        assert!(line["fuel"].as_u64().unwrap() > 1000, "{line}");
    }
}

#[test]
fn the_clock_begins_where_it_is_told_to() {
    let scratch = Scratch::new();
    let traffic = scratch.write("t.jsonl", "{\"t_ms\":1500}\n");
    let results = ["2030-01-01T00:00:00Z", "1893456000"].map(|now| {
        let out = scratch.path("r.jsonl");
        let ran =
            portcullis(&["replay", "--config", POLICY, "--traffic", &traffic, "--out", &out, "--now", now]);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        scratch.read("r.jsonl")
    });
    assert_eq!(results[0], results[1]);
    let ran = portcullis(&["replay", "--config", POLICY, "--traffic", &traffic, "--now", "yesterday"]);
    assert_eq!(ran.code, 2);
}

#[test]
fn call_outs_and_traps_are_in_the_results() {
    let scratch = Scratch::new();
    let traffic = scratch.write(
        "t.jsonl",
        "{\"id\":\"asks\",\"path\":\"/orders\",\"callouts\":[{\"cluster\":\"auth\",\"path\":\"/check\",\"status\":403}]}\n",
    );
    let (config, out) = ("host-tests/suite/envoy/guests/auth-callout.yaml", scratch.path("r.jsonl"));
    let ran = portcullis(&["replay", "--config", config, "--traffic", &traffic, "--out", &out]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let line = &scratch.lines("r.jsonl")[0];
    assert_eq!((&line["verdict"], &line["status"]), (&json!("deny"), &json!(403)));
    let call = &line["callouts"][0];
    assert_eq!(
        (&call["cluster"], &call["method"], &call["path"]),
        (&json!("auth"), &json!("POST"), &json!("/check"))
    );

    // The same answer for every request that brings none of its own.
    let traffic = scratch.write("t.jsonl", "{\"path\":\"/a\"}\n{\"path\":\"/b\"}\n");
    let callouts =
        scratch.write("callouts.yaml", "- { cluster: auth, path: /check, headers: [[x-user, alice]] }\n");
    let ran = portcullis(&[
        "replay",
        "--config",
        config,
        "--traffic",
        &traffic,
        "--out",
        &out,
        "--callouts",
        &callouts,
    ]);
    assert!(ran.stdout.contains("2 requests: 2 pass, 0 deny, 0 error"), "{}{}", ran.stdout, ran.stderr);

    let traffic = scratch.write("t.jsonl", "{\"headers\":[[\"x-trap\",\"request-headers\"]]}\n");
    let config = "host-tests/suite/envoy/guests/trap-closed.yaml";
    let ran = portcullis(&["replay", "--config", config, "--traffic", &traffic, "--out", &out]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    let line = &scratch.lines("r.jsonl")[0];
    assert_eq!((&line["verdict"], &line["traps"]), (&json!("error"), &json!(1)), "{line}");
    assert!(line["errors"][0].as_str().unwrap().contains("proxy_on_request_headers"), "{line}");
}

/// All at once, each for a while: more than a gateway is kept waiting for.
#[test]
fn a_flood_is_sent_in_order_and_said_to_be_late() {
    let scratch = Scratch::new();
    let traffic = scratch.write("t.jsonl", &"{\"response\":{\"delay_ms\":100}}\n".repeat(20_100));
    let out = scratch.path("r.jsonl");
    let ran = portcullis(&["replay", "--config", POLICY, "--traffic", &traffic, "--out", &out]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("more than 20000 requests"), "{}", ran.stderr);
    assert!(ran.stdout.ends_with("20100 requests: 20100 pass, 0 deny, 0 error\n"), "{}", ran.stdout);
    let lines = scratch.lines("r.jsonl");
    let wanted: Vec<String> = (1..=20_100).map(|line| format!("t:{line}")).collect();
    assert_eq!(ids(&lines), wanted);
}
