//! R27: the media types that the body of a request may have.

use super::{answered, verdict};
use filter_core::config;
use filter_core::filter::Outcome;
use proptest::prelude::*;
use request_policy::RequestPolicy;
use testkit::{Exchange, request};

/// Duplicates pass, so that the type itself is what is looked at.
fn config(content_types: &str) -> String {
    format!(
        r#"{{"version": 1, "request_headers": {{"duplicates": "allow"}}, "default": {{"content_types": {content_types}}}}}"#
    )
}

/// A request whose body follows, with this `Content-Type`.
fn sent(config: &str, method: &str, content_type: Option<&[u8]>) -> Outcome {
    let head = request(method, "/");
    let head = content_type.into_iter().fold(head, |head, value| head.header("content-type", value));
    Exchange::<RequestPolicy>::new(config).request_head(head)
}

const JSON: &str = r#"[{"types": ["application/json", "application/*+json", "text/*"]}]"#;

#[test]
fn r27_a_body_of_a_listed_type_passes() {
    for value in [
        "application/json",
        "Application/JSON",
        " application/json ",
        "application/json; charset=utf-8",
        "application/json;charset=\"utf-8\"",
        "application/json ;\tcharset=utf-8 ; v=1 ;",
        "application/json;;",
        "application/json;q=\"a,b;\\\"c\\\\\"",
        "application/problem+json",
        "application/vnd.a+b+json",
        "text/plain",
        "text/x; boundary=----=_Part/1:2",
    ] {
        let outcome = sent(&config(JSON), "POST", Some(value.as_bytes()));
        assert_eq!(verdict(&outcome), "pass", "{value}");
    }
}

#[test]
fn r27_any_other_body_is_refused_and_told_what_is_taken() {
    for value in [
        &b""[..],
        b"json",
        b"application/xml",
        b"application/jsonx",
        b"application/json+x",
        b"application/+json",
        b"application/xjson",
        b"text/",
        b"/json",
        b"text/a/b",
        b"text /plain",
        b"application/json, text/html",
        b"application/json,text/html",
        b"application/json; a=b, text/html",
        b"application/json; a=b text/html",
        b"application/json; charset",
        b"application/json; charset =utf-8",
        b"application/json; charset= utf-8",
        b"application/json; charset=",
        b"application/json; =utf-8",
        b"application/json; \"a\"=b",
        b"application/json; a=\"b",
        b"application/json; a=\"b\\\"",
        b"application/json; a=\"b\"c",
        b"application/json charset=utf-8",
        b"application/\xc3\xa9+json",
        b"application/json; a=\xff",
        b"multipart/form-data; boundary=x",
    ] {
        let outcome = sent(&config(JSON), "POST", Some(value));
        assert_eq!(verdict(&outcome), "415 media.type", "{}", value.escape_ascii());
        let accept = answered(&outcome, "accept");
        assert_eq!(accept.as_deref(), Some("application/json, application/*+json, text/*"));
    }
    let outcome = sent(&config(JSON), "POST", None);
    assert_eq!(verdict(&outcome), "415 media.missing");
    assert_eq!(answered(&outcome, "accept").as_deref(), Some("application/json, application/*+json, text/*"));
}

