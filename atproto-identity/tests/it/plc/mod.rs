//! did:plc: operations, histories, and their rules.

mod client;
mod history;
mod operation;
mod oracle;

use atproto_crypto::{Curve, SecretKey};
use atproto_identity::plc::{Data, Endpoint, Operation, UnsignedOperation};
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Datetime;

/// The `number`th key; those with an even number are of K-256.
pub fn key(number: u8) -> SecretKey {
    let curve = if number.is_multiple_of(2) { Curve::K256 } else { Curve::P256 };
    SecretKey::from_bytes(curve, &[number.wrapping_add(1); 32]).unwrap()
}

/// A state with these rotation keys.
pub fn data(keys: &[u8]) -> Data {
    let pds = Endpoint {
        kind: "AtprotoPersonalDataServer".to_owned(),
        endpoint: "https://pds.example.com".to_owned(),
    };
    Data {
        rotation_keys: keys.iter().map(|number| key(*number).public_key().to_did_key()).collect(),
        verification_methods: [("atproto".to_owned(), key(9).public_key().to_did_key())].into(),
        also_known_as: vec!["at://alice.example.com".to_owned()],
        services: [("atproto_pds".to_owned(), pds)].into(),
    }
}

/// An update to these rotation keys, signed by the key `signer`.
pub fn update(keys: &[u8], prev: Option<Cid>, signer: u8) -> Operation {
    UnsignedOperation::Update { data: data(keys), prev }.sign(&key(signer)).unwrap()
}

pub fn at(seconds: i64) -> Datetime {
    Datetime::from_unix_micros(1_700_000_000_000_000 + seconds * 1_000_000).unwrap()
}
