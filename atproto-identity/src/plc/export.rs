//! The export of a directory, and what follows from all of it.

use super::history::{Applied, Fault, History};
use super::operation::Operation;
use super::text;
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::{Datetime, Did};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::fmt;

/// An operation in the export of a directory, `/export` and `/export/stream`
/// (<https://web.plc.directory/spec/v0.1/did-plc#bulk-export>). `serde` reads it; [`parse_line`](Self::parse_line) passes over lines
/// of other kinds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ExportEntry {
    /// Whose operation it is.
    pub did: Did,
    /// The operation.
    pub operation: Operation,
    /// Its CID.
    #[serde(with = "text::cid")]
    pub cid: Cid,
    /// When the directory took it.
    pub created_at: Datetime,
    /// Whether a recovery has undone it since; only the older format, by time, says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nullified: Option<bool>,
    /// The number that the directory gave it; only the newer format has it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
}

/// Up to where an export was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cursor {
    /// Up to this number; 0 is the beginning.
    Seq(u64),
    /// Up to this time, in the older format. Operations of one moment that a page divides are lost in it.
    Time(Datetime),
}

impl fmt::Display for Cursor {
    /// The value of `after`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Seq(seq) => seq.fmt(f),
            Self::Time(time) => time.fmt(f),
        }
    }
}

impl ExportEntry {
    /// The greatest length of a line or message, in bytes.
    pub const MAX_LINE: usize = 64 * 1024;

    /// Reads a line of `/export` or a message of `/export/stream`; `None` where it is empty, or of a kind that is not an
    /// operation and may come to be there.
    ///
    /// # Errors
    /// Where it is no JSON object, or no entry.
    pub fn parse_line(line: &[u8]) -> Result<Option<Self>, serde_json::Error> {
        #[derive(Deserialize)]
        struct Kind {
            r#type: Option<String>,
        }
        if line.trim_ascii().is_empty() {
            return Ok(None);
        }
        let kind: Kind = serde_json::from_slice(line)?;
        match kind.r#type.as_deref() {
            // The specification and the servers have two names for it.
            None | Some("indexed_op" | "sequenced_op") => serde_json::from_slice(line).map(Some),
            Some(_) => Ok(None),
        }
    }

    /// Where to go on after it.
    pub fn cursor(&self) -> Cursor {
        self.seq.map_or_else(|| Cursor::Time(self.created_at.clone()), Cursor::Seq)
    }
}

/// Replays an export into the verified state of every DID in it.
///
/// An operation at fault changes nothing; those that build on it are at fault, too. It holds all in memory: a few hundred bytes for
/// each operation.
#[derive(Debug, Clone, Default)]
pub struct Replay {
    histories: HashMap<Did, History>,
    /// Said to be undone, by no operation so far.
    unexplained: HashSet<(Did, Cid)>,
    cursor: Option<Cursor>,
}

impl Replay {
    /// With nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds an entry. One that is known already, as after a reconnection, changes nothing.
    ///
    /// # Errors
    /// [`Fault`]; the cursor is past the entry all the same.
    pub fn apply(&mut self, entry: &ExportEntry) -> Result<Applied, Fault> {
        self.cursor = Some(entry.cursor());
        let history = self.histories.get_mut(&entry.did);
        if history
            .as_ref()
            .is_some_and(|history| history.entries().iter().any(|known| *known.cid() == entry.cid))
        {
            return Ok(Applied { cid: entry.cid, nullified: Vec::new() });
        }
        let applied = match history {
            Some(history) => history.apply(&entry.operation, &entry.created_at, Some(&entry.cid))?,
            None => {
                let mut history = History::new(entry.did.clone());
                let applied = history.apply(&entry.operation, &entry.created_at, Some(&entry.cid))?;
                self.histories.insert(entry.did.clone(), history);
                applied
            }
        };
        if entry.nullified == Some(true) {
            self.unexplained.insert((entry.did.clone(), entry.cid));
        }
        for cid in &applied.nullified {
            self.unexplained.remove(&(entry.did.clone(), *cid));
        }
        Ok(applied)
    }

    /// The history of a DID.
    pub fn get(&self, did: &Did) -> Option<&History> {
        self.histories.get(did)
    }

    /// All histories, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &History> {
        self.histories.values()
    }

    /// How many DIDs there are.
    pub fn len(&self) -> usize {
        self.histories.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.histories.is_empty()
    }

    /// Where to go on.
    pub fn cursor(&self) -> Option<&Cursor> {
        self.cursor.as_ref()
    }

    /// The operations that the directory says are undone, and that none has undone so far: at the end of an export there are
    /// none, or the directory hides something.
    pub fn unexplained(&self) -> impl Iterator<Item = (&Did, &Cid)> {
        self.unexplained.iter().map(|(did, cid)| (did, cid))
    }
}
