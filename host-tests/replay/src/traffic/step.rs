//! The step that a recorded request becomes.

use std::collections::BTreeMap;

use crate::step::{Answer, Scheme, Step};
use crate::text::Text;

/// A step whose members are all as if not written.
pub(super) fn blank() -> Step {
    Step {
        id: None,
        t_ms: None,
        src: None,
        method: "GET".to_owned(),
        path: "/".into(),
        authority: Text::default(),
        scheme: Scheme::Http,
        http: 1,
        headers: Vec::new(),
        body: None,
        chunks: None,
        trailers: Vec::new(),
        raw: None,
        properties: BTreeMap::new(),
        response: Answer::default(),
        callouts: Vec::new(),
        redis: Vec::new(),
        expect: None,
    }
}
