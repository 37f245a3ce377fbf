//! What a client hears of a body that is refused.

use crate::engine::COMPLEXITY;
use crate::json::Refusal;
use crate::schema::Fault;
use filter_core::denial::{Denial, Reason};
use filter_core::violation::Violation;

/// That it is wrong was known at once; why is looked for only so long. The log says why there is nothing to say.
const UNEXPLAINED: &str = "what is wrong would take too long to find";

/// The refusal of a body. `terse`: where and how it breaks its schema is for the log alone.
pub(crate) fn of_body(fault: Fault, terse: bool) -> Denial {
    match fault {
        Fault::Unread(refusal) => unread(refusal),
        // It may well be valid.
        Fault::Invalid(violations) if violations.iter().any(|one| one.keyword == COMPLEXITY) => {
            Denial::new(Reason::SchemaLimit)
                .detail("the body takes too much work to be checked")
                .note("more work than its size allows")
        }
        Fault::Invalid(violations) => {
            let denial = Denial::new(Reason::SchemaInvalid);
            let denial = if violations.is_empty() { denial.note(UNEXPLAINED) } else { denial };
            denial.violations(violations, terse)
        }
    }
}

/// The refusal of parameters, as [`of_body`].
pub(crate) fn of_parameters(violations: Vec<Violation>, terse: bool) -> Denial {
    let denial = Denial::new(Reason::SchemaParameter);
    let denial = if violations.is_empty() { denial.note(UNEXPLAINED) } else { denial };
    denial.violations(violations, terse)
}

/// The refusal of a body that was not read. Nothing of its text is said anywhere.
pub(crate) fn unread(refusal: Refusal) -> Denial {
    match refusal {
        Refusal::Malformed { at, what } => {
            Denial::new(Reason::SchemaMalformed).note(format!("{what}, at byte {at}"))
        }
        Refusal::Duplicate { at } => {
            Denial::new(Reason::SchemaDuplicate).note(format!("the second one at byte {at}"))
        }
        Refusal::TooMuch(limit) => {
            let denial = Denial::new(Reason::SchemaLimit).note(format!("limits.{limit}"));
            match detail(limit) {
                Some(detail) => denial.detail(detail),
                None => denial,
            }
        }
    }
}

/// What a client may know of a limit: what to make smaller, not its number.
fn detail(limit: &str) -> Option<&'static str> {
    Some(match limit {
        "depth" => "the body is nested too deeply",
        "values" => "the body has too many values",
        "members" => "an object has too many members",
        "items" => "an array has too many elements",
        "name" => "the name of a member is too long",
        "string" => "a string is too long",
        "number" => "a number is too long",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use filter_core::denial::Members;
    use filter_core::violation::Place;

    #[test]
    fn too_much_work_is_a_limit_and_nothing_is_wrong_with_the_body() {
        let violation = Violation { place: Place::Body(String::new()), keyword: COMPLEXITY.into() };
        let denial = of_body(Fault::Invalid(vec![violation]), false);
        assert_eq!(denial.reason, Reason::SchemaLimit);
        assert!(denial.members == Members::None && denial.detail.is_some());
    }

    #[test]
    fn what_one_validator_refuses_is_invalid_although_there_is_nothing_to_say() {
        for denial in [of_body(Fault::Invalid(Vec::new()), false), of_parameters(Vec::new(), true)] {
            assert_eq!(denial.note.as_deref(), Some(UNEXPLAINED));
        }
    }
}
