//! One guest in a gateway, one request, and the lines that come of it.

use std::collections::{BTreeMap, BTreeSet};

use proxy_wasm_host::{
    CallOut, CallOutAnswer, Engine, Exchange, GrpcAnswer, GrpcCall, HeaderMap, Host, Kind, Limits, Module,
    Network, Options, Plugin, Request, Response, StartError, StreamId, UpstreamRequest,
};

use crate::guest::Guest;

/// A gateway with one plugin, and what is sent through it.
pub struct Scenario {
    pub guest: Guest,
    pub vm_id: &'static str,
    pub root_id: &'static str,
    pub configuration: &'static str,
    pub vm_configuration: &'static str,
    pub environment: &'static [(&'static str, &'static str)],
    pub capabilities: &'static [&'static str],
    pub request: &'static [(&'static str, &'static str)],
    /// `None`: the head ends the request.
    pub body: Option<&'static str>,
    pub response: &'static [(&'static str, &'static str)],
    pub response_body: &'static str,
    pub properties: &'static [(&'static str, &'static str)],
    pub attributes: &'static [(&'static str, &'static str)],
    pub limits: Limits,
}

impl Scenario {
    pub fn new(guest: Guest) -> Self {
        Self {
            guest,
            vm_id: "vm",
            root_id: "root",
            configuration: "configuration of the plugin",
            vm_configuration: "configuration of the VM",
            environment: &[],
            capabilities: &[],
            request: &[
                (":method", "GET"),
                (":authority", "a.test"),
                (":path", "/p/q?x=1&y"),
                ("x-one", "1"),
                ("x-two", "a"),
                ("x-two", "b"),
            ],
            body: None,
            response: &[(":status", "200"), ("content-length", "3"), ("x-up", "u")],
            response_body: "abc",
            properties: &[],
            attributes: &[],
            limits: Limits::default(),
        }
    }

    /// The gateway, started.
    pub fn host(&self) -> Host<Upstream> {
        self.try_host().unwrap()
    }

    /// The gateway, if it starts.
    pub fn try_host(&self) -> Result<Host<Upstream>, StartError> {
        self.host_with(Options {
            clusters: Some(BTreeSet::from(["api".to_owned()])),
            attributes: bytes(self.attributes),
            limits: Limits { callback: std::time::Duration::from_secs(10), ..self.limits.clone() },
            ..Options::default()
        })
    }

    fn host_with(&self, options: Options) -> Result<Host<Upstream>, StartError> {
        let engine = Engine::new(false).unwrap();
        let module = Module::new(&engine, &self.guest.wasm()).unwrap();
        let texts = |list: &[(&str, &str)]| {
            list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>()
        };
        let plugin = Plugin {
            root_id: self.root_id.to_owned(),
            vm_id: self.vm_id.to_owned(),
            vm_configuration: self.vm_configuration.into(),
            environment: texts(self.environment),
            capabilities: self.capabilities.iter().map(|name| (*name).to_owned()).collect(),
            ..Plugin::new("plugin", module, self.configuration)
        };
        let response = Response {
            headers: HeaderMap::from_pairs(Kind::Response, self.response.iter().copied()),
            body: self.response_body.into(),
            end_with_last: self.response_body.is_empty(),
            ..Response::default()
        };
        Host::new(vec![plugin], options, Upstream { response }).map_err(|refused| refused.error)
    }

    /// The one request.
    pub fn request(&self) -> Request {
        let mut headers = HeaderMap::from_pairs(Kind::Request, self.request.iter().copied());
        headers.add(b":scheme", b"http");
        Request {
            headers,
            body: self.body.into_iter().map(|piece| piece.as_bytes().to_vec()).collect(),
            // As over HTTP/1: the end of a body is an event of its own.
            end_with_last: self.body.is_none(),
            source: "127.0.0.1:4711".to_owned(),
            properties: bytes(self.properties),
            ..Request::default()
        }
    }

    /// What comes of the request.
    pub fn exchange(&self) -> Exchange {
        self.exchange_in(self.host())
    }

    fn exchange_in(&self, mut host: Host<Upstream>) -> Exchange {
        host.submit(self.request());
        host.run();
        host.next_finished().unwrap()
    }

    /// Checks what the guest logs in these callbacks of a stream, in this order.
    pub fn check(&self, callbacks: &[&str]) {
        self.check_exchange(self.exchange(), callbacks);
    }

    /// The same in another gateway.
    pub fn check_with(&self, options: Options, callbacks: &[&str]) {
        self.check_exchange(self.exchange_in(self.host_with(options).unwrap()), callbacks);
    }

    fn check_exchange(&self, exchange: Exchange, callbacks: &[&str]) {
        assert_eq!(exchange.traps, []);
        let logged: Vec<String> = exchange.logs.into_iter().map(|line| line.text).collect();
        self.compare(&logged, callbacks);
    }

    /// Checks what the guest logs while it starts.
    pub fn check_start(&self, callbacks: &[&str]) {
        let mut host = self.host();
        let logged: Vec<String> = host.take_logs().into_iter().map(|line| line.text).collect();
        self.compare(&logged, callbacks);
    }

    fn compare(&self, logged: &[String], callbacks: &[&str]) {
        let expected: Vec<String> = callbacks.iter().flat_map(|name| self.guest.expected(name)).collect();
        for (index, expected) in expected.iter().enumerate() {
            let logged = logged.get(index).map_or("nothing", String::as_str);
            assert_eq!(logged, expected, "line {index}");
        }
    }
}

fn bytes(list: &[(&str, &str)]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    list.iter()
        .map(|(name, value)| (name.replace('|', "\0").into_bytes(), value.as_bytes().to_vec()))
        .collect()
}

/// Answers every request alike, and call-outs with 200.
pub struct Upstream {
    response: Response,
}

impl Network for Upstream {
    fn upstream(&mut self, _: StreamId, _: &UpstreamRequest) -> Option<Response> {
        Some(self.response.clone())
    }

    fn call_out(&mut self, _: Option<StreamId>, _: &CallOut) -> CallOutAnswer {
        let headers = HeaderMap::from_pairs(Kind::Response, [(":status", "200"), ("x-call", "yes")]);
        CallOutAnswer::Response(Response { headers, body: b"answer".to_vec(), ..Response::default() })
    }

    fn grpc(&mut self, _: Option<StreamId>, call: &GrpcCall) -> GrpcAnswer {
        GrpcAnswer { messages: vec![call.message.clone()], ..GrpcAnswer::default() }
    }
}
