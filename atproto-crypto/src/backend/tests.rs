//! The backends that the features choose, held to RustCrypto, and both to what is expected. Without features the first is
//! RustCrypto too.
#![allow(clippy::arithmetic_side_effects, reason = "numbers modulo the order do not overflow")]

use crate::SignatureError::{HighS, Length, Mismatch, Range};
use crate::{Curve, PublicKey, SecretKey, Signature, SignatureError, backend::rust};
use ::k256::elliptic_curve::PrimeField;
use proptest::{prelude::*, sample::Index};

type Verdict = Result<(), SignatureError>;

/// RustCrypto's verdict, whatever the features are.
fn rust_verdict(key: &PublicKey, digest: &[u8; 32], signature: &[u8], allow_high_s: bool) -> Verdict {
    match key {
        PublicKey::P256(key) => key.verify_with(rust::verify, digest, signature, allow_high_s),
        PublicKey::K256(key) => key.verify_with(rust::verify, digest, signature, allow_high_s),
    }
}

/// Signs by RustCrypto; libsecp256k1, where it is there, makes the very same signature.
fn sign(key: &SecretKey, digest: &[u8; 32]) -> Signature {
    let signature = key.sign_digest(digest);
    #[cfg(feature = "libsecp256k1")]
    if key.curve() == Curve::K256 {
        let secret = secp256k1::SecretKey::from_secret_bytes(*key.to_bytes()).unwrap();
        let theirs = secp256k1::ecdsa::sign(secp256k1::Message::from_digest(*digest), &secret);
        assert_eq!(theirs.serialize_compact(), *signature.as_bytes());
    }
    signature
}

/// The strict verdict and the malleable one, on which both paths agree.
fn verdicts(key: &PublicKey, digest: &[u8; 32], signature: &[u8]) -> [Verdict; 2] {
    [false, true].map(|allow_high_s| {
        let verdict = match key {
            PublicKey::P256(key) => key.verify_digest(digest, signature, allow_high_s),
            PublicKey::K256(key) => key.verify_digest(digest, signature, allow_high_s),
        };
        assert_eq!(rust_verdict(key, digest, signature, allow_high_s), verdict);
        verdict
    })
}

fn same(verdict: Verdict) -> [Verdict; 2] {
    [verdict; 2]
}

fn scalar<F: PrimeField>(bytes: &[u8; 32]) -> F {
    let mut repr = F::Repr::default();
    repr.as_mut().copy_from_slice(bytes);
    F::from_repr(repr).unwrap()
}

/// `-a * b` modulo the order of the curve.
fn negative_product(curve: Curve, a: &[u8; 32], b: &[u8; 32]) -> [u8; 32] {
    match curve {
        Curve::P256 => (-scalar::<::p256::Scalar>(a) * scalar::<::p256::Scalar>(b)).to_repr().into(),
        Curve::K256 => (-scalar::<::k256::Scalar>(a) * scalar::<::k256::Scalar>(b)).to_repr().into(),
    }
}

fn small(number: u8) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[31] = number;
    bytes
}

/// The order of the curve with this added to its last byte, which does not overflow for small numbers.
fn order_plus(curve: Curve, number: i8) -> [u8; 32] {
    let mut bytes = negative_product(curve, &small(1), &small(1));
    bytes[31] = bytes[31].checked_add(1).unwrap().checked_add_signed(number).unwrap();
    bytes
}

fn split(signature: Signature) -> [[u8; 32]; 2] {
    let (r, s) = signature.as_bytes().split_at(32);
    [r, s].map(|half| half.try_into().unwrap())
}

fn key(curve: Curve) -> SecretKey {
    SecretKey::from_bytes(curve, &[0x5a; 32]).unwrap()
}

