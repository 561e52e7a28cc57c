//! Proofs that a token is used by who it was made for (DPoP, RFC 9449).

use crate::auth::fields::{self, FieldFault};
use crate::auth::jwt::{self, Jwt, JwtError};
use crate::random::{self, Random};
use atproto_crypto::{Curve, Jwk, KeyError, PublicKey, SecretKey, Signature, Signer};
use atproto_lexicon::data::{Object, Value, sha256};
use data_encoding::BASE64URL_NOPAD;
use http::{Method, Uri};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::json;
use std::convert::Infallible;

/// The media type of a proof, without `application/`.
const TYPE: &str = "dpop+jwt";
/// The greatest length of a proof's name, in bytes.
const MAX_ID: usize = 256;
/// How often a source of randomness is asked for a key: all but one in 2³² answers are one.
const MAX_KEYS: usize = 4;

/// The key of one session, of P-256. It is stored as a JWK with its secret part; `Debug` shows the public one.
#[derive(Debug, Clone)]
pub struct DpopKey(SecretKey);

impl DpopKey {
    /// Makes a key; `None` where `random` gives none, as a source that is broken.
    pub fn generate(random: &(impl Random + ?Sized)) -> Option<Self> {
        let keys = (0..MAX_KEYS).map(|_| SecretKey::from_bytes(Curve::P256, &random::bytes(random)));
        keys.flatten().next().map(Self)
    }
}

impl Signer for DpopKey {
    type Error = Infallible;

    fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    fn sign_digest(&self, digest: &[u8; 32]) -> Result<Signature, Infallible> {
        Ok(self.0.sign_digest(digest))
    }
}

impl PartialEq for DpopKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.public_key() == other.0.public_key()
    }
}

impl Eq for DpopKey {}

impl Serialize for DpopKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.to_jwk().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DpopKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let key = SecretKey::from_jwk(&Jwk::deserialize(deserializer)?).map_err(serde::de::Error::custom)?;
        Ok(Self(key))
    }
}

/// The name of a key: the hash of its JWK (RFC 7638), base64url.
pub fn thumbprint(key: &PublicKey) -> String {
    let jwk = key.to_jwk();
    let (crv, x, y) = (&jwk.crv, &jwk.x, &jwk.y);
    // The fields in this order and without spaces are what the RFC hashes; none of them needs an escape.
    let json = format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#);
    BASE64URL_NOPAD.encode(&sha256(json.as_bytes()))
}

/// A proof to be made: for one request.
#[derive(Debug, Clone)]
pub struct DpopProof<'a> {
    /// The method of the request.
    pub method: &'a Method,
    /// Its absolute URL. Query and fragment do not count.
    pub uri: &'a Uri,
    /// The token that goes with it, at a resource server.
    pub access_token: Option<&'a crate::auth::Secret>,
    /// What the server wants to see.
    pub nonce: Option<&'a str>,
    /// Seconds since 1970.
    pub now: u64,
}

impl DpopProof<'_> {
    /// Signs it, and names it from `random` so that no two are the same.
    ///
    /// # Errors
    /// The signer's own.
    pub fn sign<S: Signer + ?Sized>(
        &self,
        signer: &S,
        random: &(impl Random + ?Sized),
    ) -> Result<String, S::Error> {
        let jwk = signer.public_key().to_jwk();
        let header = json!({
            "typ": TYPE,
            "jwk": {"kty": jwk.kty, "crv": jwk.crv, "x": jwk.x, "y": jwk.y},
        });
        let mut claims = json!({
            "jti": random::nonce(random),
            "htm": self.method.as_str(),
            "htu": without_query(self.uri),
            "iat": self.now,
        });
        if let Some(claims) = claims.as_object_mut() {
            let hash = self.access_token.map(|token| hash_of(token.expose()));
            let more = [("ath", hash), ("nonce", self.nonce.map(str::to_owned))];
            claims
                .extend(more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.into()))));
        }
        jwt::sign(signer, header, &claims)
    }
}

