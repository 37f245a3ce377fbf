//! What holds for configurations that nobody wrote.

use super::places::{Place, deformed, places, with};
use super::valid::VALID;
use super::{fits, loads};
use filter_core::config::Shape;
use proptest::prelude::*;
use proptest::sample::Index;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// The texts of the valid configurations, by what reads them.
static TEXTS: LazyLock<Vec<Vec<(&Value, Place)>>> = LazyLock::new(|| {
    let mut texts: BTreeMap<&str, Vec<(&Value, Place)>> = BTreeMap::new();
    for config in &*VALID {
        for place in places(config) {
            if let Shape::Scalar { phrase, .. } = place.shape
                && config.pointer(&place.pointer).is_some_and(Value::is_string)
            {
                texts.entry(phrase).or_default().push((config, place));
            }
        }
    }
    texts.into_values().collect()
});

/// One change of a text: at a place of it, so many characters go and these come.
fn edit() -> impl Strategy<Value = (Index, usize, String)> {
    let piece = prop_oneof![
        "[0-9a-zA-Z*./:_ -]",
        "[ -~]",
        prop::sample::select(
            &["//", "://", "*.", "**.", ":*", "/*", "*+", "0", "é", "\t", "\n", "\0", "\u{7f}"][..]
        )
        .prop_map(str::to_owned),
    ];
    (any::<Index>(), 0..3_usize, prop_oneof![Just(String::new()), piece])
}

/// Characters, not bytes: texts stay UTF-8.
fn edited(text: &str, (place, out, new): &(Index, usize, String)) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = place.index(chars.len() + 1);
    let rest = chars.iter().skip(at + out);
    chars.iter().take(at).copied().chain(new.chars()).chain(rest.copied()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    /// The schema's patterns refuse no text that a reader accepts.
    #[test]
    fn no_text_that_loads_is_refused_by_the_schema(
        kind: Index,
        which: Index,
        edits in prop::collection::vec(edit(), 1..4),
    ) {
        let (config, place) = which.get(kind.get(&TEXTS).as_slice());
        let text = config.pointer(&place.pointer).and_then(Value::as_str).unwrap();
        let text = edits.iter().fold(text.to_owned(), |text, edit| edited(&text, edit));
        let changed = with(config, &place.pointer, json!(text));
        prop_assert!(!loads(&changed) || fits(&changed), "{}: {text:?}", place.key);
    }

    #[test]
    fn header_names_are_the_same_to_both(name in "[ -~]{1,3}|[!-~]{1,2}|\\PC") {
        let conditions = json!([{"name": name}]);
        let config = json!({"version": 1, "rules": [{"name": "a", "match": {"headers": conditions}}]});
        prop_assert_eq!(loads(&config), fits(&config));
    }

    /// Several mistakes, some of which undo each other.
    #[test]
    fn no_configuration_that_loads_is_refused_by_the_schema(
        which: Index,
        changes in prop::collection::vec((any::<Index>(), any::<Index>()), 1..6),
    ) {
        let mut config = which.get(&*VALID).clone();
        for (place, change) in changes {
            let places = places(&config);
            let made = deformed(&config, place.get(&places));
            let next = change.get(&made);
            // Where the form is lost no further place is known.
            if fits(next) {
                config = next.clone();
            } else {
                prop_assert!(!loads(next), "{next:#}");
            }
        }
    }
}
