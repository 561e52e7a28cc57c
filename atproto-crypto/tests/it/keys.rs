use atproto_crypto::rand_core::{Infallible, TryCryptoRng, TryRng};
use atproto_crypto::{Curve, Jwk, KeyError, PublicKey, SecretKey, Signature};
use proptest::prelude::*;

fn key(curve: Curve) -> SecretKey {
    SecretKey::from_hex(curve, &"5a".repeat(32)).unwrap()
}

/// Base58btc of these parts.
fn base58(parts: &[&[u8]]) -> String {
    let bytes = parts.concat();
    let mut digits = vec![0; 2 * bytes.len()];
    let length = bs58::encode(bytes).onto(&mut digits[..]).unwrap();
    format!("z{}", str::from_utf8(&digits[..length]).unwrap())
}

#[test]
fn every_form_goes_both_ways() {
    for curve in Curve::ALL {
        let secret = key(curve);
        let public = secret.public_key();
        assert_eq!(public.to_did_key().parse(), Ok(public));
        assert_eq!(PublicKey::from_multikey(&public.to_multikey()), Ok(public));
        assert_eq!(PublicKey::from_verification_method("Multikey", &public.to_multikey()), Ok(public));
        let legacy = curve.legacy_method();
        assert_eq!(PublicKey::from_verification_method(legacy, &public.to_legacy_multibase()), Ok(public));
        assert_eq!(
            PublicKey::from_verification_method(legacy, &base58(&[&public.to_compressed()])),
            Ok(public)
        );
        assert_eq!(PublicKey::from_sec1(curve, &public.to_uncompressed()), Ok(public));

        let same = |again: Result<SecretKey, KeyError>| *again.unwrap().to_bytes() == *secret.to_bytes();
        assert!(same(SecretKey::from_hex(curve, &secret.to_hex().to_uppercase())));
        assert!(same(SecretKey::from_multikey(&secret.to_multikey())));
        let jwk = serde_json::to_string(&secret.to_jwk()).unwrap();
        let jwk: Jwk = serde_json::from_str(&jwk).unwrap();
        assert!(same(SecretKey::from_jwk(&jwk)));
        assert_eq!(PublicKey::from_jwk(&jwk), Ok(public));
        assert_eq!(public.to_jwk().d, None);
    }
}

#[test]
fn known_texts() {
    // From the did:key method's own examples.
    let ed25519 = "did:key:z6MkhaXgBZDvotDkL5257faiztiGiC2QtKLGpbnnEGta2doK";
    assert_eq!(PublicKey::from_did_key(ed25519), Err(KeyError::UnsupportedType { multicodec: 0xed }));
    let jwk: Jwk = serde_json::from_str(
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
            "y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","d":"jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"}"#,
    )
    .unwrap();
    assert_eq!(SecretKey::from_jwk(&jwk).unwrap().public_key(), PublicKey::from_jwk(&jwk).unwrap());
}

#[test]
fn names_are_those_of_the_registries() {
    let secret_multicodecs = [(Curve::P256, [0x86, 0x26]), (Curve::K256, [0x81, 0x26])];
    for (curve, multicodec) in secret_multicodecs {
        let secret = key(curve);
        assert_eq!(*secret.to_multikey(), base58(&[&multicodec, &*secret.to_bytes()]));
        assert_eq!(secret.public_key().to_string(), secret.public_key().to_did_key());
    }
    assert_eq!(Curve::ALL.map(Curve::jwt_algorithm), ["ES256", "ES256K"]);
    assert_eq!(Curve::ALL.map(|curve| curve.to_string()), ["p256", "k256"]);
    let signature = Signature::from_bytes([0x1f; 64]);
    assert_eq!(format!("{signature:?}"), format!("Signature({})", "1f".repeat(64)));
}

#[test]
fn texts_have_a_greatest_length() {
    let of = |length: usize| PublicKey::from_multikey(&format!("z{}", "1".repeat(length - 1)));
    assert_eq!(of(4097), Err(KeyError::Length));
    assert_ne!(of(4096), Err(KeyError::Length));
}

