use super::{Error, Invalid, Missing, PathReason, Record};
use crate::mst::TreeWalk;
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

impl<'b, B: Blocks> RecordWalk<'b, B> {
    pub(super) fn new(tree: TreeWalk<'b, B>, blocks: &'b B) -> Self {
        Self { tree, blocks, buf: Vec::new(), paths: Paths::default() }
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// [`Error`]. After [`Error::Incomplete`] the walk goes on behind what is missing; a fault of the tree comes again on
    /// every further call.
    #[allow(clippy::should_implement_trait, reason = "what it yields is borrowed from it")]
    pub fn next(&mut self) -> Result<Option<Entry<'_>>, Error<B::Error>> {
        let Some(entry) = self.tree.next()? else {
            return Ok(None);
        };
        let (path, cid) = (self.paths.parse(entry.key)?, *entry.value);
        let record = record(self.blocks, path, cid, &mut self.buf)?;
        Ok(Some(Entry { path, cid, record }))
    }

    /// The next path with the CID of its record, whose block is not looked for; `None` at the end.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub fn next_path(&mut self) -> Result<Option<(&str, Cid)>, Error<B::Error>> {
        let Some(entry) = self.tree.next()? else {
            return Ok(None);
        };
        Ok(Some((self.paths.parse(entry.key)?, *entry.value)))
    }

    /// The number of nodes of the tree read so far.
    pub fn nodes(&self) -> u64 {
        self.tree.nodes()
    }
}

/// Reads a record's block.
pub(super) fn record<'a, B: Blocks>(
    blocks: &'a B,
    path: &str,
    cid: Cid,
    buf: &'a mut Vec<u8>,
) -> Result<Record<'a>, Error<B::Error>> {
    let Some(bytes) = blocks.get(&cid, buf).map_err(Error::Source)? else {
        return Err(Error::Incomplete(Missing::Record { path: path.into(), cid }));
    };
    if !B::HASHED && !cid.matches(bytes) {
        return Err(Invalid::RecordHash { path: path.into(), cid }.into());
    }
    Ok(Record { cid, bytes })
}

/// Parses paths, and remembers the collection, since most are of the same one as the path before.
#[derive(Debug, Default)]
pub(super) struct Paths {
    collection: String,
}

impl Paths {
    pub(super) fn parse<'a>(&mut self, key: &'a [u8]) -> Result<&'a str, Invalid> {
        self.check(key)
            .map_err(|reason| Invalid::Path { path: String::from_utf8_lossy(key).into_owned(), reason })
    }

    fn check<'a>(&mut self, key: &'a [u8]) -> Result<&'a str, PathReason> {
        let path = std::str::from_utf8(key).map_err(|_| PathReason::Utf8)?;
        let (collection, record_key) = path.split_once('/').ok_or(PathReason::NoRecordKey)?;
        // Nothing was remembered yet where it is empty, which no collection is.
        if collection.is_empty() || collection != self.collection {
            Nsid::check(collection).map_err(PathReason::Syntax)?;
            self.collection.clear();
            self.collection.push_str(collection);
        }
        RecordKey::check(record_key).map_err(PathReason::Syntax)?;
        Ok(path)
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
            Ok(entry) => Ok(entry.map(|Entry { path, cid, record }| OwnedEntry {
                path: path.into(),
                cid,
                bytes: record.bytes.into(),
            })),
            Err(error) => Err(error),
        };
        if matches!(item, Err(Error::Invalid(_) | Error::Source(_))) {
            self.walk = None;
        }
        item.transpose()
    }
}
