//! Labels: what nobody signed is nobody's, and what was signed is not to be changed.

use arbitrary::{Result, Unstructured};
use atproto_crypto::{Curve, SecretKey};
use atproto_lexicon::data::{cbor, json};
use atproto_xrpc::api::com::atproto::label::defs::Label;
use atproto_xrpc::label;
use std::sync::LazyLock;

static KEY: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::from_bytes(Curve::K256, &[7; 32]).unwrap());
const TIMES: [&str; 3] = ["2026-01-02T03:04:05.678Z", "1985-04-12T23:20:50+01:00", "2030-01-01T00:00:00Z"];
const DIDS: [&str; 2] = ["did:web:labels.example.com", "did:web:example.com"];
const URIS: [&str; 2] = ["at://did:web:example.com/com.example.note/1", "did:web:example.com"];

/// The first byte says whether a label is CBOR, JSON, or made.
pub fn check(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    match kind % 3 {
        0 => cbor::from_slice(rest).map_or((), |label| check_unsigned(&label)),
        1 => {
            let label = str::from_utf8(rest).ok().and_then(|text| json::from_str(text).ok());
            let label = label.and_then(|value| serde_json::from_str(&json::to_string(&value).unwrap()).ok());
            label.iter().for_each(check_unsigned);
        }
        // Too little data makes none.
        _ => drop(check_made(&mut Unstructured::new(rest))),
    }
}

/// The key has signed none of those.
fn check_unsigned(label: &Label) {
    assert!(label::verify(label, &label.src, &KEY.public_key()).is_err());
}

fn made(input: &mut Unstructured<'_>) -> Result<Label> {
    let uri = input.choose(&URIS)?.parse().unwrap();
    let val = input.arbitrary()?;
    let mut label =
        Label::new(input.choose(&DIDS)?.parse().unwrap(), uri, val, input.choose(&TIMES)?.parse().unwrap());
    label.neg = input.arbitrary()?;
    label.ver = *input.choose(&[None, Some(1), Some(1), Some(2)])?;
    label.exp = if input.arbitrary()? { Some(input.choose(&TIMES)?.parse().unwrap()) } else { None };
    Ok(label)
}

fn check_made(input: &mut Unstructured<'_>) -> Result<()> {
    let mut label = made(input)?;
    let (src, key) = (label.src.clone(), KEY.public_key());
    let is_sound = (1..=128).contains(&label.val.len()) && label.ver != Some(2);
    let before = label.clone();
    match label::sign(&mut label, &*KEY) {
        Err(_) => {
            assert!(!is_sound && label == before);
            return Ok(());
        }
        Ok(()) => assert!(is_sound && label::verify(&label, &src, &key).is_ok()),
    }
    // The fields of another one, under the signature of this one.
    let other = made(input)?;
    let sig = label.sig.clone();
    let same = |other: &Label| Label { sig: None, ..other.clone() } == Label { sig: None, ..label.clone() };
    let changed = Label { sig, ..other };
    assert_eq!(label::verify(&changed, &src, &key).is_ok(), same(&changed), "{changed:?}");
    Ok(())
}
