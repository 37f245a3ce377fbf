//! Shared data, shared queues, metrics.

use crate::guest::{FAR, Guest, OUT, OUT2, OUT3, call};
use crate::scenario::Scenario;

/// Shared data, from nothing to the end.
fn data() -> Scenario {
    let steps = vec![
        call!("6", "proxy_get_shared_data", FAR, 1u32, OUT, OUT2, OUT3),
        call!("1", "proxy_get_shared_data", "key", FAR, FAR, FAR),
        call!("1", "proxy_get_shared_data", "", OUT, OUT2, OUT3),
        call!("6", "proxy_set_shared_data", FAR, 1u32, "value", 0u32),
        call!("6", "proxy_set_shared_data", "key", FAR, 1u32, 0u32),
        call!("0", "proxy_set_shared_data", "key", "value", 4_294_967_295u32),
        call!("6", "proxy_get_shared_data", "key", FAR, OUT2, OUT3),
        call!("6", "proxy_get_shared_data", "key", OUT, FAR, OUT3),
        call!("6", "proxy_get_shared_data", "key", OUT, OUT2, FAR),
        call!(TextAndWord, "0 value 1", "proxy_get_shared_data", "key", OUT, OUT2, OUT3),
        call!("8", "proxy_set_shared_data", "key", "other", 4_294_967_295u32),
        call!("8", "proxy_set_shared_data", "key", "other", 2u32),
        call!("0", "proxy_set_shared_data", "key", "other", 1u32),
        call!(TextAndWord, "0 other 2", "proxy_get_shared_data", "key", OUT, OUT2, OUT3),
        call!("0", "proxy_set_shared_data", "key", "", 0u32),
        call!(TextAndWord, "0  3", "proxy_get_shared_data", "key", OUT, OUT2, OUT3),
        call!("0", "proxy_set_shared_data", "", "of nothing", 0u32),
        call!(TextAndWord, "0 of nothing 4", "proxy_get_shared_data", "", OUT, OUT2, OUT3),
    ];
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps))
}

/// A queue that this VM reads itself.
fn queues() -> Scenario {
    let steps = vec![
        call!("6", "proxy_register_shared_queue", FAR, 1u32, OUT),
        call!("6", "proxy_resolve_shared_queue", FAR, 1u32, "queue", OUT),
        call!("6", "proxy_resolve_shared_queue", "vm", FAR, 1u32, OUT),
        call!("1", "proxy_resolve_shared_queue", "vm", "queue", FAR),
        call!("6", "proxy_register_shared_queue", "first", FAR),
        call!(Word, "0 1", "proxy_register_shared_queue", "first", OUT),
        call!(Word, "0 2", "proxy_register_shared_queue", "queue", OUT),
        call!("6", "proxy_resolve_shared_queue", "vm", "queue", FAR),
        call!(Word, "0 2", "proxy_resolve_shared_queue", "vm", "queue", OUT),
        call!(Word, "0 2", "proxy_resolve_shared_queue", "", "queue", OUT),
        call!("1", "proxy_resolve_shared_queue", "other", "queue", OUT),
        call!("7", "proxy_dequeue_shared_queue", 2u32, FAR, FAR),
        call!("1", "proxy_dequeue_shared_queue", 0u32, FAR, FAR),
        call!("1", "proxy_dequeue_shared_queue", 99u32, OUT, OUT2),
        call!("6", "proxy_enqueue_shared_queue", 99u32, FAR, 1u32),
        call!("1", "proxy_enqueue_shared_queue", 99u32, "item"),
        call!("0", "proxy_enqueue_shared_queue", 2u32, "one"),
        call!("0", "proxy_enqueue_shared_queue", 2u32, ""),
        call!("0", "proxy_enqueue_shared_queue", 2u32, "lost"),
        call!(Text, "0 one", "proxy_dequeue_shared_queue", 2u32, OUT, OUT2),
        call!(Words, "0 0 0", "proxy_dequeue_shared_queue", 2u32, OUT, OUT2),
        call!("6", "proxy_dequeue_shared_queue", 2u32, FAR, OUT2),
        call!("7", "proxy_dequeue_shared_queue", 2u32, OUT, OUT2),
        call!("0", "proxy_enqueue_shared_queue", 1u32, "told"),
    ];
    let ready = vec![call!("0", "proxy_log", 2u32, "ready")];
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps).on("proxy_on_queue_ready", ready))
}

