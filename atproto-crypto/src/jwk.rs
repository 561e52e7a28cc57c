use crate::{Curve, KeyError, PublicKey, SecretKey};
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::{Zeroize as _, ZeroizeOnDrop, Zeroizing};

/// A JSON Web Key of an elliptic curve (RFC 7517, RFC 7518 section 6.2), as OAuth uses it. Fields besides these are not
/// kept.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jwk {
    /// Key type: `EC`.
    pub kty: String,
    /// Curve: `P-256` or `secp256k1`. Empty where JSON has none, as in keys of type `RSA`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub crv: String,
    /// First coordinate: base64url of 32 bytes. Empty where JSON has none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub x: String,
    /// Second coordinate: base64url of 32 bytes. Empty where JSON has none, as in keys of type `OKP`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub y: String,
    /// Secret number: base64url of 32 bytes; in the JWK of a secret key only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub d: Option<String>,
    /// Signature algorithm: that of the curve, `ES256` or `ES256K`, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alg: Option<String>,
    /// Key identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Intended use, such as `sig`.
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "use")]
    pub key_use: Option<String>,
}

impl fmt::Debug for Jwk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jwk")
            .field("crv", &self.crv)
            .field("x", &self.x)
            .field("y", &self.y)
            .finish_non_exhaustive()
    }
}

impl Jwk {
    fn clear(&mut self) {
        self.d.zeroize();
    }
}

impl Drop for Jwk {
    fn drop(&mut self) {
        self.clear();
    }
}

impl ZeroizeOnDrop for Jwk {}

impl PublicKey {
    /// The key as a JWK, with its `alg`.
    pub fn to_jwk(&self) -> Jwk {
        let point = self.to_uncompressed();
        let (x, y) = point.get(1..).unwrap_or_default().split_at(32);
        Jwk {
            kty: "EC".into(),
            crv: self.curve().jwk_name().into(),
            x: BASE64URL_NOPAD.encode(x),
            y: BASE64URL_NOPAD.encode(y),
            d: None,
            alg: Some(self.curve().jwt_algorithm().into()),
            kid: None,
            key_use: None,
        }
    }

    /// Reads the public part of a JWK.
    ///
    /// # Errors
    /// [`KeyError::JwkType`], [`KeyError::JwkField`], [`KeyError::Point`].
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        let curve = curve(jwk)?;
        Self::from_sec1(curve, &[&[4][..], &*field(&jwk.x)?, &*field(&jwk.y)?].concat())
    }
}

impl SecretKey {
    /// The key as a JWK, the secret number included.
    pub fn to_jwk(&self) -> Jwk {
        let mut jwk = self.public_key().to_jwk();
        jwk.d = Some(BASE64URL_NOPAD.encode(&*self.to_bytes()));
        jwk
    }

    /// Reads the JWK of a secret key.
    ///
    /// # Errors
    /// [`KeyError::JwkType`], [`KeyError::JwkField`], [`KeyError::SecretRange`], and [`KeyError::JwkMismatch`] where the
    /// secret number does not belong to the point.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, KeyError> {
        let curve = curve(jwk)?;
        let secret = field(jwk.d.as_deref().ok_or(KeyError::JwkField)?)?;
        let key = Self::from_bytes(curve, &secret)?;
        if key.public_key() == PublicKey::from_jwk(jwk)? { Ok(key) } else { Err(KeyError::JwkMismatch) }
    }
}

fn curve(jwk: &Jwk) -> Result<Curve, KeyError> {
    let curve = Curve::ALL.into_iter().find(|curve| curve.jwk_name() == jwk.crv);
    let alg = jwk.alg.as_deref();
    curve
        .filter(|curve| jwk.kty == "EC" && alg.is_none_or(|alg| alg == curve.jwt_algorithm()))
        .ok_or(KeyError::JwkType)
}

fn field(text: &str) -> Result<Zeroizing<[u8; 32]>, KeyError> {
    let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| KeyError::JwkField)?);
    bytes.as_slice().try_into().map(Zeroizing::new).map_err(|_| KeyError::JwkField)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clearing_leaves_no_secret() {
        let mut jwk = SecretKey::from_bytes(Curve::P256, &[7; 32]).unwrap().to_jwk();
        jwk.clear();
        assert!(jwk.d.is_none());
        // Safe code cannot look at memory after it is freed, but sees that something is done before.
        #[allow(drop_bounds, reason = "what is asked is whether `Drop` is implemented")]
        const fn has_drop<T: Drop>() {}
        const { has_drop::<Jwk>() };
    }
}
