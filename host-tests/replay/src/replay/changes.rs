//! What is different between two chains' results for one request.

use std::collections::BTreeSet;

use proxy_wasm_host::{Exchange, HeaderMap};

use super::lane::Finished;
use super::outcome::Outcome;
use crate::expect::list;
use crate::text::shown;

/// One line per difference of verdict, status, reason and filter; with `strict` also of the whole response
/// and of what reached the upstream. Not masked.
pub(super) fn changes(config: &Finished, against: &Finished, strict: bool) -> Vec<String> {
    let mut changes = Changes::default();
    changes.check("verdict", verdict(&config.outcome), verdict(&against.outcome));
    if let (true, Some(config), Some(against)) = (strict, &config.exchange, &against.exchange) {
        changes.responses(config, against);
        changes.upstreams(config, against);
    }
    changes.0
}

/// A verdict in one line: `deny 405 method.not_allowed by request-policy`.
pub(super) fn verdict(outcome: &Outcome) -> String {
    let mut text = outcome.verdict.to_string();
    for part in
        [outcome.status.map(|status| status.to_string()), outcome.reason.clone()].into_iter().flatten()
    {
        text.push(' ');
        text.push_str(&part);
    }
    if let Some(filter) = &outcome.denied_by {
        text.push_str(" by ");
        text.push_str(filter);
    }
    text
}

#[derive(Default)]
struct Changes(Vec<String>);

impl Changes {
    fn check(&mut self, what: &str, config: String, against: String) {
        if config != against {
            self.0.push(format!("{what}: {config}, against: {against}"));
        }
    }

    fn bytes(&mut self, what: &str, config: &[u8], against: &[u8]) {
        if config != against {
            self.check(what, shown(config), shown(against));
        }
    }

    fn responses(&mut self, config: &Exchange, against: &Exchange) {
        // That there is none is in the verdict.
        let (Some(config), Some(against)) = (&config.response, &against.response) else { return };
        self.fields("headers", Some(&config.headers), Some(&against.headers));
        self.bytes("body", &config.body, &against.body);
        self.fields("trailers", config.trailers.as_ref(), against.trailers.as_ref());
    }

    fn upstreams(&mut self, config: &Exchange, against: &Exchange) {
        let contacted = |exchange: &Exchange| match &exchange.upstream {
            None => "not contacted",
            Some(request) if request.complete => "got the request",
            Some(_) => "got a part of the request",
        };
        self.check("upstream", contacted(config).to_owned(), contacted(against).to_owned());
        let (Some(config), Some(against)) = (&config.upstream, &against.upstream) else { return };
        self.fields("upstream.headers", Some(&config.headers), Some(&against.headers));
        self.bytes("upstream.body", &config.body, &against.body);
        self.fields("upstream.trailers", config.trailers.as_ref(), against.trailers.as_ref());
    }

    fn fields(&mut self, what: &str, config: Option<&HeaderMap>, against: Option<&HeaderMap>) {
        if config == against {
            return;
        }
        let both = [config, against];
        let names: BTreeSet<&[u8]> =
            both.into_iter().flatten().flat_map(HeaderMap::iter).map(|(name, _)| name).collect();
        for name in names.into_iter().filter(|name| *name != b":status") {
            let [config, against] = both.map(|map| list(values(map, name)));
            self.check(&format!("{what}.{}", name.escape_ascii()), config, against);
        }
    }
}

fn values<'a>(map: Option<&'a HeaderMap>, name: &[u8]) -> Vec<&'a [u8]> {
    let fields = map.into_iter().flat_map(HeaderMap::iter);
    fields.filter(|(have, _)| *have == name).map(|(_, value)| value).collect()
}
