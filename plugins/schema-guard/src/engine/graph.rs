//! What schemas do to one value: how often they are applied to it, how deep in each other, and whether they end.

use super::value::Step;

/// A schema that was found, and the schemas that it applies to the value it is itself applied to.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) in_place: Vec<usize>,
    pub(super) document: usize,
    pub(super) path: Vec<Step>,
    /// Whether what is wrong with it is told elsewhere.
    pub(super) silent: bool,
}

/// What is wrong with a schema.
pub(super) struct Wrong {
    pub(super) schema: usize,
    pub(super) message: String,
}

/// How often schemas are applied to one value at most, by the schema where that begins.
const MAX_TIMES: u64 = 16_384;

/// How many are applied within each other.
const MAX_CHAIN: usize = 48;

#[derive(Clone, Copy)]
enum State {
    New,
    Open,
    Done { times: u64, chain: usize },
}

/// What schemas do to one value at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct InPlace {
    /// So many are applied.
    pub(super) times: u64,
    /// So many of them within each other.
    pub(super) chain: usize,
}

/// What schemas do to one value at most, or what is wrong.
pub(super) fn in_place(seen: &[Seen]) -> Result<InPlace, Vec<Wrong>> {
    let mut states = vec![State::New; seen.len()];
    let mut wrong = Vec::new();
    for schema in 0..seen.len() {
        visit(seen, schema, &mut states, &mut wrong);
    }
    let mut most = InPlace::default();
    for state in states {
        if let State::Done { times, chain } = state {
            most = InPlace { times: most.times.max(times), chain: most.chain.max(chain) };
        }
    }
    if wrong.is_empty() { Ok(most) } else { Err(wrong) }
}

/// Visits a schema and what it applies in place, without recursion: a chain of references is as long as it is written.
fn visit(seen: &[Seen], first: usize, states: &mut [State], wrong: &mut Vec<Wrong>) {
    let mut stack = vec![(first, 0)];
    while let Some((schema, next)) = stack.pop() {
        let Some(children) = seen.get(schema).map(|seen| &seen.in_place) else { continue };
        let state = states.get(schema).copied().unwrap_or(State::Open);
        if next == 0 && !matches!(state, State::New) {
            continue;
        }
        if let Some(slot) = states.get_mut(schema) {
            *slot = State::Open;
        }
        if let Some(child) = children.get(next) {
            stack.push((schema, next + 1));
            match states.get(*child) {
                Some(State::New) => stack.push((*child, 0)),
                Some(State::Open) => wrong.push(Wrong {
                    schema,
                    message: "refers to itself without looking at a part of the value: it would never end"
                        .to_owned(),
                }),
                _ => {}
            }
            continue;
        }
        let (mut times, mut chain) = (1_u64, 0);
        for child in children {
            if let Some(State::Done { times: more, chain: deeper }) = states.get(*child) {
                (times, chain) = (times.saturating_add(*more), chain.max(*deeper));
            }
        }
        chain += 1;
        // Only where the bound is first exceeded.
        let within = |child: &usize| match states.get(*child) {
            Some(State::Done { times, chain }) => *times <= MAX_TIMES && *chain <= MAX_CHAIN,
            _ => true,
        };
        if children.iter().all(within) && (times > MAX_TIMES || chain > MAX_CHAIN) {
            wrong.push(Wrong {
                schema,
                message: format!(
                    "applies {times} schemas to one value, {chain} of them within each other: at most {MAX_TIMES} and {MAX_CHAIN}"
                ),
            });
        }
        if let Some(slot) = states.get_mut(schema) {
            *slot = State::Done { times, chain };
        }
    }
}