#[test]
fn malformed_public_keys() {
    for curve in Curve::ALL {
        let public = key(curve).public_key();
        let prefix: [u8; 2] = if curve == Curve::P256 { [0x80, 0x24] } else { [0xe7, 1] };
        let multikey = |point: &[u8]| PublicKey::from_multikey(&base58(&[&prefix, point]));
        let point = public.to_compressed();
        assert_eq!(multikey(&point), Ok(public));
        assert_eq!(multikey(&public.to_uncompressed()), Err(KeyError::Length));
        assert_eq!(multikey(&point[..32]), Err(KeyError::Length));
        assert_eq!(multikey(&[&point[..], &[0]].concat()), Err(KeyError::Length));
        assert_eq!(multikey(&[&[4][..], &point[1..]].concat()), Err(KeyError::Point));
        assert_eq!(multikey(&[&[2][..], &[0xff; 32]].concat()), Err(KeyError::Point));
        let mut off_the_curve = public.to_uncompressed();
        off_the_curve[64] ^= 1;
        assert_eq!(PublicKey::from_sec1(curve, &off_the_curve), Err(KeyError::Point));
        let base64 = format!("m{}", data_encoding::BASE64_NOPAD.encode(&[&prefix[..], &point].concat()));
        assert_eq!(PublicKey::from_multikey(&base64), Err(KeyError::Multibase));
        assert_eq!(public.to_multikey().parse::<PublicKey>(), Err(KeyError::Prefix));
        assert_eq!(
            PublicKey::from_verification_method("Ed25519VerificationKey2020", &public.to_multikey()),
            Err(KeyError::UnsupportedMethod)
        );
        // A secret key is not taken for a public one, nor the other way round.
        let secret = key(curve).to_multikey();
        assert!(matches!(PublicKey::from_multikey(&secret), Err(KeyError::UnsupportedType { .. })));
        assert!(matches!(
            SecretKey::from_multikey(&public.to_multikey()),
            Err(KeyError::UnsupportedType { .. })
        ));
    }
    assert_eq!(PublicKey::from_multikey("z"), Err(KeyError::Multicodec));
    assert_eq!(PublicKey::from_multikey(""), Err(KeyError::Multibase));
    assert_eq!(PublicKey::from_multikey("z0OIl"), Err(KeyError::Multibase));
    assert_eq!(PublicKey::from_multikey(&format!("z{}", "2".repeat(1 << 20))), Err(KeyError::Length));
}

#[test]
fn malformed_secret_keys() {
    for curve in Curve::ALL {
        let hex = |text: &str| SecretKey::from_hex(curve, text).map(drop);
        assert_eq!(hex(&"00".repeat(32)), Err(KeyError::SecretRange));
        assert_eq!(hex(&"ff".repeat(32)), Err(KeyError::SecretRange));
        assert_eq!(hex(&"11".repeat(31)), Err(KeyError::Length));
        assert_eq!(hex(&"1g".repeat(32)), Err(KeyError::Hex));
        let jwk = |change: fn(&mut Jwk)| {
            let mut jwk = key(curve).to_jwk();
            change(&mut jwk);
            SecretKey::from_jwk(&jwk).map(drop)
        };
        assert_eq!(jwk(|jwk| jwk.kty = "OKP".into()), Err(KeyError::JwkType));
        assert_eq!(jwk(|jwk| jwk.crv = "P-384".into()), Err(KeyError::JwkType));
        assert_eq!(jwk(|jwk| jwk.d = None), Err(KeyError::JwkField));
        assert_eq!(jwk(|jwk| jwk.x.push('A')), Err(KeyError::JwkField));
        assert_eq!(jwk(|jwk| jwk.y = jwk.x.clone()), Err(KeyError::Point));
        let mut other = SecretKey::from_hex(curve, &"11".repeat(32)).unwrap().to_jwk();
        other.d = key(curve).to_jwk().d.clone();
        assert_eq!(SecretKey::from_jwk(&other).map(drop), Err(KeyError::JwkMismatch));
    }
}

