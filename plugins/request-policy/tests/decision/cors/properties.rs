//! What holds for every request and every answer.

use super::{APP, NAMES, VARY_OF_OPTIONS, app_only, exchange, simple};
use filter_core::message::Headers;
use proptest::prelude::*;
use testkit::{request, response};

/// `https://*.example.com` without a word of the code under test.
fn oracle(origin: &str, depth: std::ops::RangeInclusive<usize>) -> bool {
    let parts: Vec<&str> = origin.split('.').collect();
    let Some((first, rest)) = parts.split_first() else { return false };
    let Some(first) = first.strip_prefix("https://") else { return false };
    let Some(("com", rest)) = rest.split_last().map(|(last, rest)| (*last, rest)) else { return false };
    let Some(("example", middle)) = rest.split_last().map(|(last, rest)| (*last, rest)) else { return false };
    let label = |text: &str| {
        !text.is_empty()
            && text.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_')
    };
    depth.contains(&(middle.len() + 1)) && label(first) && middle.iter().all(|text| label(text))
}

/// What resembles a host of `example.com`, often enough one.
fn resembling() -> impl Strategy<Value = String> {
    const SCHEMES: &[&str] = &["https://", "https://", "https://", "https://", "http://", "HTTPS://", ""];
    const PARTS: &[&str] = &[
        "a",
        "a",
        "b-1",
        "_",
        ".",
        ".",
        "example.com",
        "evil.test",
        ":8443",
        "/",
        "@",
        "?",
        "#",
        "%2e",
        "\\",
        " ",
        "A",
        "é",
        "[::1]",
        "*",
        "null",
        "\t",
        ",",
    ];
    const ENDS: &[&str] = &[
        ".example.com",
        ".example.com",
        ".example.com",
        "example.com",
        ".example.com.",
        ".example.com:443",
        ".example.com:8443",
        ".example.com.evil.test",
        ".exampleXcom",
        "",
    ];
    let parts = prop::collection::vec(prop::sample::select(PARTS), 0..4);
    (prop::sample::select(SCHEMES), parts, prop::sample::select(ENDS))
        .prop_map(|(scheme, parts, end)| format!("{scheme}{}{end}", parts.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_wildcard_matches_whole_labels_in_front_of_its_domain_and_nothing_else(origin in resembling()) {
        for (pattern, depth) in [("*", 1..=1), ("**", 1..=usize::MAX)] {
            let config = format!(
                r#"{{"version": 1, "request_headers": {{"duplicates": "allow"}},
                    "default": {{"cors": {{"allow_origins": ["https://{pattern}.example.com"]}}}}}}"#
            );
            let got = exchange(&config, simple(&origin), &response(200, &[]));
            let allowed = oracle(&origin, depth);
            prop_assert_eq!(&got.verdict, if allowed { "pass" } else { "403 cors.origin" });
            let expected: &[&str] = if allowed { &[&origin] } else { &[] };
            prop_assert_eq!(got.all("access-control-allow-origin"), expected);
        }
    }

    #[test]
    fn no_bytes_in_the_fields_of_cors_panic_and_no_answer_lacks_vary(
        method in "OPTIONS|GET|[A-Z]{0,3}",
        fields in prop::collection::vec((prop::sample::select(vec![
            "origin", "access-control-request-method", "access-control-request-headers",
            "access-control-request-private-network", ":authority",
        ]), any::<Vec<u8>>()), 0..6),
        answer in prop::collection::vec((prop::sample::select(
            [NAMES, &["vary", "set-cookie"]].concat()), any::<Vec<u8>>()), 1..6),
        origins in prop::sample::select(vec![r#""*""#, r#""https://*.example.com:*""#, r#"{"regex": ".*"}"#, r#""null""#]),
    ) {
        let config = format!(
            r#"{{"version": 1, "request_headers": {{"duplicates": "allow"}}, "default": {{"methods": ["GET", "OPTIONS"],
                "cors": {{"allow_origins": [{origins}], "allow_headers": ["x-a"], "allow_private_network": true}}}}}}"#
        );
        let head = fields.iter().fold(request(&method, "/"), |head, (name, value)| head.header(name, value));
        let answer = Headers::from_pairs(answer.iter().map(|(name, value)| (*name, value.as_slice())));
        let got = exchange(&config, head, &answer);
        let members: Vec<&str> = got.all("vary").into_iter().flat_map(|list| list.split(',')).map(str::trim).collect();
        prop_assert!(members.iter().any(|member| member.eq_ignore_ascii_case("origin") || *member == "*"), "{got:?}");
        prop_assert!(got.all("access-control-allow-origin").len() <= 1);
    }

    #[test]
    fn vary_keeps_every_member_and_is_merged_once(
        there in prop::collection::vec("[ ,]{0,2}(origin|Accept|access-control-request-method|x-[a-z]{1,3}|\\*)?(,[ ]?[A-Za-z-]{1,8}){0,3}", 0..4),
        method in "GET|OPTIONS",
    ) {
        let config = app_only("");
        let fields: Vec<(&str, &str)> = there.iter().map(|value| ("vary", value.as_str())).collect();
        let head = || request(&method, "/").header("origin", APP);
        let once = exchange(&config, head(), &response(200, &fields));
        let members = |values: &[&str]| -> Vec<String> {
            let lists = values.iter().flat_map(|list| list.split(','));
            lists.map(|member| member.trim().to_owned()).filter(|member| !member.is_empty()).collect()
        };
        let before = members(&fields.iter().map(|(_, value)| *value).collect::<Vec<_>>());
        let after = members(&once.all("vary"));
        prop_assert_eq!(&after[..before.len()], &before[..], "those that were there, in their order");
        let added = &after[before.len()..];
        let wanted: Vec<&str> = VARY_OF_OPTIONS.split(", ").take(if method == "GET" { 1 } else { 3 }).collect();
        prop_assert!(added.iter().all(|member| wanted.contains(&member.as_str())));
        if before.contains(&"*".to_owned()) {
            prop_assert!(added.is_empty());
        } else {
            for name in wanted {
                prop_assert_eq!(after.iter().filter(|member| member.eq_ignore_ascii_case(name)).count().min(1), 1);
            }
        }
        let answer = Headers::from_pairs(once.fields.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())));
        let twice = exchange(&config, head(), &answer);
        prop_assert_eq!(twice.all("vary"), once.all("vary"));
        prop_assert_eq!(twice.cors(), once.cors());
    }
}
