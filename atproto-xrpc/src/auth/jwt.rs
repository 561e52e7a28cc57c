//! Signed tokens: JWS in compact form (RFC 7515) with ES256 and ES256K, as JWT (RFC 7519).

use super::fields::{self, FieldFault};
use atproto_crypto::{Curve, PublicKey, SignatureError, Signer};
use atproto_lexicon::data::Object;
use data_encoding::BASE64URL_NOPAD;
use serde_json::Value as Json;

/// The greatest length of a token, in bytes. Honest ones have a few hundred.
pub(crate) const MAX_LEN: usize = 8192;

/// Why a text is not a token, or not one that this key signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JwtError {
    /// More than 8,192 bytes.
    #[error("token is too long")]
    TooLong,
    /// Not three parts between dots.
    #[error("token has not three parts")]
    Parts,
    /// A part is not base64url without padding and without spare bits.
    #[error("token is not base64url")]
    Base64,
    /// The header is no JSON object, or has a key twice.
    #[error("header of the token is no JSON object")]
    Header,
    /// The claims are no JSON object, or have a key twice.
    #[error("claims of the token are no JSON object")]
    Claims,
    /// The algorithm is neither ES256 nor ES256K; `none` is among what gives this.
    #[error("algorithm of the token is not supported")]
    Algorithm,
    /// The algorithm is not that of the key.
    #[error("algorithm of the token is not that of the key")]
    KeyAlgorithm,
    /// The header names extensions that have to be understood; none is.
    #[error("token has critical extensions")]
    Critical,
    /// A field of the header or a claim.
    #[error("token: {0}")]
    Field(#[from] FieldFault),
    /// The signature.
    #[error("token: {0}")]
    Signature(#[from] SignatureError),
}

/// A token that was taken apart; what it says is not proven before [`verify`](Self::verify).
#[derive(Clone)]
pub(crate) struct Jwt {
    pub(crate) header: Object,
    pub(crate) claims: Object,
    curve: Curve,
    /// Header and claims, as they were signed.
    signed: String,
    signature: Vec<u8>,
}

/// Says nothing of the token: with its signature, it is a secret for as long as it counts.
impl std::fmt::Debug for Jwt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Jwt(…)")
    }
}

impl Jwt {
    /// Takes a token apart.
    pub(crate) fn parse(token: &str) -> Result<Self, JwtError> {
        if token.len() > MAX_LEN {
            return Err(JwtError::TooLong);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::Parts)?;
        let (header, claims) = signed.split_once('.').ok_or(JwtError::Parts)?;
        if claims.contains('.') {
            return Err(JwtError::Parts);
        }
        let header = fields::object(&decode(header)?, MAX_LEN).ok_or(JwtError::Header)?;
        let claims = fields::object(&decode(claims)?, MAX_LEN).ok_or(JwtError::Claims)?;
        if header.contains_key("crit") {
            return Err(JwtError::Critical);
        }
        let algorithm = fields::required_text(&header, "alg")?;
        let curve = Curve::ALL.into_iter().find(|curve| curve.jwt_algorithm() == algorithm);
        Ok(Self {
            curve: curve.ok_or(JwtError::Algorithm)?,
            signature: decode(signature)?,
            signed: signed.to_owned(),
            header,
            claims,
        })
    }

    /// Checks the signature. High-S is accepted: half of the tokens that browsers sign have it, and no token is told from another by
    /// its signature.
    pub(crate) fn verify(&self, key: &PublicKey) -> Result<(), JwtError> {
        // The key decides, never the token: else a token could choose how it is checked.
        if key.curve() != self.curve {
            return Err(JwtError::KeyAlgorithm);
        }
        Ok(key.verify_malleable(self.signed.as_bytes(), &self.signature)?)
    }
}

/// Makes a token. `header` has `typ` and what else there is besides `alg`, which is the key's.
pub(crate) fn sign<S: Signer + ?Sized>(signer: &S, header: Json, claims: &Json) -> Result<String, S::Error> {
    let mut header = header;
    if let Json::Object(header) = &mut header {
        let algorithm = signer.public_key().curve().jwt_algorithm();
        header.insert("alg".to_owned(), algorithm.into());
    }
    let mut token = encode(header.to_string().as_bytes());
    token.push('.');
    token.push_str(&encode(claims.to_string().as_bytes()));
    let signature = signer.sign(token.as_bytes())?;
    token.push('.');
    token.push_str(&encode(signature.as_bytes()));
    Ok(token)
}

fn encode(bytes: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bytes)
}

