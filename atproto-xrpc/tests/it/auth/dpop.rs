//! Proofs of possession, as a server sees them.

use atproto_crypto::{Curve, Jwk, PublicKey, SecretKey, SignatureError};
use atproto_xrpc::auth::oauth::{DpopError, DpopProof, DpopVerifier, VerifiedDpop, thumbprint};
use atproto_xrpc::auth::{FieldFault, JwtError, Secret};
use http::{Method, Uri};
use serde_json::{Value as Json, json};

const NOW: u64 = 1_700_000_000;
const TOKEN: &str = "the-token";

fn key() -> SecretKey {
    SecretKey::from_bytes(Curve::P256, &[7; 32]).unwrap()
}

fn uri() -> Uri {
    "https://pds.example.com/xrpc/a.b.c?x=y".parse().unwrap()
}

fn encode(bytes: &[u8]) -> String {
    data_encoding::BASE64URL_NOPAD.encode(bytes)
}

/// A good proof with these fields; null takes one away.
fn proof(header: Json, claims: Json) -> String {
    let jwk = serde_json::to_value(key().public_key().to_jwk()).unwrap();
    let mut all = [
        json!({"alg": "ES256", "typ": "dpop+jwt", "jwk": jwk}),
        json!({
            "jti": "a", "htm": "GET", "htu": "https://pds.example.com/xrpc/a.b.c", "iat": NOW, "nonce": "n",
            "ath": encode(&atproto_lexicon::data::sha256(TOKEN.as_bytes())),
        }),
    ];
    for (object, changes) in all.iter_mut().zip([header, claims]) {
        for (name, value) in changes.as_object().unwrap() {
            object[name] = value.clone();
        }
        object.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    }
    let [header, claims] = all.map(|object| encode(object.to_string().as_bytes()));
    let signature = key().sign(format!("{header}.{claims}").as_bytes());
    format!("{header}.{claims}.{}", encode(signature.as_bytes()))
}

fn verify_at(proof: &str, now: u64) -> Result<VerifiedDpop, DpopError> {
    let uri = uri();
    let verifier = DpopVerifier {
        access_token: Some(TOKEN),
        nonces: Some(&["m", "n"]),
        ..DpopVerifier::new(&Method::GET, &uri)
    };
    verifier.verify(proof, now)
}

fn with(header: Json, claims: Json) -> Result<(), DpopError> {
    verify_at(&proof(header, claims), NOW).map(|_| ())
}

#[test]
fn what_is_made_counts() {
    let (uri, token) = (uri(), Secret::from(TOKEN));
    let made =
        DpopProof { method: &Method::GET, uri: &uri, access_token: Some(&token), nonce: Some("n"), now: NOW };
    let Ok(made) = made.sign(&key(), &|bytes: &mut [u8]| bytes.fill(3));
    let verified = verify_at(&made, NOW + 5).unwrap();
    assert_eq!((verified.key, verified.thumbprint), (key().public_key(), thumbprint(&key().public_key())));
    assert_eq!(verified.id, encode(&[3; 16]));
    // The URL without its query, and no secret.
    let claims = data_encoding::BASE64URL_NOPAD.decode(made.split('.').nth(1).unwrap().as_bytes()).unwrap();
    let claims: Json = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["htu"], "https://pds.example.com/xrpc/a.b.c");
    let header = data_encoding::BASE64URL_NOPAD.decode(made.split('.').next().unwrap().as_bytes()).unwrap();
    assert!(!String::from_utf8(header).unwrap().contains("\"d\""));
}

