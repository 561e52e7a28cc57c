use atproto_crypto::{Curve, PublicKey, SecretKey, Signature, SignatureError, Signer};

fn key(curve: Curve) -> SecretKey {
    SecretKey::from_hex(curve, &"5a".repeat(32)).unwrap()
}

/// The order of each curve, big-endian.
fn order(curve: Curve) -> [u8; 32] {
    let hex = match curve {
        Curve::P256 => b"ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
        Curve::K256 => b"fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
    };
    data_encoding::HEXLOWER.decode(hex).unwrap().try_into().unwrap()
}

/// `a - b`, big-endian.
fn subtract(a: [u8; 32], b: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    let mut borrow = 0_i16;
    for index in (0..32).rev() {
        let digit = i16::from(a[index]) - i16::from(b[index]) - borrow;
        borrow = i16::from(digit < 0);
        out[index] = digit.rem_euclid(256) as u8;
    }
    out
}

/// The same signature with the other `s`.
fn other_s(curve: Curve, signature: Signature) -> Signature {
    let mut bytes = *signature.as_bytes();
    let s = subtract(order(curve), &bytes[32..]);
    bytes[32..].copy_from_slice(&s);
    Signature::from_bytes(bytes)
}

#[test]
fn signatures_are_low_s_and_high_s_is_refused() {
    for curve in Curve::ALL {
        let key = key(curve);
        for number in 0_u8..20 {
            let signature = key.sign(&[number]);
            assert!(signature.as_bytes()[32] < 0x80);
            assert_eq!(key.sign(&[number]), signature);
            assert_eq!(key.public_key().verify(&[number], signature.as_ref()), Ok(()));
            let high = other_s(curve, signature);
            assert_eq!(key.public_key().verify(&[number], high.as_ref()), Err(SignatureError::HighS));
            assert_eq!(key.public_key().verify_malleable(&[number], high.as_ref()), Ok(()));
            assert_eq!(high.to_low_s(curve), Ok(signature));
        }
    }
}

#[test]
fn everything_else_is_refused() {
    for curve in Curve::ALL {
        let key = key(curve);
        let public = key.public_key();
        let signature = *key.sign(b"message").as_bytes();
        let check = |message: &[u8], signature: &[u8]| {
            let verdict = public.verify(message, signature);
            assert_eq!(public.verify_malleable(message, signature), verdict);
            verdict
        };
        assert_eq!(check(b"massage", &signature), Err(SignatureError::Mismatch));
        for length in [0, 32, 63, 65, 72] {
            let bytes: Vec<u8> = signature.iter().copied().cycle().take(length).collect();
            assert_eq!(check(b"message", &bytes), Err(SignatureError::Length));
        }
        let with = |r: &[u8], s: &[u8]| check(b"message", &[r, s].concat());
        let (r, s) = signature.split_at(32);
        assert_eq!(with(&[0; 32], s), Err(SignatureError::Range));
        assert_eq!(with(r, &[0; 32]), Err(SignatureError::Range));
        assert_eq!(with(&order(curve), s), Err(SignatureError::Range));
        assert_eq!(with(r, &order(curve)), Err(SignatureError::Range));
        assert_eq!(with(&[0xff; 32], s), Err(SignatureError::Range));
        assert_eq!(with(s, r), Err(SignatureError::Mismatch));
        for bit in 0..512 {
            let mut flipped = signature;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(public.verify(b"message", &flipped).is_err());
        }
    }
}

/// A signer like an HSM, which knows nothing of low-S.
struct Outside(SecretKey);

impl Signer for Outside {
    type Error = std::io::Error;

    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    fn sign_digest(&self, digest: &[u8; 32]) -> Result<Signature, Self::Error> {
        Ok(other_s(self.0.curve(), self.0.sign_digest(digest)))
    }
}

#[test]
fn an_outside_signer_gives_low_s() {
    for curve in Curve::ALL {
        let signer = Outside(key(curve));
        let signature = signer.sign(b"message").unwrap();
        assert_eq!(signer.public_key().verify(b"message", signature.as_ref()), Ok(()));
    }
}
