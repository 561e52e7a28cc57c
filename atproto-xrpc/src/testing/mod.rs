//! Tokens of service auth, labels, scopes and messages for property tests and fuzzers: of this crate, and of other implementations.
//!
//! [`strategies`] makes valid ones for `proptest`; [`tokens`] and [`labels`] have one defect each, and the verdict that they must get.
//!
//! What is made here never takes input from a stranger: what is impossible panics, as it does in a test.
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::missing_panics_doc,
    clippy::unwrap_used,
    reason = "it is a part of tests"
)]

pub mod strategies;

use atproto_crypto::testing::{der, high_s};
use atproto_crypto::{Curve, PublicKey, SecretKey};
use atproto_lexicon::syntax::{Did, Nsid};
use atproto_lexicon::testing::Hostile;
use atproto_lexicon::testing::Verdict::{Invalid, Valid};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value as Json, json};

/// A token, and the call that it comes with.
#[derive(Debug, Clone)]
pub struct TokenCase {
    /// The token.
    pub token: String,
    /// For whom tokens have to be: a DID, or one of its services.
    pub audience: String,
    /// The method that is called.
    pub method: Nsid,
    /// The key of the account that the token names.
    pub key: PublicKey,
    /// When it comes, in seconds since 1970.
    pub now: u64,
}

const NOW: u64 = 1_750_000_000;
const ISSUER: &str = "did:web:alice.example.com";
const SERVICE: &str = "did:web:api.example.com#feed";

fn key(curve: Curve) -> SecretKey {
    SecretKey::from_hex(curve, &"2b".repeat(32)).unwrap()
}

fn claims() -> Json {
    json!({
        "iss": ISSUER, "aud": SERVICE, "lxm": "com.example.feed.get", "iat": NOW, "exp": NOW + 60, "jti": "7",
    })
}

/// The parts of a token, the signature over their texts.
fn token(header: &str, claims: &str, signed_by: &SecretKey) -> String {
    let signed = format!(
        "{}.{}",
        BASE64URL_NOPAD.encode(header.as_bytes()),
        BASE64URL_NOPAD.encode(claims.as_bytes())
    );
    let signature = BASE64URL_NOPAD.encode(signed_by.sign(signed.as_bytes()).as_bytes());
    format!("{signed}.{signature}")
}