#[test]
fn each_rule_refuses_what_only_it_refuses() {
    let missing = |name| DpopError::Token(JwtError::Field(FieldFault::Missing(name)));
    let malformed = |name| DpopError::Token(JwtError::Field(FieldFault::Malformed(name)));
    assert_eq!(with(json!({}), json!({})), Ok(()));
    for (header, reason) in [
        (json!({"typ": null}), missing("typ")),
        (json!({"typ": "JWT"}), DpopError::Type),
        (json!({"alg": "none"}), DpopError::Token(JwtError::Algorithm)),
        (json!({"alg": "ES256K"}), DpopError::Token(JwtError::KeyAlgorithm)),
        (json!({"crit": ["x"]}), DpopError::Token(JwtError::Critical)),
        (json!({"jwk": null}), missing("jwk")),
        (json!({"jwk": "x"}), malformed("jwk")),
    ] {
        assert_eq!(with(header.clone(), json!({})), Err(reason), "{header}");
    }
    for (claims, reason) in [
        (json!({"jti": null}), missing("jti")),
        (json!({"jti": ""}), malformed("jti")),
        (json!({"jti": "x".repeat(257)}), malformed("jti")),
        (json!({"htm": null}), missing("htm")),
        (json!({"htm": "POST"}), DpopError::Method),
        (json!({"htm": "get"}), DpopError::Method),
        (json!({"htu": null}), missing("htu")),
        (json!({"htu": "https://pds.example.com/xrpc/a.b.d"}), DpopError::Uri),
        (json!({"htu": "http://pds.example.com/xrpc/a.b.c"}), DpopError::Uri),
        (json!({"htu": "https://pds.example.com:8443/xrpc/a.b.c"}), DpopError::Uri),
        (json!({"htu": "/xrpc/a.b.c"}), DpopError::Uri),
        (json!({"iat": null}), missing("iat")),
        (json!({"iat": "1"}), malformed("iat")),
        (json!({"iat": NOW + 6}), DpopError::Issued),
        (json!({"iat": NOW - 306}), DpopError::Expired),
        (json!({"nonce": null}), DpopError::Nonce),
        (json!({"nonce": "o"}), DpopError::Nonce),
        (json!({"ath": null}), DpopError::AccessToken),
        (json!({"ath": "x"}), DpopError::AccessToken),
    ] {
        assert_eq!(with(json!({}), claims.clone()), Err(reason), "{claims}");
    }
    for claims in [
        json!({"iat": NOW + 5}),
        json!({"iat": NOW - 305}),
        json!({"nonce": "m"}),
        json!({"htu": "HTTPS://PDS.example.com:443/xrpc/a.b.c?z#f"}),
    ] {
        assert_eq!(with(json!({}), claims.clone()), Ok(()), "{claims}");
    }
}

#[test]
fn the_key_is_in_the_proof_and_is_no_secret() {
    let mut jwk = serde_json::to_value(key().public_key().to_jwk()).unwrap();
    jwk["d"] = "AAAA".into();
    assert_eq!(with(json!({"jwk": jwk}), json!({})), Err(DpopError::SecretKey));
    for jwk in [
        json!({}),
        json!({"kty": "RSA", "n": "x", "e": "AQAB"}),
        json!({"kty": "EC", "crv": "P-256", "x": "x", "y": "y"}),
    ] {
        assert!(matches!(with(json!({"jwk": jwk}), json!({})), Err(DpopError::Key(_))), "{jwk}");
    }
    let other = SecretKey::from_bytes(Curve::P256, &[8; 32]).unwrap().public_key().to_jwk();
    let mismatch = Err(DpopError::Token(JwtError::Signature(SignatureError::Mismatch)));
    assert_eq!(with(json!({"jwk": other}), json!({})), mismatch);
}

#[test]
fn no_byte_of_a_proof_can_be_changed() {
    let good = proof(json!({}), json!({}));
    assert!(verify_at(&good, NOW).is_ok());
    for at in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(verify_at(&changed, NOW).is_err(), "{at}");
    }
}

#[test]
fn the_thumbprint_is_that_of_the_rfc() {
    // The key of RFC 7515, appendix A.3; its thumbprint was made with another implementation (Python's hashlib).
    let jwk: Jwk = serde_json::from_str(
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0","use":"sig","kid":"1"}"#,
    )
    .unwrap();
    assert_eq!(
        thumbprint(&PublicKey::from_jwk(&jwk).unwrap()),
        "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
    );
}
