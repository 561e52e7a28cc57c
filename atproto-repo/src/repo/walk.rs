use super::record::Seen;
use super::{Error, Invalid, Missing, PathReason, Record, RecordError};
use crate::mst::{TreeEntry, TreeWalk};
use crate::store::Blocks;
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::{Nsid, RecordKey};

/// A walk through records in the order of their paths. What it yields is borrowed from it; [`Records`] owns what it
/// yields.
#[derive(Debug)]
pub struct RecordWalk<'b, B> {
    tree: TreeWalk<'b, B>,
    blocks: &'b B,
    buf: Vec<u8>,
    paths: Paths,
    /// Why it cannot go on.
    fault: Option<Invalid>,
}

/// A record and its path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry<'w> {
    /// `COLLECTION/RECORD-KEY`.
    pub path: &'w str,
    /// CID of the record.
    pub cid: Cid,
    /// The record.
    pub record: Record<'w>,
}

/// A record and its path, owned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnedEntry {
    /// `COLLECTION/RECORD-KEY`.
    pub path: String,
    /// CID of the record.
    pub cid: Cid,
    /// The record's bytes.
    pub bytes: Vec<u8>,
}

impl Entry<'_> {
    /// A copy which owns the path and the record.
    pub fn to_owned(&self) -> OwnedEntry {
        OwnedEntry { path: self.path.into(), cid: self.cid, bytes: self.record.bytes.into() }
    }
}

impl<'b, B: Blocks> RecordWalk<'b, B> {
    pub(super) fn new(tree: TreeWalk<'b, B>, blocks: &'b B) -> Self {
        Self { tree, blocks, buf: Vec::new(), paths: Paths::default(), fault: None }
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// [`Error`]. After [`Error::Incomplete`] the walk goes on behind what is missing; [`Error::Invalid`] comes again on every
    /// further call.
    #[allow(clippy::should_implement_trait, reason = "what it yields is borrowed from it")]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, Error<B::Error>> {
        if !self.advance()? {
            return Ok(None);
        }
        let Some(entry) = self.tree.entry() else { return Ok(None) };
        let record =
            record(self.blocks, entry, &mut self.buf).inspect_err(|error| latch(&mut self.fault, error))?;
        Ok(Some(Entry { path: path(entry), cid: record.cid, record }))
    }

    /// The next path with the CID of its record, whose block is not looked for; `None` at the end.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn next_path(&mut self) -> Result<Option<(&str, Cid)>, Error<B::Error>> {
        Ok(if self.advance()? { self.tree.entry().map(|entry| (path(entry), *entry.value)) } else { None })
    }

    /// Goes on over records of one leaf whose blocks are there and need no further check; their number.
    pub(super) fn run(&mut self) -> u64 {
        let (paths, blocks, buf, mut taken) = (&self.paths, self.blocks, &mut self.buf, 0_u64);
        if B::HASHED && self.fault.is_none() {
            self.tree.run(|entry, shared| {
                let is_taken = paths.continues(entry.key, shared)
                    && matches!(blocks.get(entry.value, buf), Ok(Some(block)) if !Seen::is_large(block));
                taken = taken.saturating_add(u64::from(is_taken));
                is_taken
            });
        }
        taken
    }

    /// Goes on to the next record and checks it, once for each large one, and its data model where somebody asks for faults;
    /// false at the end.
    pub(super) fn check_next(
        &mut self,
        seen: &mut Seen,
        fault: &mut Option<&mut dyn FnMut(String, RecordError)>,
    ) -> Result<bool, Error<B::Error>> {
        if !self.advance()? {
            return Ok(false);
        }
        let Some(entry) = self.tree.entry() else { return Ok(false) };
        let found = match seen.get(entry.value) {
            Some(known) => known.clone(),
            None => seen.check(record(self.blocks, entry, &mut self.buf)?, fault.is_some()),
        };
        if let (Some(fault), Some(error)) = (fault, found) {
            fault(path(entry).to_owned(), error);
        }
        Ok(true)
    }

    /// Goes on to the next key, which is a path; false at the end.
    fn advance(&mut self) -> Result<bool, Error<B::Error>> {
        if let Some(fault) = &self.fault {
            return Err(fault.clone().into());
        }
        let Some(entry) = self.tree.next()? else { return Ok(false) };
        if let Err(fault) = self.paths.check(entry.key) {
            self.fault = Some(fault.clone());
            return Err(fault.into());
        }
        Ok(true)
    }

    /// The number of nodes of the tree read so far.
    pub fn nodes(&self) -> u64 {
        self.tree.nodes()
    }

    /// The number of those that were read on the way to the start of a range.
    pub fn nodes_to_start(&self) -> u64 {
        self.tree.nodes_to_start()
    }
}

