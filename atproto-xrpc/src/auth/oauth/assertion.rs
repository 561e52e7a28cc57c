//! How a confidential client says who it is (`private_key_jwt`, RFC 7523,
//! <https://atproto.com/specs/oauth#confidential-client-authentication>).

use crate::auth::jwt;
use crate::random::{Random, nonce};
use atproto_crypto::{SecretKey, Signer};
use serde_json::json;

/// What `client_assertion_type` is.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// For how long an assertion counts, in seconds.
const LIFETIME: u64 = 60;

/// A key of a confidential client, whose public part is in its metadata. `Debug` does not show the secret one.
#[derive(Debug, Clone)]
pub struct ClientKey {
    /// Its `kid`.
    pub id: String,
    /// The key; of P-256, which all servers support.
    pub key: SecretKey,
}

/// Makes an assertion that a client is `client_id`, for the server `issuer`, at `now` (seconds since 1970) and for 60 s. `key_id` is the
/// key's `kid` in the client's metadata.
///
/// # Errors
/// The signer's own.
pub fn client_assertion<S: Signer + ?Sized>(
    signer: &S,
    key_id: &str,
    client_id: &str,
    issuer: &str,
    now: u64,
    random: &(impl Random + ?Sized),
) -> Result<String, S::Error> {
    let claims = json!({
        "iss": client_id,
        "sub": client_id,
        "aud": issuer,
        "jti": nonce(random),
        "iat": now,
        "exp": now.saturating_add(LIFETIME),
    });
    jwt::sign(signer, json!({"typ": "JWT", "kid": key_id}), &claims)
}
