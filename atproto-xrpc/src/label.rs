//! Labels, signed and verified (<https://atproto.com/specs/label#signatures>).
//!
//! A signature covers the fields that the schema names, less `sig`, in DAG-CBOR; `$type` and fields which the schema does not
//! know are no part of it. So a label that [`verify`] has accepted is vouched for in its named fields alone, and what stands in
//! its `extra` may be anybody's. Other than that it is taken as it was received: a `neg` of `false`, which the specification
//! advises to leave out, is signed as `false` where it stands. The version must be there, and be 1.
//!
//! A label is verified once, when it is received from its labeler. It stays true until it is negated by a later one with the same
//! `src`, `uri` and `val`, or [expires](is_expired); which of several is the current one is not decided here, and no keys are
//! looked for. Keys are in the DID document of the labeler, as `#atproto_label`, and no other of its keys counts.
//!
//! ```
//! use atproto_crypto::{Curve, SecretKey};
//! use atproto_xrpc::api::com::atproto::label::defs::Label;
//! use atproto_xrpc::label;
//!
//! let secret = SecretKey::from_hex(Curve::K256, &"17".repeat(32))?;
//! let (labeler, uri) = ("did:web:labels.example.com", "at://did:web:example.com/com.example.note/1");
//! let mut spam = Label::new(labeler.parse()?, uri.parse()?, "spam".into(), "2026-01-02T03:04:05.678Z".parse()?);
//! label::sign(&mut spam, &secret)?;
//!
//! label::verify(&spam, &labeler.parse()?, &secret.public_key())?;
//! spam.val = "ham".into();
//! assert!(label::verify(&spam, &labeler.parse()?, &secret.public_key()).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::api::com::atproto::label::defs::Label;
use atproto_crypto::{PublicKey, SignatureError, Signer};
use atproto_lexicon::data::cbor;
use atproto_lexicon::typed::{Bytes, Did, Failures, Object, Validate as _};

/// The version of labels that is signed and verified (<https://atproto.com/specs/label#schema-and-data-model>).
pub const VERSION: i64 = 1;

/// Why a label is not signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError<E> {
    /// Its value is longer than 128 bytes.
    #[error("label breaks its schema: {0}")]
    Schema(Failures),
    /// Its value is empty.
    #[error("label has no value")]
    Empty,
    /// The version is another one than [`VERSION`].
    #[error("version {0} of labels is not known")]
    Version(i64),
    /// It has no form in DAG-CBOR.
    #[error(transparent)]
    Cbor(#[from] cbor::EncodeError),
    /// What the signer says.
    #[error("cannot sign: {0}")]
    Signer(E),
}

