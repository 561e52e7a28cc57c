//! Keys and signatures for property tests and fuzzers: of this crate, of crates on top of it, and of other implementations.
//!
//! [`SecretKey`], [`PublicKey`] and [`Signature`] have an [`Arbitrary`] of `proptest`, and one of [`arbitrary`] for fuzzers.
//! [`signatures`] and [`did_keys`] have one defect each, and say whether they are valid.
//!
//! What is made here never takes input from a stranger: what is impossible panics, as it does in a test.
//!
//! ```
//! use atproto_crypto::testing;
//!
//! for case in testing::signatures() {
//!     let found = case.key.verify(&case.message, &case.signature);
//!     assert_eq!(found.is_ok(), case.is_valid, "{}", case.name);
//! }
//! ```
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "it is a part of tests"
)]

use crate::{Curve, PublicKey, SecretKey, Signature};
use arbitrary::Unstructured;
use proptest::arbitrary::Arbitrary;
use proptest::prelude::*;

/// Both curves.
pub fn curve() -> impl Strategy<Value = Curve> {
    prop_oneof![Just(Curve::K256), Just(Curve::P256)]
}

fn secret(curve: Curve, mut bytes: [u8; 32]) -> SecretKey {
    // Below the orders of both groups, and above zero.
    bytes[0] &= 0x7f;
    bytes[31] |= 1;
    SecretKey::from_bytes(curve, &bytes).unwrap()
}

fn signature(key: &SecretKey, message: u64) -> Signature {
    key.sign(&message.to_be_bytes())
}

/// Secret keys of both curves, the least ones too.
pub fn secret_key() -> impl Strategy<Value = SecretKey> {
    let bytes = prop_oneof![9 => any::<[u8; 32]>(), 1 => Just([0; 32])];
    (curve(), bytes).prop_map(|(curve, bytes)| secret(curve, bytes))
}

/// Public keys of both curves.
pub fn public_key() -> impl Strategy<Value = PublicKey> {
    secret_key().prop_map(|key| key.public_key())
}

macro_rules! both {
    ($($type:ty: $strategy:expr, |$bytes:ident| $choose:expr;)*) => {$(
        impl Arbitrary for $type {
            type Parameters = ();
            type Strategy = BoxedStrategy<Self>;

            fn arbitrary_with((): ()) -> Self::Strategy {
                $strategy.boxed()
            }
        }

        impl<'a> arbitrary::Arbitrary<'a> for $type {
            fn arbitrary($bytes: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
                $choose
            }
        }
    )*};
}

both! {
    Curve: curve(), |bytes| Ok(if bytes.arbitrary()? { Curve::K256 } else { Curve::P256 });
    SecretKey: secret_key(), |bytes| Ok(secret(bytes.arbitrary()?, bytes.arbitrary()?));
    PublicKey: public_key(), |bytes| Ok(bytes.arbitrary::<SecretKey>()?.public_key());
    Signature: (secret_key(), any::<u64>()).prop_map(|(key, message)| signature(&key, message)),
        |bytes| Ok(signature(&bytes.arbitrary()?, bytes.arbitrary()?));
}

/// The other signature that the same key could have made of the same message: `s` becomes `n - s`.
pub fn high_s(curve: Curve, signature: &[u8; 64]) -> [u8; 64] {
    const K256: [u8; 32] = *b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xfe\
        \xba\xae\xdc\xe6\xaf\x48\xa0\x3b\xbf\xd2\x5e\x8c\xd0\x36\x41\x41";
    const P256: [u8; 32] = *b"\xff\xff\xff\xff\x00\x00\x00\x00\xff\xff\xff\xff\xff\xff\xff\xff\
        \xbc\xe6\xfa\xad\xa7\x17\x9e\x84\xf3\xb9\xca\xc2\xfc\x63\x25\x51";
    let order = if curve == Curve::K256 { K256 } else { P256 };
    let (mut high, mut borrow) = (*signature, false);
    for at in (0..32).rev() {
        let (rest, under) = order[at].overflowing_sub(signature[32 + at]);
        let (rest, again) = rest.overflowing_sub(borrow.into());
        high[32 + at] = rest;
        borrow = under || again;
    }
    high
}

/// The same signature in DER; neither half is zero.
pub fn der(signature: &[u8; 64]) -> Vec<u8> {
    let integer = |part: &[u8]| {
        let part = &part[part.iter().take_while(|byte| **byte == 0).count()..];
        let sign: &[u8] = if part[0] >= 0x80 { &[0] } else { &[] };
        [&[2, (sign.len() + part.len()) as u8], sign, part].concat()
    };
    let both = [integer(&signature[..32]), integer(&signature[32..])].concat();
    [&[0x30, both.len() as u8], &both[..]].concat()
}

/// A signature that is one, or has one defect.
#[derive(Debug, Clone)]
pub struct SignatureCase {
    /// What is wrong with it; no two are the same.
    pub name: String,
    /// The key that is said to have made it.
    pub key: PublicKey,
    /// What is said to be signed.
    pub message: Vec<u8>,
    /// The signature.
    pub signature: Vec<u8>,
    /// Whether it is valid.
    pub is_valid: bool,
}

/// Signatures on both curves.
pub fn signatures() -> Vec<SignatureCase> {
    [Curve::K256, Curve::P256].into_iter().flat_map(signatures_on).collect()
}