#[test]
fn malformed_multicodecs() {
    for curve in Curve::ALL {
        let point = key(curve).public_key().to_compressed();
        let secret = key(curve).to_bytes();
        for malformed in [
            &[][..],
            &[0],
            &[0xed, 1],
            &[0x80, 0x24 | 0x80],
            &[0x80, 0x80, 0x80, 0],
            &[0xff; 10],
            &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1, 7],
        ] {
            let text = base58(&[malformed]);
            assert_eq!(PublicKey::from_multikey(&text), Err(KeyError::Multicodec), "{malformed:?}");
            assert_eq!(SecretKey::from_multikey(&text).map(drop), Err(KeyError::Multicodec), "{malformed:?}");
        }
        // The types of supported keys, but not in the shortest form.
        for prefix in [[0x80, 0xa4, 0], [0xe7, 0x81, 0]] {
            assert_eq!(PublicKey::from_multikey(&base58(&[&prefix, &point])), Err(KeyError::Multicodec));
        }
        for prefix in [[0x86, 0xa6, 0], [0x81, 0xa6, 0]] {
            let text = base58(&[&prefix, &secret[..]]);
            assert_eq!(SecretKey::from_multikey(&text).map(drop), Err(KeyError::Multicodec));
        }
    }
    assert_eq!(PublicKey::from_did_key("did:key:z1"), Err(KeyError::Multicodec));
    // The type is that of a supported key, so that it is the key whose length is wrong.
    assert_eq!(PublicKey::from_multikey(&base58(&[&[0xe7, 1]])), Err(KeyError::Length));
    let identity = base58(&[&[0, 7]]);
    assert_eq!(PublicKey::from_multikey(&identity), Err(KeyError::UnsupportedType { multicodec: 0 }));
    let rsa = base58(&[&[0x85, 0x24], &[7; 40]]);
    assert_eq!(PublicKey::from_multikey(&rsa), Err(KeyError::UnsupportedType { multicodec: 0x1205 }));
    let longest = base58(&[&[0xff; 8], &[0x7f, 7]]);
    let multicodec = (1 << 63) - 1;
    assert_eq!(PublicKey::from_multikey(&longest), Err(KeyError::UnsupportedType { multicodec }));
}

#[test]
fn jwks_of_other_kinds() {
    let read = |json: serde_json::Value| {
        let jwk: Jwk = serde_json::from_value(json).unwrap();
        assert_eq!(SecretKey::from_jwk(&jwk).map(drop), PublicKey::from_jwk(&jwk).map(drop));
        PublicKey::from_jwk(&jwk).map(drop)
    };
    for curve in Curve::ALL {
        let with = |name: &str, value: Option<&str>| {
            let mut json = serde_json::to_value(key(curve).to_jwk()).unwrap();
            let object = json.as_object_mut().unwrap();
            match value {
                Some(value) => object.insert(name.into(), value.into()),
                None => object.remove(name),
            };
            read(json)
        };
        assert_eq!(with("alg", None), Ok(()));
        assert_eq!(with("alg", Some(curve.jwt_algorithm())), Ok(()));
        let other = if curve == Curve::P256 { "ES256K" } else { "ES256" };
        for alg in [other, "", "none", "es256", "ECDH-ES"] {
            assert_eq!(with("alg", Some(alg)), Err(KeyError::JwkType));
        }
        assert_eq!(with("x", None), Err(KeyError::JwkField));
        assert_eq!(with("y", None), Err(KeyError::JwkField));
        assert_eq!(with("crv", None), Err(KeyError::JwkType));
    }
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    assert_eq!(
        read(serde_json::json!({"kty": "OKP", "crv": "Ed25519", "x": x, "d": x})),
        Err(KeyError::JwkType)
    );
    assert_eq!(
        read(serde_json::json!({"kty": "RSA", "n": "AQAB", "e": "AQAB", "d": "AQAB"})),
        Err(KeyError::JwkType)
    );
}

