//! Whose attempt it is: one reading, or 400.

use crate::world::{Seen, World};
use serde_json::json;
use testkit::request;

fn world() -> World {
    World::new(json!({ "limits": { "pair": { "rate": "1r/h", "burst": 0 } }, "lock": { "enabled": false } }))
}

fn malformed() -> Seen {
    Seen::Refused(400, "login.malformed".to_owned(), None)
}

/// Whether the second is the same user as the first.
fn is_same(one: &str, other: &str) -> bool {
    let mut world = world();
    assert_eq!(world.fails("192.0.2.1", one), Seen::Passed, "{one:?}");
    match world.fails("192.0.2.1", other) {
        Seen::Passed => false,
        Seen::Refused(429, reason, _) if reason == "login.pair" => true,
        seen => panic!("{other:?}: {seen:?}"),
    }
}

#[test]
fn spellings_of_one_user() {
    for (one, other) in [
        ("alice", "ALICE"),
        ("alice", "  alice\t"),
        ("alice", "\u{a0}alice\r\n"),
        ("müller", "MÜLLER"),
        ("ΟΔΟΣ", "οδος"),
        ("οδοσ", "οδος"),
        ("steve", "\u{17f}teve"),
        ("kim", "\u{212a}im"),
        ("straße", "STRASSE"),
    ] {
        assert!(is_same(one, other), "{one:?} {other:?}");
    }
}

#[test]
fn other_users() {
    for (one, other) in [("alice", "alic"), ("alice", "al ice"), ("alice", "alice+x"), ("é", "e\u{301}")] {
        assert!(!is_same(one, other), "{one:?} {other:?}");
    }
}

#[test]
fn case_may_say_something() {
    let mut world = World::new(json!({ "case_sensitive": true, "limits": { "pair": { "burst": 0 } } }));
    assert_eq!(world.fails("192.0.2.1", "alice"), Seen::Passed);
    assert_eq!(world.fails("192.0.2.1", "Alice"), Seen::Passed);
    assert_eq!(world.fails("192.0.2.1", " alice ").wait(), 60);
}

#[test]
fn json_without_one_reading() {
    for body in [
        r#"{"user":"bob","user":"alice"}"#,
        r#"{"user":"bob","us\u0065r":"alice"}"#,
        r#"{"user":"bob","User":"alice"}"#,
        r#"{"USER":"bob","User":"alice"}"#,
        r#"{"user":"bob","u\u017fer":"alice"}"#,
        r#"{"user":"bob","x":{"a":1,"a":2}}"#,
        r#"{"user":1}"#,
        r#"{"user":null}"#,
        r#"{"user":["alice"]}"#,
        r#"{"user":{"name":"alice"}}"#,
        r#"{"user":"alice"} {"user":"bob"}"#,
        r#"{"user":"alice"}x"#,
        r#"{"user":"alice",}"#,
        r#"{'user':'alice'}"#,
        "\u{feff}{\"user\":\"alice\"}",
        r#"{"user":"\ud800"}"#,
        r#"{"user":"ali\u0000ce"}"#,
        r#"{"user":"ali\nce"}"#,
        "nonsense",
    ] {
        assert_eq!(world().posts(body), malformed(), "{body}");
    }
    let deep = format!("{{\"user\":\"alice\",\"x\":{}{}}}", "[".repeat(20), "]".repeat(20));
    assert_eq!(world().posts(&deep), malformed());
    let long = format!("{{\"user\":\"{}\"}}", "x".repeat(513));
    assert_eq!(world().posts(&long), malformed());
}

