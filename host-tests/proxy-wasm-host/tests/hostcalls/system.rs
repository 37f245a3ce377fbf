//! Logging, clocks, timers, contexts.

use std::time::Duration;

use proxy_wasm_host::abi::Level;

use crate::guest::{FAR, Guest, OUT, OUT2, OUT3, call};
use crate::scenario::Scenario;

fn calls() -> Scenario {
    let steps = vec![
        call!("2", "proxy_log", 6u32, FAR, 1u32),
        call!("2", "proxy_log", u32::MAX, "text"),
        call!("6", "proxy_log", 2u32, FAR, 1u32),
        call!("6", "proxy_get_log_level", FAR),
        call!("6", "proxy_get_current_time_nanoseconds", FAR),
        call!("6", "proxy_get_status", FAR, OUT2, OUT3),
        call!("6", "proxy_get_status", OUT, FAR, OUT3),
        call!("6", "proxy_get_status", OUT, OUT2, FAR),
        call!(Word, "0 0", "proxy_get_status", OUT, OUT2, OUT3),
        call!("2", "proxy_set_effective_context", 99u32),
        call!("2", "proxy_set_effective_context", u32::MAX),
        call!("0", "proxy_set_effective_context", 0u32),
        call!("0", "proxy_set_effective_context", 1u32),
        call!("2", "proxy_get_header_map_value", 0u32, "x-one", OUT, OUT2),
        call!("0", "proxy_set_effective_context", 2u32),
        call!(Text, "0 1", "proxy_get_header_map_value", 0u32, "x-one", OUT, OUT2),
        call!("0", "proxy_set_effective_context", 0u32),
        call!("1", "proxy_done"),
        call!("0", "proxy_set_tick_period_milliseconds", 0u32),
        call!("0", "proxy_set_tick_period_milliseconds", u32::MAX),
        call!("0", "proxy_set_tick_period_milliseconds", 0u32),
        call!("1", "pthread_equal", 1u32, 1u32),
        call!("0", "pthread_equal", 1u32, 2u32),
    ];
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps))
}

/// A root context acts for a stream that waits.
fn acting_for_a_stream() -> Scenario {
    let wait = vec![call!("0", "proxy_set_tick_period_milliseconds", 50u32)];
    let act = vec![
        call!(Text, "2 ", "proxy_get_header_map_value", 0u32, "x-one", OUT, OUT2),
        call!("0", "proxy_set_effective_context", 2u32),
        call!("0", "proxy_set_property", "own", "value"),
        call!(Text, "0 1", "proxy_get_header_map_value", 0u32, "x-one", OUT, OUT2),
        call!("0", "proxy_add_header_map_value", 0u32, "x-new", "1"),
        call!(Text, "0 plugin", "proxy_get_property", "plugin_name", OUT, OUT2),
        call!("0", "proxy_continue_stream", 0u32),
        call!("2", "proxy_get_header_map_value", 0u32, "x-one", OUT, OUT2),
        call!("0", "proxy_set_tick_period_milliseconds", 0u32),
    ];
    let response = vec![call!(Text, "0 value", "proxy_get_property", "own", OUT, OUT2)];
    let guest = Guest::new().answering("proxy_on_request_headers", 1, wait).on("proxy_on_tick", act);
    Scenario::new(guest.on("proxy_on_response_headers", response))
}

fn first_version() -> Scenario {
    let configure = vec![
        call!("6", "proxy_get_configuration", FAR, OUT2),
        call!("6", "proxy_get_configuration", OUT, FAR),
        call!(Text, "0 configuration of the plugin", "proxy_get_configuration", OUT, OUT2),
    ];
    let headers = vec![
        call!(Text, "0 configuration of the VM", "proxy_get_configuration", OUT, OUT2),
        call!("0", "proxy_clear_route_cache"),
        call!("0", "proxy_continue_request"),
        call!("0", "proxy_continue_response"),
    ];
    let guest = Guest::new().abi("0_1_0");
    Scenario::new(guest.on("proxy_on_configure", configure).on("proxy_on_request_headers", headers))
}