/// What a server accepts as a proof.
#[derive(Debug, Clone)]
pub struct DpopVerifier<'a> {
    /// The method of the request.
    pub method: &'a Method,
    /// Its absolute URL, as clients know it. Query and fragment do not count.
    pub uri: &'a Uri,
    /// The token that came with it, which the proof has to name; none at the token endpoint.
    pub access_token: Option<&'a str>,
    /// The nonces that count at this time, of which it has to have one. `None` where a proof needs none.
    pub nonces: Option<&'a [&'a str]>,
    /// How long ago it may have been made, in seconds: 300.
    pub max_age: u64,
    /// By how much clocks may differ, in seconds: 5.
    pub leeway: u64,
}

/// Why a proof does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DpopError {
    /// It is no token, or a field of it is missing or malformed, or its signature does not match.
    #[error(transparent)]
    Token(#[from] JwtError),
    /// It is not of the type `dpop+jwt`.
    #[error("proof is of another type")]
    Type,
    /// Its key is none, or of a curve that is not supported.
    #[error("key of the proof: {0}")]
    Key(#[from] KeyError),
    /// It shows its secret key.
    #[error("proof shows its secret key")]
    SecretKey,
    /// It is for another method.
    #[error("proof is for another method")]
    Method,
    /// It is for another URL.
    #[error("proof is for another URL")]
    Uri,
    /// It was made too long ago.
    #[error("proof is too old")]
    Expired,
    /// It was made in the future.
    #[error("proof is made in the future")]
    Issued,
    /// It has no nonce, or one that does not count any more: the server answers `use_dpop_nonce`.
    #[error("proof has no nonce that counts")]
    Nonce,
    /// It is for another access token, or for none.
    #[error("proof is for another access token")]
    AccessToken,
}

impl From<FieldFault> for DpopError {
    fn from(fault: FieldFault) -> Self {
        Self::Token(fault.into())
    }
}

/// What a proof proves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VerifiedDpop {
    /// Who signed it.
    pub key: PublicKey,
    /// The name of the key, which has to be that of the token (`cnf.jkt`).
    pub thumbprint: String,
    /// The name of the proof, which one key uses once. Whether it was seen before is for the server to know, for as long as the nonce
    /// or `max_age` lasts.
    pub id: String,
}

impl<'a> DpopVerifier<'a> {
    /// For a request without an access token, and without a nonce.
    pub fn new(method: &'a Method, uri: &'a Uri) -> Self {
        Self { method, uri, access_token: None, nonces: None, max_age: 300, leeway: 5 }
    }

    /// Checks a proof at `now`, in seconds since 1970: the value of the header `DPoP`, of which there has to be one.
    ///
    /// # Errors
    /// [`DpopError`].
    pub fn verify(&self, proof: &str, now: u64) -> Result<VerifiedDpop, DpopError> {
        let jwt = Jwt::parse(proof)?;
        if !fields::required_text(&jwt.header, "typ")?.eq_ignore_ascii_case(TYPE) {
            return Err(DpopError::Type);
        }
        let jwk = fields::optional(&jwt.header, "jwk", Value::as_object)?;
        let key = read_key(jwk.ok_or(FieldFault::Missing("jwk"))?)?;
        jwt.verify(&key)?;
        let claims = &jwt.claims;
        let id = fields::required_text(claims, "jti")?;
        if id.is_empty() || id.len() > MAX_ID {
            return Err(FieldFault::Malformed("jti").into());
        }
        if fields::required_text(claims, "htm")? != self.method.as_str() {
            return Err(DpopError::Method);
        }
        let uri: Uri = fields::required(claims, "htu")?;
        if !is_same(&uri, self.uri) {
            return Err(DpopError::Uri);
        }
        let issued_at = fields::required_number(claims, "iat")?;
        if issued_at > now.saturating_add(self.leeway) {
            return Err(DpopError::Issued);
        }
        if now > issued_at.saturating_add(self.max_age).saturating_add(self.leeway) {
            return Err(DpopError::Expired);
        }
        let nonce = fields::text(claims, "nonce")?;
        if self.nonces.is_some_and(|nonces| !nonce.is_some_and(|nonce| nonces.contains(&nonce))) {
            return Err(DpopError::Nonce);
        }
        let token_hash = fields::text(claims, "ath")?;
        if self.access_token.is_some_and(|token| token_hash != Some(hash_of(token).as_str())) {
            return Err(DpopError::AccessToken);
        }
        Ok(VerifiedDpop { thumbprint: thumbprint(&key), key, id: id.to_owned() })
    }
}