#[test]
fn secrets_are_not_shown() {
    const fn clears_itself<T: zeroize::ZeroizeOnDrop>() {}
    const { clears_itself::<SecretKey>() };
    const { clears_itself::<Jwk>() };
    const { clears_itself::<zeroize::Zeroizing<[u8; 32]>>() };
    for curve in Curve::ALL {
        let (shown, inner) = match key(curve) {
            SecretKey::P256(key) => (format!("{:?}", SecretKey::P256(key.clone())), format!("{key:?}")),
            SecretKey::K256(key) => (format!("{:?}", SecretKey::K256(key.clone())), format!("{key:?}")),
        };
        let name = if curve == Curve::P256 { "P256" } else { "K256" };
        assert_eq!(inner, "SecretKey(…)");
        assert_eq!(shown, format!("{name}(SecretKey(…))"));

        let jwk = key(curve).to_jwk();
        let shown = format!("{jwk:?}");
        let (crv, x, y) = (curve.jwk_name(), &jwk.x, &jwk.y);
        assert_eq!(shown, format!("Jwk {{ crv: {crv:?}, x: {x:?}, y: {y:?}, .. }}"));
        assert!(!format!("{jwk:#?}").contains(jwk.d.as_deref().unwrap()));
        assert!(!shown.contains("5a5a") && !shown.contains("90, 90") && !shown.contains("Wlpa"), "{shown}");
    }
}

/// Gives these bytes again and again.
struct Fixed(std::iter::Cycle<std::vec::IntoIter<u8>>);

impl TryRng for Fixed {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        let mut bytes = [0; 4];
        self.try_fill_bytes(&mut bytes).map(|()| u32::from_le_bytes(bytes))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        let mut bytes = [0; 8];
        self.try_fill_bytes(&mut bytes).map(|()| u64::from_le_bytes(bytes))
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        bytes.iter_mut().for_each(|byte| *byte = self.0.next().unwrap());
        Ok(())
    }
}

impl TryCryptoRng for Fixed {}

#[test]
fn generation_takes_the_first_number_in_range() {
    for curve in Curve::ALL {
        let bytes = [[0xff; 32], [0; 32], [7; 32]].concat();
        let made = SecretKey::generate(curve, &mut Fixed(bytes.into_iter().cycle()));
        assert_eq!(*made.to_bytes(), [7; 32]);
        assert_eq!(made.curve(), curve);
    }
}

/// Every change of one character of a key's text, and of one bit of its bytes, is refused or is another key, whose text it
/// is then.
#[test]
fn any_text_is_refused_or_read() {
    let alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
    for curve in Curve::ALL {
        let public = key(curve).public_key();
        let text = public.to_did_key();
        let start = "did:key:z".len();
        let characters = (start..text.len()).step_by(5).flat_map(|at| {
            let text = &text;
            alphabet.chars().map(move |other| format!("{}{other}{}", &text[..at], &text[at + 1..]))
        });
        let mut bytes = [0; 35];
        assert_eq!(bs58::decode(&public.to_multikey()[1..]).onto(&mut bytes[..]), Ok(35));
        let bits = (0..8 * bytes.len()).map(|bit| {
            let mut bytes = bytes;
            bytes[bit / 8] ^= 1 << (bit % 8);
            format!("did:key:{}", base58(&[&bytes]))
        });
        let (mut read, mut refused) = (0, 0);
        for changed in characters.chain(bits).filter(|changed| *changed != text) {
            match PublicKey::from_did_key(&changed) {
                Ok(other) => {
                    assert_eq!(other.to_did_key(), changed);
                    assert_ne!(other, public);
                    read += 1;
                }
                Err(_) => refused += 1,
            }
        }
        // About half of all numbers are the first coordinate of a point.
        assert!(read > 100 && refused > 100, "{read} read, {refused} refused");
    }
}

proptest! {
    #[test]
    fn any_key_is_read_and_cut_keys_are_refused(p256: bool, secret: [u8; 32], length in 0_usize..55) {
        let curve = if p256 { Curve::P256 } else { Curve::K256 };
        let Ok(secret) = SecretKey::from_bytes(curve, &secret) else { return Ok(()) };
        let text = secret.public_key().to_did_key();
        prop_assert_eq!(PublicKey::from_did_key(&text), Ok(secret.public_key()));
        prop_assert!(PublicKey::from_did_key(&text[..length]).is_err());
    }
}
