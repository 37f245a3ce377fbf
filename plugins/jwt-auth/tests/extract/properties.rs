//! Whatever a request holds.

use super::strip::stripped;
use super::{head, places, request_with};
use filter_core::http::HeaderName;
use filter_core::message::Headers;
use jwt_auth::extract::{Found, Place, strip};
use proptest::prelude::*;

/// Header fields by name, in order.
fn others(headers: &Headers, name: &str) -> Vec<(Vec<u8>, Vec<u8>)> {
    let list = headers.iter().filter(|(other, _)| *other != name.as_bytes());
    list.map(|(name, value)| (name.to_vec(), value.to_vec())).collect()
}

proptest! {
    #[test]
    fn any_request(fields in prop::collection::vec(("authorization|cookie|x-jwt|x-token|:path", prop::collection::vec(any::<u8>(), 0..40)), 0..6)) {
        let headers = Headers::from_pairs(fields);
        let _ = places().find(&head(&headers));
        let name = HeaderName::from_static("authorization");
        for place in [Place::Header(&name), Place::Cookie("sid"), Place::Cookie(""), Place::Query("access_token"), Place::Query("")] {
            let _ = strip(&place, &head(&headers));
        }
    }

    /// Requests made of the parts that matter: no token is left behind, and never are there two readings of one.
    #[test]
    fn parts_of_requests(
        cookies in prop::collection::vec("(sid|a|b c|SID| sid )?=?[ab\";]{0,2}(; |;|;;)?(sid=x|c=1)?", 0..3),
        query in "([?&]?(access_token|access%5ftoken|a)?=?[a%2+]{0,3}){0,3}",
        scheme in prop::option::of("(Bearer|bearer|Basic)?[ ,]{0,2}a{0,2}(,Bearer b)?"),
    ) {
        let mut fields: Vec<(&str, &str)> = cookies.iter().map(|value| ("cookie", value.as_str())).collect();
        fields.extend(scheme.as_deref().map(|value| ("authorization", value)));
        let path = format!("/p{query}");
        let headers = request_with(&path, &fields);
        let places = places();
        let found = places.find(&head(&headers));
        if let Found::One { token, .. } = &found {
            prop_assert!(!token.is_empty() && token.iter().all(u8::is_ascii_graphic));
            stripped(&headers);
        }
    }

    /// One cookie among others.
    #[test]
    fn other_cookies_stay(
        before in prop::collection::vec("[a-r]=[!-:<-~]{0,5}|[a-r]|[a-r]=\"x y\"", 0..3),
        after in prop::collection::vec("[a-r]=[!-:<-~]{0,5}|[a-r]|[a-r]=\"x y\"", 0..3),
        between in prop::sample::select(vec!["; ", ";", ";  ", ";\t"]),
    ) {
        let list = |token: &[String]| [&before, token, &after].concat().join(between);
        let cookie = list(&["sid=t".to_owned()]);
        let headers = request_with("/", &[("x-1", "1"), ("cookie", &cookie), ("x-2", "2")]);
        let (left, _) = stripped(&headers);
        let rest = list(&[]);
        let expected = Some(rest.as_bytes()).filter(|rest| !rest.is_empty());
        prop_assert_eq!(left.first("cookie"), expected);
        prop_assert_eq!(others(&left, "cookie"), others(&headers, "cookie"));
    }

    /// One parameter among others.
    #[test]
    fn the_rest_of_the_query_stays(path in "(/[a-z%.]{0,4}){1,3}", before in prop::collection::vec("[b-z%=?+]{1,6}", 0..3), after in prop::collection::vec("[b-z%=?+]{1,6}", 0..3)) {
        let list = |between: &[String]| [&before, between, &after].concat().join("&");
        let headers = request_with(&format!("{path}?{}", list(&["access_token=t".to_owned()])), &[("x-1", "1")]);
        let (left, _) = stripped(&headers);
        let rest = list(&[]);
        let expected = if rest.is_empty() { path } else { format!("{path}?{rest}") };
        prop_assert_eq!(left.first(":path"), Some(expected.as_bytes()));
        prop_assert_eq!(others(&left, ":path"), others(&headers, ":path"));
    }
}
