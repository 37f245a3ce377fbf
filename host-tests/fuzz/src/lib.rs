//! What the targets share.

pub mod secrets;

use std::io::Cursor;

use replay::traffic::{Exchange, Format, Item, Reader, write_item};

/// What bytes hold, `None` where they are refused.
#[must_use]
pub fn read(bytes: &[u8], format: Format) -> Option<Vec<Item>> {
    Reader::from_read("fuzz", Cursor::new(bytes.to_vec()), Some(format)).ok()?.collect::<Result<_, _>>().ok()
}

/// # Panics
/// What is written about the items does not read as the same items.
pub fn written_is_read_again(items: &[Item]) {
    let mut written = Vec::new();
    for item in items {
        write_item(&mut written, item).expect("memory takes all");
    }
    let again = read(&written, Format::Jsonl).expect("what was written is readable");
    assert_eq!(items.len(), again.len());
    for pair in items.iter().zip(&again) {
        match pair {
            (Item::Exchange(before), Item::Exchange(after)) => assert_eq!(shown(before), shown(after)),
            (Item::Setup(before), Item::Setup(after)) => assert_eq!(before.callouts, after.callouts),
            pair => panic!("{pair:?}"),
        }
    }
}

/// All of an exchange but its place and what it expects.
fn shown(exchange: &Exchange) -> String {
    let Exchange { id, at, step, malformed, .. } = exchange;
    let (request, response) = (step.request(None), step.response().expect("checked when it was read"));
    let (src, properties, callouts) = (&step.src, &step.properties, &step.callouts);
    format!(
        "{id} {} {malformed:?} {request:?} {response:?} {src:?} {properties:?} {callouts:?}",
        at.as_millis()
    )
}
