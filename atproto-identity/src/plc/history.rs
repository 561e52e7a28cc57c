//! The history of one DID, operation by operation: the rules that the directory keeps to.

use super::data::Data;
use super::operation::{Operation, did_of};
use crate::document::DidDocument;
use atproto_crypto::{KeyError, PublicKey, SignatureError};
use atproto_lexicon::data::{Cid, sha256};
use atproto_lexicon::syntax::{Datetime, Did};

/// For how long after an operation one of higher authority can undo it, in nanoseconds: 72 hours.
const RECOVERY_WINDOW: i128 = 72 * 3600 * 1_000_000_000;

/// Why an operation does not follow on the history of its DID.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A log without entries proves nothing.
    #[error("there is no operation")]
    Empty,
    /// The entry is of another DID.
    #[error("it is of {0}")]
    OtherDid(Did),
    /// The entry's CID is not that of its operation.
    #[error("its CID is {actual} by its bytes")]
    Cid {
        /// The hash of the operation.
        actual: Cid,
    },
    /// The operation has more than [`Operation::MAX_LEN`] bytes.
    #[error("an operation of {0} bytes")]
    TooLarge(usize),
    /// There are more than [`History::MAX_ROTATION_KEYS`] rotation keys.
    #[error("{0} rotation keys")]
    TooManyRotationKeys(usize),
    /// A rotation key is no did:key of P-256 or K-256.
    #[error("rotation key {index}: {error}")]
    RotationKey {
        /// Where it stands.
        index: usize,
        /// What is wrong with it.
        error: KeyError,
    },
    /// A verification method is no did:key.
    #[error("verification method {0:?} is not a did:key")]
    VerificationMethod(String),
    /// The first operation has one before it.
    #[error("the first operation is not a genesis")]
    NotGenesis,
    /// An operation after the first one has none before it.
    #[error("a second genesis")]
    SecondGenesis,
    /// The genesis is that of another DID.
    #[error("the genesis is that of {0}")]
    WrongDid(Did),
    /// `prev` is not in the history.
    #[error("prev {0} is not in the history")]
    UnknownPrev(Cid),
    /// `prev` has been nullified.
    #[error("prev {0} is nullified")]
    NullifiedPrev(Cid),
    /// `prev` is a tombstone, on which nothing follows.
    #[error("prev {0} is a tombstone")]
    TombstonedPrev(Cid),
    /// In a log of operations alone, `prev` is not the one before.
    #[error("prev {0} is not the operation before")]
    Fork(Cid),
    /// The time is not later than that of the entry before.
    #[error("its time is not later than that of the operation before")]
    Time,
    /// The signature is malformed, or no rotation key of `prev` made it.
    #[error("{0}")]
    Signature(SignatureError),
    /// A recovery by a key that does not stand before the one which signed the operation to be undone.
    #[error("rotation key {signer} cannot undo what rotation key {undone} signed")]
    Authority {
        /// Where the signer stands among the rotation keys.
        signer: usize,
        /// Where the signer of what was to be undone stands.
        undone: usize,
    },
    /// A recovery came later than 72 hours after the first operation that it would undo.
    #[error("a recovery {seconds} s after what it undoes, later than 72 hours")]
    TooLate {
        /// The time between both, in seconds.
        seconds: u64,
    },
    /// The log says that an operation is nullified, or is not, and the operations say otherwise.
    #[error("the log says nullified: {says}, the operations say otherwise")]
    NullifiedFlag {
        /// What the log says.
        says: bool,
    },
}

/// What an operation has done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Applied {
    /// The operation.
    pub cid: Cid,
    /// What it has undone, oldest first.
    pub nullified: Vec<Cid>,
}

/// The verified history of a DID.
///
/// It holds of each operation what the next ones are checked against, and the state that the last one set.
#[derive(Debug, Clone)]
pub struct History {
    did: Did,
    entries: Vec<Entry>,
    keys: KeyRing,
    data: Option<Data>,
}

/// An operation of a [`History`].
#[derive(Debug, Clone)]
pub struct Entry {
    cid: Cid,
    time: Option<i128>,
    nullified: bool,
    is_tombstone: bool,
    /// The operation before it and, while none is nullified, the one after it.
    prev: Option<usize>,
    next: Option<usize>,
    /// The rotation keys, as numbers of the ring.
    rotation_keys: Vec<usize>,
    /// The key that made the signature. There cannot be two: the signed bytes depend on the hash of the keys that could have, so
    /// that none of these can be made to verify a signature over them.
    signer: usize,
}

impl Entry {
    /// The operation's CID.
    pub fn cid(&self) -> &Cid {
        &self.cid
    }

    /// Whether a recovery has undone it.
    pub fn is_nullified(&self) -> bool {
        self.nullified
    }

    /// Whether it is a tombstone.
    pub fn is_tombstone(&self) -> bool {
        self.is_tombstone
    }
}

/// The keys of a history, each read once.
#[derive(Debug, Clone, Default)]
struct KeyRing(Vec<(Box<str>, PublicKey)>);

