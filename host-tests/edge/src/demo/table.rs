//! What came of the requests, as `make demo` prints it.

use std::fmt::Write as _;

use replay::report::aligned;

use super::ask::Ask;
use super::expect::{Expect, Seen};

/// The rows of a scene.
#[derive(Debug, Default)]
pub(super) struct Table {
    rows: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    cells: [String; 8],
    differences: Vec<String>,
}

impl Table {
    /// Adds what was seen of a request. Whether it is as expected.
    pub(super) fn add(&mut self, case: &str, ask: &Ask, seen: &Seen, expect: &Expect) -> bool {
        let differences = expect.differences(seen);
        let status = seen.answer.as_ref().map_or_else(|_| "-".to_owned(), status);
        let fine = differences.is_empty();
        let cells = [
            case.replace(' ', "-"),
            format!("{:?}", ask.which),
            ask.protocol.to_string(),
            ask.title(),
            if seen.arrived.is_empty() { "deny" } else { "pass" }.to_owned(),
            status,
            seen.reason.clone().unwrap_or("-".to_owned()),
            if fine { "yes" } else { "NO" }.to_owned(),
        ];
        self.rows.push(Row { cells, differences });
        fine
    }

    /// How many are as expected, and how many are not.
    pub(super) fn counts(&self) -> (usize, usize) {
        let fine = self.rows.iter().filter(|row| row.differences.is_empty()).count();
        (fine, self.rows.len().saturating_sub(fine))
    }

    /// The table under this title, then everything that is not as expected in full.
    pub(super) fn text(&self, title: &str) -> String {
        let head = ["case", "gateway", "protocol", "request", "verdict", "status", "reason", "expected"];
        let mut cells = vec![head.map(str::to_owned)];
        cells.extend(self.rows.iter().map(|row| row.cells.clone()));
        let mut text = format!("{title}\n");
        // Writing to a string cannot fail.
        for line in aligned(&cells) {
            let _ = writeln!(text, "  {line}");
        }
        for row in self.rows.iter().filter(|row| !row.differences.is_empty()) {
            let [case, gateway, ..] = &row.cells;
            let _ = writeln!(text, "\n{case} on {gateway}:");
            for difference in &row.differences {
                let _ = writeln!(text, "  {difference}");
            }
        }
        text
    }
}

/// The status, with that of gRPC where there is one.
fn status(answer: &crate::client::Answer) -> String {
    match answer.grpc_status() {
        Some(grpc) => format!("{} grpc {grpc}", answer.status),
        None => answer.status.to_string(),
    }
}
