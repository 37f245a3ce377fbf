//! Lists of headers, as steps hold them.

use http::{HeaderName, HeaderValue};

use crate::text::Text;

/// Headers of a step: in order, duplicates kept.
pub(super) type List = Vec<(String, Text)>;

/// The first value of a name.
pub(super) fn first<'a>(list: &'a List, name: &str) -> Option<&'a [u8]> {
    list.iter().find(|(have, _)| have.eq_ignore_ascii_case(name)).map(|(_, value)| value.0.as_slice())
}

/// Takes every value of a name out of the list.
pub(super) fn remove(list: &mut List, name: &str) -> Vec<Vec<u8>> {
    let taken = list.extract_if(.., |(have, _)| have.eq_ignore_ascii_case(name));
    taken.map(|(_, value)| value.0).collect()
}

/// Says the length where the list already says one; an executor adds what is not there.
pub(super) fn set_length(list: &mut List, length: usize) {
    if let Some((_, value)) = list.iter_mut().find(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
        value.0 = length.to_string().into_bytes();
    }
}

/// Whether an upstream can send this.
pub(super) fn sendable(name: &str, value: &[u8]) -> bool {
    HeaderName::from_bytes(name.as_bytes()).is_ok() && HeaderValue::from_bytes(value).is_ok()
}