fn decode(text: &str) -> Result<Vec<u8>, JwtError> {
    BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| JwtError::Base64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use atproto_crypto::{Jwk, SecretKey};
    use serde_json::json;

    /// RFC 7515, appendix A.3.
    const RFC_TOKEN: &str = "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q";
    const RFC_KEY: &str = r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#;

    fn key(curve: Curve) -> SecretKey {
        SecretKey::from_bytes(curve, &[7; 32]).unwrap()
    }

    fn token(header: &str, claims: &str) -> String {
        let signed = format!("{}.{}", encode(header.as_bytes()), encode(claims.as_bytes()));
        let signature = key(Curve::P256).sign(signed.as_bytes());
        format!("{signed}.{}", encode(signature.as_bytes()))
    }

    #[test]
    fn the_example_of_the_rfc_verifies() {
        let jwk: Jwk = serde_json::from_str(RFC_KEY).unwrap();
        let jwt = Jwt::parse(RFC_TOKEN).unwrap();
        assert_eq!(jwt.verify(&PublicKey::from_jwk(&jwk).unwrap()), Ok(()));
        assert_eq!(fields::text(&jwt.claims, "iss"), Ok(Some("joe")));
        let other = Err(JwtError::Signature(SignatureError::Mismatch));
        assert_eq!(jwt.verify(&key(Curve::P256).public_key()), other);
        assert_eq!(jwt.verify(&key(Curve::K256).public_key()), Err(JwtError::KeyAlgorithm));
    }

    #[test]
    fn what_is_signed_verifies_on_both_curves_and_high_s_too() {
        for curve in Curve::ALL {
            let secret = key(curve);
            let token = sign(&secret, json!({"typ": "JWT"}), &json!({"a": 1})).unwrap();
            let jwt = Jwt::parse(&token).unwrap();
            assert_eq!(jwt.verify(&secret.public_key()), Ok(()));
            assert_eq!(fields::text(&jwt.header, "alg"), Ok(Some(curve.jwt_algorithm())));
            let mut high = jwt.clone();
            negate_s(curve, &mut high.signature);
            assert_ne!(high.signature, jwt.signature);
            assert_eq!(high.verify(&secret.public_key()), Ok(()));
            // The default verifier refuses the same signature.
            let strict = secret.public_key().verify(high.signed.as_bytes(), &high.signature);
            assert_eq!(strict, Err(SignatureError::HighS));
        }
    }

    /// s becomes n − s.
    fn negate_s(curve: Curve, signature: &mut [u8]) {
        let order = match curve {
            Curve::P256 => "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551",
            Curve::K256 => "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        };
        let order = data_encoding::HEXLOWER.decode(order.as_bytes()).unwrap();
        let mut borrow = 0_i32;
        for (digit, of) in signature[32..].iter_mut().zip(&order).rev() {
            let difference = i32::from(*of) - i32::from(*digit) - borrow;
            borrow = i32::from(difference < 0);
            *digit = difference.rem_euclid(256) as u8;
        }
    }

    #[test]
    fn what_is_no_token_has_its_reason() {
        let parse = |token: &str| Jwt::parse(token).unwrap_err();
        assert_eq!(parse(&"a".repeat(MAX_LEN + 1)), JwtError::TooLong);
        for text in ["", "a", "a.b", "a.b.c.d", "...", "e30.e30"] {
            assert_eq!(parse(text), JwtError::Parts, "{text}");
        }
        let good = token(r#"{"alg":"ES256"}"#, "{}");
        let [header, claims, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
        // Padding, spare bits, the other alphabet, white space.
        let bad = ["e30=", "e31", "e3+", "e3 0", "é"];
        for bad in bad {
            assert_eq!(parse(&format!("{bad}.{claims}.{signature}")), JwtError::Base64, "{bad}");
            assert_eq!(parse(&format!("{header}.{bad}.{signature}")), JwtError::Base64, "{bad}");
            assert_eq!(parse(&format!("{header}.{claims}.{bad}")), JwtError::Base64, "{bad}");
        }
        let duplicate = r#"{"alg":"none","alg":"ES256"}"#;
        for bad in
            ["", "[]", "null", "{", "{}x", "{\"a\":1.5}", "{\"a\":1,\"a\":1}", "{\"b\":{\"a\":1,\"a\":1}}"]
        {
            assert_eq!(parse(&token(bad, "{}")), JwtError::Header, "{bad}");
            assert_eq!(parse(&token(r#"{"alg":"ES256"}"#, bad)), JwtError::Claims, "{bad}");
        }
        assert_eq!(parse(&token(duplicate, "{}")), JwtError::Header);
        for algorithm in ["none", "None", "HS256", "RS256", "es256", "", "EdDSA"] {
            assert_eq!(parse(&token(&format!(r#"{{"alg":"{algorithm}"}}"#), "{}")), JwtError::Algorithm);
        }
        assert_eq!(parse(&token("{}", "{}")), JwtError::Field(FieldFault::Missing("alg")));
        for algorithm in ["null", "1", "[\"ES256\"]"] {
            let header = format!(r#"{{"alg":{algorithm}}}"#);
            assert_eq!(parse(&token(&header, "{}")), JwtError::Field(FieldFault::Malformed("alg")));
        }
        for crit in ["null", "[]", "[\"exp\"]"] {
            let header = format!(r#"{{"alg":"ES256","crit":{crit}}}"#);
            assert_eq!(parse(&token(&header, "{}")), JwtError::Critical);
        }
        let short = format!("{header}.{claims}.AAAA");
        let key = key(Curve::P256).public_key();
        let length = Err(JwtError::Signature(SignatureError::Length));
        assert_eq!(Jwt::parse(&short).unwrap().verify(&key), length);
    }
}
