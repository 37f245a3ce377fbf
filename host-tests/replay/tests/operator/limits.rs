//! What rate limits keep, shown as far as a terminal can bear it.

use serde_json::{Value, json};

use crate::lab::{Lab, Ran};

#[tokio::test]
async fn every_type_is_shown_with_its_value_and_its_end() {
    let lab = Lab::start().await;
    lab.admin(&["SET", "portcullis:rl:count", "7", "PX", "600000"]).await;
    lab.admin(&["HSET", "portcullis:rl:bucket", "tokens", "9", "at", "1795341000000"]).await;
    lab.admin(&["ZADD", "portcullis:rl:window", "1", "a", "2.5", "b"]).await;
    lab.admin(&["RPUSH", "portcullis:rl:list", "a"]).await;
    for route in lab.routes() {
        let look = |key: &str| -> Ran { lab.by(&route, &["limits", "--key", key, "--format", "json"]) };
        let mut count = look("portcullis:rl:count").json();
        let ttl = count["keys"][0]["ttl_ms"].take();
        assert!((1..=600_000).contains(&ttl.as_u64().unwrap()), "{ttl}");
        let key = json!({
            "key": "portcullis:rl:count", "type": "string", "ttl_ms": null, "value": "7", "size": 1, "cut": false,
        });
        assert_eq!(count, json!({ "keys": [key], "more": false }));
        let one = |key: &str| look(key).json()["keys"][0].clone();
        let bucket = one("portcullis:rl:bucket");
        assert_eq!((&bucket["type"], &bucket["ttl_ms"]), (&json!("hash"), &Value::Null));
        assert_eq!(bucket["value"], json!([["tokens", "9"], ["at", "1795341000000"]]));
        assert_eq!(one("portcullis:rl:window")["value"], json!([["a", "1"], ["b", "2.5"]]));
        let list = one("portcullis:rl:list");
        assert_eq!((&list["type"], &list["value"]), (&json!("list"), &Value::Null));
        let text = lab.by(&route, &["limits", "--key", "portcullis:rl:bucket"]).ok();
        assert_eq!(
            text,
            "\"portcullis:rl:bucket\"  hash  without an end\n  \"tokens\"  \"9\"\n  \"at\"  \"1795341000000\"\n1 key\n"
        );
        let nothing = look("portcullis:rl:none");
        assert_eq!(nothing.code, 1, "{nothing:?}");
    }
}

#[tokio::test]
async fn a_pattern_is_one_and_a_prefix_is_taken_as_it_is_written() {
    let lab = Lab::start().await;
    for key in ["rl:a", "rl:ab", "rl:a*", "rl:a*b", "rl:[x]", "idem:a", "rev:a"] {
        lab.admin(&["SET", &format!("portcullis:{key}"), "1"]).await;
    }
    for route in lab.routes() {
        let keys = |arguments: &[&str]| -> Vec<String> {
            let ran = lab.by(&route, &[&["limits", "--format", "json"], arguments].concat()).json();
            let key =
                |one: &Value| one["key"].as_str().unwrap().trim_start_matches("portcullis:rl:").to_owned();
            ran["keys"].as_array().unwrap().iter().map(key).collect()
        };
        assert_eq!(keys(&["--prefix", "portcullis:rl:"]), ["[x]", "a", "a*", "a*b", "ab"]);
        assert_eq!(keys(&["--key", "portcullis:rl:*"]), ["[x]", "a", "a*", "a*b", "ab"]);
        assert_eq!(keys(&["--key", "portcullis:rl:a?"]), ["a*", "ab"]);
        assert_eq!(keys(&["--prefix", "portcullis:rl:a*"]), ["a*", "a*b"]);
        assert_eq!(keys(&["--prefix", "portcullis:rl:["]), ["[x]"]);
        assert_eq!(keys(&["--prefix", "portcullis:rl:none"]), [""; 0]);
        let some = lab.by(&route, &["limits", "--prefix", "portcullis:rl:", "--most", "2"]).ok();
        assert!(some.ends_with("\n2 keys, and there are more: --most\n"), "{some}");
    }
    for key in ["portcullis:idem:a", "*", "", "portcullis:rl", "portcullis:r?:a"] {
        lab.run(&["limits", "--key", key]).refused("which begin with portcullis:rl:");
        lab.run(&["limits", "--prefix", key]).refused("which begin with portcullis:rl:");
    }
}

#[tokio::test]
async fn what_clients_may_have_put_there_cannot_write_to_the_terminal() {
    let lab = Lab::start().await;
    let hostile = "a\u{1b}]0;title\u{7}\r\n\u{202e}\"é\u{0}";
    lab.admin(&["SET", &format!("portcullis:rl:{hostile}"), hostile]).await;
    lab.admin(&["HSET", "portcullis:rl:h", hostile, hostile]).await;
    let script = "redis.call('SET', 'portcullis:rl:\\255\\254', 'x') return redis.call('SET', 'portcullis:rl:z', '\\255')";
    lab.admin(&["EVAL", script, "0"]).await;
    for route in lab.routes() {
        let text = lab.by(&route, &["limits", "--prefix", "portcullis:rl:"]).ok();
        assert!(text.chars().all(|c| c == '\n' || !(c.is_control() || c == '\u{202e}')), "{text}");
        assert!(text.ends_with("4 keys\n"), "{text}");
        let all = lab.by(&route, &["limits", "--prefix", "portcullis:rl:", "--format", "json"]).json();
        assert_eq!(all["keys"][0]["value"], hostile);
        assert_eq!(all["keys"][1]["value"], json!([[hostile, hostile]]));
        assert_eq!(all["keys"][2]["value"], json!({ "b64": "/w==" }));
        assert_eq!(all["keys"][3]["key"], json!({ "b64": "cG9ydGN1bGxpczpybDr//g==" }));
    }
}

#[tokio::test]
async fn a_large_value_is_shown_in_part() {
    let lab = Lab::start().await;
    lab.admin(&["SET", "portcullis:rl:s", &"x".repeat(300_000)]).await;
    let script =
        "for i = 1, 5000 do redis.call('HSET', KEYS[1], i, 'x') redis.call('ZADD', KEYS[2], i, i) end";
    lab.admin(&["EVAL", script, "2", "portcullis:rl:h", "portcullis:rl:z"]).await;
    for route in lab.routes() {
        let all = lab.by(&route, &["limits", "--prefix", "portcullis:rl:", "--format", "json"]).json();
        for (index, (size, most)) in [(5000, 64), (300_000, 1024), (5000, 64)].into_iter().enumerate() {
            let one = &all["keys"][index];
            assert_eq!((&one["size"], &one["cut"]), (&json!(size), &json!(true)), "{index}");
            let shown =
                one["value"].as_str().map_or_else(|| one["value"].as_array().unwrap().len(), str::len);
            assert!((1..=most).contains(&shown), "{index}: {shown}");
        }
        let text = lab.by(&route, &["limits", "--key", "portcullis:rl:z"]).ok();
        assert!(text.ends_with("\n  … of 5000\n1 key\n"), "{text}");
    }
}
