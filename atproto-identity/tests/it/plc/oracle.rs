//! The rules of did:plc as they are written down (<https://web.plc.directory/spec/v0.1/did-plc>), slowly: what counts is found by
//! following `prev` from the genesis each time. Who made an operation says who signed it, so that nothing is verified here.

use atproto_crypto::PublicKey;
use atproto_identity::plc::{Operation, UnsignedOperation};
use atproto_lexicon::data::Cid;

/// For how long an operation can be undone, in nanoseconds.
pub(crate) const WINDOW: i128 = 72 * 3600 * 1_000_000_000;

/// An operation, and what its maker knows of it.
#[derive(Clone)]
pub(crate) struct Made {
    pub(crate) operation: Operation,
    pub(crate) cid: Cid,
    len: usize,
    /// The key as did:key; `None` where the signature is none of the operation.
    pub(crate) signer: Option<String>,
    /// When the directory would take it, in nanoseconds since whenever.
    pub(crate) time: i128,
}

impl Made {
    pub(crate) fn new(operation: Operation, signer: Option<String>, time: i128) -> Self {
        let bytes = operation.to_bytes();
        Self { cid: Cid::of_dag_cbor(&bytes), len: bytes.len(), operation, signer, time }
    }

    /// The keys that may sign what follows on it, the first one with the most authority.
    pub(crate) fn keys(&self) -> Vec<&str> {
        match &self.operation.unsigned {
            UnsignedOperation::Update { data, .. } => data.rotation_keys.iter().map(String::as_str).collect(),
            UnsignedOperation::Create(create) => vec![&create.recovery_key, &create.signing_key],
            UnsignedOperation::Tombstone { .. } => Vec::new(),
        }
    }

    /// Whether it may stand in a log at all.
    fn is_allowed(&self) -> bool {
        let methods = match &self.operation.unsigned {
            UnsignedOperation::Update { data, .. } => data.verification_methods.values().collect(),
            UnsignedOperation::Create(create) => vec![&create.signing_key],
            UnsignedOperation::Tombstone { .. } => Vec::new(),
        };
        let keys = self.keys();
        self.len <= 7500
            && keys.len() <= 10
            && keys.iter().all(|key| key.parse::<PublicKey>().is_ok())
            && methods.iter().all(|method| method.starts_with("did:key:z"))
    }

    /// How many of these keys have more authority than its signer.
    fn rank(&self, keys: &[&str]) -> Option<usize> {
        keys.iter().position(|key| Some(*key) == self.signer.as_deref())
    }
}

/// The operations of `log` that count, by their places in it.
pub(crate) fn counting(log: &[Made]) -> Vec<usize> {
    let mut chain: Vec<usize> = Vec::new();
    for (index, made) in log.iter().enumerate() {
        let prev = made.operation.unsigned.prev();
        let place = chain.iter().position(|known| Some(&log[*known].cid) == prev);
        chain.truncate(place.map_or(0, |place| place + 1));
        chain.push(index);
    }
    chain
}

/// Whether an operation follows on a valid log, or begins one where that is empty.
pub(crate) fn follows(log: &[Made], next: &Made) -> bool {
    let prev = next.operation.unsigned.prev();
    let Some(last) = log.last() else {
        return next.is_allowed() && prev.is_none() && next.rank(&next.keys()).is_some();
    };
    let chain = counting(log);
    let place = chain.iter().position(|known| Some(&log[*known].cid) == prev);
    let Some(place) = place else { return false };
    let keys = log[chain[place]].keys();
    let may_sign = match (next.rank(&keys), chain.get(place + 1).map(|undone| &log[*undone])) {
        (None, _) => false,
        (Some(_), None) => true,
        (Some(rank), Some(undone)) => rank < undone.rank(&keys).unwrap() && next.time - undone.time <= WINDOW,
    };
    next.is_allowed() && may_sign && next.time > last.time
}
