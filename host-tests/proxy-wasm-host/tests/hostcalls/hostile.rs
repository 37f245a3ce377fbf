//! A guest that asks for more than there is, as often as it can.

use crate::guest::{FAR, Guest, OUT, OUT2, Step, call, pairs};
use crate::scenario::Scenario;

/// The last of many calls in one callback answers this.
fn check(step: Step, times: u32) {
    let guest = Guest::new().on("proxy_on_request_headers", vec![step.repeated(times)]);
    Scenario::new(guest).check(&["proxy_on_request_headers"]);
}

#[test]
fn things_that_happen_later_have_a_bound() {
    check(call!("10", "proxy_continue_stream", 0u32), 1100);
    check(call!("10", "proxy_close_stream", 1u32), 1100);
    check(call!("10", "proxy_set_tick_period_milliseconds", 1_000_000u32), 300_000);
    let headers = pairs(&[(":method", "GET"), (":path", "/"), (":authority", "a")]);
    check(call!("10", "proxy_http_call", "api", headers, "", "", 1u32, OUT), 1100);
    check(call!("10", "proxy_grpc_call", "api", "s", "m", "", "", 1u32, OUT), 1100);
}

#[test]
fn one_answer_is_kept() {
    check(call!("0", "proxy_send_local_response", 200u32, "", "body", "", u32::MAX), 100_000);
}

#[test]
fn an_item_that_is_taken_at_once_is_told_all_the_same_but_not_for_ever() {
    let steps = vec![
        call!("0", "proxy_register_shared_queue", "queue", OUT),
        call!("10", "proxy_enqueue_shared_queue", 1u32, "").repeated(300_000),
    ];
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps)).check(&["proxy_on_request_headers"]);
}

#[test]
fn lines_have_a_bound() {
    let long = "x".repeat(10_000);
    let steps = vec![
        call!("0", "proxy_log", 2u32, long.as_str()).repeated(1000),
        call!("0", "fd_write", 1u32, 0u32, 0u32, OUT).repeated(10),
    ];
    let logs = Scenario::new(Guest::new().on("proxy_on_request_headers", steps)).exchange().logs;
    assert!(logs.iter().map(|line| line.text.len()).sum::<usize>() <= 1 << 20);
    assert_eq!(logs.last().unwrap().text, "more log lines than the host keeps");
}

#[test]
fn names_have_a_bound() {
    check(call!("10", "proxy_define_metric", 0u32, "metric", OUT), 100_001);
    let mut scenario = Scenario::new(Guest::new().on(
        "proxy_on_request_headers",
        vec![
            // Nothing is more than it seems.
            call!("10", "proxy_add_header_map_value", 0u32, "", "").repeated(1000),
        ],
    ));
    scenario.limits.headers = 10_000;
    scenario.check(&["proxy_on_request_headers"]);
}

#[test]
fn bodies_of_calls_that_wait_have_a_bound() {
    let headers = pairs(&[(":method", "GET"), (":path", "/"), (":authority", "a")]);
    let steps =
        vec![call!("10", "proxy_http_call", "api", headers, "x".repeat(1000).as_str(), "", 1u32, OUT)];
    let steps = steps.into_iter().map(|step| step.repeated(20)).collect();
    let mut scenario = Scenario::new(Guest::new().on("proxy_on_request_headers", steps));
    scenario.limits.buffer_h2 = 10_000;
    scenario.check(&["proxy_on_request_headers"]);
}

#[test]
fn the_largest_arguments_are_refused() {
    let all = u32::MAX;
    let steps = vec![
        call!("21", "fd_write", 1u32, 0u32, all, OUT),
        call!("21", "fd_pwrite", 1u32, 0u32, all, 0u64, OUT),
        call!("6", "proxy_log", 2u32, 0u32, all),
        call!("6", "proxy_set_property", 0u32, all, 0u32, all),
        call!("6", "proxy_set_header_map_pairs", 0u32, 0u32, all),
        call!("6", "proxy_call_foreign_function", 0u32, all, 0u32, all, OUT, OUT2),
        call!("28", "random_get", 0u32, all),
        call!("6", "proxy_get_property", FAR, all, OUT, OUT2),
    ];
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps)).check(&["proxy_on_request_headers"]);
}
