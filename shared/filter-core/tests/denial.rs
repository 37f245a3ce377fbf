//! What a client is told, for every reason there is.

use filter_core::config::{At, FromTree as _, Tree};
use filter_core::denial::{Denial, Reason};
use filter_core::http::HeaderValue;
use filter_core::http::header::{ALLOW, CONTENT_TYPE};
use serde_json::{Value, json};
use std::cell::RefCell;
use std::collections::BTreeSet;

#[test]
fn every_answer_is_problem_details_that_agree_with_its_status() {
    for reason in Reason::ALL {
        for detail in [None, Some("one safe sentence")] {
            let denial = Denial { detail, ..Denial::new(*reason) };
            let reply = denial.reply(false);
            let kind = match reason {
                Reason::RateLimited => {
                    "https://iana.org/assignments/http-problem-types#quota-exceeded".to_owned()
                }
                _ => format!("urn:portcullis:{}", reason.code()),
            };
            let mut expected = json!({
                "type": kind,
                "title": reason.title(),
                "status": reason.status(),
            });
            if let Some(detail) = detail {
                expected["detail"] = detail.into();
            }
            assert_eq!(serde_json::from_slice::<Value>(&reply.body).unwrap(), expected);
            assert_eq!((reply.status, reply.grpc_status), (reason.status(), None));
            assert_eq!(reply.headers, [(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"))]);
            assert_eq!(reply.details, format!("portcullis_{}", reason.as_str()));
        }
    }
}

#[test]
fn limits_that_are_used_up_are_named() {
    let names = vec!["per-address".into(), "per-key".into()];
    let body = Denial::new(Reason::RateLimited).policies(names).reply(false).body;
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body["violated-policies"], json!(["per-address", "per-key"]));
}

#[test]
fn every_refusal_is_a_client_or_server_error_with_words_of_its_own() {
    for reason in Reason::ALL {
        let name = reason.as_str();
        assert!((400..600).contains(&reason.status()), "{name}");
        assert!(!reason.title().is_empty() && !reason.title().contains(['"', '\\']), "{name}");
        assert!(reason.doc().ends_with('.') && !reason.doc().contains('\n'), "{name}: {}", reason.doc());
    }
}

#[test]
fn reasons_and_codes_are_an_area_and_a_name() {
    let shaped = |text: &str| {
        let part = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        text.split_once('.').is_some_and(|(area, name)| part(area) && part(name))
    };
    for reason in Reason::ALL {
        assert!(shaped(reason.as_str()), "{}", reason.as_str());
        assert!(shaped(reason.code()), "{}", reason.code());
    }
    let unique: BTreeSet<_> = Reason::ALL.iter().map(|reason| reason.as_str()).collect();
    assert_eq!(unique.len(), Reason::ALL.len());
}

#[test]
fn one_code_always_has_one_status_and_one_title() {
    for one in Reason::ALL {
        for other in Reason::ALL.iter().filter(|other| other.code() == one.code()) {
            assert_eq!((one.status(), one.title()), (other.status(), other.title()), "{}", one.code());
        }
    }
}

#[test]
fn a_grpc_client_gets_the_status_of_its_own_protocol() {
    let cases = [
        (Reason::PolicyUnavailable, 14),
        (Reason::PolicyPhase, 14),
        (Reason::MethodNotAllowed, 12),
        (Reason::MethodMalformed, 3),
        (Reason::MethodOverride, 3),
        (Reason::PathAmbiguous, 3),
        (Reason::PathMalformed, 3),
        (Reason::HeaderTooMany, 8),
        (Reason::SizeBody, 8),
    ];
    for (reason, code) in cases {
        let reply = Denial::new(reason).reply(true);
        assert_eq!(reply.grpc_status, Some(code), "{}", reason.as_str());
        assert_eq!(reply.body, reason.title().as_bytes());
        assert!(reply.headers.is_empty(), "no JSON is announced");
    }
    let reply = Denial::new(Reason::PathAmbiguous).detail("one safe sentence").reply(true);
    assert_eq!(reply.body, b"one safe sentence");
}

#[test]
fn headers_of_a_denial_are_part_of_both_answers() {
    let allow = (ALLOW, HeaderValue::from_static("GET, HEAD"));
    let denial = Denial::new(Reason::MethodNotAllowed).header(allow.0.clone(), allow.1.clone());
    for grpc in [false, true] {
        assert!(denial.reply(grpc).headers.contains(&allow));
    }
}

#[test]
fn a_reason_in_a_configuration_must_be_one_there_is() {
    let read = |text: &str| {
        let errors = RefCell::new(Vec::new());
        let read = Reason::read(&serde_json::from_str::<Tree>(text).unwrap(), &At::root(&errors));
        read.ok_or_else(|| errors.into_inner().iter().map(ToString::to_string).collect::<String>())
    };
    for reason in Reason::ALL {
        assert_eq!(read(&json!(reason.as_str()).to_string()), Ok(*reason));
    }
    assert_eq!(read("\"path.unknown\""), Err("unknown reason".to_owned()));
    assert_eq!(read("7"), Err("expected a reason, got a number".to_owned()));
}
