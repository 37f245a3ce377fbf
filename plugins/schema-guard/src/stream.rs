//! What a request holds while its body is awaited.

use crate::operation::Operation;
use crate::responses;
use filter_core::denial::Denial;
use filter_core::effect::RuleName;
use filter_core::policy::Mode;
use std::sync::Arc;

/// What a request holds.
#[derive(Default)]
pub struct Stream {
    /// `None`: no body is awaited.
    pub(crate) awaited: Option<Awaited>,
    /// `None`: the answer is not looked at.
    pub(crate) asked: Option<Asked>,
}

/// An operation whose answers are looked at.
pub(crate) struct Asked {
    /// The rule that it is of.
    pub(crate) rule: RuleName,
    /// The operation.
    pub(crate) operation: Arc<Operation>,
    /// Whether it was asked with HEAD: then the answer has no body.
    pub(crate) by_head: bool,
    /// What its body is to be, once its head was there.
    pub(crate) expected: Option<responses::Expected>,
}

/// A body that is awaited.
pub(crate) struct Awaited {
    /// The rule that applies; a preflight may have none.
    pub(crate) rule: Option<RuleName>,
    /// Whether its refusals are carried out.
    pub(crate) mode: Mode,
    /// What is expected of it.
    pub(crate) expected: Expected,
}

impl Awaited {
    /// A refusal, with the rule that it is of.
    pub(crate) fn named(&self, denial: Denial) -> Denial {
        match &self.rule {
            Some(rule) => denial.rule(rule),
            None => denial,
        }
    }
}

/// What is expected of a body.
pub(crate) enum Expected {
    /// That there is none, and whether there must be one all the same: then it is missing.
    Nothing {
        /// Whether the operation takes a body.
        required: bool,
    },
    /// That it is what the operation says of the media type at this index.
    Content {
        /// The operation.
        operation: Arc<Operation>,
        /// The index among its media types.
        index: usize,
    },
}