#[test]
fn r27_types_go_by_method() {
    let lists = r#"[{"methods": ["POST", "PUT"], "types": ["application/json"]},
        {"methods": ["PATCH"], "types": ["application/merge-patch+json"]}, {"types": ["Text/Plain"]}]"#;
    let named = lists.replace(r#", {"types": ["Text/Plain"]}"#, "");
    for (method, value, expected, accept) in [
        ("POST", "application/json", "pass", ""),
        ("PUT", "application/json", "pass", ""),
        ("PATCH", "application/json", "415 media.type", "application/merge-patch+json"),
        ("PATCH", "application/merge-patch+json", "pass", ""),
        ("POST", "text/plain", "415 media.type", "application/json"),
    ] {
        for lists in [lists, &named] {
            let outcome = sent(&config(lists), method, Some(value.as_bytes()));
            assert_eq!(verdict(&outcome), expected, "{method} {value}");
            assert_eq!(answered(&outcome, "accept").unwrap_or_default(), accept, "{method} {value}");
        }
    }
    // What no entry names is the business of the entry without methods, or of none.
    for method in ["DELETE", "GET", "HEAD", "OPTIONS"] {
        assert_eq!(verdict(&sent(&config(lists), method, Some(b"text/plain"))), "pass", "{method}");
        let outcome = sent(&config(lists), method, Some(b"application/json"));
        assert_eq!(verdict(&outcome), "415 media.type", "{method}");
        assert_eq!(answered(&outcome, "accept").as_deref(), Some("text/plain"));
        for value in [None, Some(&b"nonsense"[..])] {
            assert_eq!(verdict(&sent(&config(&named), method, value)), "pass", "{method}");
        }
    }
}

#[test]
fn r27_a_request_without_a_body_needs_no_type() {
    for head in [request("POST", "/"), request("POST", "/").header("content-type", "a/b")] {
        let mut exchange = Exchange::<RequestPolicy>::new(&config(JSON));
        assert_eq!(verdict(&exchange.request(head.clone())), "pass");
        let mut exchange = Exchange::<RequestPolicy>::new(&config(JSON));
        assert_eq!(verdict(&exchange.request_head(head.header("content-length", "0"))), "pass");
    }
}

#[test]
fn r27_without_a_list_every_body_passes() {
    for value in [None, Some(&b"nonsense"[..])] {
        assert_eq!(verdict(&sent(&config("[]"), "POST", value)), "pass");
    }
}

#[test]
fn a_method_has_one_list_of_types() {
    let errors = |lists: &str| {
        let errors = config::load::<RequestPolicy>(config(lists).as_bytes(), &()).err();
        errors.map(|errors| errors.to_string()).unwrap_or_default()
    };
    let lists = r#"[{"methods": ["POST"], "types": ["a/b"]}, {"types": ["a/b"]},
        {"methods": ["PUT", "POST"], "types": ["a/b"]}, {"types": ["a/b"]}]"#;
    assert_eq!(
        errors(lists),
        "default.content_types[2].methods[1]: the same method as in default.content_types[0]\n\
         default.content_types[3]: without `methods`, as default.content_types[1]"
    );
    assert_eq!(errors(r#"[{"methods": ["POST", "POST"], "types": ["a/b"]}]"#), "");
    assert_eq!(
        errors(r#"[{"methods": [], "types": []}]"#),
        "default.content_types[0].methods: must not be empty; leave the key out\n\
         default.content_types[0].types: must not be empty; leave the key out"
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn r27_arbitrary_bytes_are_decided(value: Vec<u8>) {
        let outcome = sent(&config(JSON), "POST", Some(&value));
        let verdict = verdict(&outcome);
        prop_assert!(["pass", "415 media.type", "400 header.control"].contains(&verdict.as_str()), "{}", verdict);
    }

    /// Whatever RFC 9110 section 8.3.1 allows as parameters.
    #[test]
    fn r27_parameters_change_nothing(
        parameters in prop::collection::vec(r#"[ \t]{0,2};[ \t]{0,2}([!#-'*+.^-z|~-]+=([!#-'*+.^-z|~-]+|"([ !#-\[\]-~]|\\["\\a])*"))?"#, 0..4),
        listed: bool,
    ) {
        let essence = if listed { "application/json" } else { "application/xml" };
        let value = format!("{essence}{}", parameters.concat());
        let expected = if listed { "pass" } else { "415 media.type" };
        let outcome = sent(&config(JSON), "POST", Some(value.as_bytes()));
        prop_assert_eq!(verdict(&outcome), expected, "{}", value);
    }
}
