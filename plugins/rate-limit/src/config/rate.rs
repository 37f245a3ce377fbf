//! Rates as they are written: `10r/s`, `100r/30s`.

use filter_core::config::{At, FromTree, Shape, Tree};
use std::time::Duration;

/// So many requests in such a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many…
    pub requests: u32,
    /// … in which time.
    pub per: Duration,
}

const DAY: Duration = Duration::from_secs(86_400);

impl FromTree for Rate {
    fn read(tree: &Tree, at: &At<'_>) -> Option<Self> {
        let Tree::String(text) = tree else { return at.expected("a rate as \"10r/s\"", tree) };
        let rate = parse(text);
        if rate.is_none() {
            at.error("not a rate; expected as \"10r/s\", \"10r/m\", \"10r/h\", \"10r/d\" or \"100r/30s\"");
        }
        rate
    }

    fn shape() -> Shape {
        Shape::Scalar {
            phrase: "rate, as `\"10r/s\"` or `\"100r/30s\"`",
            schema: r#"{"type": "string", "pattern": "^[0-9]+r/([0-9]+(ms|s|m|h)|[0-9]*d|s|m|h)$"}"#,
        }
    }
}

fn parse(text: &str) -> Option<Rate> {
    let (requests, time) = text.split_once("r/")?;
    let digits = requests.bytes().all(|b| b.is_ascii_digit());
    let requests = requests.parse().ok().filter(|_| digits)?;
    let end = time.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = time.split_at_checked(end)?;
    let number = if number.is_empty() { 1 } else { number.parse::<u32>().ok()? };
    let one = match unit {
        "ms" if end > 0 => Duration::from_millis(1),
        "s" => Duration::from_secs(1),
        "m" => Duration::from_secs(60),
        "h" => Duration::from_secs(3600),
        "d" => DAY,
        _ => return None,
    };
    Some(Rate { requests, per: one.checked_mul(number)? })
}
