//! `exp`, `nbf`, `iat` and how long a token lives.

use super::{NOW, check, outcome, rules, tree};
use filter_core::policy::Timestamp;
use jwt_auth::claims::{Rules, Times};
use proptest::prelude::*;
use std::time::Duration;

/// Now is 1 700 000 000, the skew a minute.
#[test]
fn from_nbf_on_and_before_exp() {
    let cases = [
        (r#"{"exp":1700000060}"#, "ok"),
        (r#"{"exp":1699999941}"#, "ok"),
        (r#"{"exp":1699999940.5}"#, "ok"),
        (r#"{"exp":1699999940}"#, "exp was 60 s ago, the skew is 60 s"),
        (r#"{"exp":1699999939.5}"#, "exp was 61 s ago, the skew is 60 s"),
        (r#"{"exp":1699996400}"#, "exp was 3600 s ago, the skew is 60 s"),
        (r#"{"exp":0}"#, "exp was 1700000000 s ago, the skew is 60 s"),
        (r#"{"exp":-0}"#, "exp was 1700000000 s ago, the skew is 60 s"),
        (r#"{"exp":-0.0}"#, "exp was 1700000000 s ago, the skew is 60 s"),
        (r#"{"exp":-1}"#, "exp was 1700000001 s ago, the skew is 60 s"),
        (r#"{"exp":1.7e9}"#, "ok"),
        (r#"{"nbf":1700000060}"#, "ok"),
        (r#"{"nbf":1700000060.000001}"#, "nbf is 61 s ahead, the skew is 60 s"),
        (r#"{"nbf":1700000061}"#, "nbf is 61 s ahead, the skew is 60 s"),
        (r#"{"nbf":-5}"#, "ok"),
        (r#"{"iat":1700000060}"#, "ok"),
        (r#"{"iat":1700000061}"#, "iat is 61 s ahead, the skew is 60 s"),
        (r#"{"iat":0}"#, "ok"),
        // The issuer's clock in milliseconds is not the future of anybody.
        (r#"{"iat":1700000000000}"#, "iat is 1698300000000 s ahead, the skew is 60 s"),
    ];
    for (json, expected) in cases {
        assert_eq!(check(&rules(), json), expected, "{json}");
    }
}

#[test]
fn only_numbers_are_dates() {
    for name in ["exp", "nbf", "iat"] {
        for value in
            [r#""1700000000""#, r#""""#, "null", "true", "[1700000000]", "{}", r#""2030-01-01T00:00:00Z""#]
        {
            let json = format!(r#"{{"{name}":{value}}}"#);
            assert_eq!(check(&rules(), &json), format!("{name} is of the wrong type"), "{json}");
        }
    }
}

/// What does not fit is as far as can be, on its own side.
#[test]
fn nothing_wraps_around() {
    let far = [
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "18446744073709551616",
        "1e300",
        "1.7976931348623157e308",
        "9223372036855",
        "1e13",
    ];
    for value in far {
        for json in [
            format!(r#"{{"exp":{value}}}"#),
            format!(r#"{{"nbf":-{value}}}"#),
            format!(r#"{{"iat":-{value}}}"#),
        ] {
            assert_eq!(check(&rules(), &json), "ok", "{json}");
        }
        for (name, json) in [
            ("exp", format!(r#"{{"exp":-{value}}}"#)),
            ("nbf", format!(r#"{{"nbf":{value}}}"#)),
            ("iat", format!(r#"{{"iat":{value}}}"#)),
        ] {
            assert!(check(&rules(), &json).starts_with(name), "{json}");
        }
        let both = format!(r#"{{"iat":-{value},"exp":{value}}}"#);
        let short = Rules { max_lifetime: Some(Duration::from_secs(60)), ..rules() };
        assert!(check(&short, &both).starts_with("the lifetime is "), "{both}");
    }
    assert_eq!(
        check(&rules(), r#"{"exp":1e-300,"nbf":-1e-300}"#),
        "exp was 1700000000 s ago, the skew is 60 s"
    );
    // Nor does the clock, wherever it stands.
    let last = Timestamp(u64::MAX);
    assert_eq!(outcome(rules().check(&tree(r#"{"nbf":1,"iat":1e300}"#), last)), "ok");
    assert!(rules().check(&tree(r#"{"exp":1e12}"#), last).is_err());
    assert_eq!(outcome(rules().check(&tree(r#"{"exp":1}"#), Timestamp(0))), "ok");
    assert_eq!(outcome(rules().check(&tree(r#"{"nbf":60,"exp":0.5}"#), Timestamp(0))), "ok");
}

#[test]
fn exp_is_required_unless_said_otherwise() {
    assert_eq!(check(&Rules::default(), "{}"), "there is no exp");
    assert_eq!(check(&Rules::default(), r#"{"exp":1700000001}"#), "ok");
    assert_eq!(check(&rules(), "{}"), "ok");
}

#[test]
fn the_skew_is_the_rules() {
    let none = Rules { skew: Duration::ZERO, ..rules() };
    let cases = [
        (r#"{"exp":1700000001}"#, "ok"),
        (r#"{"exp":1700000000.000001}"#, "ok"),
        (r#"{"exp":1700000000}"#, "exp was 0 s ago, the skew is 0 s"),
        (r#"{"nbf":1700000000}"#, "ok"),
        (r#"{"nbf":1700000000.5}"#, "nbf is 1 s ahead, the skew is 0 s"),
    ];
    for (json, expected) in cases {
        assert_eq!(check(&none, json), expected, "{json}");
    }
    let most = Rules { skew: Rules::MAX_SKEW, ..rules() };
    assert_eq!(check(&most, r#"{"exp":1699999701}"#), "ok");
    assert_eq!(check(&most, r#"{"exp":1699999700}"#), "exp was 300 s ago, the skew is 300 s");
}

#[test]
fn lifetime() {
    let hour = Rules { max_lifetime: Some(Duration::from_secs(3600)), ..rules() };
    let cases = [
        (r#"{"iat":1700000000,"exp":1700003600}"#, "ok"),
        (r#"{"iat":1700000000,"exp":1700003600.5}"#, "the lifetime is 3601 s, at most 3600 s are accepted"),
        (r#"{"iat":1699999000,"exp":1700003600}"#, "the lifetime is 4600 s, at most 3600 s are accepted"),
        // Without `iat` from now on, which the issuer's clock may be a minute ahead of.
        (r#"{"exp":1700003660}"#, "ok"),
        (r#"{"exp":1700003661}"#, "the lifetime is 3601 s, at most 3600 s are accepted"),
        (r#"{"nbf":1699999999,"exp":1800000000}"#, "the lifetime is 99999940 s, at most 3600 s are accepted"),
        (r#"{"iat":1700000000}"#, "there is no exp"),
        (r#"{"iat":1700000050,"exp":1699999990}"#, "ok"),
    ];
    for (json, expected) in cases {
        assert_eq!(check(&hour, json), expected, "{json}");
    }
}

/// A cache keeps the dates alone.
#[test]
fn the_dates_are_checked_again_later() {
    let times = rules().check(&tree(r#"{"exp":1700000100,"iat":1700000000.25}"#), NOW).unwrap();
    let after = |seconds: u64| outcome(times.check(&rules(), Timestamp(NOW.0 + seconds * 1_000_000)));
    assert_eq!((after(0).as_str(), after(159).as_str()), ("ok", "ok"));
    assert_eq!(after(160), "exp was 60 s ago, the skew is 60 s");
    assert_eq!(times.iat.map(|date| date.seconds()), Some(1_700_000_000));
    assert_eq!(Times::of(&tree(r#"{"iat":-0.5}"#)).unwrap().iat.map(|date| date.seconds()), Some(-1));
}

proptest! {
    /// In whole seconds: what the RFC says, by arithmetic that cannot overflow.
    #[test]
    fn as_the_rfc_says(exp in any::<i64>(), nbf in any::<i64>(), iat in any::<i64>(), now in 0..4_000_000_000_u64, skew in 0..301_u64, near in any::<[i8; 3]>(), far in any::<[bool; 3]>()) {
        let moment = i64::try_from(now).unwrap();
        let pick = |far: bool, date: i64, near: i8| if far { date } else { moment + i64::from(near) };
        let (exp, nbf, iat) = (pick(far[0], exp, near[0]), pick(far[1], nbf, near[1]), pick(far[2], iat, near[2]));
        let rules = Rules { skew: Duration::from_secs(skew), ..Rules::default() };
        let claims = tree(&format!(r#"{{"exp":{exp},"nbf":{nbf},"iat":{iat}}}"#));
        let (now_, skew) = (i128::from(now), i128::from(skew));
        let valid = now_ - skew < i128::from(exp) && i128::from(nbf) <= now_ + skew && i128::from(iat) <= now_ + skew;
        prop_assert_eq!(rules.check(&claims, Timestamp(now * 1_000_000)).is_ok(), valid);
    }

    #[test]
    fn any_number(exp in any::<f64>(), nbf in any::<f64>(), iat in any::<f64>(), now in any::<u64>(), most in any::<Option<u64>>()) {
        let claims = tree(&format!(r#"{{"exp":{exp:e},"nbf":{nbf:e},"iat":{iat:e}}}"#));
        let rules = Rules { max_lifetime: most.map(Duration::from_micros), ..Rules::default() };
        if let Err(error) = rules.check(&claims, Timestamp(now)) {
            prop_assert!(error.to_string().len() < 100);
        }
    }
}