fn signatures_on(curve: Curve) -> Vec<SignatureCase> {
    let key = secret(curve, [0x2b; 32]);
    let other = secret(curve, [0x17; 32]);
    let elsewhere = secret(if curve == Curve::K256 { Curve::P256 } else { Curve::K256 }, [0x2b; 32]);
    let (message, right) = (b"message".to_vec(), *key.sign(b"message").as_bytes());
    let halves = |first: &[u8], second: &[u8]| [first, second].concat();
    let flipped = |at: usize| {
        let mut bytes = right;
        bytes[at] ^= 1;
        bytes.to_vec()
    };
    let max = [0xff; 32];
    let all = [
        ("as it should be", &key, &b"message"[..], right.to_vec(), true),
        ("of an empty message", &key, b"", key.sign(b"").as_bytes().to_vec(), true),
        ("high S", &key, b"message", high_s(curve, &right).to_vec(), false),
        ("DER", &key, b"message", der(&right), false),
        ("of another message", &key, b"massage", right.to_vec(), false),
        ("by another key", &other, b"message", right.to_vec(), false),
        ("on another curve", &elsewhere, b"message", right.to_vec(), false),
        ("no bytes", &key, b"message", Vec::new(), false),
        ("63 bytes", &key, b"message", right[..63].to_vec(), false),
        ("65 bytes", &key, b"message", halves(&right, &[0]), false),
        ("with a recovery number", &key, b"message", halves(&[0x1b], &right), false),
        ("halves exchanged", &key, b"message", halves(&right[32..], &right[..32]), false),
        ("all zeros", &key, b"message", vec![0; 64], false),
        ("r is zero", &key, b"message", halves(&[0; 32], &right[32..]), false),
        ("s is zero", &key, b"message", halves(&right[..32], &[0; 32]), false),
        ("r beyond the order", &key, b"message", halves(&max, &right[32..]), false),
        ("s beyond the order", &key, b"message", halves(&right[..32], &max), false),
        ("bit of r flipped", &key, b"message", flipped(7), false),
        ("bit of s flipped", &key, b"message", flipped(60), false),
        ("hexadecimal", &key, b"message", data_encoding::HEXLOWER.encode(&right).into_bytes(), false),
        ("base64url", &key, b"message", data_encoding::BASE64URL_NOPAD.encode(&right).into_bytes(), false),
    ];
    let name = |name: &str| format!("{}: {name}", curve.jwt_algorithm());
    let mut cases: Vec<_> = all
        .into_iter()
        .map(|(what, key, message, signature, is_valid)| SignatureCase {
            name: name(what),
            key: key.public_key(),
            message: message.to_vec(),
            signature,
            is_valid,
        })
        .collect();
    // Of what was hashed before it was signed, as if it were the message.
    cases.push(SignatureCase {
        name: name("of the digest as a message"),
        key: key.public_key(),
        signature: key.sign(&crate::digest(&message)).as_bytes().to_vec(),
        message,
        is_valid: false,
    });
    cases
}

/// Texts of public keys as `did:key`: each with what is wrong with it, and whether it is valid.
pub fn did_keys() -> Vec<(String, String, bool)> {
    let [k256, p256] = [Curve::K256, Curve::P256].map(|curve| secret(curve, [0x2b; 32]).public_key());
    let of = |prefix: &[u8], bytes: &[u8]| {
        let mut text = [0; 128];
        let length = bs58::encode([prefix, bytes].concat()).onto(&mut text[..]).unwrap();
        format!("did:key:z{}", str::from_utf8(&text[..length]).unwrap())
    };
    let (on_k256, on_p256) = (&[0xe7, 0x01][..], &[0x80, 0x24][..]);
    let compressed = k256.to_compressed();
    let right = k256.to_did_key();
    let with_first = |first: u8| {
        let mut bytes = compressed;
        bytes[0] = first;
        bytes
    };
    // No square has this abscissa on K-256: y² = x³ + 7 has no solution for x = 5.
    let mut off_curve = [0; 33];
    (off_curve[0], off_curve[32]) = (2, 5);
    let all = vec![
        ("K-256", right.clone(), true),
        ("P-256", p256.to_did_key(), true),
        ("no prefix", right["did:key:".len()..].to_owned(), false),
        ("upper-case prefix", right.replacen("did:key", "DID:KEY", 1), false),
        ("another method", right.replacen("did:key", "did:web", 1), false),
        ("fragment", format!("{right}#atproto"), false),
        ("space after", format!("{right} "), false),
        ("nothing after the prefix", "did:key:".to_owned(), false),
        ("multibase alone", "did:key:z".to_owned(), false),
        (
            "another multibase",
            format!("did:key:u{}", data_encoding::BASE64URL_NOPAD.encode(&[on_k256, &compressed].concat())),
            false,
        ),
        ("character that base58 has not", format!("{right}0"), false),
        ("uncompressed", of(on_k256, &k256.to_uncompressed()), false),
        ("uncompressed P-256", of(on_p256, &p256.to_uncompressed()), false),
        ("32 bytes", of(on_k256, &compressed[..32]), false),
        ("34 bytes", of(on_k256, &[&compressed[..], &[0]].concat()), false),
        ("only the kind of key", of(on_k256, &[]), false),
        ("no kind of key", of(&[], &compressed), false),
        ("kind of key in more bytes than needed", of(&[0xe7, 0x81, 0x00], &compressed), false),
        ("first byte that says uncompressed", of(on_k256, &with_first(4)), false),
        ("first byte that says nothing", of(on_k256, &with_first(0)), false),
        ("point that is not on the curve", of(on_k256, &off_curve), false),
        ("abscissa beyond the field", of(on_k256, &[&[2][..], &[0xff; 32]].concat()), false),
        ("point at infinity", of(on_k256, &[0; 33]), false),
        ("Ed25519", of(&[0xed, 0x01], &[7; 32]), false),
        ("secret key", of(&[0x81, 0x26], &[7; 32]), false),
    ];
    all.into_iter().map(|(name, text, is_valid)| (name.to_owned(), text, is_valid)).collect()
}
