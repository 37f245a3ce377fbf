//! Configurations before a rollout.

use crate::run::{POLICY, Scratch, data, portcullis, root};

/// The refused configurations of the repository, with the words beside them.
fn bad() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root().join("envoy-configs/bad")).unwrap() {
        for file in std::fs::read_dir(folder.unwrap().path()).unwrap() {
            let path = file.unwrap().path();
            if path.extension().is_some_and(|extension| extension == "yaml") {
                let words = std::fs::read_to_string(path.with_extension("err")).unwrap();
                found.push((path.to_str().unwrap().to_owned(), words));
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_bad_configuration_is_refused_with_the_words_beside_it() {
    let bad = bad();
    assert!(bad.len() >= 12, "only {}", bad.len());
    for (path, words) in bad {
        let ran = portcullis(&["check", &path]);
        assert_eq!(ran.code, 1, "{path}: {}{}", ran.stdout, ran.stderr);
        let place = "static_resources.listeners[0].filter_chains[0].filters[0].typed_config.http_filters[0]";
        if path.ends_with("/struct.yaml") {
            let line = format!(
                "{path}: {place}: config.configuration: a google.protobuf.Struct arrives as binary protobuf"
            );
            assert!(ran.stdout.starts_with(&line), "{}", ran.stdout);
            continue;
        }
        let plugin = path.rsplit('/').nth(1).unwrap();
        let wanted: String = words.lines().map(|line| format!("{path}: {plugin}: {line}\n")).collect();
        assert_eq!(ran.stdout, wanted);
    }
}

#[test]
fn good_files_are_said_to_be_good() {
    let scratch = Scratch::new();
    let manifest = data("wasmplugins.yaml");
    let plain =
        scratch.write("plain.json", "{\"version\":1,\"rules\":[],\"default\":{\"methods\":[\"GET\"]}}");
    let ran = portcullis(&["check", POLICY, &manifest, "--module", "policies=dist/request-policy.wasm"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stdout, format!("{POLICY}: ok, 1 filter\n{manifest}: ok, 2 filters\n"));
    let ran = portcullis(&["check", &plain, "--plugin", "dist/request-policy.wasm"]);
    assert_eq!((ran.code, ran.stdout), (0, format!("{plain}: ok, 1 filter\n")), "{}", ran.stderr);
}

/// One of the two hangs, the other lets the upstream be contacted.
#[test]
fn a_filter_and_its_configuration_that_disagree_about_holding_heads_are_found() {
    let await_ = std::fs::read_to_string(root().join("host-tests/suite/envoy/await.yaml")).unwrap();
    let (flag, option) = ("allow_on_headers_stop_iteration: true", r#""hold_headers": true"#);
    let scratch = Scratch::new();
    let check = |changes: &[(&str, &str)]| {
        let text = changes.iter().fold(await_.clone(), |text, (from, to)| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
        let file = scratch.write("envoy.yaml", &text);
        let ran = portcullis(&["check", &file]);
        (ran.code, ran.stdout.replace(&file, "envoy.yaml"))
    };
    let (no_flag, no_option) =
        ((flag, "allow_on_headers_stop_iteration: false"), (option, r#""hold_headers": false"#));
    for agreed in [&[][..], &[no_flag, no_option], &[(r#""body": "await""#, r#""body": "ignore""#), no_flag]]
    {
        assert_eq!(check(agreed), (0, "envoy.yaml: ok, 1 filter\n".to_owned()));
    }
    let (code, said) = check(&[no_flag]);
    let hangs = "envoy.yaml: probe: config.allow_on_headers_stop_iteration: absent or false, and the plugin's configuration \
                 says `hold_headers: true`: every request with a body hangs";
    assert!(code == 1 && said.starts_with(hangs) && said.contains("Set `allow_on_headers_stop"), "{said}");
    let (code, said) = check(&[no_option]);
    let contacts = "envoy.yaml: probe: config.allow_on_headers_stop_iteration: true, and the plugin's configuration says \
                    `hold_headers: false`: the upstream gets the head";
    assert!(code == 1 && said.starts_with(contacts) && said.contains("Say `hold_headers: true`"), "{said}");
}

#[test]
fn everything_in_a_manifest_is_looked_at() {
    let scratch = Scratch::new();
    let text = std::fs::read_to_string(data("wasmplugins.yaml")).unwrap();
    let text = text.replace("methods: [GET]", "methods: [GTE]").replace("phase: STATS", "fase: STATS");
    let manifest = scratch.write("bad.yaml", &text);
    let ran = portcullis(&["check", &manifest]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("shop.first: rules[0].methods[0]: unknown HTTP method"), "{}", ran.stdout);
    assert!(ran.stdout.contains("document 2: spec.fase: unknown field"), "{}", ran.stdout);
}

#[test]
fn a_plugin_of_somebody_elses_is_started() {
    let ran = portcullis(&["check", "host-tests/suite/envoy/guests/headers.yaml"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let scratch = Scratch::new();
    let module = scratch.write("broken.wasm", "no module");
    let config = scratch.write("c.json", "{}");
    let ran = portcullis(&["check", &config, "--plugin", &module]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("corrupted Wasm module"), "{}", ran.stdout);
}

#[test]
fn what_cannot_be_read_ends_with_2_after_the_others() {
    let scratch = Scratch::new();
    let broken = scratch.write("broken.yaml", "static_resources: [\n");
    let other = scratch.write("other.yaml", "kind: Service\n");
    let ran = portcullis(&["check", &broken, &other, POLICY]);
    assert_eq!((ran.code, ran.stdout), (2, format!("{POLICY}: ok, 1 filter\n")));
    assert!(ran.stderr.contains(&format!("{broken}: error: line 1")), "{}", ran.stderr);
    assert!(ran.stderr.contains(&format!("{other}: neither an Envoy bootstrap nor")), "{}", ran.stderr);
}
