//! How often a plan reads a text.

use crate::plan::{InPlace, Node, Sub};

/// Most readings of any part of a document.
const MOST: u32 = 16;

/// Most schemas in a plan.
const SCHEMAS: usize = 1_024;

/// Whether no part of any document is read more than [`MOST`] times. The number for each schema is the least one that
/// fits those for the schemas in it; where a schema contains itself and is read twice, there is none.
pub(crate) fn is_bounded(nodes: &[Node]) -> bool {
    if nodes.len() > SCHEMAS {
        return false;
    }
    let mut times = vec![1; nodes.len()];
    loop {
        let mut changed = false;
        for (index, node) in nodes.iter().enumerate().rev() {
            let of_node = of_node(node, &times);
            if of_node > MOST {
                return false;
            }
            if let Some(slot) = times.get_mut(index)
                && of_node > *slot
            {
                (*slot, changed) = (of_node, true);
            }
        }
        if !changed {
            return true;
        }
    }
}

fn of_node(node: &Node, times: &[u32]) -> u32 {
    let of = |sub: &Sub| match sub {
        Sub::Never => 0,
        Sub::Node(index) => times.get(*index).copied().unwrap_or(u32::MAX),
    };
    let all = |subs: &[Sub]| subs.iter().map(of).fold(0, u32::saturating_add);
    let most = |subs: &mut dyn Iterator<Item = Sub>| subs.map(|sub| of(&sub)).max().unwrap_or(0);
    let elements =
        node.array.as_deref().map_or(0, |rules| most(&mut rules.prefix.iter().copied().chain([rules.rest])));
    let members = node.object.as_deref().map_or(0, |rules| {
        let patterns = rules.patterns.iter().map(|(_, sub)| of(sub)).fold(0, u32::saturating_add);
        most(&mut rules.values.iter().copied().flatten().chain([rules.others])).saturating_add(patterns)
    });
    let in_place = node.in_place.iter().map(|rule| match rule {
        InPlace::All(subs) | InPlace::Any(subs) | InPlace::One(subs) => all(subs),
        InPlace::Not(sub) => of(sub),
        InPlace::If(condition, then, otherwise) => all(&[*condition, *then, *otherwise]),
        // A tree is made of it.
        InPlace::Constants(_) | InPlace::Unique => 2,
    });
    let own = if is_read_by_others(node) { 0 } else { elements.max(members).max(1) };
    in_place.fold(own, u32::saturating_add)
}

/// Whether a value is never read but by what is in place.
fn is_read_by_others(node: &Node) -> bool {
    let reads = |sub: &Sub| *sub != Sub::ANY;
    node.is_bare()
        && node.in_place.iter().any(|rule| match rule {
            InPlace::All(subs) => subs.iter().any(reads),
            // One of them is valid, or the value is not.
            InPlace::Any(subs) | InPlace::One(subs) => subs.iter().all(reads),
            _ => false,
        })
}
