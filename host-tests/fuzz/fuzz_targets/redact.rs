//! A secret survives nowhere.

#![no_main]

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use portcullis_fuzz::secrets::{Place, SECRET};
use replay::traffic::Redactor;

/// Where the secret is, and what is around it.
#[derive(Arbitrary, Debug)]
struct Input<'a> {
    places: Vec<Place>,
    noise: Vec<&'a str>,
    /// Something else to mask.
    file: &'a [u8],
}

fuzz_target!(|input: Input<'_>| {
    let redactor = Redactor::new(&["/password", "/a/0"]).expect("two pointers");
    let jsonl = |text: &[u8]| {
        let mut out = Vec::new();
        redactor.redact_jsonl("fuzz", std::io::Cursor::new(text.to_vec()), &mut out).is_ok().then_some(out)
    };
    let har = |text: &[u8]| {
        let mut out = Vec::new();
        redactor.redact_har("fuzz", text, &mut out).is_ok().then_some(out)
    };
    let line = Place::line(&input.places, &input.noise);
    let archive = Place::archive(&input.places, &input.noise);
    for masked in [jsonl(line.as_bytes()).expect("a line"), har(archive.as_bytes()).expect("an archive")] {
        let found = masked.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!found, "{}", masked.escape_ascii());
    }
    // What it makes of a file stays as it is when masked once more.
    if let Some(once) = jsonl(input.file) {
        assert_eq!(jsonl(&once).expect("it was readable"), once);
    }
    if let Some(once) = har(input.file) {
        assert_eq!(har(&once).expect("it was readable"), once);
    }
});