/// Keeps what makes the repository invalid, so that it is said again.
fn latch<E>(fault: &mut Option<Invalid>, error: &Error<E>) {
    if let Error::Invalid(invalid) = error {
        *fault = Some(invalid.clone());
    }
}

/// Reads the block of an entry whose key is a path.
pub(super) fn record<'a, B: Blocks>(
    blocks: &'a B,
    entry: TreeEntry<'_>,
    buf: &'a mut Vec<u8>,
) -> Result<Record<'a>, Error<B::Error>> {
    let cid = *entry.value;
    let Some(bytes) = blocks.get(&cid, buf).map_err(Error::Source)? else {
        return Err(Error::Incomplete(Missing::Record { path: path(entry).into(), cid }));
    };
    if !B::HASHED && !cid.matches(bytes) {
        return Err(Invalid::RecordHash { path: path(entry).into(), cid }.into());
    }
    Ok(Record { cid, bytes })
}

/// The path that a key is, once it was checked: then it is ASCII.
#[inline]
pub(super) fn path(entry: TreeEntry<'_>) -> &str {
    std::str::from_utf8(entry.key).unwrap_or_default()
}

/// Checks paths, and remembers the collection, since most are of the same one as the path before.
#[derive(Debug, Default)]
pub(crate) struct Paths {
    /// With the slash that follows it.
    collection: Vec<u8>,
}

impl Paths {
    #[inline]
    pub(super) fn check(&mut self, key: &[u8]) -> Result<(), Invalid> {
        // Nothing was remembered yet where it is empty, which no collection is.
        match key.strip_prefix(self.collection.as_slice()) {
            Some(record_key) if !self.collection.is_empty() => {
                RecordKey::check_bytes(record_key).map_err(PathReason::Syntax)
            }
            _ => self.check_whole(key),
        }
        .map_err(|reason| Invalid::Path { path: String::from_utf8_lossy(key).into_owned(), reason })
    }

    /// Whether the key is a path of the same collection as the one before, with which it has `shared` bytes in common. Where it
    /// is not, [`check`](Self::check) tells more.
    #[inline]
    pub(super) fn continues(&self, key: &[u8], shared: usize) -> bool {
        let collection = self.collection.as_slice();
        let record_key = if collection.is_empty() {
            None
        } else if shared >= collection.len() {
            key.get(collection.len()..)
        } else {
            key.strip_prefix(collection)
        };
        record_key.is_some_and(|record_key| RecordKey::check_bytes(record_key).is_ok())
    }

    /// Checks a path; its collection.
    pub(crate) fn check_path(path: &str) -> Result<&str, PathReason> {
        let (collection, record_key) = path.split_once('/').ok_or(PathReason::NoRecordKey)?;
        Nsid::check(collection).map_err(PathReason::Syntax)?;
        RecordKey::check(record_key).map_err(PathReason::Syntax)?;
        Ok(collection)
    }

    fn check_whole(&mut self, key: &[u8]) -> Result<(), PathReason> {
        let path = std::str::from_utf8(key).map_err(|_| PathReason::Utf8)?;
        let collection = Self::check_path(path)?;
        self.collection.clear();
        self.collection.extend_from_slice(collection.as_bytes());
        self.collection.push(b'/');
        Ok(())
    }
}

/// [`RecordWalk`] as an iterator, which owns what it yields. It ends after the first error, except that it goes on behind
/// what is missing.
#[derive(Debug)]
pub struct Records<'b, B> {
    walk: Option<RecordWalk<'b, B>>,
}

impl<'b, B: Blocks> From<RecordWalk<'b, B>> for Records<'b, B> {
    fn from(walk: RecordWalk<'b, B>) -> Self {
        Self { walk: Some(walk) }
    }
}

impl<B: Blocks> Iterator for Records<'_, B> {
    type Item = Result<OwnedEntry, Error<B::Error>>;

    fn next(&mut self) -> Option<Self::Item> {
        let item = match self.walk.as_mut()?.next() {
            Ok(entry) => Ok(entry.map(|entry| entry.to_owned())),
            Err(error) => Err(error),
        };
        if matches!(item, Err(Error::Invalid(_) | Error::Source(_))) {
            self.walk = None;
        }
        item.transpose()
    }
}
