//! The text forms of keys: did:key and multikey.

use crate::{Curve, KeyError, PublicKey, SecretKey};
use std::{fmt, str::FromStr};
use zeroize::Zeroizing;

const DID_KEY: &str = "did:key:";
/// Base58 takes time with the square of its length; no key that we know or name comes near.
const MAX_TEXT: usize = 4096;

impl PublicKey {
    /// The key as a did:key.
    pub fn to_did_key(&self) -> String {
        format!("{DID_KEY}{}", self.to_multikey())
    }

    /// Reads a did:key.
    ///
    /// # Errors
    /// [`KeyError::Prefix`], and those of [`PublicKey::from_multikey`].
    pub fn from_did_key(text: &str) -> Result<Self, KeyError> {
        Self::from_multikey(text.strip_prefix(DID_KEY).ok_or(KeyError::Prefix)?)
    }

    /// The key as a multikey: base58btc of the key type and the compressed point.
    pub fn to_multikey(&self) -> String {
        let [a, b] = self.curve().public_multicodec();
        to_base58(&[&[a, b][..], &self.to_compressed()].concat())
    }

    /// Reads a multikey.
    ///
    /// # Errors
    /// [`KeyError::Multibase`], [`KeyError::Multicodec`], [`KeyError::UnsupportedType`], [`KeyError::Length`] (as for an
    /// uncompressed point), [`KeyError::Point`].
    pub fn from_multikey(text: &str) -> Result<Self, KeyError> {
        let bytes = from_base58(text)?;
        let (curve, point) = split_multicodec(&bytes, Curve::public_multicodec)?;
        if point.len() != 33 {
            return Err(KeyError::Length);
        }
        Self::from_sec1(curve, point)
    }

    /// Reads the key of a DID document's verification method, by its `type`: `Multikey`, or one of the two legacy types,
    /// whose `publicKeyMultibase` is the bare point.
    ///
    /// # Errors
    /// [`KeyError::UnsupportedMethod`] for another `type`, else those of [`PublicKey::from_multikey`].
    pub fn from_verification_method(method_type: &str, public_key_multibase: &str) -> Result<Self, KeyError> {
        if method_type == "Multikey" {
            return Self::from_multikey(public_key_multibase);
        }
        let curve = Curve::ALL.into_iter().find(|curve| curve.legacy_method() == method_type);
        Self::from_sec1(curve.ok_or(KeyError::UnsupportedMethod)?, &from_base58(public_key_multibase)?)
    }

    /// The `publicKeyMultibase` of a legacy verification method: the bare uncompressed point.
    pub fn to_legacy_multibase(&self) -> String {
        to_base58(&self.to_uncompressed())
    }
}

impl FromStr for PublicKey {
    type Err = KeyError;

    /// Reads a did:key.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        Self::from_did_key(text)
    }
}

impl fmt::Display for PublicKey {
    /// Writes a did:key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.to_did_key())
    }
}

impl SecretKey {
    /// The key as a multikey, with the key type of secret keys.
    pub fn to_multikey(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0; 34]);
        let (prefix, secret) = bytes.split_at_mut(2);
        prefix.copy_from_slice(&self.curve().secret_multicodec());
        secret.copy_from_slice(&*self.to_bytes());
        Zeroizing::new(to_base58(&*bytes))
    }

    /// Reads a multikey with the key type of secret keys.
    ///
    /// # Errors
    /// [`KeyError::Multibase`], [`KeyError::Multicodec`], [`KeyError::UnsupportedType`], [`KeyError::Length`],
    /// [`KeyError::SecretRange`].
    pub fn from_multikey(text: &str) -> Result<Self, KeyError> {
        let bytes = from_base58(text)?;
        let (curve, secret) = split_multicodec(&bytes, Curve::secret_multicodec)?;
        let secret: &[u8; 32] = secret.try_into().map_err(|_| KeyError::Length)?;
        Self::from_bytes(curve, secret)
    }

    /// The secret number in hexadecimal, 64 digits.
    pub fn to_hex(&self) -> Zeroizing<String> {
        Zeroizing::new(data_encoding::HEXLOWER.encode(&*self.to_bytes()))
    }

    /// Reads the secret number in hexadecimal, 64 digits in either case.
    ///
    /// # Errors
    /// [`KeyError::Hex`], [`KeyError::Length`], [`KeyError::SecretRange`].
    pub fn from_hex(curve: Curve, text: &str) -> Result<Self, KeyError> {
        let mut secret = Zeroizing::new([0; 32]);
        if text.len() != 64 {
            return Err(KeyError::Length);
        }
        data_encoding::HEXLOWER_PERMISSIVE
            .decode_mut(text.as_bytes(), &mut *secret)
            .map_err(|_| KeyError::Hex)?;
        Self::from_bytes(curve, &secret)
    }
}

/// Reads multibase base58btc. The bytes may be a secret: no copy of them stays.
fn from_base58(text: &str) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let digits = text.strip_prefix('z').ok_or(KeyError::Multibase)?;
    if text.len() > MAX_TEXT {
        return Err(KeyError::Length);
    }
    // No digit gives more than one byte.
    let mut bytes = Zeroizing::new(vec![0; digits.len()]);
    let length = bs58::decode(digits).onto(&mut bytes[..]).map_err(|_| KeyError::Multibase)?;
    bytes.truncate(length);
    Ok(bytes)
}

/// Writes multibase base58btc. The bytes may be a secret: the text that is returned is the only copy.
fn to_base58(bytes: &[u8]) -> String {
    // No byte gives more than two digits, so that there is room for all.
    let mut digits = Zeroizing::new(vec![0; bytes.len().saturating_mul(2)]);
    let length = bs58::encode(bytes).onto(&mut digits[..]).unwrap_or_default();
    let mut text = String::with_capacity(length.saturating_add(1));
    text.push('z');
    text.extend(digits.iter().take(length).map(|digit| char::from(*digit)));
    text
}

/// Splits the key type off and finds the curve whose it is.
fn split_multicodec(bytes: &[u8], of: impl Fn(Curve) -> [u8; 2]) -> Result<(Curve, &[u8]), KeyError> {
    for curve in Curve::ALL {
        if let Some(key) = bytes.strip_prefix(&of(curve)) {
            return Ok((curve, key));
        }
    }
    let mut multicodec = 0_u64;
    for ((at, byte), shift) in bytes.iter().enumerate().zip((0_u32..63).step_by(7)) {
        multicodec |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            // In the shortest form a last byte of zero stands alone; and no key is empty.
            let well_formed = (*byte != 0 || at == 0) && bytes.len().saturating_sub(at) > 1;
            return Err(if well_formed {
                KeyError::UnsupportedType { multicodec }
            } else {
                KeyError::Multicodec
            });
        }
    }
    Err(KeyError::Multicodec)
}
