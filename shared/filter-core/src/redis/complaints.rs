//! What an operator hears of questions that came to nothing.

use super::BackendError;
use crate::effect::{Effects, Level, LogLine, Metric};
use crate::policy::Timestamp;

/// How long nothing more is logged once something was, in µs. Counters count all the same.
const QUIET: u64 = 10_000_000;

/// Of one worker.
#[derive(Debug, Default)]
pub struct Complaints {
    /// When something was last logged, in µs, and how often it failed since.
    logged: Option<u64>,
    failures: u64,
}

impl Complaints {
    /// Counts a question of which nothing came, and now and then says so.
    pub fn complain(&mut self, error: BackendError, instance: &str, effects: &mut Effects, now: Timestamp) {
        effects.metrics.push(Metric { what: metric(error), reason: None });
        let quiet = self.logged.and_then(|logged| now.0.checked_sub(logged)).is_some_and(|gone| gone < QUIET);
        if quiet {
            self.failures = self.failures.saturating_add(1);
            return;
        }
        let more = match std::mem::take(&mut self.failures) {
            0 => String::new(),
            1 => "; 1 other failure since the last such line".to_owned(),
            failures => format!("; {failures} other failures since the last such line"),
        };
        self.logged = Some(now.0);
        let text = format!("{instance}: Redis could not be asked: {error}{more}");
        effects.logs.push(LogLine { level: Level::Warn, text });
    }
}

/// The counter of an error.
fn metric(error: BackendError) -> &'static str {
    match error {
        BackendError::NotSent => "backend_error_not_sent",
        BackendError::CircuitOpen => "backend_error_circuit_open",
        BackendError::Unreachable => "backend_error_unreachable",
        BackendError::Timeout => "backend_error_timeout",
        BackendError::Incomplete => "backend_error_incomplete",
        BackendError::TooLarge => "backend_error_too_large",
        BackendError::Status => "backend_error_status",
        BackendError::Denied => "backend_error_denied",
        BackendError::Malformed => "backend_error_malformed",
        BackendError::Nonce => "backend_error_nonce",
        BackendError::NoScript => "backend_error_no_script",
        BackendError::Loading => "backend_error_loading",
        BackendError::OutOfMemory => "backend_error_out_of_memory",
        BackendError::MaxClients => "backend_error_max_clients",
        BackendError::ReadOnly => "backend_error_read_only",
        BackendError::Busy => "backend_error_busy",
        BackendError::Redis => "backend_error_redis",
    }
}
