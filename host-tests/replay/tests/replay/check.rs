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
