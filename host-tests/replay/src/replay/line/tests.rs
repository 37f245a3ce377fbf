use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use proxy_wasm_host::{ClientResponse, Exchange, HeaderMap, Kind, Metric, StreamId, Trap, UpstreamRequest};

use super::{HostState, Judged, write, write_host};
use crate::replay::entry::Entry;
use crate::replay::lane::Finished;
use crate::replay::outcome::{Instance, Outcome};
use crate::traffic::{self, Origin, Redactor};

fn entry(step: &str) -> Entry {
    let mut exchange = traffic::Exchange {
        origin: Origin { file: Path::new("t.jsonl").into(), line: 1 },
        id: "a".to_owned(),
        at: Duration::ZERO,
        step: serde_json::from_str(step).unwrap(),
        malformed: None,
    };
    Entry::new(&mut exchange, &Redactor::new::<&str>(&[]).unwrap())
}

fn exchange() -> Exchange {
    Exchange {
        id: StreamId(1),
        answered_by: None,
        response: None,
        upstream: None,
        details: None,
        filter_state: BTreeMap::new(),
        logs: Vec::new(),
        call_outs: Vec::new(),
        traps: Vec::new(),
        fuel: 0,
        metrics: BTreeMap::new(),
    }
}

fn line(step: &str, exchange: Exchange, fuel: bool) -> String {
    let entry = entry(step);
    let outcome = Outcome::of(&exchange, &[]);
    let finished = Finished { outcome, exchange: Some(Box::new(exchange)), memory_bytes: 65_536 };
    let judged = Judged { entry: &entry, finished: &finished, differences: None, against: Some(None) };
    let mut out = Vec::new();
    write(&mut out, &judged, &[Instance::new("x")], fuel, &Redactor::new::<&str>(&[]).unwrap()).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn what_is_not_there_is_null_or_empty() {
    assert_eq!(
        line("{}", exchange(), true),
        "{\"id\":\"a\",\"verdict\":\"error\",\"status\":null,\"headers\":[],\"body\":\"\",\"trailers\":[],\"upstream\":null,\
         \"denied_by\":null,\"reason\":null,\"shadow\":[],\"callouts\":[],\"logs\":[],\"metrics\":{},\"traps\":0,\"errors\":\
         [\"no response: the stream was reset\"],\"memory_bytes\":65536,\"fuel\":0,\"against\":null}\n"
    );
}

#[test]
fn what_is_no_text_is_base64_and_what_is_secret_is_masked_wherever_it_is() {
    let headers = HeaderMap::from_pairs(
        Kind::Response,
        [(":status", &b"200"[..]), ("x-bytes", b"\xff"), ("x-echo", b"<hunter22>"), ("set-cookie", b"a=b")],
    );
    let sent = HeaderMap::from_pairs(
        Kind::Request,
        [
            (":authority", "h"),
            (":method", "PUT"),
            (":path", "/?token=t"),
            ("authorization", "Bearer hunter22"),
        ],
    );
    let response = ClientResponse { headers, body: vec![0xfe], complete: true, ..ClientResponse::default() };
    let upstream =
        UpstreamRequest { headers: sent, body: b"hunter22".to_vec(), complete: true, trailers: None };
    let trap = Trap { function: "f".to_owned(), reason: "said hunter22".to_owned() };
    let exchange = Exchange {
        response: Some(response),
        upstream: Some(upstream),
        traps: vec![trap],
        metrics: BTreeMap::from([("m".to_owned(), 3)]),
        ..exchange()
    };
    assert_eq!(
        line("{\"headers\":[[\"Authorization\",\"Bearer hunter22\"]]}", exchange, false),
        "{\"id\":\"a\",\"verdict\":\"pass\",\"status\":200,\"headers\":[[\"x-bytes\",{\"b64\":\"/w==\"}],[\"x-echo\",\"<***>\"],\
         [\"set-cookie\",\"***\"]],\"body\":{\"b64\":\"/g==\"},\"trailers\":[],\"upstream\":{\"method\":\"PUT\",\"path\":\
         \"/?token=***\",\"headers\":[[\"host\",\"h\"],[\"authorization\",\"***\"]],\"body\":\"***\",\"trailers\":[],\
         \"complete\":true},\"denied_by\":null,\"reason\":null,\"shadow\":[],\"callouts\":[],\"logs\":[],\"metrics\":{\"m\":3},\
         \"traps\":1,\"errors\":[\"function: f failed: said ***\"],\"memory_bytes\":65536,\"against\":null}\n"
    );
}

#[test]
fn the_last_line_has_every_metric() {
    let state = HostState {
        logs: &[],
        logs_left_out: 2,
        traps: 1,
        errors: &[Trap { function: "f".to_owned(), reason: "r".to_owned() }],
        metrics: BTreeMap::from([
            ("counter", Metric { value: 7, count: 0 }),
            ("histogram", Metric { value: 9, count: 2 }),
        ]),
        memory_bytes: 1,
    };
    let mut out = Vec::new();
    write_host(&mut out, &state, &Redactor::off()).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "{\"host\":{\"logs\":[],\"logs_left_out\":2,\"traps\":1,\"errors\":[\"function: f failed: r\"],\"metrics\":{\"counter\":7,\
         \"histogram\":{\"count\":2,\"sum\":9}},\"memory_bytes\":1}}\n"
    );
}
