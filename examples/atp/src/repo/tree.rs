use super::open::{Task, refuse_car};
use crate::output::{Failure, Outcome, Output};
use atproto_lexicon::data::Cid;
use atproto_repo::car::CarError;
use atproto_repo::mst::{Limits, Node, NodeEntry};
use atproto_repo::repo::UnsignedRepo;
use atproto_repo::store::Archive;
use serde_json::json;
use std::borrow::Cow;
use std::collections::HashSet;
use std::fmt::Display;

pub(crate) struct Tree<'o> {
    pub(crate) output: &'o mut Output,
}

impl Task for Tree<'_> {
    fn run<A: Archive<Error: Display>>(mut self, archive: &A, _: usize) -> Result<Outcome, Failure> {
        let Some(first) = archive.roots().first().copied() else {
            return self.print(0, None, "CAR has no root", Outcome::Negative);
        };
        let root = UnsignedRepo::open(archive).map_or(first, |repo| repo.commit().data);
        self.nodes(archive, root)
    }

    fn refuse(self, error: CarError) -> Result<Outcome, Failure> {
        refuse_car(self.output, error)
    }
}

impl Tree<'_> {
    /// Prints every node once, each as it is: whether the tree is canonical is for `verify` to say.
    fn nodes<A: Archive<Error: Display>>(mut self, archive: &A, root: Cid) -> Result<Outcome, Failure> {
        let mut outcome = Outcome::Done;
        let mut todo = vec![(0_usize, root)];
        let mut seen = HashSet::new();
        let mut buf = Vec::new();
        while let Some((depth, cid)) = todo.pop() {
            if !seen.insert(cid) {
                outcome = outcome.max(self.print(depth, Some(cid), "linked again", Outcome::Negative)?);
                continue;
            }
            let block = archive.get(&cid, &mut buf).map_err(|error| Failure::File(error.to_string()))?;
            let Some(block) = block else {
                outcome = outcome.max(self.print(depth, Some(cid), "missing", Outcome::Incomplete)?);
                continue;
            };
            match Node::decode(block, Limits::default().entries) {
                Ok(node) => {
                    self.node(depth, cid, &node)?;
                    let below = depth.saturating_add(1);
                    let right = node.entries().iter().filter_map(|entry| entry.right);
                    let children: Vec<Cid> = node.left().copied().into_iter().chain(right).collect();
                    todo.extend(children.into_iter().rev().map(|child| (below, child)));
                }
                Err((_, reason)) => {
                    outcome =
                        outcome.max(self.print(depth, Some(cid), &reason.to_string(), Outcome::Negative)?);
                }
            }
        }
        Ok(outcome)
    }

    fn node(&mut self, depth: usize, cid: Cid, node: &Node) -> Result<(), Failure> {
        let keys: Vec<_> =
            node.entries().iter().map(|entry| String::from_utf8_lossy(node.key(entry))).collect();
        let entry = |(entry, key): (&NodeEntry, &Cow<'_, str>)| json!({"key": key, "value": entry.value.to_string(), "right": entry.right.map(|cid| cid.to_string())});
        let entries: Vec<_> = node.entries().iter().zip(&keys).map(entry).collect();
        let left = node.left().map(ToString::to_string);
        let json = json!({"depth": depth, "node": cid.to_string(), "left": left, "entries": entries});
        let indent = "  ".repeat(depth.min(128));
        let mut text = format!("{indent}{cid}");
        for key in &keys {
            // A key is any bytes, and a terminal obeys some.
            text.push_str(&format!("\n{indent}- {}", key.escape_debug()));
        }
        self.output.line(text, &json)
    }

    fn print(
        &mut self,
        depth: usize,
        cid: Option<Cid>,
        what: &str,
        outcome: Outcome,
    ) -> Result<Outcome, Failure> {
        let cid = cid.map(|cid| cid.to_string());
        let json = json!({"depth": depth, "node": cid, "reason": what});
        self.output
            .line(format!("{}{} {what}", "  ".repeat(depth.min(128)), cid.unwrap_or_default()), &json)?;
        Ok(outcome)
    }
}