impl KeyRing {
    fn number(&mut self, text: &str) -> Result<usize, KeyError> {
        if let Some(number) = self.0.iter().position(|(known, _)| **known == *text) {
            return Ok(number);
        }
        self.0.push((text.into(), PublicKey::from_did_key(text)?));
        Ok(self.0.len().saturating_sub(1))
    }

    fn verify(&self, number: usize, digest: &[u8; 32], signature: &[u8; 64]) -> Result<(), SignatureError> {
        let (_, key) = self.0.get(number).ok_or(SignatureError::Mismatch)?;
        key.verify_digest(digest, signature)
    }
}

impl History {
    /// The most rotation keys that an operation in a log has.
    pub const MAX_ROTATION_KEYS: usize = 10;

    /// The history of a DID before its genesis.
    pub fn new(did: Did) -> Self {
        Self { did, entries: Vec::new(), keys: KeyRing::default(), data: None }
    }

    /// Whose history it is.
    pub fn did(&self) -> &Did {
        &self.did
    }

    /// The operations in the order in which they came, nullified ones too.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The last operation that counts: what the next one names as `prev`. `None` before the genesis.
    pub fn head(&self) -> Option<&Cid> {
        // A recovery is the last one itself, so that the last one is never nullified.
        self.entries.last().map(|entry| &entry.cid)
    }

    /// The state of the DID; `None` before the genesis and after a tombstone.
    pub fn data(&self) -> Option<&Data> {
        self.data.as_ref()
    }

    /// Whether the DID has ended.
    pub fn is_tombstoned(&self) -> bool {
        self.entries.last().is_some_and(|entry| entry.is_tombstone)
    }

    /// The DID document of [`data`](Self::data).
    pub fn document(&self) -> Option<DidDocument> {
        self.data().map(|data| data.to_document(&self.did))
    }

    /// Checks an operation as [`apply`](Self::apply) does, and changes nothing: what a program asks before it submits.
    ///
    /// # Errors
    /// [`Fault`].
    pub fn check(&self, operation: &Operation, now: &Datetime) -> Result<Applied, Fault> {
        self.clone().apply(operation, now, None)
    }

    /// Adds an operation that the directory took at this time. With a CID, that is checked to be the operation's.
    ///
    /// # Errors
    /// [`Fault`]; the history is as it was.
    pub fn apply(
        &mut self,
        operation: &Operation,
        created_at: &Datetime,
        cid: Option<&Cid>,
    ) -> Result<Applied, Fault> {
        self.add(operation, Some(nanoseconds(created_at)), cid)
    }

    /// Adds the next operation of a log without times, which has no forks.
    ///
    /// # Errors
    /// [`Fault`]; the history is as it was.
    pub fn extend(&mut self, operation: &Operation) -> Result<Applied, Fault> {
        if let (Some(prev), Some(head)) = (operation.unsigned.prev(), self.head())
            && prev != head
        {
            return Err(Fault::Fork(*prev));
        }
        self.add(operation, None, None)
    }

    fn add(
        &mut self,
        operation: &Operation,
        time: Option<i128>,
        cid: Option<&Cid>,
    ) -> Result<Applied, Fault> {
        let known = self.keys.0.len();
        let added = self.prepare(operation, time, cid);
        if added.is_err() {
            self.keys.0.truncate(known);
        }
        let entry = added?;
        let mut nullified = Vec::new();
        let mut undone = entry.prev.and_then(|prev| self.entries.get(prev)?.next);
        while let Some(old) = undone.and_then(|index| self.entries.get_mut(index)) {
            old.nullified = true;
            nullified.push(old.cid);
            undone = old.next;
        }
        let number = self.entries.len();
        if let Some(prev) = entry.prev.and_then(|prev| self.entries.get_mut(prev)) {
            prev.next = Some(number);
        }
        let cid = entry.cid;
        self.entries.push(entry);
        self.data = operation.unsigned.data().map(|data| data.into_owned());
        Ok(Applied { cid, nullified })
    }

    /// Checks all and changes nothing but the ring of keys.
    fn prepare(
        &mut self,
        operation: &Operation,
        time: Option<i128>,
        cid: Option<&Cid>,
    ) -> Result<Entry, Fault> {
        let bytes = operation.to_bytes();
        if bytes.len() > Operation::MAX_LEN {
            return Err(Fault::TooLarge(bytes.len()));
        }
        let hash = sha256(&bytes);
        let actual = Cid::from_digest(atproto_lexicon::data::Codec::DagCbor, hash);
        if cid.is_some_and(|cid| *cid != actual) {
            return Err(Fault::Cid { actual });
        }
        let rotation_keys = self.read_keys(operation)?;
        let prev = self.find_prev(operation, &hash)?;
        if self
            .entries
            .last()
            .and_then(|last| last.time)
            .is_some_and(|last| time.is_none_or(|time| time <= last))
        {
            return Err(Fault::Time);
        }
        let signature = *operation.signature().map_err(Fault::Signature)?.as_bytes();
        let digest = sha256(&operation.unsigned.to_bytes());
        let signer = self.find_signer(prev, &rotation_keys, &digest, &signature)?;
        self.check_window(prev, time)?;
        Ok(Entry {
            cid: actual,
            time,
            nullified: false,
            is_tombstone: operation.unsigned.data().is_none(),
            prev,
            next: None,
            rotation_keys,
            signer,
        })
    }

