//! Tokens of service auth: what counts, and what each rule alone refuses.

use atproto_crypto::{Curve, PublicKey, SecretKey, Signature};
use atproto_identity::ResolveError;
use atproto_lexicon::syntax::{Did, Nsid};
use atproto_xrpc::auth::service::{
    Audience, Invalid, Keys, MemoryReplays, ServiceToken, Verifier, VerifyError,
};
use atproto_xrpc::auth::{FieldFault, JwtError};
use data_encoding::BASE64URL_NOPAD;
use futures_executor::block_on;
use serde_json::{Map, Value as Json, json};
use std::sync::Mutex;

const NOW: u64 = 1_700_000_000;
const ISSUER: &str = "did:web:alice.example.com";
const SERVICE: &str = "did:web:api.example.com#feed";

fn key(number: u8) -> SecretKey {
    SecretKey::from_bytes(Curve::K256, &[number; 32]).unwrap()
}

fn method() -> Nsid {
    "com.example.feed.get".parse().unwrap()
}

fn verifier() -> Verifier {
    Verifier::new([SERVICE.parse().unwrap()])
}

/// A token with these fields in the place of those of a good one; null takes one away.
fn token(header: Json, claims: Json) -> String {
    let mut parts = [
        json!({"typ": "JWT", "alg": "ES256K"}),
        json!({"iss": ISSUER, "aud": SERVICE, "iat": NOW, "exp": NOW + 60, "lxm": method(), "jti": "one"}),
    ];
    for (part, changes) in parts.iter_mut().zip([header, claims]) {
        for (name, value) in changes.as_object().unwrap() {
            let part: &mut Map<String, Json> = part.as_object_mut().unwrap();
            if value.is_null() {
                part.remove(name)
            } else {
                part.insert(name.clone(), value.clone())
            };
        }
    }
    let [header, claims] = parts.map(|part| BASE64URL_NOPAD.encode(part.to_string().as_bytes()));
    let signed = format!("{header}.{claims}");
    let signature: Signature = key(1).sign(signed.as_bytes());
    format!("{signed}.{}", BASE64URL_NOPAD.encode(signature.as_bytes()))
}

fn read_with(verifier: &Verifier, token: &str, now: u64) -> Result<(), Invalid> {
    let proven = verifier.read(token, Some(&method()), now)?.verify(&key(1).public_key())?;
    assert_eq!(proven.issuer.as_str(), ISSUER);
    Ok(())
}

fn read(header: Json, claims: Json) -> Result<(), Invalid> {
    read_with(&verifier(), &token(header, claims), NOW)
}

#[test]
fn what_is_made_counts() {
    let random = |bytes: &mut [u8]| bytes.fill(7);
    for curve in Curve::ALL {
        let key = SecretKey::from_bytes(curve, &[3; 32]).unwrap();
        let made =
            ServiceToken::new(ISSUER.parse().unwrap(), SERVICE.parse().unwrap(), NOW).for_method(&method());
        let token = made.sign(&key, &random).unwrap();
        let unverified = verifier().read(&token, Some(&method()), NOW + 60).unwrap();
        assert_eq!((unverified.issuer().as_str(), unverified.key_id()), (ISSUER, "atproto"));
        let proven = unverified.verify(&key.public_key()).unwrap();
        assert_eq!((proven.expires_at, proven.audience.to_string()), (NOW + 60, SERVICE.to_owned()));
        assert!(verifier().read(&token, Some(&method()), NOW + 65).is_err());
    }
    assert_eq!(read(json!({}), json!({})), Ok(()));
}

