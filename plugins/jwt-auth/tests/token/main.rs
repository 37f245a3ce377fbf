//! What a token must look like before any of it is believed.

mod properties;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use filter_core::config::Tree;
use jwt_auth::alg::Algorithm;
use jwt_auth::token::{
    AcceptedTypes, JsonError, Jws, Limits, MAX_DEPTH, MAX_KID, MAX_MEMBERS, Part, Token, TokenError,
};

const HEADER: &str = r#"{"alg":"RS256"}"#;
const CLAIMS: &str = r#"{"sub":"a"}"#;

fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A token with this header and payload, and a signature that nobody made.
fn token(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    format!("{}.{}.{}", base64url(header), base64url(payload), base64url("signature"))
}

fn parsed<'t>(text: &'t str, payload: &'t mut Vec<u8>) -> Result<Token<'t>, TokenError> {
    Token::parse(text.as_bytes(), payload, Limits::default())
}

fn within(text: &str, limits: Limits) -> Result<(), TokenError> {
    Token::parse(text.as_bytes(), &mut Vec::new(), limits).map(drop)
}

/// The name of the error, or `ok`.
fn outcome(text: &str) -> &'static str {
    within(text, Limits::default()).map_or_else(TokenError::as_str, |()| "ok")
}

#[test]
fn what_a_token_says_is_read() {
    let text = token(
        r#"{"alg":"ES256","kid":"k\u00e9y","typ":"at+jwt","zip":"DEF","x":{}}"#,
        r#"{"sub":"a","exp":1}"#,
    );
    let mut payload = Vec::new();
    let token = parsed(&text, &mut payload).unwrap();
    assert_eq!(token.jws.header.algorithm, Algorithm::Es256);
    assert_eq!(token.jws.header.kid.as_deref(), Some("kéy"));
    assert_eq!(token.jws.header.typ.as_deref(), Some("at+jwt"));
    assert_eq!(token.jws.signature, b"signature");
    assert_eq!(token.claims.member("sub"), Some(&Tree::String("a".into())));
    let end = text.rfind('.').unwrap();
    assert_eq!(token.jws.signing_input, &text.as_bytes()[..end]);
    assert_eq!(token.jws.payload, text.split('.').nth(1).unwrap().as_bytes());
}