#[test]
fn of_a_stream() {
    calls().check(&["proxy_on_request_headers"]);
}

#[test]
fn of_the_first_version() {
    first_version().check_start(&["proxy_on_configure"]);
    first_version().check(&["proxy_on_request_headers"]);
}

#[test]
fn a_line_has_a_level_and_a_prefix() {
    let levels = (0u32..6).map(|level| call!("0", "proxy_log", level, "text")).collect();
    let host_start = vec![call!("0", "proxy_log", 3u32, "text")];
    let scenario = Scenario::new(
        Guest::new().on("proxy_on_request_headers", levels).on("proxy_on_configure", host_start),
    );
    let start = scenario.host().take_logs().into_iter().next().unwrap();
    assert_eq!((start.level, start.prefix.as_str()), (Level::Warn, "root vm"));
    let logs = scenario.exchange().logs.into_iter().filter(|line| line.text == "text");
    let logs: Vec<_> = logs.map(|line| (line.level, line.prefix)).collect();
    let prefix = "plugin root vm".to_owned();
    let levels = [Level::Trace, Level::Debug, Level::Info, Level::Warn, Level::Error, Level::Critical];
    assert_eq!(logs, levels.map(|level| (level, prefix.clone())));
}

#[test]
fn time_is_the_hosts() {
    let steps = vec![
        call!(Long, "0 1800000000000000000", "proxy_get_current_time_nanoseconds", OUT),
        call!(Long, "0 1800000000000000000", "clock_time_get", 0u32, 0u64, OUT),
        call!(Long, "0 1000000000000", "clock_time_get", 1u32, 0u64, OUT),
    ];
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps)).check(&["proxy_on_request_headers"]);
}

#[test]
fn a_root_context_wakes_a_stream() {
    let scenario = acting_for_a_stream();
    let mut host = scenario.host();
    host.submit(scenario.request());
    host.run();
    let logs: Vec<_> = host.take_logs();
    let lines: Vec<_> = logs.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(lines, scenario.guest.expected("proxy_on_tick"));
    assert_eq!((logs[0].prefix.as_str(), logs[3].prefix.as_str()), ("root vm", "plugin root vm"));
    let exchange = host.next_finished().unwrap();
    let own: Vec<_> = exchange.logs.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(own[1..], scenario.guest.expected("proxy_on_response_headers"));
    assert_eq!(exchange.upstream.unwrap().headers.get(b"x-new"), Some(&b"1"[..]));
    assert_eq!(exchange.filter_state.get(&b"own"[..]), Some(&b"value".to_vec()));
}

#[test]
fn a_timer_runs_until_it_is_switched_off() {
    let configure = vec![
        call!("0", "proxy_set_tick_period_milliseconds", 300u32),
        call!("0", "proxy_set_tick_period_milliseconds", 100u32),
    ];
    let tick = vec![call!("0", "proxy_log", 2u32, "tick")];
    let stop = vec![call!("0", "proxy_set_tick_period_milliseconds", 0u32)];
    let guest = Guest::new().on("proxy_on_configure", configure).on("proxy_on_tick", tick);
    let scenario = Scenario::new(guest.on("proxy_on_request_headers", stop));
    let mut host = scenario.host();
    let ticks = |host: &mut proxy_wasm_host::Host<_>, milliseconds| {
        host.run_until(Duration::from_secs(1_800_000_000) + Duration::from_millis(milliseconds));
        host.take_logs().into_iter().filter(|line| line.text == "tick").count()
    };
    // The main thread and one worker.
    assert_eq!(ticks(&mut host, 99), 0);
    assert_eq!(ticks(&mut host, 100), 2);
    assert_eq!(ticks(&mut host, 1000), 18);
    host.submit(scenario.request());
    assert_eq!(ticks(&mut host, 2000), 10, "that of the worker is off");
}