#[test]
fn each_rule_refuses_what_only_it_refuses() {
    let missing = |name| Err(Invalid::Token(JwtError::Field(FieldFault::Missing(name))));
    let malformed = |name| Err(Invalid::Token(JwtError::Field(FieldFault::Malformed(name))));
    let claims = [
        (json!({"iss": null}), missing("iss")),
        (json!({"iss": "alice.example.com"}), malformed("iss")),
        (json!({"iss": 1}), malformed("iss")),
        (json!({"iss": format!("{ISSUER}#atproto_labeler")}), Err(Invalid::IssuerService)),
        (json!({"iss": format!("{ISSUER}#other")}), Err(Invalid::IssuerService)),
        (json!({"aud": null}), missing("aud")),
        (json!({"aud": [SERVICE]}), malformed("aud")),
        (json!({"aud": "did:web:api.example.com"}), Err(Invalid::Audience)),
        (json!({"aud": "did:web:api.example.com#other"}), Err(Invalid::Audience)),
        (json!({"aud": "did:web:other.example.com#feed"}), Err(Invalid::Audience)),
        (json!({"lxm": null}), Err(Invalid::NoMethod)),
        (json!({"lxm": "com.example.feed.put"}), Err(Invalid::Method)),
        (json!({"lxm": "com.example.feed.Get"}), Err(Invalid::Method)),
        (json!({"lxm": "*"}), malformed("lxm")),
        (json!({"exp": null}), missing("exp")),
        (json!({"exp": "1700000060"}), malformed("exp")),
        (json!({"exp": -1}), malformed("exp")),
        (json!({"exp": NOW - 5, "iat": NOW - 60}), Err(Invalid::Expired)),
        (json!({"exp": NOW - 4, "iat": NOW - 60}), Ok(())),
        (json!({"exp": NOW + 3600}), Ok(())),
        (json!({"exp": NOW + 3601}), Err(Invalid::TooLong)),
        (json!({"iat": null}), missing("iat")),
        (json!({"iat": NOW + 5}), Ok(())),
        (json!({"iat": NOW + 6}), Err(Invalid::Issued)),
        (json!({"iat": NOW + 2, "exp": NOW + 1}), Err(Invalid::Issued)),
        (json!({"jti": null}), missing("jti")),
        (json!({"jti": ""}), malformed("jti")),
        (json!({"jti": "x".repeat(257)}), malformed("jti")),
        (json!({"other": {"a": [1]}}), Ok(())),
    ];
    for (change, expected) in claims {
        assert_eq!(read(json!({}), change.clone()), expected, "{change}");
    }
    let headers = [
        (json!({"typ": null}), Ok(())),
        (json!({"typ": "anything"}), Ok(())),
        (json!({"typ": "at+jwt"}), Err(Invalid::Type)),
        (json!({"typ": "AT+JWT"}), Err(Invalid::Type)),
        (json!({"typ": "refresh+jwt"}), Err(Invalid::Type)),
        (json!({"typ": "dpop+jwt"}), Err(Invalid::Type)),
        (json!({"kid": "#atproto"}), Ok(())),
        (json!({"kid": format!("{ISSUER}#atproto")}), Ok(())),
        (json!({"kid": "atproto"}), Err(Invalid::KeyId)),
        (json!({"kid": "#atproto_label"}), Err(Invalid::KeyId)),
        (json!({"kid": "did:web:mallory.example.com#atproto"}), Err(Invalid::KeyId)),
        (json!({"alg": "ES256"}), Err(Invalid::Token(JwtError::KeyAlgorithm))),
        (json!({"alg": "none"}), Err(Invalid::Token(JwtError::Algorithm))),
        (json!({"crit": ["exp"]}), Err(Invalid::Token(JwtError::Critical))),
    ];
    for (change, expected) in headers {
        assert_eq!(read(change.clone(), json!({})), expected, "{change}");
    }
    // A DID that is asked for as such is another audience than its services.
    let bare = Verifier::new([Audience::from("did:web:api.example.com".parse::<Did>().unwrap())]);
    assert_eq!(read_with(&bare, &token(json!({}), json!({"aud": "did:web:api.example.com"})), NOW), Ok(()));
    assert_eq!(read_with(&bare, &token(json!({}), json!({})), NOW), Err(Invalid::Audience));
    let no_method = Verifier { requires_method: false, ..verifier() };
    assert_eq!(read_with(&no_method, &token(json!({}), json!({"lxm": null})), NOW), Ok(()));
}

#[test]
fn a_labeler_counts_where_that_is_wanted() {
    let token = token(json!({}), json!({"iss": format!("{ISSUER}#atproto_labeler")}));
    let labelers = Verifier { accepts_labelers: true, ..verifier() };
    let unverified = labelers.read(&token, Some(&method()), NOW).unwrap();
    assert_eq!(unverified.key_id(), "atproto_label");
    assert!(unverified.verify(&key(1).public_key()).unwrap().is_labeler);
}

#[test]
fn no_byte_of_a_token_can_be_changed() {
    let good = token(json!({}), json!({}));
    for at in 0..good.len() {
        for byte in [b'A', b'B', b'.', b'~'] {
            let mut other = good.clone().into_bytes();
            if other[at] != byte {
                other[at] = byte;
                let other = String::from_utf8(other).unwrap();
                assert!(read_with(&verifier(), &other, NOW).is_err(), "{at} {}", char::from(byte));
            }
        }
    }
}

/// What is remembered of the issuer, and what is true.
struct Remembered {
    known: Option<PublicKey>,
    fresh: Option<PublicKey>,
    asked: Mutex<(u32, u32)>,
}

impl Keys for Remembered {
    const REMEMBERS: bool = true;

    async fn key(&self, _: &Did, _: &str) -> Result<Option<PublicKey>, ResolveError> {
        self.asked.lock().unwrap().0 += 1;
        Ok(self.known)
    }

    async fn refresh(&self, _: &Did, _: &str) -> Result<Option<PublicKey>, ResolveError> {
        self.asked.lock().unwrap().1 += 1;
        Ok(self.fresh)
    }
}

#[test]
fn a_key_that_changed_is_asked_for_once_and_a_token_counts_once() {
    let [right, wrong] = [1, 2].map(|number| Some(key(number).public_key()));
    let replays = MemoryReplays::default();
    let verify = |known, fresh, id: &str| {
        let keys = Remembered { known, fresh, asked: Mutex::default() };
        let token = token(json!({}), json!({"jti": id}));
        let method = method();
        let proven = block_on(verifier().verify(&token, Some(&method), &keys, &replays, NOW));
        (proven.map(|proven| proven.id), *keys.asked.lock().unwrap())
    };
    let invalid = |proven| match proven {
        Err(VerifyError::Invalid(invalid)) => invalid,
        other => panic!("{other:?}"),
    };
    // Who cannot sign does not use up the name of a token.
    let (proven, asked) = verify(wrong, wrong, "a");
    assert!(matches!(invalid(proven), Invalid::Token(JwtError::Signature(_))));
    assert_eq!(asked, (1, 1));
    let (proven, asked) = verify(right, wrong, "a");
    assert_eq!((proven.unwrap().as_str(), asked), ("a", (1, 0)));
    assert_eq!(invalid(verify(right, right, "a").0), Invalid::Replayed);
    let (proven, asked) = verify(wrong, right, "b");
    assert_eq!((proven.unwrap().as_str(), asked), ("b", (1, 1)));
    let (proven, asked) = verify(None, right, "c");
    assert_eq!((proven.unwrap().as_str(), asked), ("c", (1, 1)));
    assert_eq!(invalid(verify(None, None, "d").0), Invalid::NoKey);
}

#[test]
fn nothing_shows_a_token() {
    let token = token(json!({}), json!({}));
    let unverified = verifier().read(&token, Some(&method()), NOW).unwrap();
    let signature = token.rsplit('.').next().unwrap();
    assert!(!format!("{unverified:?}").contains(signature));
}
