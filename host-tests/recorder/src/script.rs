//! What the clusters behind a gateway answer to its call-outs, and in which order.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use anyhow::{Result, bail, ensure};
use serde::Deserialize;

use crate::Response;

/// What can go wrong with a call-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fault {
    /// Nobody listens.
    Refused,
    /// The connection stays open without an answer.
    Timeout,
    /// The connection is reset before the answer.
    Reset,
    /// The connection ends in the middle of the body.
    Truncated,
    /// The body stops in the middle, the connection stays open.
    Stalled,
    /// The answer is not HTTP.
    Garbage,
}

/// The answer to one call-out.
#[derive(Debug, Clone)]
pub struct Answer {
    /// What is answered; of [`Fault::Truncated`] and [`Fault::Stalled`] the part that arrives.
    pub response: Response,
    /// What goes wrong instead.
    pub fault: Option<Fault>,
}

/// An answer and the call-outs it is for.
#[derive(Debug, Clone)]
pub struct Scripted {
    /// The cluster that is called.
    pub cluster: String,
    /// `:path` of the call, its query included.
    pub path: Vec<u8>,
    /// What it gets.
    pub answer: Answer,
}

type Queues = BTreeMap<(String, Vec<u8>), VecDeque<Answer>>;

/// Answers in order per cluster and path. Those of the current step come before the standing ones, the last one
/// repeats, and where there is none the connection is refused.
#[derive(Debug, Default)]
pub struct Script {
    step: Queues,
    standing: Queues,
}

impl Script {
    /// A script of standing answers.
    #[must_use]
    pub fn new(standing: Vec<Scripted>) -> Self {
        Self { step: Queues::new(), standing: queues(standing) }
    }

    /// Begins a step: its answers replace those of the step before.
    pub fn begin(&mut self, step: Vec<Scripted>) {
        self.step = queues(step);
    }

    /// The answer to the next call-out; `None` where nothing is scripted.
    pub fn next(&mut self, cluster: &str, path: &[u8]) -> Option<Answer> {
        let key = (cluster.to_owned(), path.to_vec());
        let last = !self.standing.contains_key(&key);
        let step = self.step.get_mut(&key).and_then(|queue| draw(queue, last));
        step.or_else(|| self.standing.get_mut(&key).and_then(|queue| draw(queue, true)))
    }

    /// Whether the cluster takes connections now.
    ///
    /// # Errors
    /// It would have to refuse one path and answer another, which no real listener can.
    pub fn listens(&self, cluster: &str) -> Result<bool> {
        let (mut refuses, mut answers) = (None, None);
        for path in self.paths(cluster) {
            match self.queue(cluster, path).next() {
                Some(Answer { fault: Some(Fault::Refused), .. }) => refuses = Some(path),
                Some(_) => answers = Some(path),
                None => {}
            }
        }
        if let (Some(refuses), Some(answers)) = (refuses, answers) {
            bail!(
                "cluster {cluster:?} is to refuse {} and to answer {} at the same time: a real listener is either \
                 open or not",
                refuses.escape_ascii(),
                answers.escape_ascii()
            );
        }
        Ok(answers.is_some())
    }

    /// Draws the answers of `count` call-outs that nobody saw because the cluster did not listen.
    ///
    /// # Errors
    /// An answer is scripted behind the refusals, and it cannot be told which call-out should have got it.
    pub fn refused(&mut self, cluster: &str, count: u64) -> Result<()> {
        let paths: Vec<Vec<u8>> = self.paths(cluster).into_iter().map(<[u8]>::to_vec).collect();
        let refusal = |answer: &Answer| answer.fault == Some(Fault::Refused);
        for path in &paths {
            let refusals = self.queue(cluster, path).take_while(|answer| refusal(answer)).count();
            if count == 0 || self.queue(cluster, path).all(refusal) {
                continue;
            }
            ensure!(
                paths.len() == 1 && u64::try_from(refusals).is_ok_and(|refusals| count <= refusals),
                "cluster {cluster:?} refused {count} call-outs while closed, and {refusals} refusals of {} are \
                 scripted before an answer: a closed listener cannot tell which call-out is which",
                path.escape_ascii()
            );
            for _ in 0..count {
                self.next(cluster, path);
            }
        }
        Ok(())
    }

