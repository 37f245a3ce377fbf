//! Bodies as HAR holds them.

use anyhow::Result;
use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};

use super::entry::Place;
use super::model::{Content, Param, PostData};

/// Base64 with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
/// What a form leaves as it is (WHATWG URL, application/x-www-form-urlencoded percent-encode set).
const FORM: &AsciiSet = &NON_ALPHANUMERIC.remove(b'*').remove(b'-').remove(b'.').remove(b'_').remove(b' ');

/// The parts of a value between line feeds.
pub(super) fn lines(value: Vec<u8>) -> impl Iterator<Item = Vec<u8>> {
    let parts: Vec<Vec<u8>> = value.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    parts.into_iter()
}

/// A size that is known; exporters write -1 for one that is not.
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "negative sizes are left out before, and a float is clamped to the integers by the cast"
)]
pub(super) fn size(size: Option<f64>) -> Option<u64> {
    size.filter(|size| *size >= 0.0).map(|size| size as u64)
}

/// The body of a request.
pub(super) fn posted(
    data: Option<PostData>,
    size: Option<u64>,
    place: &mut Place<'_>,
) -> Result<Option<Vec<u8>>> {
    let Some(data) = data else { return Ok(None) };
    if let Some(text) = data.text.filter(|text| !text.0.is_empty()) {
        return decoded(text.0, data.encoding.or(data.own_encoding).as_deref(), "request.postData", place)
            .map(Some);
    }
    let params = data.params.unwrap_or_default();
    if params.is_empty() {
        return Ok(None);
    }
    let mime = data.mime_type.to_ascii_lowercase();
    if mime.starts_with("multipart/") {
        place.warn("request.postData.params", "a multipart body cannot be rebuilt from its parts");
        return Ok(None);
    }
    Ok(Some(form(&params, size)))
}

/// A form from its fields. Exporters differ in whether they decode them, so the size decides where it is
/// known.
fn form(params: &[Param], size: Option<u64>) -> Vec<u8> {
    let build = |encode: bool, equals: bool| {
        let field = |text: &[u8]| {
            if encode {
                percent_encode(text, FORM).to_string().replace(' ', "+").into_bytes()
            } else {
                text.to_vec()
            }
        };
        let pairs = params.iter().map(|param| match &param.value {
            Some(value) if equals || !value.0.is_empty() => {
                [field(&param.name.0), field(&value.0)].join(&b'=')
            }
            _ => field(&param.name.0),
        });
        pairs.collect::<Vec<_>>().join(&b'&')
    };
    let all = [(true, true), (false, true), (true, false), (false, false)];
    let fitting = all.into_iter().map(|(encode, equals)| build(encode, equals));
    let fitting = fitting.filter(|body| size == Some(body.len() as u64));
    fitting.into_iter().next().unwrap_or_else(|| build(true, true))
}

/// The body of a response.
pub(super) fn received(content: Content, place: &mut Place<'_>) -> Result<Vec<u8>> {
    match content.text {
        Some(text) => decoded(text.0, content.encoding.as_deref(), "response.content", place),
        None => {
            if size(content.size).is_some_and(|size| size > 0) {
                place.warn("response.content", "the body was not recorded: answered with an empty one");
            }
            Ok(Vec::new())
        }
    }
}

fn decoded(text: Vec<u8>, encoding: Option<&str>, member: &str, place: &mut Place<'_>) -> Result<Vec<u8>> {
    match encoding {
        None | Some("") => Ok(text),
        Some(name) if name.eq_ignore_ascii_case("base64") => decode(&text)
            .map_err(|error| place.error(&format!("{member}.text"), format_args!("bad base64: {error}"))),
        Some(name) => {
            place.warn(&format!("{member}.encoding"), &format!("{name:?} is not known: taken as text"));
            Ok(text)
        }
    }
}

/// Base64, line breaks within it left out.
pub(in crate::traffic) fn decode(text: &[u8]) -> Result<Vec<u8>, base64::DecodeError> {
    if text.iter().any(u8::is_ascii_whitespace) {
        return BASE64
            .decode(text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect::<Vec<_>>());
    }
    BASE64.decode(text)
}
