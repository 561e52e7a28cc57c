//! Changes to a tree that a forger might make.

use super::model::{Model, Pairs};

/// Takes numbers for decisions, zeros at the end.
pub struct Choices<'a>(std::slice::Iter<'a, u16>);

impl<'a> Choices<'a> {
    /// Of these numbers.
    pub fn new(numbers: &'a [u16]) -> Self {
        Self(numbers.iter())
    }

    /// One of `0..bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        usize::from(self.0.next().copied().unwrap_or(0)) % bound.max(1)
    }
}

/// Some node of the tree.
fn pick<'m>(model: &'m mut Model, choices: &mut Choices<'_>) -> &'m mut Model {
    let mut children = usize::from(model.left.is_some());
    children += model.entries.iter().filter(|entry| entry.right.is_some()).count();
    let choice = choices.below(children + 1);
    if choice == 0 {
        return model;
    }
    let left = model.left.iter_mut();
    let mut all = left.chain(model.entries.iter_mut().filter_map(|entry| entry.right.as_mut()));
    pick(all.nth(choice - 1).unwrap(), choices)
}

/// Changes a node in one way that a forger might.
pub fn forge(model: &mut Model, choices: &mut Choices<'_>) {
    let other = pick(&mut model.clone(), choices).clone();
    let node = pick(model, choices);
    let count = node.entries.len();
    let (at, to) = (choices.below(count), choices.below(count + 1));
    match choices.below(10) {
        // A filler more, or less.
        0 => *node = Model { left: Some(Box::new(std::mem::take(node))), entries: vec![] },
        1 if count == 0 => *node = node.left.take().map(|left| *left).unwrap_or_default(),
        // A subtree lost, emptied, or another one in its place.
        2 => node.left = None,
        3 => node.left = Some(Box::default()),
        4 => node.left = Some(Box::new(other)),
        5 if count > 0 => node.entries[at].right = Some(Box::new(other)),
        6 if count > 0 => node.entries[at].right = None,
        // An entry lost, twice, or elsewhere.
        7 if count > 0 => drop(node.entries.remove(at)),
        8 if count > 0 => node.entries.insert(to, node.entries[at].clone()),
        9 if count > 1 => node.entries.swap(at, to % count),
        _ => {}
    }
}

/// Adds the keys and values of a tree in the order in which it has them, right or wrong.
pub fn in_order(model: &Model, pairs: &mut Pairs) {
    if let Some(left) = &model.left {
        in_order(left, pairs);
    }
    for entry in &model.entries {
        pairs.push((entry.key.clone(), entry.value));
        if let Some(right) = &entry.right {
            in_order(right, pairs);
        }
    }
}