    fn paths(&self, cluster: &str) -> BTreeSet<&[u8]> {
        let keys = self.step.keys().chain(self.standing.keys());
        keys.filter(|(name, _)| name == cluster).map(|(_, path)| path.as_slice()).collect()
    }

    /// What is still to come for one path.
    fn queue(&self, cluster: &str, path: &[u8]) -> impl Iterator<Item = &Answer> {
        let key = (cluster.to_owned(), path.to_vec());
        let step = self.step.get(&key).into_iter().flatten();
        step.chain(self.standing.get(&key).into_iter().flatten())
    }
}

fn queues(scripted: Vec<Scripted>) -> Queues {
    let mut queues = Queues::new();
    for one in scripted {
        queues.entry((one.cluster, one.path)).or_default().push_back(one.answer);
    }
    queues
}

/// The first of `queue`, which stays where it is the last of all.
fn draw(queue: &mut VecDeque<Answer>, last: bool) -> Option<Answer> {
    if last && queue.len() == 1 { queue.front().cloned() } else { queue.pop_front() }
}

#[cfg(test)]
mod tests {
    use super::{Answer, Fault, Script, Scripted};
    use crate::Response;

    fn scripted(path: &str, status: u16) -> Scripted {
        let answer = Answer { response: Response::new(status, "").unwrap(), fault: None };
        Scripted { cluster: "c".into(), path: path.into(), answer }
    }

    fn refused(path: &str) -> Scripted {
        let answer = Answer { response: Response::default(), fault: Some(Fault::Refused) };
        Scripted { cluster: "c".into(), path: path.into(), answer }
    }

    fn statuses(script: &mut Script, count: usize) -> Vec<Option<u16>> {
        (0..count).map(|_| script.next("c", b"/").map(|answer| answer.response.status())).collect()
    }

    #[test]
    fn the_steps_answers_come_first_and_the_last_repeats() {
        let mut script = Script::new(vec![scripted("/", 203), scripted("/", 204)]);
        script.begin(vec![scripted("/", 201), scripted("/", 202)]);
        assert_eq!(
            statuses(&mut script, 6),
            [Some(201), Some(202), Some(203), Some(204), Some(204), Some(204)]
        );
        script.begin(Vec::new());
        assert_eq!(statuses(&mut script, 1), [Some(204)], "what stands is drawn once");
        let mut script = Script::default();
        script.begin(vec![scripted("/", 201), scripted("/", 202)]);
        assert_eq!(statuses(&mut script, 3), [Some(201), Some(202), Some(202)]);
        script.begin(Vec::new());
        assert_eq!(statuses(&mut script, 1), [None]);
    }

    #[test]
    fn a_cluster_listens_while_it_has_an_answer() {
        let mut script = Script::default();
        assert!(!script.listens("c").unwrap());
        script.begin(vec![scripted("/", 201), refused("/")]);
        assert!(script.listens("c").unwrap() && !script.listens("d").unwrap());
        script.next("c", b"/");
        assert!(!script.listens("c").unwrap());
        script.begin(vec![scripted("/", 201), refused("/b")]);
        let error = script.listens("c").unwrap_err().to_string();
        assert!(error.contains("\"c\" is to refuse /b and to answer /"), "{error}");
    }

    #[test]
    fn refusals_are_drawn_by_their_number() {
        let mut script = Script::new(vec![refused("/"), scripted("/", 204)]);
        script.begin(vec![refused("/")]);
        assert!(!script.listens("c").unwrap());
        script.refused("c", 2).unwrap();
        assert!(script.listens("c").unwrap());
        assert_eq!(statuses(&mut script, 1), [Some(204)]);

        let mut script = Script::new(vec![refused("/"), scripted("/", 204)]);
        let error = script.refused("c", 2).unwrap_err().to_string();
        assert!(error.contains("refused 2 call-outs"), "{error}");
        script.refused("c", 0).unwrap();
        script.refused("c", 1).unwrap();
        assert!(script.listens("c").unwrap());

        let mut script = Script::new(vec![refused("/"), scripted("/", 204), refused("/b")]);
        assert!(script.refused("c", 1).is_err(), "either path may have been called");
        let mut script = Script::new(vec![refused("/"), refused("/b")]);
        script.refused("c", 7).unwrap();
    }
}