/// A public key that somebody else wrote.
pub(super) fn read_key(jwk: &Object) -> Result<PublicKey, DpopError> {
    if jwk.contains_key("d") {
        return Err(DpopError::SecretKey);
    }
    let text = |name| Ok::<_, FieldFault>(fields::text(jwk, name)?.unwrap_or_default().to_owned());
    let alg = fields::text(jwk, "alg")?.map(str::to_owned);
    let (kty, crv, x, y) = (text("kty")?, text("crv")?, text("x")?, text("y")?);
    Ok(PublicKey::from_jwk(&Jwk { kty, crv, x, y, alg, d: None, kid: None, key_use: None })?)
}

/// The hash by which a proof names an access token.
fn hash_of(token: &str) -> String {
    BASE64URL_NOPAD.encode(&sha256(token.as_bytes()))
}

fn without_query(uri: &Uri) -> String {
    let authority = uri.authority().map(|authority| authority.as_str()).unwrap_or_default();
    format!("{}://{authority}{}", uri.scheme_str().unwrap_or_default(), uri.path())
}

/// Whether two URLs are the same but for query and fragment, the case of the host, and a port that goes without saying.
fn is_same(a: &Uri, b: &Uri) -> bool {
    let parts = |uri: &Uri| {
        let scheme = uri.scheme_str()?.to_ascii_lowercase();
        let default = match scheme.as_str() {
            "https" => Some(443),
            "http" => Some(80),
            _ => None,
        };
        let host = uri.host()?.to_ascii_lowercase();
        Some((scheme, host, uri.port_u16().or(default), uri.path().to_owned()))
    };
    parts(a).is_some() && parts(a) == parts(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9449, section 5 (the request of a token) and section 7.1 (the request of a resource), whose key is the same.
    const OF_TOKEN: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg";
    const OF_RESOURCE: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJjZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmcw6Fy1dqd-jfxSYoMxhAJpLjA";
    const ACCESS_TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
    /// RFC 9449, section 6.1.
    const THUMBPRINT: &str = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";

    #[test]
    fn the_examples_of_the_rfc_verify() {
        let uri = "https://server.example.com/token".parse().unwrap();
        let verified = DpopVerifier::new(&Method::POST, &uri).verify(OF_TOKEN, 1_562_262_616).unwrap();
        assert_eq!((verified.thumbprint.as_str(), verified.id.as_str()), (THUMBPRINT, "-BwC3ESc6acc2lTc"));
        let uri = "https://resource.example.org/protectedresource".parse().unwrap();
        let verifier =
            DpopVerifier { access_token: Some(ACCESS_TOKEN), ..DpopVerifier::new(&Method::GET, &uri) };
        assert_eq!(verifier.verify(OF_RESOURCE, 1_562_262_618).unwrap().thumbprint, THUMBPRINT);
        let other = DpopVerifier { access_token: Some("other"), ..verifier };
        assert_eq!(other.verify(OF_RESOURCE, 1_562_262_618), Err(DpopError::AccessToken));
    }

    #[test]
    fn a_broken_source_makes_no_key() {
        assert_eq!(DpopKey::generate(&|bytes: &mut [u8]| bytes.fill(0)), None);
        let key = DpopKey::generate(&|bytes: &mut [u8]| bytes.fill(7)).unwrap();
        assert_eq!(key.public_key().curve(), Curve::P256);
        let stored = serde_json::to_string(&key).unwrap();
        assert_eq!(serde_json::from_str::<DpopKey>(&stored).unwrap(), key);
        let secret = BASE64URL_NOPAD.encode(&[7; 32]);
        assert!(stored.contains(&secret) && !format!("{key:?}").contains(&secret));
    }
}
