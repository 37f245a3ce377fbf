//! Several files, and which format each has.

use crate::{exchanges, ids, times};
use replay::traffic::{Format, Item, Reader};

fn all(files: &[(&str, &str)], format: Option<Format>) -> anyhow::Result<Vec<Item>> {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<_> = files.iter().map(|(name, _)| dir.path().join(name)).collect();
    for (path, (_, text)) in paths.iter().zip(files) {
        std::fs::write(path, text).unwrap();
    }
    Reader::open(&paths, format)?.collect()
}

const HAR: &str = r#"{"log": {"entries": [
    {"startedDateTime": "2024-05-06T07:08:10Z",
     "request": {"method": "GET", "url": "http://a/2", "headers": []},
     "response": {"status": 200, "headers": []}},
    {"startedDateTime": "2024-05-06T07:08:09Z",
     "request": {"method": "GET", "url": "http://a/1", "headers": []},
     "response": {"status": 200, "headers": []}}
]}}"#;

#[test]
fn files_are_read_in_the_order_given() {
    let items = all(
        &[
            ("a.jsonl", "{\"t_ms\": 10}\n"),
            ("b.har", HAR),
            ("c.http", "GET /3 HTTP/1.1\nhost: a\n\n"),
            ("d.jsonl", "{}\n{\"t_ms\": 5000}"),
            ("e.json", HAR),
        ],
        None,
    );
    let exchanges = exchanges(items.unwrap());
    assert_eq!(ids(&exchanges), ["a:1", "b:1", "b:0", "c:0", "d:1", "d:2", "e:1", "e:0"]);
    // HAR has a clock of its own, which starts with the request before the file.
    assert_eq!(times(&exchanges), [10, 10, 1010, 1010, 1010, 5000, 5000, 6000]);
}

#[test]
fn lines_of_several_files_are_as_one() {
    let items = all(&[("a.jsonl", "{\"t_ms\": 1000}"), ("b.jsonl", "{\"t_ms\": 2000}")], None);
    assert_eq!(times(&exchanges(items.unwrap())), [1000, 2000]);
    let error =
        all(&[("a.jsonl", "{\"t_ms\": 1000}"), ("b.jsonl", "{\"t_ms\": 0}")], None).unwrap_err().to_string();
    assert!(
        error.ends_with("b.jsonl:1: t_ms: 0 is before the 1000 of a line above it: sort the file by t_ms"),
        "{error}"
    );
}

#[test]
fn the_format_can_be_said() {
    let items = all(&[("a.txt", "{\"log\": {\"entries\": []}}")], Some(Format::Har));
    assert!(items.unwrap().is_empty());
    let error = all(&[("a.json", "{\"path\": \"/\"}")], None).unwrap_err().to_string();
    assert!(error.contains("a.json: neither HAR"), "{error}");
    assert_eq!(all(&[("a.json", "{\"path\": \"/\"}")], Some(Format::Jsonl)).unwrap().len(), 1);
    assert_eq!("tap".parse::<Format>().unwrap(), Format::Tap);
    assert!("yaml".parse::<Format>().unwrap_err().to_string().contains("none of jsonl, har, raw, tap"));
}

#[test]
fn a_file_that_is_not_there_is_known_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let there = dir.path().join("a.jsonl");
    std::fs::write(&there, "{}").unwrap();
    let Err(error) = Reader::open(&[there, dir.path().join("b.jsonl")], None) else { panic!("opened") };
    assert!(format!("{error:#}").contains("b.jsonl"), "{error:#}");
}
