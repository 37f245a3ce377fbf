//! `minimum` and its like, by exact value.

use crate::json::Number;
use std::cmp::Ordering;

/// What is demanded of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// `minimum`
    Least,
    /// `maximum`
    Most,
    /// `exclusiveMinimum`
    Above,
    /// `exclusiveMaximum`
    Below,
    /// `multipleOf`
    Multiple,
}

/// One demand.
pub struct Limit {
    demand: Demand,
    text: String,
    /// The same where it is a whole number of 64 bits.
    whole: Option<i64>,
}

impl Limit {
    /// A demand with this number.
    #[must_use]
    pub fn of(demand: Demand, number: &serde_json::Number) -> Self {
        let text = number.to_string();
        let whole = Number::of(&text).and_then(Number::as_i64);
        Self { demand, text, whole }
    }

    pub(crate) fn holds(&self, number: Number<'_>) -> bool {
        let ordering = match (self.demand, number.as_i64(), self.whole) {
            (Demand::Multiple, ..) => {
                return Number::of(&self.text).is_some_and(|limit| number.is_multiple_of(limit));
            }
            (_, Some(number), Some(limit)) => number.cmp(&limit),
            _ => match Number::of(&self.text) {
                Some(limit) => number.cmp(&limit),
                None => return false,
            },
        };
        match self.demand {
            Demand::Least => ordering.is_ge(),
            Demand::Most => ordering.is_le(),
            Demand::Above => ordering == Ordering::Greater,
            Demand::Below => ordering == Ordering::Less,
            Demand::Multiple => false,
        }
    }
}
