//! Operations of did:plc by known signers, with flaws that a log can have.

use crate::plc_oracle::Made;
use atproto_crypto::testing::high_s;
use atproto_crypto::{Curve, SecretKey};
use atproto_identity::plc::{Data, LegacyCreate, Operation, UnsignedOperation};
use atproto_lexicon::data::Cid;
use data_encoding::BASE64URL_NOPAD;
use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

/// Rotation keys as did:key, in the lists that operations set.
static KEYS: LazyLock<Vec<(SecretKey, String)>> = LazyLock::new(|| {
    let key = |number: u8| SecretKey::from_bytes(Curve::K256, &[number; 32]).unwrap();
    (1..=3).map(key).map(|key| (key.clone(), key.public_key().to_did_key())).collect()
});
const LISTS: [&[usize]; 7] =
    [&[0, 1, 2], &[2, 1], &[0, 0, 1], &[], &[1], &[2, 1, 0, 0, 0, 0, 0, 0, 0, 0], &[0; 11]];

/// After the lists: a tombstone, an operation as long as it may be, and one that is longer, a genesis of the oldest form, keys
/// that are none.
pub(crate) const TOMBSTONE: usize = LISTS.len();
const LONG: usize = TOMBSTONE + 1;
const TOO_LONG: usize = TOMBSTONE + 2;
pub(crate) const LEGACY: usize = TOMBSTONE + 3;
const BAD_ROTATION_KEY: usize = TOMBSTONE + 4;
const BAD_METHOD: usize = TOMBSTONE + 5;
pub(crate) const KINDS: usize = TOMBSTONE + 6;

/// What an operation is made of; without a flaw (0), the signature is right.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Signing {
    pub(crate) prev: Option<Cid>,
    pub(crate) kind: usize,
    pub(crate) signer: usize,
    pub(crate) flaw: u8,
}

/// How many operations are remembered.
const POOL: usize = 8192;

thread_local! {
    /// Most inputs begin as another one did, and signing takes long.
    static MADE: RefCell<HashMap<Signing, Made>> = RefCell::default();
}

pub(crate) fn made(mut signing: Signing, time: i128) -> Made {
    signing.flaw %= 8;
    MADE.with_borrow_mut(|pool| {
        if pool.len() >= POOL {
            pool.clear();
        }
        let mut made = pool.entry(signing).or_insert_with(|| signed(&signing)).clone();
        made.time = time;
        made
    })
}

fn signed(signing: &Signing) -> Made {
    let unsigned = match (signing.kind, signing.prev) {
        (TOMBSTONE, Some(prev)) => UnsignedOperation::Tombstone { prev },
        (LEGACY, _) => UnsignedOperation::Create(LegacyCreate {
            signing_key: KEYS[1].1.clone(),
            recovery_key: KEYS[0].1.clone(),
            handle: "a.example.com".to_owned(),
            service: "https://pds.example.com".to_owned(),
        }),
        (LONG, prev) => long(prev, Operation::MAX_LEN),
        (TOO_LONG, prev) => long(prev, Operation::MAX_LEN + 1),
        (BAD_ROTATION_KEY, prev) => {
            let mut data = data(LISTS[0]);
            data.rotation_keys.push("did:key:zQ3sh".to_owned());
            UnsignedOperation::Update { data, prev }
        }
        (BAD_METHOD, prev) => {
            let methods = BTreeMap::from([("atproto".to_owned(), "did:web:a.example.com".to_owned())]);
            let data = Data { verification_methods: methods, ..data(LISTS[0]) };
            UnsignedOperation::Update { data, prev }
        }
        (list, prev) => UnsignedOperation::Update { data: data(LISTS.get(list).unwrap_or(&LISTS[0])), prev },
    };
    let (key, text) = &KEYS[signing.signer];
    let right = *key.sign(&unsigned.to_bytes()).as_bytes();
    let sig = flawed(key, &right, signing.flaw);
    let signer = (signing.flaw == 0).then(|| text.clone());
    Made::new(Operation { unsigned, sig }, signer, 0)
}

fn data(keys: &[usize]) -> Data {
    Data { rotation_keys: keys.iter().map(|key| KEYS[*key].1.clone()).collect(), ..Data::default() }
}

/// An operation of `len` bytes.
fn long(prev: Option<Cid>, len: usize) -> UnsignedOperation {
    let of = |text: usize| {
        let data = Data { also_known_as: vec!["a".repeat(text)], ..data(LISTS[0]) };
        UnsignedOperation::Update { data, prev }
    };
    let sig = "A".repeat(86);
    let rest = Operation { unsigned: of(1000), sig }.to_bytes().len() - 1000;
    of(len - rest)
}

/// A signature that is none, in some way.
fn flawed(key: &SecretKey, right: &[u8; 64], flaw: u8) -> String {
    let text = BASE64URL_NOPAD.encode(right);
    match flaw {
        0 => text,
        1 => BASE64URL_NOPAD.encode(&high_s(Curve::K256, right)),
        2 => BASE64URL_NOPAD.encode(&{
            let mut other = *right;
            other[40] ^= 1;
            other
        }),
        3 => BASE64URL_NOPAD.encode(key.sign(b"something else").as_bytes()),
        4 => text + "==",
        // The last character has four bits to spare.
        5 => text[..85].to_owned() + &char::from(text.as_bytes()[85] + 1).to_string(),
        6 => BASE64URL_NOPAD.encode(&right[..63]),
        _ => String::new(),
    }
}
