//! The module in a real Envoy, whose V8 runs it and whose BoringSSL is the host that verifies.

use super::requests;
use super::tally::Place;
use replay::client::send;
use replay::request::Request;
use serde_json::json;
use suite::gateway::Gateway;
use suite::patience::in_time;
use tokio::runtime::{Builder, Runtime};
use verifier::{Answer, Question};

struct Envoy {
    runtime: Runtime,
    gateway: Gateway,
}

impl Place for Envoy {
    const NAME: &'static str = "envoy";

    fn start() -> Self {
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        let configuration = json!({ "version": 1 });
        let gateway = Gateway::start_with("verifier", &configuration, &[], 1);
        let gateway = runtime.block_on(gateway).unwrap();
        Self { runtime, gateway }
    }

    fn ask(&mut self, questions: &[Question]) -> Vec<Answer> {
        requests::ask(questions, |body| self.send(body))
    }

    fn end(self) {
        self.runtime.block_on(self.gateway.end()).unwrap();
    }
}

impl Envoy {
    fn send(&self, body: Vec<u8>) -> Vec<u8> {
        let length = ("content-length".to_owned(), body.len().to_string().into_bytes());
        let request = Request { headers: vec![length], body: Some(vec![body]), ..Request::new("POST", "/") };
        let exchange = self.runtime.block_on(in_time("an answer", send(self.gateway.addr, &request)));
        let response = exchange.unwrap().unwrap().response.unwrap();
        assert_eq!(response.status, 200, "{response:?}");
        assert_eq!(response.cut_off, None);
        response.body
    }
}

super::every_family!(Envoy);
