use super::Action;
use crate::car::to_car;
use crate::repo::{RecordChange, SignedCommit};
use atproto_lexicon::data::frame::MAX_SEQ;
use atproto_lexicon::data::{Object, Value, cbor};

/// Why an event cannot be sent: it would be beyond the limits that receivers have. The writes have to be parted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProduceError {
    /// `blocks` would have more than 2,000,000 bytes.
    #[error("blocks of {0} bytes are more than 2,000,000")]
    Blocks(usize),
    /// The number is not from 1 to 2⁵³ − 1.
    #[error("seq is not from 1 to 2^53 - 1")]
    Seq,
}

const MAX_BLOCKS: usize = 2_000_000;

impl RecordChange {
    /// What was done.
    pub fn action(&self) -> Action {
        match (self.prev, self.cid) {
            (None, _) => Action::Create,
            (Some(_), Some(_)) => Action::Update,
            (Some(_), None) => Action::Delete,
        }
    }
}

impl SignedCommit {
    /// The body of the `#commit` event (<https://atproto.com/specs/sync#commit-events>): its `blocks` are the commit, the records,
    /// and the nodes that [cover](Self::covering) the changes. `time` is in the `datetime` format.
    ///
    /// # Errors
    /// [`ProduceError`].
    pub fn commit_event(&self, seq: u64, time: &str) -> Result<Vec<u8>, ProduceError> {
        let blocks = [(self.cid(), self.block())]
            .into_iter()
            .chain(self.covering().iter().map(|(cid, block)| (cid, block.as_slice())))
            .chain(self.records().iter().map(|(cid, block)| (cid, block.as_slice())));
        let blocks = to_car(self.cid(), blocks);
        let ops = self.changes().iter().map(|change| {
            let mut op = Object::from([
                ("action".into(), change.action().as_str().into()),
                ("cid".into(), change.cid.map_or(Value::Null, Value::from)),
                ("path".into(), change.path.as_str().into()),
            ]);
            if let Some(prev) = change.prev {
                op.insert("prev".into(), prev.into());
            }
            Value::Object(op)
        });
        let before = self.before();
        let mut body = self.body(seq, time, blocks)?;
        body.insert("repo".into(), self.did().as_str().into());
        body.insert("commit".into(), (*self.cid()).into());
        body.insert("since".into(), before.map_or(Value::Null, |before| before.rev.to_string().into()));
        if let Some(before) = before {
            body.insert("prevData".into(), before.data.into());
        }
        body.insert("ops".into(), Value::Array(ops.collect()));
        body.insert("blobs".into(), Value::Array(Vec::new()));
        body.insert("rebase".into(), Value::Boolean(false));
        body.insert("tooBig".into(), Value::Boolean(false));
        // These fields can be written.
        Ok(cbor::to_vec(&body).unwrap_or_default())
    }

    /// The body of a `#sync` event (<https://atproto.com/specs/sync#sync-events>): the commit alone.
    ///
    /// # Errors
    /// [`ProduceError`].
    pub fn sync_event(&self, seq: u64, time: &str) -> Result<Vec<u8>, ProduceError> {
        let mut body = self.body(seq, time, to_car(self.cid(), [(self.cid(), self.block())]))?;
        body.insert("did".into(), self.did().as_str().into());
        Ok(cbor::to_vec(&body).unwrap_or_default())
    }

    /// The fields that both events have.
    fn body(&self, seq: u64, time: &str, blocks: Vec<u8>) -> Result<Object, ProduceError> {
        if blocks.len() > MAX_BLOCKS {
            return Err(ProduceError::Blocks(blocks.len()));
        }
        let seq_field = i64::try_from(seq).ok().filter(|_| (1..=MAX_SEQ).contains(&seq));
        Ok(Object::from([
            ("seq".into(), Value::Integer(seq_field.ok_or(ProduceError::Seq)?)),
            ("rev".into(), self.rev().to_string().into()),
            ("time".into(), time.into()),
            ("blocks".into(), Value::Bytes(blocks.into())),
        ]))
    }
}
