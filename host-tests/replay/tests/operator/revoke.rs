//! What is revoked, how it is listed and taken back: the same directly and through a gateway.

use backends::User;
use backends::resp::RespValue;
use serde_json::json;

use crate::lab::{Lab, now};

#[tokio::test]
async fn each_claim_is_revoked_until_its_tokens_expire_and_the_gateway_of_the_filters_sees_it() {
    let lab = Lab::start().await;
    for (index, route) in lab.routes().iter().enumerate() {
        let provider = format!("idp{index}");
        let exp = now() + 3600;
        let revoke = |claim: &str, more: &[&str]| {
            let exp = exp.to_string();
            let arguments = ["revoke", claim, "x", "--exp", &exp, "--provider", &provider];
            lab.by(route, &[&arguments, more].concat()).ok()
        };
        assert!(revoke("--jti", &[]).starts_with("revoked until 2"));
        let earliest = now();
        assert!(revoke("--sub", &[]).contains(": what was issued before 2"));
        revoke("--sid", &["--before", "2026-01-01T00:00:00Z"]);
        let key = |claim: &str| format!("portcullis:rev:{{{provider}}}:{claim}:x");
        assert_eq!(lab.get(&key("jti")).await.as_deref(), Some("1"));
        // A token of the second in which it was revoked is, too.
        let before: u64 = lab.get(&key("sub")).await.unwrap().parse().unwrap();
        assert!((earliest + 1..=now() + 1).contains(&before), "{before}");
        assert_eq!(lab.get(&key("sid")).await.as_deref(), Some("1767225600"));
        for claim in ["jti", "sub", "sid"] {
            assert_eq!(lab.expires(&key(claim)).await, i64::try_from(exp).unwrap());
        }
        let members = lab.members(&provider).await;
        assert_eq!(
            members,
            [format!("jti:x:{exp}"), format!("sub:x:{before}:{exp}"), format!("sid:x:1767225600:{exp}")]
        );
        let script =
            "return {redis.call('GET', KEYS[1]), #redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', '+inf')}";
        let log = format!("portcullis:rev:{{{provider}}}:log");
        let seen =
            lab.redis.command(User::GatewayRevocation, &["EVAL", script, "2", &key("jti"), &log]).await;
        assert_eq!(seen.unwrap(), RespValue::Array(vec![RespValue::bulk("1"), RespValue::Integer(3)]));
    }
}

/// Whatever a token's issuer puts into an id.
const IDS: [&str; 11] = [
    "a:b",
    "100%",
    "%41",
    "a b",
    "new\nline",
    "\u{1b}[31mred\u{202e}",
    "é用😀",
    "}:jti:x",
    "*?[a]\\",
    "\"'",
    "-starts-with-a-hyphen",
];

