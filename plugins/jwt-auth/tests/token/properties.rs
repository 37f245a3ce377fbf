//! Whatever bytes arrive.

use super::{base64url, token};
use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jwt_auth::token::{Limits, Token};
use proptest::prelude::*;

/// Takes every spelling that this alphabet has.
fn lenient() -> GeneralPurpose {
    let config = GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&URL_SAFE, config)
}

/// JSON texts, most of them objects, some with members twice.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        any::<i64>().prop_map(|n| n.to_string()),
        any::<f64>().prop_map(|n| format!("{n:e}")),
        "[a-z\\\\u0-9\"é.]{0,8}".prop_map(|s| format!("\"{s}\"")),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            prop::collection::vec(("[a-c]", inner), 0..4).prop_map(|members| {
                let members: Vec<String> =
                    members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
}

fn check(text: &[u8]) -> Result<(), TestCaseError> {
    let mut payload = Vec::new();
    let Ok(token) = Token::parse(text, &mut payload, Limits::default()) else { return Ok(()) };
    let decoded: Vec<Vec<u8>> =
        text.split(|&b| b == b'.').map(|segment| lenient().decode(segment).unwrap_or_default()).collect();
    let again: Vec<String> = decoded.iter().map(base64url).collect();
    let whole = again.join(".");
    prop_assert_eq!(whole.as_bytes(), text);
    prop_assert_eq!(Some(&token.jws.signature), decoded.last());
    let signature = again.last().map(String::as_bytes).unwrap_or_default();
    prop_assert_eq!([token.jws.signing_input, b".", signature].concat(), text);
    Ok(())
}

proptest! {
    #[test]
    fn any_bytes(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        check(&bytes)?;
    }

    #[test]
    fn any_segments(text in "[A-Za-z0-9_.=-]{0,200}") {
        check(text.as_bytes())?;
    }

    #[test]
    fn any_json(header in json(), payload in json()) {
        check(token(&header, &payload).as_bytes())?;
        check(token(r#"{"alg":"ES256"}"#, &payload).as_bytes())?;
    }

    /// A good token with a byte changed has the one spelling of what it says, or is none.
    #[test]
    fn a_changed_token(at in any::<prop::sample::Index>(), with in any::<u8>(), signature in prop::collection::vec(any::<u8>(), 1..70)) {
        let mut text = token(r#"{"alg":"RS256","kid":"a"}"#, r#"{"iss":"https://a.example","aud":["b"],"exp":1}"#).into_bytes();
        text.truncate(text.iter().rposition(|&b| b == b'.').map_or(0, |dot| dot + 1));
        text.extend_from_slice(base64url(&signature).as_bytes());
        check(&text)?;
        prop_assert!(Token::parse(&text, &mut Vec::new(), Limits::default()).is_ok());
        let at = at.index(text.len());
        text[at] = with;
        check(&text)?;
    }
}