#[test]
fn segments() {
    let good = token(HEADER, CLAIMS);
    let (h, p, s) = (base64url(HEADER), base64url(CLAIMS), base64url("signature"));
    let enc = base64url(r#"{"alg":"RSA-OAEP","enc":"A256GCM"}"#);
    let cases = [
        (good.clone(), "ok"),
        (String::new(), "segments"),
        (".".to_owned(), "segments"),
        ("..".to_owned(), "header_empty"),
        ("...".to_owned(), "segments"),
        ("....".to_owned(), "encrypted"),
        (h.clone(), "segments"),
        (format!("{h}.{p}"), "segments"),
        (format!("{h}.{p}.{s}.{s}"), "segments"),
        (format!("{good}."), "segments"),
        (format!(".{good}"), "segments"),
        (format!("{enc}.a2V5.aXY.dGV4dA.dGFn"), "encrypted"),
        // A direct key leaves the second segment of an encrypted token empty.
        (format!("{enc}..aXY.dGV4dA.dGFn"), "encrypted"),
        (format!("{h}.{p}.{s}.{s}.{s}.{s}"), "segments"),
        (format!("{h}..{s}"), "detached"),
        (format!(".{p}.{s}"), "header_empty"),
        (format!("{h}.{p}."), "signature_empty"),
        (format!("{h}.."), "signature_empty"),
        (format!("{h}-{p}-{s}"), "segments"),
        // The JSON serialisations, flattened and general (RFC 7515 section 7.2).
        (format!(r#"{{"payload":"{p}","protected":"{h}","signature":"{s}"}}"#), "json_serialization"),
        (
            format!(r#"{{"payload":"{p}","signatures":[{{"protected":"{h}","signature":"{s}"}}]}}"#),
            "json_serialization",
        ),
        (format!(" \t{{\"payload\":\"{p}\"}}"), "json_serialization"),
        (format!("[{good}]"), "header_base64"),
        (format!("\"{good}\""), "header_base64"),
    ];
    for (text, expected) in cases {
        assert_eq!(outcome(&text), expected, "{text}");
    }
}

#[test]
fn base64url_has_one_spelling() {
    let good = token(HEADER, CLAIMS);
    let (h, p, s) = (base64url(HEADER), base64url(CLAIMS), base64url("signature"));
    // Two bytes of ones are `__8`, the last bits of which say nothing; standard base64 writes them `//8=`.
    let cases = [
        (format!("{h}.{p}.__8"), "ok"),
        (format!("{h}.{p}.__9"), "signature_base64"),
        (format!("{h}.{p}.___"), "signature_base64"),
        (format!("{h}.{p}._x"), "signature_base64"),
        (format!("{h}.{p}.__8="), "signature_base64"),
        (format!("{h}.{p}.=__8"), "signature_base64"),
        (format!("{h}.{p}.//8"), "signature_base64"),
        (format!("{h}.{p}.++8"), "signature_base64"),
        (format!("{h}.{p}._"), "signature_base64"),
        (format!("{h}.{p}.____8"), "signature_base64"),
        (format!("{h}.{p}.{s}\n"), "signature_base64"),
        (format!("{h}.{p}.{s} "), "signature_base64"),
        (format!("{h}.{p}.__\u{0}8"), "signature_base64"),
        (format!("{h}.{p}.__%38"), "signature_base64"),
        (format!(" {good}"), "header_base64"),
        (format!("\u{feff}{good}"), "header_base64"),
        (format!("{h}= .{p}.{s}"), "header_base64"),
        (format!("{h}\t.{p}.{s}"), "header_base64"),
        (format!("{h}.{p}=.{s}"), "payload_base64"),
        (format!("{h}.{p}\r\n.{s}"), "payload_base64"),
        (format!("{h}.=.{s}"), "payload_base64"),
        // A letter that looks like another.
        (format!("{h}.{p}.\u{430}AAA"), "signature_base64"),
    ];
    for (text, expected) in cases {
        assert_eq!(outcome(&text), expected, "{text:?}");
    }
}

#[test]
fn algorithms() {
    for algorithm in Algorithm::ALL {
        assert_eq!(outcome(&token(format!(r#"{{"alg":"{algorithm}"}}"#), CLAIMS)), "ok");
    }
    let cases = [
        (r#""none""#, "alg_none"),
        (r#""None""#, "alg_none"),
        (r#""nOnE""#, "alg_none"),
        (r#""NONE""#, "alg_none"),
        (r#""n\u006fne""#, "alg_none"),
        (r#""none ""#, "alg_unknown"),
        (r#""n\u043ene""#, "alg_unknown"),
        (r#""""#, "alg_unknown"),
        (r#""rs256""#, "alg_unknown"),
        (r#""Rs256""#, "alg_unknown"),
        (r#""RS256 ""#, "alg_unknown"),
        (r#"" RS256""#, "alg_unknown"),
        (r#""RS256\u0000""#, "alg_unknown"),
        (r#""RS1""#, "alg_unknown"),
        (r#""HS1""#, "alg_unknown"),
        (r#""ES256K""#, "alg_unknown"),
        (r#""eddsa""#, "alg_unknown"),
        (r#""EDDSA""#, "alg_unknown"),
        (r#""A128KW""#, "alg_unknown"),
        (r#""dir""#, "alg_unknown"),
        ("null", "alg_type"),
        ("1", "alg_type"),
        ("true", "alg_type"),
        ("{}", "alg_type"),
        (r#"["RS256"]"#, "alg_type"),
    ];
    for (alg, expected) in cases {
        assert_eq!(outcome(&token(format!(r#"{{"alg":{alg}}}"#), CLAIMS)), expected, "{alg}");
    }
    for header in ["{}", r#"{"ALG":"RS256"}"#, r#"{"alg ":"RS256"}"#, r#"{"header":{"alg":"RS256"}}"#] {
        assert_eq!(outcome(&token(header, CLAIMS)), "alg_missing", "{header}");
    }
}

#[test]
fn members_of_a_header() {
    let long = "k".repeat(MAX_KID);
    let cases = [
        (r#""kid":"""#.to_owned(), "ok"),
        (r#""kid":"../../dev/null""#.to_owned(), "ok"),
        (r#""kid":"' OR 1=1 --""#.to_owned(), "ok"),
        (format!(r#""kid":"{long}""#), "ok"),
        (format!(r#""kid":"{long}k""#), "kid_too_long"),
        (r#""kid":7"#.to_owned(), "kid_type"),
        (r#""kid":null"#.to_owned(), "kid_type"),
        (r#""kid":["a"]"#.to_owned(), "kid_type"),
        (r#""typ":7"#.to_owned(), "typ_type"),
        (r#""typ":null"#.to_owned(), "typ_type"),
        (r#""crit":["exp"]"#.to_owned(), "crit"),
        (r#""crit":["b64"],"b64":false"#.to_owned(), "crit"),
        (r#""crit":[]"#.to_owned(), "crit"),
        (r#""crit":null"#.to_owned(), "crit"),
        (r#""\u0063rit":["exp"]"#.to_owned(), "crit"),
        (r#""b64":false"#.to_owned(), "b64"),
        (r#""b64":true"#.to_owned(), "b64"),
        (r#""b64":null"#.to_owned(), "b64"),
        // None of these is read, whatever it holds.
        (r#""jwk":{"kty":"oct","k":"AAAA"}"#.to_owned(), "ok"),
        (r#""jku":"https://attacker.example/jwks.json""#.to_owned(), "ok"),
        (r#""x5u":"https://attacker.example/c.pem","x5c":["AAAA"],"x5t":"AA","x5t#S256":1"#.to_owned(), "ok"),
        (r#""zip":"DEF","cty":7,"enc":"A128GCM","Crit":[],"B64":false"#.to_owned(), "ok"),
    ];
    for (members, expected) in cases {
        let before = token(format!(r#"{{{members},"alg":"RS256"}}"#), CLAIMS);
        let after = token(format!(r#"{{"alg":"RS256",{members}}}"#), CLAIMS);
        assert_eq!((outcome(&before), outcome(&after)), (expected, expected), "{members}");
    }
}

/// Each as header and as payload; `{}` alone is a payload and no header.
#[test]
fn objects_without_a_second_reading() {
    let nested =
        |levels: usize| format!(r#"{{"alg":"RS256","x":{}{}}}"#, "[".repeat(levels), "]".repeat(levels));
    let members = |n: usize| {
        let list: Vec<String> = (1..n).map(|i| format!(r#""m{i}":0"#)).collect();
        format!(r#"{{"alg":"RS256",{}}}"#, list.join(","))
    };
    let spread = r#"{"alg":"RS256","a":[{"x":1},{"x":2}],"b":{"x":3}}"#;
    // Two members, and objects of one each.
    let objects = |n: usize| format!(r#"{{"alg":"RS256","x":[{}]}}"#, vec![r#"{"x":0}"#; n - 2].join(","));
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (HEADER.into(), "ok"),
        (b" \r\n\t{\"alg\" :\n\"RS256\"}\r\n ".into(), "ok"),
        (spread.into(), "ok"),
        (r#"{"alg":"RS256","x":"\ud83d\ude00"}"#.into(), "ok"),
        (r#"{"alg":"RS256","":{"":{"":0}}}"#.into(), "ok"),
        (nested(MAX_DEPTH - 1).into(), "ok"),
        (nested(MAX_DEPTH).into(), "depth"),
        (nested(100).into(), "depth"),
        (nested(1000).into(), "json"),
        (members(MAX_MEMBERS).into(), "ok"),
        (members(MAX_MEMBERS + 1).into(), "members"),
        (objects(MAX_MEMBERS).into(), "ok"),
        (objects(MAX_MEMBERS + 1).into(), "members"),
        (r#"{"alg":"RS256","alg":"RS256"}"#.into(), "duplicate"),
        (r#"{"alg":"RS256","alg":"none"}"#.into(), "duplicate"),
        (r#"{"alg":"RS256","al\u0067":"none"}"#.into(), "duplicate"),
        (r#"{"alg":"RS256","\u0061\u006C\u0067":"none"}"#.into(), "duplicate"),
        (r#"{"alg":"RS256","x":1,"y":2,"x":1}"#.into(), "duplicate"),
        (r#"{"alg":"RS256","":1,"":1}"#.into(), "duplicate"),
        (r#"{"alg":"RS256","a":[[{"x":1,"x":2}]]}"#.into(), "duplicate"),
        (r#"{"alg":"RS256","a":{"b":{"x":1,"\u0078":2}}}"#.into(), "duplicate"),
        (r#"{"alg":"RS256","a":1,"b":1,"c":1,"d":1,"e":1,"f":1,"g":1,"h":1,"b":2}"#.into(), "duplicate"),
        // Other names, however alike: nothing is normalised or folded.
        (r#"{"alg":"RS256","Alg":"none","\u00e9":1,"e\u0301":2}"#.into(), "ok"),
        (r#"{"alg":"RS256","x":"\ud800"}"#.into(), "json"),
        (r#"{"alg":"RS256","x":"\udc00\ud800"}"#.into(), "json"),
        (r#"{"alg":"RS256","x":"\ud800\u0041"}"#.into(), "json"),
        (r#"{"alg":"RS256","\udfff":1}"#.into(), "json"),
        (r#"{"alg":"RS256"}{}"#.into(), "json"),
        (r#"{"alg":"RS256"},"#.into(), "json"),
        (b"{\"alg\":\"RS256\"}\0".into(), "json"),
        ("\u{feff}{\"alg\":\"RS256\"}".into(), "json"),
        (r#"{"alg":"RS256",}"#.into(), "json"),
        (r#"{"alg":"RS256" /* x */}"#.into(), "json"),
        (r#"{'alg':'RS256'}"#.into(), "json"),
        (r#"{alg:"RS256"}"#.into(), "json"),
        (r#"{"alg":"RS256""#.into(), "json"),
        (r#"{"alg":"RS256","x":NaN}"#.into(), "json"),
        (r#"{"alg":"RS256","x":Infinity}"#.into(), "json"),
        (r#"{"alg":"RS256","x":1e400}"#.into(), "json"),
        (r#"{"alg":"RS256","x":-1e400}"#.into(), "json"),
        (r#"{"alg":"RS256","x":01}"#.into(), "json"),
        (r#"{"alg":"RS256","x":+1}"#.into(), "json"),
        (r#"{"alg":"RS256","x":.5}"#.into(), "json"),
        (r#"{"alg":"RS256","x":0x10}"#.into(), "json"),
        ("{\"alg\":\"RS256\",\"x\":\"\n\"}".into(), "json"),
        (b"{\"alg\":\"RS256\",\"x\":\"\xff\"}".into(), "utf8"),
        // An overlong slash, a surrogate as CESU-8, UTF-16.
        (b"{\"alg\":\"RS256\",\"x\":\"\xc0\xaf\"}".into(), "utf8"),
        (b"{\"alg\":\"RS256\",\"x\":\"\xed\xa0\x80\"}".into(), "utf8"),
        (b"\xff\xfe{\0}\0".into(), "utf8"),
        (b"\0{\0}".into(), "json"),
        (b"null".into(), "not_object"),
        (b"\"RS256\"".into(), "not_object"),
        (br#"[{"alg":"RS256"}]"#.into(), "not_object"),
        (b"7".into(), "not_object"),
        (b" ".into(), "json"),
    ];
    for (bytes, expected) in cases {
        let named =
            |part: &str| if expected == "ok" { "ok".to_owned() } else { format!("{part}_{expected}") };
        let text = String::from_utf8_lossy(&bytes);
        let limits = Limits { header: 8192, ..Limits::default() };
        let as_header = token(&bytes, CLAIMS);
        let as_header = within(&as_header, limits).map_or_else(TokenError::as_str, |()| "ok");
        assert_eq!(as_header, named("header"), "{text}");
        assert_eq!(outcome(&token(HEADER, &bytes)), named("payload"), "{text}");
    }
    assert_eq!(outcome(&token(HEADER, "{}")), "ok");
}

#[test]
fn sizes() {
    let header = |n: usize| format!(r#"{{"alg":"RS256","x":"{}"}}"#, "x".repeat(n - 22));
    assert_eq!(header(2048).len(), 2048);
    assert_eq!(outcome(&token(header(2048), CLAIMS)), "ok");
    assert_eq!(outcome(&token(header(2049), CLAIMS)), "header_too_long");
    // Whole tokens, to the byte: the signature fills up.
    let start = format!("{}.{}.", base64url(HEADER), base64url(CLAIMS));
    let of = |n: usize| format!("{start}{}", "A".repeat(n - start.len()));
    assert_eq!(outcome(&of(8192)), "ok");
    assert_eq!(outcome(&of(8193)), "too_long");
    assert_eq!(outcome(&"{".repeat(10_000)), "too_long");
    let limits = Limits { token: 100, header: 20 };
    assert_eq!(within(&of(101), limits), Err(TokenError::TooLong));
    assert!(within(&of(100), limits).is_ok());
    assert_eq!(within(&token(header(30), "{}"), limits), Err(TokenError::HeaderTooLong));
}

#[test]
fn types() {
    let access = AcceptedTypes::new(vec!["at+jwt".to_owned(), "application/logout+JWT".to_owned()], false);
    let accepted = [
        "at+jwt",
        "AT+JWT",
        "application/at+jwt",
        "Application/At+Jwt",
        "logout+jwt",
        "application/logout+jwt",
    ];
    for typ in accepted {
        assert_eq!(access.check(Some(typ)), Ok(()), "{typ}");
    }
    let refused = [
        "JWT",
        "jwt",
        "",
        "at+jwt ",
        "at+jwt;v=1",
        "text/at+jwt",
        "application/",
        "application/application/at+jwt",
        "/at+jwt",
        "at+jw\u{54}\u{301}",
    ];
    for typ in refused {
        assert_eq!(access.check(Some(typ)), Err(TokenError::TypRefused), "{typ}");
    }
    assert_eq!(access.check(None), Err(TokenError::TypMissing));
    // With a `/` of its own a type has nothing before it.
    let other = AcceptedTypes::new(vec!["text/x".to_owned()], false);
    assert_eq!((other.check(Some("TEXT/x")), other.check(Some("x"))), (Ok(()), Err(TokenError::TypRefused)));
    assert_eq!(other.check(Some("application/text/x")), Err(TokenError::TypRefused));
    let lenient = AcceptedTypes::new(vec!["JWT".to_owned()], true);
    assert_eq!((lenient.check(None), lenient.check(Some("jwt"))), (Ok(()), Ok(())));
    assert_eq!(lenient.check(Some("at+jwt")), Err(TokenError::TypRefused));
}

/// A signature of something else than claims is one all the same (RFC 8037 appendix A.4), and no token.
#[test]
fn a_payload_of_text_is_no_token() {
    let text = token(r#"{"alg":"EdDSA"}"#, "Example of Ed25519 signing");
    assert!(Jws::parse(text.as_bytes(), Limits::default()).is_ok());
    assert_eq!(outcome(&text), "payload_json");
}

#[test]
fn errors_name_no_byte_of_the_token() {
    let error = TokenError::Json(Part::Payload, JsonError::Duplicate);
    assert_eq!(
        (error.as_str(), error.to_string().as_str()),
        ("payload_duplicate", "the payload has a member twice")
    );
    let text = token(r#"{"alg":"secret"}"#, CLAIMS);
    let error = within(&text, Limits::default()).unwrap_err();
    assert!(!format!("{error} {error:?} {}", error.as_str()).contains("secret"));
}