    fn read_keys(&mut self, operation: &Operation) -> Result<Vec<usize>, Fault> {
        let Some(data) = operation.unsigned.data() else { return Ok(Vec::new()) };
        if data.rotation_keys.len() > Self::MAX_ROTATION_KEYS {
            return Err(Fault::TooManyRotationKeys(data.rotation_keys.len()));
        }
        let bad = data.verification_methods.iter().find(|(_, key)| !is_did_key(key));
        if let Some((name, _)) = bad {
            return Err(Fault::VerificationMethod(name.clone()));
        }
        let keys = data.rotation_keys.iter().enumerate();
        keys.map(|(index, key)| self.keys.number(key).map_err(|error| Fault::RotationKey { index, error }))
            .collect()
    }

    /// The entry that the operation follows on; `None` for the genesis.
    fn find_prev(&self, operation: &Operation, hash: &[u8; 32]) -> Result<Option<usize>, Fault> {
        match operation.unsigned.prev() {
            None if !self.entries.is_empty() => Err(Fault::SecondGenesis),
            None => match did_of(hash) {
                Some(did) if did == self.did => Ok(None),
                did => Err(did.map_or(Fault::NotGenesis, Fault::WrongDid)),
            },
            Some(_) if self.entries.is_empty() => Err(Fault::NotGenesis),
            Some(cid) => {
                let found = self.entries.iter().enumerate().rfind(|(_, entry)| entry.cid == *cid);
                let (index, entry) = found.ok_or(Fault::UnknownPrev(*cid))?;
                if entry.nullified {
                    return Err(Fault::NullifiedPrev(*cid));
                }
                if entry.is_tombstone {
                    return Err(Fault::TombstonedPrev(*cid));
                }
                Ok(Some(index))
            }
        }
    }

    /// The key that made the signature: of the genesis itself, or of `prev`, and there before the one that signed what would
    /// be undone.
    fn find_signer(
        &self,
        prev: Option<usize>,
        own: &[usize],
        digest: &[u8; 32],
        signature: &[u8; 64],
    ) -> Result<usize, Fault> {
        let prev = prev.and_then(|prev| self.entries.get(prev));
        let keys = prev.map_or(own, |prev| &prev.rotation_keys);
        let undone = prev.and_then(|prev| {
            let signer = self.entries.get(prev.next?)?.signer;
            keys.iter().position(|key| *key == signer)
        });
        // The key that signed last will have signed again; before that, the one of least authority, which the host has.
        let usual = self.entries.last().map(|last| last.signer);
        let usual =
            usual.filter(|_| undone.is_none()).and_then(|key| keys.iter().position(|other| *other == key));
        let others = (0..keys.len()).rev().filter(|index| Some(*index) != usual);
        // Those which can undo are at the front.
        let first = 0..undone.unwrap_or(0);
        let order =
            usual.into_iter().chain(first.clone()).chain(others.filter(|index| !first.contains(index)));
        let mut error = SignatureError::Mismatch;
        let mut without_authority = None;
        for index in order {
            let Some(key) = keys.get(index) else { continue };
            match self.keys.verify(*key, digest, signature) {
                Ok(()) if undone.is_none_or(|undone| index < undone) => return Ok(*key),
                Ok(()) => without_authority = Some(index),
                Err(SignatureError::Mismatch) => {}
                Err(other) => error = other,
            }
        }
        match (without_authority, undone) {
            (Some(signer), Some(undone)) => Err(Fault::Authority { signer, undone }),
            _ => Err(Fault::Signature(error)),
        }
    }

    fn check_window(&self, prev: Option<usize>, time: Option<i128>) -> Result<(), Fault> {
        let undone = prev.and_then(|prev| self.entries.get(self.entries.get(prev)?.next?)?.time);
        let (Some(undone), Some(time)) = (undone, time) else { return Ok(()) };
        let passed = time.saturating_sub(undone);
        if passed > RECOVERY_WINDOW {
            let seconds = u64::try_from(passed.div_euclid(1_000_000_000)).unwrap_or(u64::MAX);
            return Err(Fault::TooLate { seconds });
        }
        Ok(())
    }
}

/// Since 1970.
fn nanoseconds(time: &Datetime) -> i128 {
    let seconds = i128::from(time.unix_seconds()).saturating_mul(1_000_000_000);
    seconds.saturating_add(time.subsec_nanos().into())
}

/// Whether it is a key in base58btc, of whichever type.
fn is_did_key(text: &str) -> bool {
    let digits = text.strip_prefix("did:key:z");
    digits.is_some_and(|digits| {
        !digits.is_empty()
            && digits.bytes().all(|b| b.is_ascii_alphanumeric() && !matches!(b, b'0' | b'O' | b'I' | b'l'))
    })
}