#[tokio::test]
async fn an_id_is_what_it_is_whatever_it_holds() {
    let lab = Lab::start().await;
    for (index, route) in lab.routes().iter().enumerate() {
        let provider = format!("a}}:{index}");
        for id in IDS {
            lab.by(route, &["revoke", "--jti", id, "--exp", "+1h", "--provider", &provider]).ok();
        }
        let listed = lab.by(route, &["revoke", "list", "--provider", &provider, "--format", "json"]).json();
        let listed = listed["revocations"].as_array().unwrap();
        let mut ids: Vec<&str> = listed.iter().map(|one| one["id"].as_str().unwrap()).collect();
        let mut expected = IDS.to_vec();
        ids.sort_unstable();
        expected.sort_unstable();
        assert_eq!(ids, expected);
        let text = lab.by(route, &["revoke", "list", "--provider", &provider]).ok();
        assert!(text.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')), "{text}");
        for id in IDS {
            assert_eq!(
                lab.by(route, &["revoke", "undo", "--jti", id, "--provider", &provider]).ok(),
                "undone\n"
            );
        }
        let listed = lab.by(route, &["revoke", "list", "--provider", &provider]).ok();
        assert!(listed.ends_with("\n0 revocations\n"), "{listed}");
    }
    let long = "é".repeat(200);
    let ran = lab.run(&["revoke", "--jti", &long, "--exp", "+1h", "--provider", "idp"]);
    ran.refused("the key would have 1225 bytes once percent-encoded; at most 512 are allowed");
    lab.run(&["revoke", "--jti", "", "--exp", "+1h", "--provider", "idp"]).refused("must not be empty");
}

#[tokio::test]
async fn a_list_is_of_one_provider_and_says_what_else_there_is() {
    let lab = Lab::start().await;
    let exp = (now() + 3600).to_string();
    for (claim, id, provider) in
        [("--jti", "a", "idp"), ("--jti", "b", "idp"), ("--sub", "a", "idp"), ("--jti", "a", "idp2")]
    {
        let arguments = ["revoke", claim, id, "--exp", &exp, "--before", "7", "--provider", provider];
        let without =
            if claim == "--jti" { [&arguments[..5], &arguments[7..]].concat() } else { arguments.to_vec() };
        lab.run(&without).ok();
    }
    // By hand: without an end, not percent-encoded, no time, and a type of its own.
    lab.admin(&["SET", "portcullis:rev:{idp}:jti:c", "1"]).await;
    lab.admin(&["SET", "portcullis:rev:{idp}:jti:d e", "1"]).await;
    lab.admin(&["SET", "portcullis:rev:{idp}:sub:f", "soon"]).await;
    lab.admin(&["HSET", "portcullis:rev:{idp}:jti:g", "a", "b"]).await;
    let expires: u64 = exp.parse().unwrap();
    for route in lab.routes() {
        let list = |more: &[&str]| {
            let arguments = ["revoke", "list", "--provider", "idp", "--format", "json"];
            lab.by(&route, &[&arguments, more].concat()).json()
        };
        let one = |claim: &str, id: &str, expires: Option<u64>, before: Option<u64>| json!({ "claim": claim, "id": id, "expires": expires, "before": before });
        let tokens = vec![
            one("jti", "a", Some(expires), None),
            one("jti", "b", Some(expires), None),
            one("jti", "c", None, None),
        ];
        let subject = one("sub", "a", Some(expires), Some(7));
        let all = [tokens.clone(), vec![subject.clone()]].concat();
        assert_eq!(list(&[]), json!({ "provider": "idp", "revocations": all, "more": false, "odd": 3 }));
        assert_eq!(list(&["--jti"])["revocations"], json!(tokens));
        assert_eq!(list(&["--sub"])["revocations"], json!([subject]));
        assert_eq!(list(&["--sid"])["revocations"], json!([]));
        let some = list(&["--most", "2"]);
        assert_eq!(some["more"], true, "{some}");
        let text = lab.by(&route, &["revoke", "list", "--provider", "idp"]).ok();
        assert!(text.contains("\njti    -                     -                     \"c\"\n"), "{text}");
        assert!(
            text.ends_with("4 revocations\n3 of the provider's keys are nothing that a filter looks up\n"),
            "{text}"
        );
    }
}

/// More than fits one answer of a gateway.
#[tokio::test]
async fn a_list_of_many_is_whole_through_a_gateway_too() {
    let lab = Lab::start().await;
    let script = "for i = 1, 700 do redis.call('SET', KEYS[1] .. string.rep('%20', 150) .. i, '1') end";
    lab.admin(&["EVAL", script, "1", "portcullis:rev:{idp}:jti:"]).await;
    for route in lab.routes() {
        let listed = lab.by(&route, &["revoke", "list", "--provider", "idp", "--format", "json"]).json();
        assert_eq!(listed["revocations"].as_array().unwrap().len(), 700);
        let listed = lab.by(&route, &["revoke", "list", "--provider", "idp", "--most", "699"]).ok();
        assert!(listed.ends_with("699 revocations, and there are more: --most\n"), "{listed}");
    }
}

#[tokio::test]
async fn what_is_taken_back_is_gone_and_what_was_never_there_is_said_so() {
    let lab = Lab::start().await;
    for (index, route) in lab.routes().iter().enumerate() {
        let provider = format!("idp{index}");
        let undo = |claim: &str| lab.by(route, &["revoke", "undo", claim, "x", "--provider", &provider]);
        for claim in ["--jti", "--sub", "--sid"] {
            let nothing = undo(claim);
            assert_eq!(
                (nothing.code, nothing.stdout.as_str()),
                (1, "nothing to undo: that is not revoked\n")
            );
            lab.by(route, &["revoke", claim, "x", "--exp", "+1h", "--provider", &provider]).ok();
            assert_eq!(undo(claim).ok(), "undone\n");
            assert_eq!(undo(claim).code, 1);
        }
        let members = lab.members(&provider).await;
        assert_eq!(members.len(), 3, "{members:?}");
        assert!(members.iter().all(|member| member.starts_with("cancel:")), "{members:?}");
        let keys = lab.admin(&["KEYS", &format!("portcullis:rev:{{{provider}}}:*")]).await;
        assert_eq!(
            keys,
            RespValue::Array(vec![RespValue::bulk(&format!("portcullis:rev:{{{provider}}}:log"))])
        );
    }
    // Somebody removed the key and not what the log says of it.
    lab.run(&["revoke", "--jti", "y", "--exp", "+1h", "--provider", "idp"]).ok();
    lab.admin(&["DEL", "portcullis:rev:{idp}:jti:y"]).await;
    lab.run(&["revoke", "undo", "--jti", "y", "--provider", "idp"]).ok();
    assert!(lab.members("idp").await[0].starts_with("cancel:jti:y:"));
}

#[tokio::test]
async fn a_revocation_is_prolonged_and_never_weakened() {
    let lab = Lab::start().await;
    let exp = now() + 7200;
    let revoke = |claim: &str, exp: u64, more: &[&str]| {
        let exp = exp.to_string();
        lab.run(&[&["revoke", claim, "x", "--exp", &exp, "--provider", "idp"], more].concat())
    };
    revoke("--jti", exp, &[]).ok();
    revoke("--jti", exp - 1, &[]).refused("already; undo that first if it is to end earlier");
    revoke("--jti", exp, &[]).ok();
    revoke("--jti", exp + 1, &[]).ok();
    revoke("--sub", exp, &["--before", "1000"]).ok();
    revoke("--sub", exp, &["--before", "999"]).refused("undo that first if it is to be fewer");
    revoke("--sub", exp + 1, &["--before", "1001"]).ok();
    assert_eq!(lab.members("idp").await, [format!("jti:x:{}", exp + 1), format!("sub:x:1001:{}", exp + 1)]);
    assert_eq!(lab.get("portcullis:rev:{idp}:sub:x").await.as_deref(), Some("1001"));
    lab.admin(&["SET", "portcullis:rev:{idp}:sid:x", "1"]).await;
    revoke("--sid", exp, &[]).refused("is revoked for ever already");
}

#[tokio::test]
async fn a_time_that_cannot_be_meant_is_refused_and_nothing_is_done() {
    let lab = Lab::start().await;
    let ms = (now() * 1000).to_string();
    for (arguments, says) in [
        (&["--jti", "x", "--exp", "1000000000"][..], "is over"),
        (&["--jti", "x", "--exp", &ms], "more than ten years ahead; is it in milliseconds?"),
        (&["--sub", "x", "--exp", "+1h", "--before", &ms], "later than --exp"),
        (&["--jti", "x", "--exp", "tomorrow"], "expected Unix seconds"),
        (&["--jti", "x", "--exp", "+1d"], "not a span"),
        (&["--jti", "x", "--exp", "+1h", "--before", "5"], "cannot be used with"),
        (&["--jti", "x", "--sub", "x", "--exp", "+1h"], "cannot be used with"),
        (&["--jti", "x"], "--exp"),
        (&["--exp", "+1h"], "--jti"),
    ] {
        lab.run(&[&["revoke", "--provider", "idp"], arguments].concat()).refused(says);
    }
    assert_eq!(lab.admin(&["DBSIZE"]).await, RespValue::Integer(0));
    let ran =
        lab.run(&["revoke", "--jti", "x", "--exp", "+1h", "--provider", "idp", "--format", "json"]).json();
    assert_eq!(ran["revoked"], true);
    let undone = lab.run(&["revoke", "undo", "--jti", "x", "--provider", "idp", "--format", "json"]).json();
    assert_eq!(undone, json!({ "undone": true }));
}
