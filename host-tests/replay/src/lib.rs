//! Traffic cases in, verdicts out: the case format and its executors
