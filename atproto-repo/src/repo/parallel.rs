use super::open::{Checked, check_walk};
use super::{Error, RecordError, RecordWalk, Summary, UnsignedRepo};
use crate::mst::Node;
use crate::store::Blocks;
use atproto_lexicon::data::Cid;
use rayon::prelude::*;
use std::collections::VecDeque;

impl<B: Blocks<Error: Send> + Sync> UnsignedRepo<'_, B> {
    /// [`check`](Self::check) on all threads of the current `rayon` pool, with the same verdict.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_parallel(&self) -> Result<Summary, Error<B::Error>> {
        self.check_ranges(false, |_, _| ())
    }

    /// [`check_records`](Self::check_records) on all threads of the current `rayon` pool, with the same verdict, and the same
    /// faults in the same order.
    ///
    /// # Errors
    /// As [`check`](Self::check).
    pub fn check_records_parallel(
        &self,
        fault: impl FnMut(String, RecordError),
    ) -> Result<Summary, Error<B::Error>> {
        self.check_ranges(true, fault)
    }

    fn check_ranges(
        &self,
        with_faults: bool,
        mut fault: impl FnMut(String, RecordError),
    ) -> Result<Summary, Error<B::Error>> {
        let keys = self.upper_keys(rayon::current_num_threads().saturating_mul(RANGES_PER_THREAD));
        let starts = std::iter::once(None).chain(keys.iter().map(Some));
        let ends = keys.iter().map(Some).chain([None]);
        let ranges: Vec<_> = starts.zip(ends).collect();
        let checked: Vec<_> = ranges
            .into_par_iter()
            .map(|(start, end)| {
                let tree = self.tree().range(start.map(Vec::as_slice), end.map(Vec::as_slice));
                check_range(self.record_walk(tree), start.is_some(), with_faults)
            })
            .collect();
        let mut whole = Checked { summary: Summary { records: 0, nodes: 0 }, missing: None };
        for (checked, faults) in checked {
            faults.into_iter().for_each(|(path, error)| fault(path, error));
            let Checked { summary, missing } = checked?;
            whole.summary.records = whole.summary.records.saturating_add(summary.records);
            whole.summary.nodes = whole.summary.nodes.saturating_add(summary.nodes);
            whole.missing = whole.missing.or(missing);
        }
        whole.finish()
    }

    /// Some keys from the upper layers of the tree, at least this many where it has them, in order. They only say where the
    /// work is divided: nothing is believed of these nodes.
    fn upper_keys(&self, at_least: usize) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        let mut todo = VecDeque::from([self.commit().data]);
        let mut buf = Vec::new();
        // Fillers have no keys; a chain of them is soon left alone.
        for _ in 0..at_least.saturating_mul(2) {
            let Some(cid) = todo.pop_front().filter(|_| keys.len() < at_least) else { break };
            let Some(node) = self.node(&cid, &mut buf) else { continue };
            let entries = node.entries();
            todo.extend(node.left());
            todo.extend(entries.iter().filter_map(|entry| entry.right));
            keys.extend(entries.iter().take(at_least).map(|entry| node.key(entry).to_vec()));
        }
        keys.sort();
        keys.dedup();
        keys
    }

    fn node(&self, cid: &Cid, buf: &mut Vec<u8>) -> Option<Node> {
        let block = self.blocks().get(cid, buf).ok()??;
        Node::decode(block, crate::mst::Limits::default().entries).ok()
    }
}

/// The work is divided finely, since the parts are not of the same size.
const RANGES_PER_THREAD: usize = 16;

type Faults = Vec<(String, RecordError)>;

/// Checks the records from one key to another. What lies between two keys of a tree belongs to one range alone, but for the nodes
/// on the way to its first key: those are of a range before.
fn check_range<B: Blocks>(
    mut walk: RecordWalk<'_, B>,
    has_start: bool,
    with_faults: bool,
) -> (Result<Checked, Error<B::Error>>, Faults) {
    let mut faults = Faults::new();
    let mut push = |path, error| faults.push((path, error));
    let mut fault: Option<&mut dyn FnMut(String, RecordError)> =
        if with_faults { Some(&mut push) } else { None };
    let checked = check_walk(&mut walk, &mut fault).map(|mut checked| {
        if has_start {
            checked.summary.nodes = checked.summary.nodes.saturating_sub(walk.nodes_to_start());
        }
        checked
    });
    (checked, faults)
}
