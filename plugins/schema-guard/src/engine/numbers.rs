//! `minimum`, `maximum`, their exclusive forms and `multipleOf`, by exact value: `jsonschema` compares as 64-bit floats
//! what is not an integer, and takes what is too large for one as an infinity.
//!
//! The numbers of a schema come from the configuration, where `serde_json` holds an integer below 2^64 exactly and any
//! other number as a 64-bit float. Its value is then the shortest decimal that reads as that float: what was written,
//! if that had 15 significant digits at most.

use super::held::{Documents, Held};
use crate::json::Number;
use jsonschema::{Keyword, ValidationError};
use jsonschema_value::Node as _;
use serde_json::{Map, Value};
use std::cmp::Ordering;
use std::collections::HashSet;
use std::sync::Arc;

/// The keywords that are ours.
pub(super) const KEYWORDS: [&str; 5] =
    ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"];

/// What one of the keywords demands of a number.
enum Demand {
    /// A comparison with the limit that must come out as one of these.
    Compared(&'static [Ordering]),
    /// A whole number of times.
    Multiple,
    /// Nothing.
    Nothing,
}

/// One keyword in one schema.
struct Limit {
    demand: Demand,
    number: String,
}

impl Limit {
    /// `unasked`: the schemas whose metaschema says that they check nothing (`$vocabulary`), by address.
    fn new(keyword: &str, parent: &Map<String, Value>, value: &Value, unasked: &HashSet<usize>) -> Self {
        use Ordering::{Equal, Greater, Less};
        // Draft 4: the exclusive forms are flags of `minimum` and `maximum`, and demand nothing themselves.
        let exclusive = |flag: &str| parent.get(flag) == Some(&Value::Bool(true));
        let demand = match (keyword, value) {
            _ if unasked.contains(&std::ptr::from_ref(parent).addr()) => Demand::Nothing,
            ("minimum", _) if exclusive("exclusiveMinimum") => Demand::Compared(&[Greater]),
            ("maximum", _) if exclusive("exclusiveMaximum") => Demand::Compared(&[Less]),
            ("minimum", _) => Demand::Compared(&[Greater, Equal]),
            ("maximum", _) => Demand::Compared(&[Less, Equal]),
            ("exclusiveMinimum", Value::Number(_)) => Demand::Compared(&[Greater]),
            ("exclusiveMaximum", Value::Number(_)) => Demand::Compared(&[Less]),
            ("multipleOf", _) => Demand::Multiple,
            _ => Demand::Nothing,
        };
        Self { demand, number: value.to_string() }
    }

    fn holds(&self, number: Number<'_>) -> bool {
        // The metaschema has seen to it that it is a number; if it were not, nothing would pass.
        let Some(limit) = Number::of(&self.number) else { return matches!(self.demand, Demand::Nothing) };
        match self.demand {
            Demand::Compared(outcomes) => outcomes.contains(&number.cmp(&limit)),
            Demand::Multiple => number.is_multiple_of(limit),
            Demand::Nothing => true,
        }
    }
}

impl<'i> Keyword<'i, Documents> for Limit {
    fn validate(&self, instance: Held<'i>) -> Result<(), ValidationError<'i>> {
        if self.is_valid(instance) {
            return Ok(());
        }
        instance.work.error();
        Err(ValidationError::custom(String::new()))
    }

    fn is_valid(&self, instance: Held<'i>) -> bool {
        instance.as_number().is_none_or(|number| self.holds(number.0))
    }
}

/// Our keywords for the engine.
pub(super) fn register<'o>(
    mut options: super::EngineOptions<'o>,
    unasked: HashSet<usize>,
) -> super::EngineOptions<'o> {
    let unasked = Arc::new(unasked);
    for keyword in KEYWORDS {
        let unasked = Arc::clone(&unasked);
        options = options.with_keyword(keyword, move |parent, value, _| {
            Ok(Box::new(Limit::new(keyword, parent, value, &unasked))
                as Box<dyn for<'i> Keyword<'i, Documents>>)
        });
    }
    options
}
