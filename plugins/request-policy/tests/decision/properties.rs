//! What holds for every request, with every option of the configuration in use.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a helper of a test may stop at the first surprise, as the test may"
)]

mod settings;
mod traffic;

use super::{after, verdict};
use filter_core::effect::HeaderOp;
use filter_core::filter::{Flow, Outcome};
use filter_core::message::Headers;
use filter_core::path::CanonicalPath;
use proptest::prelude::*;
use proptest::sample::select;
use request_policy::RequestPolicy;
use serde_json::json;
use settings::{SETTINGS, Setting, with_filter};
use testkit::{drive, request, response};
use traffic::{UNTRUSTED, fields, head, pairs, path, reencoded, untrusted, value};

/// All that comes of a request: what the client is told, what is counted, what goes upstream, what an answer becomes.
#[derive(Debug, PartialEq)]
struct Decision {
    flow: Flow,
    /// With the reasons, those in shadow included.
    counters: Vec<String>,
    upstream: Vec<(String, String)>,
    answer: (Flow, Vec<HeaderOp>),
}

fn decision(setting: &Setting, head: &Headers, body_follows: bool) -> Decision {
    with_filter(setting, b"192.0.2.1", |exchange| {
        let outcome =
            if body_follows { exchange.request_head(head.clone()) } else { exchange.request(head.clone()) };
        let Outcome { headers, mut counters, flow, .. } = outcome;
        counters.sort_unstable();
        let mut upstream = after(head, &headers);
        upstream.sort_unstable();
        let answer = exchange.response(&response(503, &[("vary", "accept"), ("server", "x"), ("x-c", "1")]));
        Decision { flow, counters, upstream, answer: (answer.flow, answer.headers) }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn neither_the_order_nor_the_case_of_header_names_changes_the_decision(
        fields in fields().prop_flat_map(|fields| (Just(fields.clone()), Just(fields).prop_shuffle())),
        method in "GET|POST|PUT|OPTIONS|TRACE",
        path in path(),
        host in select(&["api.example.com", "API.example.com:80", "x.example.org", "api.example.com", "example.net"][..]),
        upper: u64,
        setting in select(&SETTINGS[..]),
        body_follows: bool,
    ) {
        let (in_order, shuffled) = fields;
        let cased: Vec<(String, String)> = shuffled
            .into_iter()
            .enumerate()
            .map(|(i, (name, value))| (if upper >> i & 1 == 1 { name.to_uppercase() } else { name }, value))
            .collect();
        let [one, other] = [in_order, cased]
            .map(|fields| decision(&setting, &head(&method, &path, host, &fields), body_follows));
        prop_assert_eq!(one, other);
    }

    #[test]
    fn no_spelling_of_unreserved_characters_changes_the_decision(
        fields in fields(),
        method in "GET|POST|PUT|OPTIONS|TRACE",
        path in path(),
        bits: u128,
        setting in select(&SETTINGS[..]),
        body_follows: bool,
    ) {
        let [mut one, mut other] = [path.clone(), reencoded(&path, bits)]
            .map(|path| decision(&setting, &head(&method, &path, "api.example.com", &fields), body_follows));
        // Where nothing is rewritten the upstream gets either spelling as it was sent.
        if (setting.mode, setting.on_ambiguous_path) != ("enforce", "normalize") || one.flow != Flow::Continue {
            for decision in [&mut one, &mut other] {
                decision.upstream.retain(|(name, _)| name != ":path");
            }
        }
        prop_assert_eq!(one, other);
    }

    #[test]
    fn no_bytes_in_any_field_panic(
        (method, authority, scheme) in (value(), value(), value()),
        path in prop_oneof![path().prop_map(String::into_bytes), any::<Vec<u8>>()],
        rest in pairs(),
        body in prop::collection::vec((any::<u32>(), any::<Option<Vec<u8>>>()), 0..3),
        (trailers, answer, answer_trailers) in (any::<bool>(), pairs(), pairs()),
        source in value(),
        status in prop_oneof!["[1-5][0-9][0-9]".prop_map(String::into_bytes), any::<Vec<u8>>()],
    ) {
        // The ordinary ones half of the time: what comes later would else never be reached.
        let pick = |bytes: Vec<u8>, ordinary: &str| match bytes.len().is_multiple_of(2) {
            true => ordinary.as_bytes().to_vec(),
            false => bytes,
        };
        let (method, authority, scheme) =
            (pick(method, "POST"), pick(authority, "api.example.com"), pick(scheme, "https"));
        let head = request(method, path).authority(authority).scheme(scheme);
        let head = rest.iter().fold(head, |head, (name, value)| head.header(name, value)).build();
        for setting in &SETTINGS {
            with_filter(setting, &source, |exchange| {
                let mut on = passes(&exchange.request_head(head.clone()));
                for (i, (size, bytes)) in body.iter().enumerate() {
                    if on {
                        let last = i + 1 == body.len() && !trailers;
                        on = passes(&exchange.data(usize::try_from(*size).unwrap(), last, bytes.as_deref()));
                    }
                }
                if on && trailers {
                    on = passes(&exchange.trailers(None));
                }
                let mut fields = vec![(b":status".to_vec(), status.clone())];
                fields.extend(answer.iter().cloned());
                let _ = exchange.response(&Headers::from_pairs(fields));
                let _ = exchange.response_trailers(&Headers::from_pairs(answer_trailers.clone()));
                let _ = exchange.done();
                prop_assert!(on || setting.mode == "enforce", "shadow refuses nothing");
                Ok(())
            })?;
        }
    }

    #[test]
    fn no_spelling_of_an_untrusted_header_reaches_the_upstream(
        forged in prop::collection::vec(untrusted(), 1..6),
        twin in "x[-_]forwarded[-_]for|X[-_]Forwarded_Proto|x_request_id|Content[-_]type",
        untrusted in select(&["strip", "refuse"][..]),
        underscores in select(&["strip", "refuse", "allow"][..]),
        on_ambiguous_path in select(&["reject", "normalize"][..]),
    ) {
        let config = json!({
            "version": 1, "on_ambiguous_path": on_ambiguous_path,
            "request_headers": { "untrusted": untrusted, "underscores": underscores },
        });
        let head = forged.iter().fold(request("GET", "/a/%7Eb"), |head, name| head.header(name, "192.0.2.1"));
        let head = head.header(&twin, "1").build();
        let outcome = drive::<RequestPolicy>(&config.to_string(), head.clone());
        if untrusted == "strip" && underscores != "refuse" {
            prop_assert_eq!(verdict(&outcome), "pass");
        } else if untrusted == "refuse" && underscores == "allow" {
            prop_assert_eq!(verdict(&outcome), "400 header.refused");
        }
        if outcome.flow == Flow::Continue {
            for (name, _) in after(&head, &outcome.headers) {
                let read = name.replace('_', "-");
                prop_assert!(!UNTRUSTED.contains(&*read), "{name}");
                // Names that a gateway needs pass only as they are.
                prop_assert!(!name.contains('_'), "{name}");
            }
        }
    }

    #[test]
    fn no_spelling_of_admin_passes_its_rule(path in path()) {
        let Ok(canonical) = CanonicalPath::parse(path.as_bytes()) else { return Ok(()) };
        let admin = canonical.matched == "/admin" || canonical.matched.starts_with("/admin/");
        for on_ambiguous_path in ["reject", "normalize"] {
            let config = json!({
                "version": 1, "on_ambiguous_path": on_ambiguous_path,
                "rules": [{ "name": "admin", "match": { "path": { "prefix": "/admin" } }, "methods": ["GET"] }],
            });
            let outcome = drive::<RequestPolicy>(&config.to_string(), request("POST", &path));
            let expected = match (admin, on_ambiguous_path, canonical.ambiguity) {
                (_, "reject", Some(_)) => "400 path.ambiguous",
                (true, ..) => "405 method.not_allowed",
                (false, ..) => "pass",
            };
            prop_assert_eq!(verdict(&outcome), expected);
        }
    }
}

/// Whether the request passes. What it gets instead is an answer with a status.
fn passes(outcome: &Outcome) -> bool {
    match &outcome.flow {
        Flow::Continue => true,
        Flow::Pause => panic!("request-policy never waits"),
        Flow::Reply(reply) => {
            assert!((100..600).contains(&reply.status), "{reply:?}");
            false
        }
    }
}