#[test]
fn json_without_a_name() {
    for body in
        ["", "{}", "[]", "null", "\"alice\"", r#"{"user":""}"#, r#"{"user":"  "}"#, r#"{"name":"alice"}"#]
    {
        assert_eq!(world().posts(body), malformed(), "{body}");
    }
}

#[test]
fn a_name_in_another_case_is_the_name() {
    let mut world = world();
    assert_eq!(world.posts(r#"{"User":"alice"}"#), Seen::Passed);
    assert_eq!(world.posts(r#"{"user":"alice"}"#).reason(), "login.pair");
}

#[test]
fn a_pointer_leads_through_objects_and_arrays() {
    for (pointer, body, expected) in [
        ("/data/user~1name", r#"{"data":{"user/name":"alice"}}"#, true),
        ("/a~0b", r#"{"a~b":"alice"}"#, true),
        ("/list/1", r#"{"list":["bob","alice"]}"#, true),
        ("/list/01", r#"{"list":["bob","alice"]}"#, false),
        ("/list/2", r#"{"list":["bob","alice"]}"#, false),
        ("/data/user", r#"{"data":"alice"}"#, false),
        ("/", r#"{"":"alice"}"#, true),
    ] {
        let rule = json!({ "name": "login", "match": {}, "username": { "json": pointer } });
        let mut world = World::new(json!({ "rules": [rule] }));
        let passed = world.posts(body) == Seen::Passed;
        assert_eq!(passed, expected, "{pointer} {body}");
    }
}

#[test]
fn a_body_that_says_it_is_something_else() {
    let send = |fields: &[(&str, &str)]| {
        let mut head = request("POST", "/login");
        for (name, value) in fields {
            head = head.header(name, value);
        }
        world().send(head, Some(br#"{"user":"alice"}"#)).1
    };
    let seen = |fields: &[(&str, &str)]| match send(fields) {
        Seen::Passed => "passed".to_owned(),
        seen => seen.reason().to_owned(),
    };
    assert_eq!(seen(&[("content-type", "application/json")]), "passed");
    assert_eq!(seen(&[("content-type", "Application/JSON; charset=UTF-8")]), "passed");
    assert_eq!(seen(&[("content-type", "application/vnd.api+json")]), "passed");
    assert_eq!(seen(&[("content-type", "application/json"), ("content-encoding", "identity")]), "passed");
    assert_eq!(seen(&[]), "media.missing");
    for wrong in
        ["text/plain", "application/x-www-form-urlencoded", "application/json; charset=utf-16", "json"]
    {
        assert_eq!(seen(&[("content-type", wrong)]), "media.type", "{wrong}");
    }
    assert_eq!(seen(&[("content-type", "application/json,text/plain")]), "header.duplicate");
    assert_eq!(
        seen(&[("content-type", "application/json"), ("content-type", "application/json")]),
        "header.duplicate"
    );
    for coding in ["gzip", "br", "identity, gzip"] {
        assert_eq!(
            seen(&[("content-type", "application/json"), ("content-encoding", coding)]),
            "media.encoding",
            "{coding}"
        );
    }
}

#[test]
fn forms() {
    let same = |one: &str, other: &str| {
        let mut world = world();
        assert_eq!(world.form(one).1, Seen::Passed, "{one}");
        world.form(other).1.reason() == "login.pair"
    };
    assert!(same("username=alice", "x=1&username=%41lice"));
    assert!(same("username=alice", "username=+alice+&password=x"));
    assert!(same("username=alice", "%75sername=alice"));
    assert!(same("username=alice", "UserName=alice"));
    assert!(same("username=alice", "+username=alice"));
    assert!(same("username=50%25", "&&username=50%25&"));
    assert!(!same("username=alice", "username=bob"));
    for body in [
        "username=bob&username=alice",
        "username=bob&USERNAME=alice",
        "username=bob&%75sername=alice",
        "username=bob&username",
        "x=1;username=alice",
        "username=%zz",
        "username=bob&%u0075sername=alice",
        "username=%ff",
        "username=a%00",
    ] {
        assert_eq!(world().form(body).1, malformed(), "{body}");
    }
}

#[test]
fn a_rule_may_count_by_the_address_where_there_is_no_name() {
    let mut world = World::new(json!({ "limits": { "address": { "rate": "1r/m", "burst": 1 } } }));
    for body in ["grant_type=refresh_token", "username="] {
        let (id, seen) = world.form(body);
        assert_eq!(seen, Seen::Passed, "{body}");
        world.answer(id, 401);
    }
    assert_eq!(world.form("").1, Seen::Refused(429, "login.address".to_owned(), Some(60)));
    // A name that cannot be read is not one that is missing.
    assert_eq!(world.form("username=a&username=b").1, malformed());
}

#[test]
fn a_request_without_a_body_names_nobody() {
    let mut world = world();
    assert_eq!(world.send(request("POST", "/login"), None).1, malformed());
    assert_eq!(world.send(request("POST", "/token"), None).1, Seen::Passed);
}

#[test]
fn basic() {
    let same = |one: &[u8], other: &[u8]| {
        let mut world = world();
        assert_eq!(world.basic(one).1, Seen::Passed);
        world.basic(other).1.reason() == "login.pair"
    };
    assert!(same(b"alice:x", b"Alice:y:z"));
    assert!(same("müller:x".as_bytes(), "MÜLLER:".as_bytes()));
    assert!(!same(b"alice:x", b"bob:x"));
    let header = |fields: &[&str]| {
        let mut head = request("GET", "/basic");
        for value in fields {
            head = head.header("authorization", value);
        }
        world().send(head, None).1
    };
    assert_eq!(header(&["basic  YWxpY2U6eA=="]), Seen::Passed);
    for fields in [
        &[][..],
        &["Bearer abc"],
        &["Basic"],
        &["Basic YWxpY2U6eA"],
        &["Basic YWxpY2U="],
        &["Basic /w=="],
        &["Basic OmE="],
        &["Basic YWxpY2U6eA==", "Basic Ym9iOng="],
        &["Basic YWxpY2U6eA==,Basic Ym9iOng="],
        &["Bearer abc, Basic Ym9iOng="],
    ] {
        assert_eq!(header(fields), malformed(), "{fields:?}");
    }
}

#[test]
fn a_body_beyond_the_limit() {
    let mut world = World::new(json!({ "max_body": 100 }));
    let body = format!(r#"{{"user":"alice","x":"{}"}}"#, "x".repeat(100));
    assert_eq!(world.posts(&body), Seen::Refused(413, "size.body".to_owned(), None));
}

#[test]
fn a_path_or_host_with_two_readings() {
    let mut world = world();
    for (path, host, reason) in [
        ("//login", "a", "path.ambiguous"),
        ("/%zz", "a", "path.malformed"),
        ("/login", "a,b", "header.host"),
    ] {
        let (_, seen) = world.send(request("POST", path).authority(host), None);
        assert_eq!(seen.reason(), reason);
    }
}
