//! Bodies of events, made field by field.

use super::model::did;
use atproto_lexicon::data::cbor::{self, Profile};
use atproto_lexicon::data::{Bytes, Cid, Limits, Object, Value};
use atproto_lexicon::syntax::Tid;

/// The fields of a commit that have more than one sensible value.
#[derive(Debug, Clone)]
pub struct CommitBody {
    /// Number of the event.
    pub seq: i64,
    /// The commit.
    pub commit: Cid,
    /// Its revision.
    pub rev: Tid,
    /// The revision before.
    pub since: Option<Tid>,
    /// Root of the tree before.
    pub prev_data: Option<Cid>,
    /// A CAR.
    pub blocks: Vec<u8>,
    /// Made by [`op`].
    pub ops: Vec<Value>,
}

impl Default for CommitBody {
    /// A creation and nothing to it.
    fn default() -> Self {
        Self {
            seq: 7,
            commit: Cid::of_dag_cbor(b"commit"),
            rev: Tid::from_u64(3 << 20),
            since: Some(Tid::from_u64(2 << 20)),
            prev_data: Some(Cid::of_dag_cbor(b"data")),
            blocks: b"a CAR".to_vec(),
            ops: vec![op("create", "com.example.note/a", Some(Cid::of_dag_cbor(b"record")), None)],
        }
    }
}

impl CommitBody {
    /// The body.
    pub fn object(self) -> Object {
        let mut body = Object::from([
            ("blobs".into(), Value::Array(Vec::new())),
            ("blocks".into(), Value::Bytes(Bytes(self.blocks))),
            ("commit".into(), self.commit.into()),
            ("ops".into(), Value::Array(self.ops)),
            ("rebase".into(), Value::Boolean(false)),
            ("repo".into(), did().as_str().into()),
            ("rev".into(), self.rev.to_string().into()),
            ("seq".into(), Value::Integer(self.seq)),
            ("since".into(), self.since.map_or(Value::Null, |since| since.to_string().into())),
            ("time".into(), TIME.into()),
            ("tooBig".into(), Value::Boolean(false)),
        ]);
        body.extend(self.prev_data.map(|cid| ("prevData".to_owned(), cid.into())));
        body
    }
}

/// When each of them was sent.
pub const TIME: &str = "2026-01-01T00:00:00.000Z";

/// An operation.
pub fn op(action: &str, path: &str, cid: Option<Cid>, prev: Option<Cid>) -> Value {
    let mut op = Object::from([
        ("action".into(), action.into()),
        ("path".into(), path.into()),
        ("cid".into(), cid.map_or(Value::Null, Value::from)),
    ]);
    op.extend(prev.map(|cid| ("prev".to_owned(), cid.into())));
    Value::Object(op)
}

/// The body of a `#sync`.
pub fn sync(rev: Tid, blocks: Vec<u8>) -> Object {
    let mut body = about_account();
    body.insert("rev".into(), rev.to_string().into());
    body.insert("blocks".into(), Value::Bytes(Bytes(blocks)));
    body
}

/// The body of an `#account`.
pub fn account(active: bool, status: Option<&str>) -> Object {
    let mut body = about_account();
    body.insert("active".into(), Value::Boolean(active));
    body.extend(status.map(|status| ("status".to_owned(), status.into())));
    body
}

/// The body of an `#identity`.
pub fn identity(handle: Option<&str>) -> Object {
    let mut body = about_account();
    body.extend(handle.map(|handle| ("handle".to_owned(), handle.into())));
    body
}

/// The body of an `#info`.
pub fn info(name: &str, message: Option<&str>) -> Object {
    let mut body = Object::from([("name".into(), name.into())]);
    body.extend(message.map(|message| ("message".to_owned(), message.into())));
    body
}

fn about_account() -> Object {
    Object::from([
        ("did".into(), did().as_str().into()),
        ("seq".into(), Value::Integer(7)),
        ("time".into(), TIME.into()),
    ])
}

/// One of each type, all fields there.
pub fn each() -> [(&'static str, Object); 5] {
    [
        ("#commit", CommitBody::default().object()),
        ("#sync", sync(Tid::from_u64(3 << 20), b"a CAR".to_vec())),
        ("#account", account(false, Some("deactivated"))),
        ("#identity", identity(Some("ada.example.com"))),
        ("#info", info("OutdatedCursor", Some("too old"))),
    ]
}

/// However long it becomes.
pub fn encode(object: &Object) -> Vec<u8> {
    let limits = Limits { bytes: usize::MAX, ..Limits::OBJECT };
    cbor::to_vec_with(object, Profile::Atproto, &limits).unwrap()
}

/// The header of a message.
pub fn header(op: i64, t: Option<&str>) -> Object {
    let mut header = Object::from([("op".into(), Value::Integer(op))]);
    header.extend(t.map(|t| ("t".to_owned(), t.into())));
    header
}

/// A whole message.
pub fn frame(t: &str, body: &Object) -> Vec<u8> {
    [encode(&header(1, Some(t))), encode(body)].concat()
}
