//! Tokens of service auth: what nobody signed proves nothing, and of what was signed the times say whether it counts.

use arbitrary::{Result, Unstructured};
use atproto_crypto::{Curve, SecretKey};
use atproto_lexicon::syntax::{Did, Nsid};
use atproto_xrpc::auth::service::{Audience, ServiceToken, Verifier};
use std::sync::LazyLock;

static KEY: LazyLock<SecretKey> = LazyLock::new(|| SecretKey::from_bytes(Curve::P256, &[7; 32]).unwrap());
const NOW: u64 = 1_750_000_000;

/// The first byte says whether a token is a text, or is made and perhaps changed.
pub fn check(data: &[u8]) {
    let Some((kind, rest)) = data.split_first() else { return };
    if kind % 2 == 0 {
        let Ok(text) = str::from_utf8(rest) else { return };
        // Those that the key has signed are not among the texts.
        assert!(verdict(text, &method()).is_none_or(|is_signed| !is_signed));
    } else {
        // Too little data makes none.
        let _ = check_made(&mut Unstructured::new(rest));
    }
}

fn method() -> Nsid {
    "com.example.call".parse().unwrap()
}

fn audience() -> Audience {
    Audience::from("did:web:service.example.com".parse::<Did>().unwrap())
}

/// Whether it is signed, if it counts otherwise.
fn verdict(token: &str, method: &Nsid) -> Option<bool> {
    let read = Verifier::new([audience()]).read(token, Some(method), NOW).ok()?;
    Some(read.verify(&KEY.public_key()).is_ok())
}

fn check_made(input: &mut Unstructured<'_>) -> Result<()> {
    let (early, lifetime) = (input.int_in_range(0..=8000)?, input.int_in_range(0..=4000)?);
    let issued_at = NOW + 10 - early;
    let (is_for_us, names): (bool, Option<bool>) = (input.ratio(7, 8)?, input.arbitrary()?);
    let other = || Audience::from("did:web:other.example.com".parse::<Did>().unwrap());
    let audience = if is_for_us { audience() } else { other() };
    let mut token = ServiceToken::new("did:web:example.com".parse().unwrap(), audience, issued_at)
        .with_lifetime(lifetime);
    match names {
        Some(true) => token = token.for_method(&method()),
        Some(false) => token = token.for_method(&"com.example.other".parse().unwrap()),
        None => {}
    }
    let Ok(token) = token.sign(&*KEY, &|bytes: &mut [u8]| bytes.fill(5));
    let counts = is_for_us
        && names == Some(true)
        && lifetime <= 3600
        && issued_at <= NOW + 5
        && NOW < issued_at + lifetime + 5;
    assert_eq!(verdict(&token, &method()), counts.then_some(true));
    // Not one character may be another one.
    let at = input.choose_index(token.len())?;
    let other = char::from(input.int_in_range(b'!'..=b'~')?);
    let mut changed = token.clone();
    changed.replace_range(at..=at, other.encode_utf8(&mut [0; 4]));
    assert!(changed == token || verdict(&changed, &method()) != Some(true), "{changed}");
    Ok(())
}
