//! Call-outs in cases: which answer they get, and what is expected of them.

use crate::lab::{CALLER, Lab};

fn lab(file: &str) -> Lab<'_> {
    Lab { module: CALLER, changes: &[], file }
}

const ANSWER: &str = "cluster: keys, path: /check?a";

#[tokio::test]
async fn every_call_is_seen_with_what_it_carries() {
    let cases = format!(
        r#"
- id: none
  steps:
  - {{ expect: {{ callouts: [], logs: [] }} }}
- id: two
  steps:
  - headers: [[x-calls, aa]]
    callouts: [ {{ {ANSWER}, body: one }}, {{ {ANSWER}, body: three }} ]
    expect:
      status: 200
      callouts:
      - &call
        cluster: keys
        method: POST
        authority: keys.example.com
        path: /check?a
        headers: {{ x-a: "1", x-b: ["1", "2"], x-c: null }}
        body: "00000000-0000-4000-8000-000000000000 127.0.0.1:50000"
      - *call
"#
    );
    let report = lab("").passes(&cases).await;
    let logs = report.runs[1].steps[0].observation.logs.clone().unwrap();
    let bodies: Vec<&str> = logs.iter().filter_map(|line| line.text.strip_prefix("body 0: ")).collect();
    assert_eq!(bodies, ["one", "three"]);
}

#[tokio::test]
async fn answers_of_the_file_stand_behind_those_of_a_step() {
    let cases = format!(
        r#"
- id: a
  steps:
  - {{ headers: [[x-calls, aa]], callouts: [ {{ {ANSWER}, body: one }} ], expect: {{ status: 200 }} }}
  - {{ headers: [[x-calls, aa]], expect: {{ status: 200 }} }}
"#
    );
    let file = format!("callouts: [ {{ {ANSWER}, body: four }}, {{ {ANSWER}, body: three }} ]");
    let report = lab(&file).passes(&cases).await;
    let bodies = |step: usize| -> Vec<usize> {
        let logs = report.runs[0].steps[step].observation.logs.clone().unwrap();
        logs.iter().filter_map(|line| Some(line.text.strip_prefix("body 0: ")?.len())).collect()
    };
    assert_eq!((bodies(0), bodies(1)), (vec![3, 4], vec![5, 5]));
}

/// A cluster that comes and goes.
#[tokio::test]
async fn a_refused_call_reaches_nobody_and_the_next_may_be_answered() {
    let cases = format!(
        r#"
- id: a
  steps:
  - {{ headers: [[x-calls, a]], callouts: [ {{ {ANSWER} }} ], expect: {{ callouts: [{{}}] }} }}
  - {{ headers: [[x-calls, a]], expect: {{ callouts: [] }} }}
  - {{ headers: [[x-calls, aaa]], callouts: [ {{ {ANSWER} }}, {{ {ANSWER}, fault: refused }} ], expect: {{ callouts: [{{}}] }} }}
  - {{ headers: [[x-calls, aa]], callouts: [ {{ {ANSWER} }} ], expect: {{ callouts: [{{}}, {{}}] }} }}
"#
    );
    lab("").passes(&cases).await;
    // Drawn by their number, without being seen.
    let file = format!("callouts: [ {{ {ANSWER}, fault: refused }}, {{ {ANSWER} }} ]");
    let cases = r"
- id: a
  steps:
  - { headers: [[x-calls, a]], expect: { callouts: [] } }
  - { headers: [[x-calls, a]], expect: { callouts: [{}] } }
";
    lab(&file).passes(cases).await;
}

/// From a tick, answered as the file says.
#[tokio::test]
async fn a_call_of_the_root_context_belongs_to_the_step_it_happens_in() {
    let file = format!("callouts: [ {{ {ANSWER}, status: 201 }} ]");
    let cases = r#"
- id: a
  steps:
  - headers: [[x-tick, a]]
    expect: { status: 200, callouts: [ { cluster: keys, body: " " } ] }
"#;
    let report = lab(&file).passes(cases).await;
    let logs = report.runs[0].steps[0].observation.logs.clone().unwrap();
    assert!(logs.iter().any(|line| line.text.contains(":status: 201")), "{logs:?}");
}

#[tokio::test]
async fn what_a_listener_cannot_do_is_said() {
    let cases = format!(
        "- id: a\n  steps:\n  - {{ callouts: [ {{ {ANSWER} }}, {{ cluster: keys, path: /b, fault: refused }} ], expect: {{}} }}\n"
    );
    let error = format!("{:#}", lab("").run(&cases).await.unwrap_err());
    assert!(
        error.contains("cases[0] (a): steps[0]: ") && error.contains("refuse /b and to answer /check?a"),
        "{error}"
    );

    let cases = "- id: a\n  steps:\n  - { callouts: [ { cluster: other, path: / } ], expect: {} }\n";
    let error = format!("{:#}", lab("").run(cases).await.unwrap_err());
    assert!(error.contains("there is no cluster \"other\" to call"), "{error}");

    // Another path of the cluster is open.
    let cases = "- id: a\n  steps:\n  - { headers: [[x-calls, a]], callouts: [ { cluster: keys, path: /b } ], expect: {} }\n";
    let table = lab("").run(cases).await.unwrap().table();
    assert!(table.contains("the call-out to /check?a of cluster \"keys\" has no answer"), "{table}");

    // Two calls were refused, and one of them should have been answered.
    let cases = format!(
        "- id: a\n  steps:\n  - {{ headers: [[x-calls, aa]], callouts: [ {{ {ANSWER}, fault: refused }}, {{ {ANSWER} }} ], expect: {{}} }}\n"
    );
    let table = lab("").run(&cases).await.unwrap().table();
    assert!(table.contains("cluster \"keys\" refused 2 call-outs while closed"), "{table}");
}

#[tokio::test]
async fn a_difference_is_told() {
    let cases = format!(
        r#"
- id: a
  steps:
  - headers: [[x-calls, a]]
    callouts: [ {{ {ANSWER} }} ]
    expect: {{ callouts: [ {{ cluster: auth, method: GET, body: x }} ], logs: [] }}
  - {{ headers: [[x-calls, a]], callouts: [ {{ {ANSWER} }} ], expect: {{ callouts: [] }} }}
"#
    );
    let table = lab("").run(&cases).await.unwrap().table();
    for line in [
        "callouts[0].cluster: expected auth, got keys",
        "callouts[0].method: expected GET, got POST",
        "callouts[0].body: expected \"x\", got \"00000000-",
        "logs[1]: expected nothing, got \"info: answer: 4 0 0\"",
        "steps[1] callouts: expected 0 call-outs, got keys: POST /check?a",
    ] {
        assert!(table.contains(line), "{line:?} is not in\n{table}");
    }
}
