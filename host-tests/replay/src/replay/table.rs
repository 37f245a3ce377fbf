//! What a replay comes to, for people.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::outcome::Outcome;
use crate::observation::Verdict;
use crate::report::aligned;

/// More requests than this are shown in groups.
const ROWS: usize = 40;
/// Groups that are shown.
const GROUPS: usize = 40;
/// Groups that are counted: routes may be as many as requests.
const MAX_GROUPS: usize = 10_000;
/// Differences that are shown in full.
const DIFFERENCES: usize = 20;
/// Stands for the routes that are not counted one by one.
const OTHERS: &str = "(other requests)";

/// What requests are held against.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Question {
    /// Their own expectations.
    Expected,
    /// Another chain, and their own expectations.
    Unchanged,
}

/// What a row says after the request.
type Cells = [String; 5];

/// Collects rows and differences in constant memory.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// Id and route of the first requests.
    rows: Vec<([String; 2], Cells)>,
    groups: BTreeMap<(String, Cells), u64>,
    differences: Vec<String>,
    left_out: u64,
    verdicts: [u64; 3],
    /// Whether a request was held against something.
    judged: bool,
}

impl Table {
    /// Counts a request. `differences`: what is not as it should be, `None` where nobody says how it should
    /// be.
    pub(super) fn add(&mut self, id: &str, route: &str, outcome: &Outcome, differences: Option<&[String]>) {
        let slot = match outcome.verdict {
            Verdict::Pass => 0,
            Verdict::Deny => 1,
            Verdict::Error => 2,
        };
        if let Some(count) = self.verdicts.get_mut(slot) {
            *count += 1;
        }
        self.judged |= differences.is_some();
        let dash = || "-".to_owned();
        let cells = [
            outcome.verdict.to_string(),
            outcome.status.map_or_else(dash, |status| status.to_string()),
            outcome.reason.clone().unwrap_or_else(dash),
            outcome.denied_by.clone().unwrap_or_else(dash),
            differences.map_or("-", |list| if list.is_empty() { "yes" } else { "NO" }).to_owned(),
        ];
        if self.rows.len() <= ROWS {
            self.rows.push(([id.to_owned(), route.to_owned()], cells.clone()));
        }
        let key = (route.to_owned(), cells);
        if let Some(count) = self.groups.get_mut(&key) {
            *count += 1;
        } else if self.groups.len() < MAX_GROUPS {
            self.groups.insert(key, 1);
        } else {
            *self.groups.entry((OTHERS.to_owned(), key.1)).or_default() += 1;
        }
    }

    /// Keeps differences to be shown in full: the first ones.
    pub(super) fn differ(&mut self, request: &str, lines: &[String]) {
        if self.differences.len() < DIFFERENCES {
            let lines: String = lines.iter().map(|line| format!("\n  {line}")).collect();
            self.differences.push(format!("{request}{lines}"));
        } else {
            self.left_out += 1;
        }
    }

    /// How many requests differ.
    pub(super) fn differing(&self) -> u64 {
        self.differences.len() as u64 + self.left_out
    }

    /// How many requests there were.
    pub(super) fn requests(&self) -> u64 {
        self.verdicts.iter().sum()
    }

    /// Rows, or groups with the most frequent first; then the differences; then the counts in one line.
    pub(super) fn text(&self, question: Question) -> String {
        let mut text = String::new();
        let (head, differ) = match question {
            Question::Expected => ("expected", "not as expected"),
            Question::Unchanged => ("unchanged", "changed or not as expected"),
        };
        let lines = if self.rows.len() <= ROWS { self.single(head) } else { self.grouped(head) };
        let differences = self.differences.iter().map(|difference| format!("\n{difference}"));
        for line in lines.into_iter().chain(differences) {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{}", line.trim_end());
        }
        if self.left_out > 0 {
            let _ = writeln!(text, "\n… and {} more requests that differ", self.left_out);
        }
        let [pass, deny, error] = self.verdicts;
        let _ = write!(text, "\n{} requests: {pass} pass, {deny} deny, {error} error", self.requests());
        if self.judged {
            let _ = write!(text, "; {} {differ}", self.differing());
        }
        text
    }

    fn single(&self, last: &str) -> Vec<String> {
        let head = ["id", "request", "verdict", "status", "reason", "denied by", last].map(str::to_owned);
        let rows = self.rows.iter().map(|([id, route], [verdict, status, reason, by, held])| {
            [id, route, verdict, status, reason, by, held].map(Clone::clone)
        });
        self.shown(std::iter::once(head).chain(rows).collect())
    }

    fn grouped(&self, last: &str) -> Vec<String> {
        let head = ["count", "request", "verdict", "status", "reason", "denied by", last].map(str::to_owned);
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let rows = groups.iter().take(GROUPS).map(|((route, [verdict, status, reason, by, held]), count)| {
            [&count.to_string(), route, verdict, status, reason, by, held].map(Clone::clone)
        });
        let mut lines = self.shown(std::iter::once(head).chain(rows).collect());
        if let Some(more) = groups.get(GROUPS..).filter(|more| !more.is_empty()) {
            let requests: u64 = more.iter().map(|(_, count)| **count).sum();
            lines.push(format!("… and {} more groups with {requests} requests", more.len()));
        }
        lines
    }

    /// The last column only where something was judged.
    fn shown(&self, rows: Vec<[String; 7]>) -> Vec<String> {
        if self.judged {
            return aligned(&rows);
        }
        let rows: Vec<[String; 6]> =
            rows.into_iter().map(|[a, b, c, d, e, f, _]| [a, b, c, d, e, f]).collect();
        aligned(&rows)
    }
}

#[cfg(test)]
mod tests {
    use super::{Question, Table};
    use crate::observation::Verdict;
    use crate::replay::outcome::Outcome;

    fn outcome(status: u16) -> Outcome {
        let verdict = if status == 200 { Verdict::Pass } else { Verdict::Deny };
        Outcome { verdict, status: Some(status), reason: None, denied_by: None }
    }

    #[test]
    fn few_requests_are_rows_and_many_are_groups() {
        let mut table = Table::default();
        for index in 0..40 {
            table.add(&format!("r:{index}"), "GET /a", &outcome(200), None);
        }
        let text = table.text(Question::Expected);
        assert!(
            text.starts_with(
                "id    request  verdict  status  reason  denied by\nr:0   GET /a   pass     200"
            )
        );
        assert!(text.contains("\nr:39") && !text.contains("expected"), "{text}");
        for _ in 0..60 {
            table.add("x", "GET /b", &outcome(403), Some(&["no".to_owned()]));
        }
        let text = table.text(Question::Expected);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "60     GET /b   deny     403     -       -          NO");
        assert_eq!(lines[2], "40     GET /a   pass     200     -       -          -");
        assert_eq!(lines.last(), Some(&"100 requests: 40 pass, 60 deny, 0 error; 0 not as expected"));
    }

    #[test]
    fn memory_is_bounded_whatever_is_requested() {
        let mut table = Table::default();
        for index in 0..50_000 {
            let route = format!("GET /{index}");
            table.add("x", &route, &outcome(200), None);
            table.differ(&route, &[]);
        }
        assert!(table.groups.len() <= super::MAX_GROUPS + 1 && table.rows.len() <= 41);
        let text = table.text(Question::Expected);
        assert!(text.contains("(other requests)") && text.contains("more groups with"), "{text}");
        assert!(text.contains("… and 49980 more requests that differ"), "{text}");
    }
}
