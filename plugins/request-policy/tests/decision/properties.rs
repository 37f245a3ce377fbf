//! What holds for every request.

use super::verdict;
use filter_core::message::Headers;
use filter_core::path::CanonicalPath;
use proptest::prelude::*;
use request_policy::RequestPolicy;
use std::collections::BTreeMap;
use testkit::{Exchange, drive, request};

fn config(on_ambiguous_path: &str) -> String {
    format!(
        r#"{{"version": 1, "on_ambiguous_path": "{on_ambiguous_path}", "rules": [
            {{"name": "admin", "match": {{"path": {{"prefix": "/admin"}}}}, "methods": ["GET"], "method_override": "refuse"}},
            {{"name": "beta", "match": {{"hosts": ["*.example.com"], "headers": [{{"name": "x-beta", "exact": "1"}}]}},
              "methods": ["POST"]}}]}}"#
    )
}

/// Fields that decide, and fields that do not.
fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    let field = prop_oneof![
        (Just("x-beta"), "[12]"),
        (Just("x-http-method"), "PUT"),
        (Just("x_http_method_override"), "PUT"),
        (Just("content-length"), "[0-9]{1,3}"),
        (Just("content-type"), "application/(json|grpc)"),
        (Just("cookie"), "[a-z]=[a-z]"),
    ];
    // One field of a name: among several `content-type`s the first counts.
    prop::collection::vec(field, 0..6).prop_map(|fields| {
        let by_name: BTreeMap<&str, String> = fields.into_iter().collect();
        by_name.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
    })
}

/// The parts that other spellings of `/admin` are made of.
fn spelling() -> impl Strategy<Value = String> {
    const PARTS: &[&str] = &[
        "/", "//", "/./", "/../", "/..;/", "%2f", "\\", "%5c", "%2e%2e/", "..", ";x", "public", "admin",
        "%61dmin", "adm%69n", "ADMIN", "%", "%25", "?", "#", "é",
    ];
    prop::collection::vec(prop::sample::select(PARTS), 0..8).prop_map(|parts| format!("/{}", parts.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn neither_the_order_nor_the_case_of_header_names_changes_the_decision(
        fields in fields().prop_flat_map(|fields| (Just(fields.clone()), Just(fields).prop_shuffle())),
        method in "GET|POST|PUT|TRACE",
        path in "/|/admin|/admin/x|/a/../admin",
        upper: u8,
    ) {
        let (in_order, shuffled) = fields;
        let head = |fields: &[(String, String)]| {
            fields.iter().fold(request(&method, &path), |head, (name, value)| head.header(name, value)).build()
        };
        let cased: Vec<(String, String)> = shuffled
            .into_iter()
            .enumerate()
            .map(|(i, (name, value))| if upper >> i & 1 == 1 { (name.to_uppercase(), value) } else { (name, value) })
            .collect();
        let config = config("reject");
        let (one, other) = (drive::<RequestPolicy>(&config, head(&in_order)), drive::<RequestPolicy>(&config, head(&cased)));
        prop_assert_eq!(one.flow, other.flow);
        prop_assert_eq!(one.counters, other.counters);
        prop_assert_eq!(one.headers.len(), other.headers.len());
        prop_assert!(one.headers.iter().all(|op| other.headers.contains(op)));
    }

    #[test]
    fn no_bytes_in_any_field_panic(
        method: Vec<u8>,
        path: Vec<u8>,
        authority: Vec<u8>,
        scheme: Vec<u8>,
        rest: Vec<(Vec<u8>, Vec<u8>)>,
        answer: Vec<(Vec<u8>, Vec<u8>)>,
        slash: bool,
    ) {
        let path = if slash { [b"/", path.as_slice()].concat() } else { path };
        let head = rest.iter().fold(
            request(method, path).authority(authority).scheme(scheme),
            |head, (name, value)| head.header(name, value),
        );
        for config in [config("reject"), config("normalize"), r#"{"version": 1, "mode": "shadow"}"#.to_owned()] {
            let mut exchange = Exchange::<RequestPolicy>::new(&config);
            let outcome = exchange.request(head.clone());
            prop_assert!(["pass", "400", "405"].iter().any(|start| verdict(&outcome).starts_with(start)));
            let _ = exchange.response(&Headers::from_pairs(answer.clone()));
            let _ = exchange.done();
        }
    }

    #[test]
    fn no_spelling_of_admin_passes_its_rule(path in spelling()) {
        let Ok(canonical) = CanonicalPath::parse(path.as_bytes()) else { return Ok(()) };
        let admin = canonical.matched == "/admin" || canonical.matched.starts_with("/admin/");
        for on_ambiguous_path in ["reject", "normalize"] {
            let outcome = drive::<RequestPolicy>(&config(on_ambiguous_path), request("POST", &path));
            let expected = match (admin, on_ambiguous_path, canonical.ambiguity) {
                (_, "reject", Some(_)) => "400 path.ambiguous",
                (true, ..) => "405 method.not_allowed",
                (false, ..) => "pass",
            };
            prop_assert_eq!(verdict(&outcome), expected);
        }
    }
}
