//! What may be asked with one method, compiled.

mod body;

pub(crate) use body::{Body, Content};

use crate::config::OperationConfig;
use crate::engine::Sources;
use crate::parameters::{Declared, Parameters};
use crate::responses::Responses;
use filter_core::config::At;
use filter_core::http::Method;
use filter_core::matcher::PathPattern;

/// What all operations are compiled with.
pub(crate) struct Shared<'a> {
    /// Schemas that others refer to.
    pub(crate) sources: &'a Sources,
    /// Largest body, in bytes.
    pub(crate) max_body: u64,
}

/// What an operation has of its rule.
pub(crate) struct Inherited<'a> {
    /// What the rule matches.
    pub(crate) path: Option<&'a PathPattern>,
    /// Parameters.
    pub(crate) parameters: &'a Declared,
}

/// What may be asked with one method.
pub(crate) struct Operation {
    /// Those of path, query and header.
    pub(crate) parameters: Parameters,
    /// Whether the connection may become one of another protocol.
    pub(crate) upgrade: bool,
    /// `None`: there must be no body.
    pub(crate) body: Option<Body>,
    /// `None`: answers are not looked at.
    pub(crate) responses: Option<Responses>,
}

impl Operation {
    /// `None`: errors were reported below `at`.
    pub(crate) fn compile(
        config: OperationConfig,
        method: &Method,
        inherited: &Inherited<'_>,
        shared: &Shared<'_>,
        at: &At<'_>,
    ) -> Option<Self> {
        if *method == Method::TRACE && config.body.is_some() {
            // RFC 9110 section 9.3.8.
            at.key("body").error("a TRACE request has no body");
            return None;
        }
        let own = Declared::compile(config.parameters, inherited.path, shared.sources, &at.key("parameters"));
        let body = match config.body {
            Some(body) => Body::compile(body, shared, &at.key("body")).map(Some),
            None => Some(None),
        };
        let responses = match config.responses {
            Some(responses) => {
                Responses::compile(responses, shared.sources, shared.max_body, &at.key("responses")).map(Some)
            }
            None => Some(None),
        };
        let parameters = Parameters::of(inherited.parameters, &own?, config.other_query, at);
        Some(Self { parameters: parameters?, upgrade: config.upgrade, body: body?, responses: responses? })
    }
}
