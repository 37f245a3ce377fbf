//! A configured filter, and requests that are told apart by their address.

use filter_core::filter::{Flow, Outcome};
use filter_core::http::HeaderValue;
use filter_core::message::Headers;
use rate_limit::RateLimit;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;
use testkit::{Exchange, RequestBuilder, request, response};

/// A filter behind one proxy, with these limits, all of which apply to every request.
pub fn config(limits: Value) -> Value {
    let names: Vec<Value> =
        limits.as_array().expect("a list").iter().map(|limit| limit["name"].clone()).collect();
    json!({
        "version": 1,
        "client_address": { "trusted_hops": 1 },
        "limits": limits,
        "default": { "limits": names },
    })
}

/// With something else in it.
pub fn with(mut config: Value, key: &str, value: Value) -> Value {
    config[key] = value;
    config
}

/// `10r/s` with a burst of 20 by address.
pub fn per_address() -> Value {
    config(json!([{ "name": "per-address", "rate": "10r/s", "burst": 20, "key": [{ "address": {} }] }]))
}

/// Secrets by name.
pub fn env() -> impl filter_core::config::Env {
    struct Secrets(BTreeMap<&'static str, &'static str>);
    impl filter_core::config::Env for Secrets {
        fn var(&self, name: &str) -> Option<String> {
            self.0.get(name).map(|value| (*value).to_owned())
        }
    }
    Secrets(BTreeMap::from([("KEY", "0123456789abcdef"), ("SHORT", "0123456789abcde")]))
}

/// The filter.
pub struct Gate(pub Exchange<RateLimit>);

impl Gate {
    pub fn new(config: &Value) -> Self {
        Self(Exchange::with_env(&config.to_string(), &env()).unwrap_or_else(|errors| panic!("{errors}")))
    }

    /// Every error of a configuration.
    pub fn errors(config: &Value) -> Vec<String> {
        match Exchange::<RateLimit>::with_env(&config.to_string(), &env()) {
            Ok(_) => Vec::new(),
            Err(errors) => errors.as_slice().iter().map(ToString::to_string).collect(),
        }
    }

    pub fn ask(&mut self, head: impl Into<Headers>) -> Outcome {
        self.0.next_stream();
        self.0.request(head)
    }

    /// Whether a request passes.
    pub fn passes(&mut self, head: impl Into<Headers>) -> bool {
        let outcome = self.ask(head);
        match outcome.flow {
            Flow::Continue => true,
            Flow::Reply(_) => false,
            Flow::Pause => panic!("it waits"),
        }
    }

    /// How many of so many such requests pass.
    pub fn passed(&mut self, requests: usize, head: &RequestBuilder) -> usize {
        (0..requests).filter(|_| self.passes(head.clone())).count()
    }

    pub fn advance(&self, millis: u64) {
        self.0.cx.advance(Duration::from_millis(millis));
    }

    /// Headers of an upstream's answer to the last request, as the client sees them.
    pub fn answered(&mut self) -> Headers {
        let mut headers = response(200, &[]);
        let outcome = self.0.response(&headers);
        for operation in &outcome.headers {
            headers.apply(operation);
        }
        headers
    }
}

/// From this address.
pub fn from(address: &str) -> RequestBuilder {
    request("GET", "/").header("x-forwarded-for", address)
}

/// What a client gets instead of the upstream's answer.
#[derive(Debug)]
pub struct Refusal {
    pub status: u16,
    pub details: String,
    pub headers: BTreeMap<String, String>,
    pub body: Value,
}

/// The refusal.
pub fn refused(outcome: &Outcome) -> Refusal {
    let Flow::Reply(reply) = &outcome.flow else { panic!("it passes: {outcome:?}") };
    let text = |value: &HeaderValue| value.to_str().expect("ASCII").to_owned();
    Refusal {
        status: reply.status,
        details: reply.details.clone(),
        headers: reply.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect(),
        body: serde_json::from_slice(&reply.body).unwrap_or_default(),
    }
}
