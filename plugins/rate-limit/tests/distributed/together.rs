//! Answers about limits that are shared.

use crate::redis::Redis;
use crate::world::{World, bucket, config, limit};
use filter_core::message::ResponseHead;
use serde_json::json;
use testkit::response;

/// The headers say what Redis says.
#[test]
fn what_is_left() {
    for mode in ["lease", "exact"] {
        let further = json!({ "headers": "both" });
        let mut world = World::new(
            &config(vec![limit("one", 10, 4, json!({ "mode": mode }))], further),
            Redis::default().limit("one", bucket(10, 4)),
        );
        let mut seen = Vec::new();
        for _ in 0..6 {
            let waits = world.send("alice");
            let id = *world.streams.keys().max().unwrap();
            let mut stream = world.streams.remove(&id).unwrap();
            let headers = response(200, &[]);
            let head = ResponseHead { headers: &headers, end_of_stream: true };
            let outcome = stream.response_headers(&mut world.filter, &head, &world.cx);
            let mut headers = headers.clone();
            outcome.headers.iter().for_each(|op| headers.apply(op));
            let left = headers
                .first("x-ratelimit-remaining")
                .map(|value| String::from_utf8_lossy(value).into_owned());
            seen.push((waits.status(), left));
        }
        let expected: Vec<_> = [4, 3, 2, 1, 0].iter().map(|left| (200, Some(left.to_string()))).collect();
        assert_eq!(seen[..5], expected, "{mode}");
        assert_eq!(
            (seen[5].0, world.answered_with("x-ratelimit-remaining").as_deref()),
            (429, Some("0")),
            "{mode}"
        );
        assert_eq!(world.answered_with("ratelimit").as_deref(), Some("\"one\";r=0;t=1"), "{mode}");
    }
}

/// The line that operators look for.
#[test]
fn the_log_names_the_limit_and_the_excess() {
    for mode in ["lease", "exact"] {
        let mut world = World::new(
            &config(vec![limit("one", 10, 4, json!({ "mode": mode }))], json!({})),
            Redis::default().limit("one", bucket(10, 4)),
        );
        let _ = world.passing(6, "alice");
        let line = world.logs.last().unwrap();
        assert!(line.contains("limiting requests, limit \\\"one\\\", excess 5.000, client a***"), "{line}");
    }
}
