//! The cases, and the tests that run them on every executor