#[test]
fn numbers_at_the_edges() {
    for curve in Curve::ALL {
        let key = key(curve);
        let digest = [7; 32];
        let [r, s] = split(key.sign_digest(&digest));
        let with = |r: [u8; 32], s: [u8; 32]| verdicts(&key.public_key(), &digest, &[r, s].concat());
        assert_eq!(with(r, s), same(Ok(())));
        assert_eq!(with(r, negative_product(curve, &s, &small(1))), [Err(HighS), Ok(())]);
        assert_eq!(with(s, r), same(Err(Mismatch)));
        for outside in [small(0), order_plus(curve, 0), order_plus(curve, 1), [0xff; 32]] {
            assert_eq!(with(outside, s), same(Err(Range)));
            assert_eq!(with(r, outside), same(Err(Range)));
            assert_eq!(with(outside, outside), same(Err(Range)));
        }
        for inside in [small(1), small(2), order_plus(curve, -1), order_plus(curve, -2)] {
            assert_eq!(with(inside, s), same(Err(Mismatch)));
            assert_eq!(with(r, inside), same(Err(Mismatch)));
            assert_eq!(with(inside, inside), same(Err(Mismatch)));
        }
        let other = SecretKey::from_bytes(curve, &[0x5b; 32]).unwrap().public_key();
        assert_eq!(verdicts(&other, &digest, &[r, s].concat()), same(Err(Mismatch)));
    }
}

#[test]
fn lengths_and_der() {
    for curve in Curve::ALL {
        let key = key(curve);
        let signature = key.sign_digest(&[7; 32]);
        let der = match curve {
            Curve::P256 => {
                ::p256::ecdsa::Signature::from_slice(signature.as_ref()).unwrap().to_der().as_bytes().to_vec()
            }
            Curve::K256 => {
                ::k256::ecdsa::Signature::from_slice(signature.as_ref()).unwrap().to_der().as_bytes().to_vec()
            }
        };
        let longer = [signature.as_ref(), &[0]].concat();
        for wrong in [&[][..], &signature.as_ref()[..63], &longer, &der] {
            assert_eq!(verdicts(&key.public_key(), &[7; 32], wrong), same(Err(Length)));
        }
    }
}

#[test]
fn digests_at_the_edges() {
    for curve in Curve::ALL {
        let key = key(curve);
        let public = key.public_key();
        for digest in [[0; 32], small(1), order_plus(curve, -1), order_plus(curve, 0), [0xff; 32]] {
            let signature = sign(&key, &digest);
            assert_eq!(verdicts(&public, &digest, signature.as_ref()), same(Ok(())));
            assert_eq!(verdicts(&public, &[9; 32], signature.as_ref()), same(Err(Mismatch)));
        }
        // A digest stands for its number modulo the order.
        let signature = key.sign_digest(&small(0));
        assert_eq!(verdicts(&public, &order_plus(curve, 0), signature.as_ref()), same(Ok(())));
        let signature = key.sign_digest(&order_plus(curve, 1));
        assert_eq!(verdicts(&public, &small(1), signature.as_ref()), same(Ok(())));
    }
}

#[test]
fn the_point_at_infinity_is_no_match() {
    for curve in Curve::ALL {
        let key = key(curve);
        let [r, s] = split(key.sign_digest(&[7; 32]));
        for r in [r, s, small(1), order_plus(curve, -1)] {
            // With this digest both summands, e/s of the generator and r/s of the key, are each other's negative.
            let digest = negative_product(curve, &r, &key.to_bytes());
            for s in [s, small(1), small(2)] {
                assert_eq!(verdicts(&key.public_key(), &digest, &[r, s].concat()), same(Err(Mismatch)));
            }
        }
    }
}

/// Signatures whose point has a coordinate between the order and the modulus of the field: `r` is that less the order.
#[test]
fn coordinates_beyond_the_order() {
    macro_rules! recovered {
        ($library:ident, $r:expr, $s:expr) => {{
            let signature = ::$library::ecdsa::Signature::from_slice(&[$r, $s].concat()).unwrap();
            let id = ::$library::ecdsa::RecoveryId::new(false, true);
            ::$library::ecdsa::VerifyingKey::recover_from_prehash(&[7; 32], &signature, id)
                .ok()
                .map(|key| key.to_sec1_point(false).as_bytes().to_vec())
        }};
    }
    for curve in Curve::ALL {
        let s = small(3);
        let keys = (1..60).filter_map(|number| {
            let r = small(number);
            let point = match curve {
                Curve::P256 => recovered!(p256, r, s),
                Curve::K256 => recovered!(k256, r, s),
            };
            Some((number, PublicKey::from_sec1(curve, &point?).unwrap()))
        });
        let keys: Vec<_> = keys.collect();
        assert!(keys.len() > 5, "about half of the numbers are coordinates");
        for (number, key) in keys {
            let with = |r: [u8; 32]| verdicts(&key, &[7; 32], &[r, s].concat());
            assert_eq!(with(small(number)), same(Ok(())));
            assert_eq!(with(order_plus(curve, number as i8)), same(Err(Range)));
        }
    }
}