/// Metrics of all kinds.
fn metrics() -> Scenario {
    let (one, most) = (1u64, u64::MAX);
    let steps = vec![
        call!("6", "proxy_define_metric", 3u32, FAR, 1u32, FAR),
        call!("2", "proxy_define_metric", 3u32, "metric", FAR),
        call!("6", "proxy_define_metric", 0u32, "lost", FAR),
        call!(Word, "0 8", "proxy_define_metric", 0u32, "counter", OUT),
        call!(Word, "0 12", "proxy_define_metric", 0u32, "counter", OUT),
        call!(Word, "0 5", "proxy_define_metric", 1u32, "gauge", OUT),
        call!(Word, "0 6", "proxy_define_metric", 2u32, "histogram", OUT),
        call!("0", "proxy_increment_metric", 8u32, 5u64),
        call!("2", "proxy_increment_metric", 8u32, 0u64),
        call!("2", "proxy_increment_metric", 8u32, most),
        call!("1", "proxy_increment_metric", 16u32, one),
        call!("1", "proxy_increment_metric", 9u32, one),
        call!("2", "proxy_increment_metric", 6u32, one),
        call!("2", "proxy_increment_metric", 7u32, one),
        call!("0", "proxy_increment_metric", 5u32, 7u64),
        call!("0", "proxy_increment_metric", 5u32, most),
        call!("0", "proxy_increment_metric", 5u32, 0u64),
        call!("0", "proxy_record_metric", 12u32, 3u64),
        call!("0", "proxy_record_metric", 6u32, 3u64),
        call!("1", "proxy_record_metric", 7u32, 3u64),
        call!("1", "proxy_record_metric", 10u32, 3u64),
        call!("6", "proxy_get_metric", 8u32, FAR),
        call!(Long, "0 8", "proxy_get_metric", 8u32, OUT),
        call!(Long, "0 8", "proxy_get_metric", 12u32, OUT),
        call!(Long, "0 6", "proxy_get_metric", 5u32, OUT),
        call!("0", "proxy_record_metric", 5u32, 40u64),
        call!(Long, "0 40", "proxy_get_metric", 5u32, OUT),
        call!("2", "proxy_get_metric", 6u32, OUT),
        call!("2", "proxy_get_metric", 7u32, FAR),
        call!("1", "proxy_get_metric", 0u32, FAR),
    ];
    Scenario::new(Guest::new().on("proxy_on_request_headers", steps))
}

#[test]
fn of_shared_data() {
    data().check(&["proxy_on_request_headers"]);
}

#[test]
fn of_queues() {
    queues().check(&["proxy_on_request_headers"]);
}

#[test]
fn an_item_is_told_as_often_as_it_was_put() {
    let scenario = queues();
    let mut host = scenario.host();
    host.submit(scenario.request());
    host.run_until(std::time::Duration::from_secs(1_800_000_001));
    let logs = host.take_logs().into_iter();
    assert_eq!(logs.filter(|line| line.text == "ready").count(), 4);
}

#[test]
fn of_metrics() {
    metrics().check(&["proxy_on_request_headers"]);
}

#[test]
fn what_is_kept_has_bounds() {
    let name = "n".repeat(5000);
    let steps = vec![
        call!("10", "proxy_set_shared_data", "key", "0123456789", 0u32),
        call!("0", "proxy_set_shared_data", "key", "01234", 0u32),
        call!("10", "proxy_register_shared_queue", name.as_str(), OUT),
        call!("0", "proxy_register_shared_queue", "one", OUT),
        call!("10", "proxy_register_shared_queue", "two", OUT),
        call!("10", "proxy_enqueue_shared_queue", 1u32, "0123456789"),
        call!("0", "proxy_enqueue_shared_queue", 1u32, "0"),
        call!("10", "proxy_define_metric", 0u32, name.as_str(), OUT),
        call!("0", "proxy_define_metric", 0u32, "one", OUT),
        call!("10", "proxy_define_metric", 0u32, "two", OUT),
        call!("10", "proxy_set_property", "name", "0123456789"),
        call!("0", "proxy_set_property", "n", "0"),
        call!("10", "proxy_add_header_map_value", 0u32, "name", name.as_str()),
        call!("10", "proxy_replace_header_map_value", 0u32, "name", name.as_str()),
        call!("0", "proxy_add_header_map_value", 0u32, "name", "value"),
        call!("0", "proxy_remove_header_map_value", 0u32, "name"),
    ];
    let mut scenario = Scenario::new(Guest::new().on("proxy_on_request_headers", steps));
    scenario.limits.shared_data = 118;
    scenario.limits.queues = 1;
    scenario.limits.queued = 40;
    scenario.limits.metrics = 1;
    scenario.limits.filter_state = 70;
    scenario.limits.headers = 1000;
    scenario.check(&["proxy_on_request_headers"]);
}