/// Why a label is not its labeler's.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// It says that it is another one's than the one whose key this is.
    #[error("label is of {0}")]
    Source(Did),
    /// The version is missing.
    #[error("label has no version")]
    NoVersion,
    /// The version is another one than [`VERSION`].
    #[error("version {0} of labels is not known")]
    Version(i64),
    /// It is not signed, as those in the answers of an app view are not.
    #[error("label has no signature")]
    NoSignature,
    /// The signature is not one of this key over this label. The labeler may have another key by now: after its identity was
    /// resolved anew, it may be tried once more.
    #[error("label: {0}")]
    Signature(#[from] SignatureError),
    /// It has no form in DAG-CBOR.
    #[error(transparent)]
    Cbor(#[from] cbor::EncodeError),
}

/// Signs a label: sets `ver` and `sig`, and leaves `neg` out where it is false.
///
/// # Errors
/// [`SignError`], and the label is as it was.
pub fn sign<S: Signer>(label: &mut Label, signer: &S) -> Result<(), SignError<S::Error>> {
    label.validate().map_err(SignError::Schema)?;
    if label.val.is_empty() {
        return Err(SignError::Empty);
    }
    let ver = label.ver.unwrap_or(VERSION);
    if ver != VERSION {
        return Err(SignError::Version(ver));
    }
    let neg = label.neg.filter(|neg| *neg);
    let signed = signed_bytes(&Label { ver: Some(ver), neg, ..label.clone() })?;
    let signature = signer.sign(&signed).map_err(SignError::Signer)?;
    (label.ver, label.neg) = (Some(ver), neg);
    label.sig = Some(Bytes(signature.as_bytes().to_vec()));
    Ok(())
}

/// Verifies a label of `labeler`, as it was received, with that account's `#atproto_label` key. Nothing in `extra` is covered, and
/// whether the label has [expired](is_expired) is another question.
///
/// # Errors
/// [`VerifyError`]; a signature that is high-S or not 64 bytes is refused.
pub fn verify(label: &Label, labeler: &Did, key: &PublicKey) -> Result<(), VerifyError> {
    if label.src != *labeler {
        return Err(VerifyError::Source(label.src.clone()));
    }
    match label.ver {
        Some(VERSION) => {}
        Some(other) => return Err(VerifyError::Version(other)),
        None => return Err(VerifyError::NoVersion),
    }
    let signature = label.sig.as_ref().ok_or(VerifyError::NoSignature)?;
    Ok(key.verify(&signed_bytes(label)?, signature)?)
}

/// Whether the label is no longer valid at a time in microseconds since 1970: from the instant of `exp` on, if it has one
/// (<https://atproto.com/specs/label#label-lifecycle-negation-and-expiration>).
pub fn is_expired(label: &Label, now: u64) -> bool {
    label.exp.as_ref().is_some_and(|exp| crate::time::order(exp, now).is_le())
}

/// What is signed.
fn signed_bytes(label: &Label) -> Result<Vec<u8>, cbor::EncodeError> {
    cbor::to_vec(&Label { sig: None, extra: Object::new(), ..label.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use atproto_crypto::{Curve, SecretKey};
    use atproto_lexicon::typed::Value;

    const LABELER: &str = "did:web:labels.example.com";

    fn key(curve: Curve) -> SecretKey {
        SecretKey::from_hex(curve, &"17".repeat(32)).unwrap()
    }

    fn label() -> Label {
        let uri = "at://did:web:example.com/com.example.note/1".parse().unwrap();
        let cts = "2026-01-02T03:04:05.678Z".parse().unwrap();
        Label::new(LABELER.parse().unwrap(), uri, "spam".into(), cts)
    }

    fn full() -> Label {
        Label {
            cid: Some("bafyreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u".parse().unwrap()),
            exp: Some("2026-02-02T03:04:05.678Z".parse().unwrap()),
            neg: Some(true),
            ..label()
        }
    }

    fn check(label: &Label, key: &SecretKey) -> Result<(), VerifyError> {
        verify(label, &LABELER.parse().unwrap(), &key.public_key())
    }

    #[test]
    fn signs_the_named_fields_in_order() {
        let signed = full();
        let value = atproto_lexicon::data::cbor::to_value(&signed_bytes(&signed).unwrap()).unwrap();
        let names: Vec<&str> = value.as_object().unwrap().keys().collect();
        assert_eq!(names, ["cid", "cts", "exp", "neg", "src", "uri", "val"]);
    }

    #[test]
    fn each_field_is_signed() {
        type Mutation = fn(&mut Label);
        let mutations: [Mutation; 12] = [
            |label| label.uri = "at://did:web:example.com/com.example.note/2".parse().unwrap(),
            |label| label.val.push('s'),
            // The same instant, in another text.
            |label| label.cts = "2026-01-02T03:04:05.6780Z".parse().unwrap(),
            |label| label.cid = None,
            |label| {
                label.cid =
                    Some("bafkreid27zk7lbis4zw5fz4podbvbs4fc5ivwji3dmrwa6zggnj4bnd57u".parse().unwrap())
            },
            |label| label.exp = None,
            |label| label.exp = Some("2027-02-02T03:04:05.678Z".parse().unwrap()),
            |label| label.neg = None,
            |label| label.neg = Some(false),
            |label| label.sig.as_mut().unwrap().0[0] ^= 1,
            |label| label.sig.as_mut().unwrap().0[63] ^= 1,
            |label| label.sig.as_mut().unwrap().0.swap(0, 32),
        ];
        for curve in [Curve::K256, Curve::P256] {
            let mut signed = full();
            sign(&mut signed, &key(curve)).unwrap();
            check(&signed, &key(curve)).unwrap();
            for (at, mutation) in mutations.iter().enumerate() {
                let mut changed = signed.clone();
                mutation(&mut changed);
                assert!(matches!(check(&changed, &key(curve)), Err(VerifyError::Signature(_))), "{at}");
            }
            let mut longer = signed.clone();
            longer.sig.as_mut().unwrap().0.push(0);
            assert!(matches!(
                check(&longer, &key(curve)),
                Err(VerifyError::Signature(SignatureError::Length))
            ));
            let other = SecretKey::from_hex(curve, &"18".repeat(32)).unwrap();
            assert!(matches!(check(&signed, &other), Err(VerifyError::Signature(SignatureError::Mismatch))));
        }
    }

    #[test]
    fn whose_and_which_version_is_asked_first() {
        let mut signed = label();
        sign(&mut signed, &key(Curve::K256)).unwrap();
        let with = |change: fn(&mut Label)| {
            let mut label = signed.clone();
            change(&mut label);
            check(&label, &key(Curve::K256))
        };
        let other = with(|label| label.src = "did:web:other.example.com".parse().unwrap());
        assert!(matches!(other, Err(VerifyError::Source(_))));
        assert!(matches!(with(|label| label.ver = None), Err(VerifyError::NoVersion)));
        assert!(matches!(with(|label| label.ver = Some(2)), Err(VerifyError::Version(2))));
        assert!(matches!(with(|label| label.sig = None), Err(VerifyError::NoSignature)));
    }

    #[test]
    fn other_fields_are_not_covered() {
        let mut signed = label();
        signed.extra.insert("$type".into(), Value::String("com.atproto.label.defs#label".into()));
        sign(&mut signed, &key(Curve::K256)).unwrap();
        signed.extra.insert("reason".into(), Value::Integer(1));
        check(&signed, &key(Curve::K256)).unwrap();
        signed.extra = Object::new();
        check(&signed, &key(Curve::K256)).unwrap();
    }

    #[test]
    fn a_false_neg_is_left_out_when_signing_and_kept_when_verifying() {
        let mut signed = Label { neg: Some(false), ..label() };
        sign(&mut signed, &key(Curve::K256)).unwrap();
        assert_eq!(signed.neg, None);
        let mut received = Label { neg: Some(false), ver: Some(VERSION), ..label() };
        let signature = key(Curve::K256).sign(&signed_bytes(&received).unwrap());
        received.sig = Some(Bytes(signature.as_bytes().to_vec()));
        check(&received, &key(Curve::K256)).unwrap();
        received.neg = None;
        assert!(check(&received, &key(Curve::K256)).is_err());
    }

    #[test]
    fn what_is_no_label_is_not_signed() {
        let refused = |label: Label| {
            let mut signed = label.clone();
            let error = sign(&mut signed, &key(Curve::K256)).unwrap_err();
            assert_eq!(signed, label);
            error
        };
        assert!(matches!(refused(Label { val: String::new(), ..label() }), SignError::Empty));
        assert!(matches!(refused(Label { val: "x".repeat(129), ..label() }), SignError::Schema(_)));
        assert!(matches!(refused(Label { ver: Some(2), ..label() }), SignError::Version(2)));
    }

    #[test]
    fn expires_at_the_instant() {
        let at = 1_770_001_445_678_000;
        assert!(!is_expired(&full(), at - 1));
        assert!(is_expired(&full(), at));
        assert!(!is_expired(&label(), u64::MAX));
        let long_ago = Label { exp: Some("0001-01-01T00:00:00Z".parse().unwrap()), ..label() };
        assert!(is_expired(&long_ago, 0));
    }
}