/// What is done to a right signature.
#[derive(Debug, Clone)]
enum Change {
    None,
    OtherS,
    Swap,
    Flip(Index),
    Digest(Index),
    Random([u8; 32], [u8; 32]),
    Cut(Index),
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        Just(Change::None),
        Just(Change::OtherS),
        Just(Change::Swap),
        any::<Index>().prop_map(Change::Flip),
        any::<Index>().prop_map(Change::Digest),
        any::<([u8; 32], [u8; 32])>().prop_map(|(r, s)| Change::Random(r, s)),
        any::<Index>().prop_map(Change::Cut),
    ]
}

proptest! {
    #[test]
    fn both_paths_agree(
        p256: bool, secret: [u8; 32], message: Vec<u8>, change in change(),
    ) {
        let curve = if p256 { Curve::P256 } else { Curve::K256 };
        let Ok(key) = SecretKey::from_bytes(curve, &secret) else { return Ok(()) };
        let public = key.public_key();
        let mut digest = crate::digest(&message);
        let signature = sign(&key, &digest);
        let [r, s] = split(signature);
        let mut changed = signature.as_bytes().to_vec();
        let expected = match change {
            Change::None => Some([Ok(()); 2]),
            Change::OtherS => {
                changed = [r, negative_product(curve, &s, &small(1))].concat();
                Some([Err(HighS), Ok(())])
            }
            Change::Swap => {
                changed = [s, r].concat();
                None
            }
            Change::Flip(bit) => {
                let bit = bit.index(512);
                changed[bit / 8] ^= 1 << (bit % 8);
                None
            }
            Change::Digest(bit) => {
                let bit = bit.index(256);
                digest[bit / 8] ^= 1 << (bit % 8);
                Some(same(Err(Mismatch)))
            }
            Change::Random(r, s) => {
                changed = [r, s].concat();
                None
            }
            Change::Cut(length) => {
                changed.truncate(length.index(64));
                Some(same(Err(Length)))
            }
        };
        let found = verdicts(&public, &digest, &changed);
        prop_assert!(expected.map_or(found[1].is_err(), |expected| expected == found), "{:?}", found);
        prop_assert_eq!(public.verify_digest(&digest, &changed), found[0]);
        let digest = crate::digest(&message);
        prop_assert_eq!(public.verify(&message, &changed), rust_verdict(&public, &digest, &changed, false));
        prop_assert_eq!(public.verify_malleable(&message, &changed), rust_verdict(&public, &digest, &changed, true));
    }
}

/// `cargo test --release -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn speed() {
    let time = |work: &mut dyn FnMut()| {
        let start = std::time::Instant::now();
        (0..2000).for_each(|_| work());
        start.elapsed() / 2000
    };
    for curve in Curve::ALL {
        let (key, digest) = (key(curve), [7; 32]);
        let (public, signature) = (key.public_key(), key.sign_digest(&digest));
        for _round in 0..3 {
            let rust = time(&mut || rust_verdict(&public, &digest, signature.as_ref(), false).unwrap());
            let chosen = time(&mut || public.verify_digest(&digest, signature.as_ref()).unwrap());
            println!("{curve} verify: RustCrypto {rust:?}, chosen {chosen:?}");
            let rust = time(&mut || assert_eq!(key.sign_digest(&digest), signature));
            println!("{curve} sign: RustCrypto {rust:?}");
        }
    }
}