/// Tokens of service auth, none of which was seen before.
pub fn tokens() -> Vec<Hostile<TokenCase>> {
    let k256 = key(Curve::K256);
    let es256k = r#"{"typ":"JWT","alg":"ES256K"}"#;
    let of = |token: String| TokenCase {
        token,
        audience: SERVICE.to_owned(),
        method: "com.example.feed.get".parse().unwrap(),
        key: k256.public_key(),
        now: NOW,
    };
    let good = || token(es256k, &claims().to_string(), &k256);
    let header = |header: &str| of(token(header, &claims().to_string(), &k256));
    let with = |name: &str, value: Json| {
        let mut claims = claims();
        claims[name] = value;
        of(token(es256k, &claims.to_string(), &k256))
    };
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        of(token(es256k, &claims.to_string(), &k256))
    };
    let at = |seconds: i64| TokenCase { now: NOW.saturating_add_signed(seconds), ..of(good()) };
    let good_parts = good();
    let parts: Vec<&str> = good_parts.split('.').collect();
    let right: [u8; 64] = BASE64URL_NOPAD.decode(parts[2].as_bytes()).unwrap().try_into().unwrap();
    let signature = |text: String| of(format!("{}.{}.{text}", parts[0], parts[1]));
    let p256 = key(Curve::P256);
    let on_p256 = TokenCase {
        key: p256.public_key(),
        ..of(token(r#"{"typ":"JWT","alg":"ES256"}"#, &claims().to_string(), &p256))
    };
    // The cryptography of browsers does not look at which half it is.
    let (signed, low) = on_p256.token.rsplit_once('.').unwrap();
    let low: [u8; 64] = BASE64URL_NOPAD.decode(low.as_bytes()).unwrap().try_into().unwrap();
    let text = BASE64URL_NOPAD.encode(&high_s(Curve::P256, &low));
    let high = TokenCase { token: format!("{signed}.{text}"), ..on_p256.clone() };
    let did = "did:web:api.example.com";
    let bare = TokenCase { audience: did.to_owned(), ..with("aud", did.into()) };
    let other_key = SecretKey::from_hex(Curve::K256, &"17".repeat(32)).unwrap();
    let changed = BASE64URL_NOPAD.encode(claims().to_string().replace("alice", "mally").as_bytes());
    let all = [
        (true, "as it should be", of(good())),
        (true, "on P-256", on_p256.clone()),
        (true, "high S, as browsers make it", high),
        (true, "for the DID of a service alone", bare),
        (true, "no type", header(r#"{"alg":"ES256K"}"#)),
        (true, "key named", header(r##"{"alg":"ES256K","kid":"#atproto"}"##)),
        (true, "unknown claim", with("future", json!([1]))),
        (true, "clock three seconds behind", at(-3)),
        (true, "three seconds after its end", at(63)),
        (true, "an hour", with("exp", (NOW + 3600).into())),
        (false, "nothing", of(String::new())),
        (false, "two parts", of(format!("{}.{}", parts[0], parts[1]))),
        (false, "four parts", of(format!("{good_parts}.{}", parts[2]))),
        (false, "space before", of(format!(" {good_parts}"))),
        (false, "padding", of(format!("{good_parts}=="))),
        (false, "no signature", signature(String::new())),
        (false, "signature in DER", signature(BASE64URL_NOPAD.encode(&der(&right)))),
        (false, "signature of zeros", signature(BASE64URL_NOPAD.encode(&[0; 64]))),
        (false, "signature in base64", signature(data_encoding::BASE64.encode(&right))),
        (false, "by another key", of(token(es256k, &claims().to_string(), &other_key))),
        (false, "claims changed after signing", of(format!("{}.{changed}.{}", parts[0], parts[2]))),
        (false, "no algorithm", header(r#"{"typ":"JWT"}"#)),
        (false, "algorithm none", header(r#"{"typ":"JWT","alg":"none"}"#)),
        (false, "algorithm none without a signature", {
            let header = BASE64URL_NOPAD.encode(br#"{"typ":"JWT","alg":"none"}"#);
            of(format!("{header}.{}.", parts[1]))
        }),
        (false, "algorithm of the other curve", header(r#"{"typ":"JWT","alg":"ES256"}"#)),
        (false, "algorithm with a shared secret", header(r#"{"typ":"JWT","alg":"HS256"}"#)),
        (false, "algorithm in lower case", header(r#"{"typ":"JWT","alg":"es256k"}"#)),
        (false, "access token of OAuth", header(r#"{"typ":"at+jwt","alg":"ES256K"}"#)),
        (false, "refresh token", header(r#"{"typ":"refresh+jwt","alg":"ES256K"}"#)),
        (false, "proof of DPoP", header(r#"{"typ":"dpop+jwt","alg":"ES256K"}"#)),
        (false, "access token of OAuth in upper case", header(r#"{"typ":"AT+JWT","alg":"ES256K"}"#)),
        (false, "extension that has to be understood", header(r#"{"alg":"ES256K","crit":["exp"]}"#)),
        (false, "other key named", header(r##"{"alg":"ES256K","kid":"#other"}"##)),
        (false, "algorithm twice", header(r#"{"alg":"none","alg":"ES256K"}"#)),
        (false, "header that is a list", header("[]")),
        (false, "claims that are a list", of(token(es256k, "[]", &k256))),
        (false, "for another service", with("aud", "did:web:other.example.com#feed".into())),
        (false, "for another service of the DID", with("aud", "did:web:api.example.com#other".into())),
        (false, "for the DID alone", with("aud", "did:web:api.example.com".into())),
        (false, "for a URL", with("aud", "https://api.example.com".into())),
        (false, "for a list", with("aud", json!([SERVICE]))),
        (false, "another method", with("lxm", "com.example.feed.put".into())),
        (false, "any method", with("lxm", "*".into())),
        (false, "method that is a list", with("lxm", json!(["com.example.feed.get"]))),
        (false, "no method", without("lxm")),
        (false, "no issuer", without("iss")),
        (false, "no audience", without("aud")),
        (false, "no end", without("exp")),
        (false, "no beginning", without("iat")),
        (false, "no name", without("jti")),
        (false, "empty name", with("jti", "".into())),
        (false, "issuer that is a handle", with("iss", "alice.example.com".into())),
        (false, "issuer that is a service", with("iss", format!("{ISSUER}#atproto_labeler").into())),
        (false, "end that is text", with("exp", (NOW + 60).to_string().into())),
        (false, "end that is negative", with("exp", (-1).into())),
        (false, "end before its beginning", with("exp", (NOW - 1).into())),
        (false, "two hours", with("exp", (NOW + 7200).into())),
        (false, "ten seconds after its end", at(70)),
        (false, "clock ten seconds behind", at(-10)),
        (false, "beginning in the future", with("iat", (NOW + 30).into())),
        (false, "longer than 8 KiB", with("future", "a".repeat(9000).into())),
    ];
    let case = |(is_valid, name, case)| Hostile::new(name, case, if is_valid { Valid } else { Invalid });
    all.into_iter().map(case).collect()
}

/// A label, and by whom it is said to be.
#[derive(Debug, Clone)]
pub struct LabelCase {
    /// The label as JSON.
    pub label: Json,
    /// The labeler.
    pub labeler: Did,
    /// Its key.
    pub key: PublicKey,
}

/// Labels, signed.
pub fn labels() -> Vec<Hostile<LabelCase>> {
    use atproto_lexicon::data::{Object, Value, cbor, json};
    let secret = key(Curve::K256);
    let labeler: Did = "did:web:labels.example.com".parse().unwrap();
    let fields = || {
        json!({
            "ver": 1, "src": labeler, "uri": "at://did:web:alice.example.com/com.example.note/1", "val": "spam",
            "cts": "2026-01-02T03:04:05.000Z",
        })
    };
    let object = |label: &Json| -> Object {
        match json::from_str(&label.to_string()).unwrap() {
            Value::Object(object) => object,
            _ => Object::new(),
        }
    };
    let signed = |label: Json| {
        let signature = secret.sign(&cbor::to_vec(&object(&label)).unwrap());
        let mut label = label;
        label["sig"] = json!({ "$bytes": data_encoding::BASE64_NOPAD.encode(signature.as_bytes()) });
        label
    };
    let of = |label: Json| LabelCase { label, labeler: labeler.clone(), key: secret.public_key() };
    let with = |name: &str, value: Json| {
        let mut label = fields();
        label[name] = value;
        of(signed(label))
    };
    let changed = |name: &str, value: Json| {
        let mut label = signed(fields());
        label[name] = value;
        of(label)
    };
    let right = secret.sign(&cbor::to_vec(&object(&fields())).unwrap());
    let sig = |bytes: &[u8]| changed("sig", json!({ "$bytes": data_encoding::BASE64_NOPAD.encode(bytes) }));
    let mut other_key = of(signed(fields()));
    other_key.key = key(Curve::P256).public_key();
    let mut other_labeler = of(signed(fields()));
    other_labeler.labeler = "did:web:other.example.com".parse().unwrap();
    let all = [
        (true, "as it should be", of(signed(fields()))),
        (true, "taken back", with("neg", true.into())),
        (true, "until some time", with("exp", "2030-01-01T00:00:00Z".into())),
        (
            true,
            "of one version of a record",
            with("cid", "bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a".into()),
        ),
        (false, "no signature", of(fields())),
        (false, "by another key", other_key),
        (false, "by another labeler", other_labeler),
        (false, "another value than was signed", changed("val", "porn".into())),
        (false, "another subject than was signed", changed("uri", "at://did:web:bob.example.com".into())),
        (false, "taken back after signing", changed("neg", true.into())),
        (false, "end added after signing", changed("exp", "2030-01-01T00:00:00Z".into())),
        (false, "other time than was signed", changed("cts", "2026-01-02T03:04:06.000Z".into())),
        (false, "version 2", with("ver", 2.into())),
        (false, "signature with high S", sig(&high_s(Curve::K256, right.as_bytes()))),
        (false, "signature in DER", sig(&der(right.as_bytes()))),
        (false, "signature of 63 bytes", sig(&right.as_bytes()[..63])),
        (false, "no bytes of a signature", sig(&[])),
    ];
    let case = |(is_valid, name, case)| Hostile::new(name, case, if is_valid { Valid } else { Invalid });
    all.into_iter().map(case).collect()
}
