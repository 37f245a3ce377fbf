//! Somebody wants it to end.

use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::run::{POLICY, PROGRAM, Scratch, root};

/// The signal comes while the program waits for more traffic; what it has got is written.
#[test]
fn an_interrupt_ends_it_with_whole_lines() {
    let scratch = Scratch::new();
    let out = scratch.path("r.jsonl");
    let mut child = Command::new(PROGRAM)
        .args(["replay", "--config", POLICY, "--traffic", "-", "--format", "jsonl", "--out", &out])
        .current_dir(root())
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    for index in 0..200 {
        writeln!(stdin, "{{\"id\":\"r{index}\",\"t_ms\":{}}}", index * 1000).unwrap();
    }
    stdin.flush().unwrap();
    // It listens for signals from its start, before it opens its output.
    let deadline = Instant::now() + Duration::from_secs(60);
    while !std::fs::exists(&out).unwrap() {
        assert!(Instant::now() < deadline, "it does not start");
        std::thread::sleep(Duration::from_millis(10));
    }
    kill(Pid::from_raw(child.id().cast_signed()), Signal::SIGINT).unwrap();
    let output = child.wait_with_output().unwrap();
    drop(stdin);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stderr).unwrap(), "portcullis: ended by SIGINT\n");
    let text = scratch.read("r.jsonl");
    assert!(text.is_empty() || text.ends_with("}\n"), "a line is cut: {text}");
}
