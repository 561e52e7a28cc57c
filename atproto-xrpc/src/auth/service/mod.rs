//! Tokens by which services know on whose behalf a request comes
//! (<https://atproto.com/specs/xrpc#inter-service-authentication-jwt>): signed by the account's own key, for one audience, one method
//! and a short time.
//!
//! [`ServiceToken`] makes them, [`Verifier`] checks them. Nothing here asks anybody by itself: the key of an account comes from
//! [`Keys`], what was seen before from a [`ReplayStore`], the time and randomness from the caller.
//!
//! ```
//! use atproto_crypto::{Curve, SecretKey};
//! use atproto_xrpc::auth::service::{ServiceToken, Verifier};
//!
//! let key = SecretKey::from_hex(Curve::K256, &"17".repeat(32))?;
//! let now = 1_700_000_000;
//! let method = "com.example.feed.get".parse()?;
//!
//! # let random = |bytes: &mut [u8]| bytes.fill(7);
//! let token = ServiceToken::new("did:web:alice.example.com".parse()?, "did:web:api.example.com#feed".parse()?, now)
//!     .for_method(&method)
//!     .sign(&key, &random)?;
//!
//! let verifier = Verifier::new(["did:web:api.example.com#feed".parse()?]);
//! let unverified = verifier.read(&token, Some(&method), now + 5)?;
//! assert_eq!(unverified.issuer().as_str(), "did:web:alice.example.com");
//! let proven = unverified.verify(&key.public_key())?;
//! assert_eq!(proven.issuer.as_str(), "did:web:alice.example.com");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod audience;
mod keys;
mod replay;

pub use audience::{Audience, AudienceError};
pub use keys::Keys;
pub use replay::{MemoryReplays, Replay, ReplayStore};

use super::fields::{self, FieldFault};
use super::jwt::{self, Jwt, JwtError};
use crate::random::{Random, nonce};
use atproto_crypto::{PublicKey, Signer};
use atproto_identity::ResolveError;
use atproto_lexicon::syntax::{Did, Nsid};
use serde_json::json;

/// For how long a token counts where nothing else is said, in seconds.
pub const LIFETIME: u64 = 60;
/// The greatest length of a token's name, in bytes.
const MAX_JTI: usize = 256;
/// What the header says that a token of another kind is: none of these is taken for one of this kind.
const OTHER_TYPES: [&str; 4] = ["at+jwt", "refresh+jwt", "dpop+jwt", "application/at+jwt"];
const ACCOUNT_KEY: &str = "atproto";
const LABELER_KEY: &str = "atproto_label";
const LABELER_SERVICE: &str = "atproto_labeler";

/// A token to be made.
#[derive(Debug, Clone)]
pub struct ServiceToken {
    issuer: Did,
    audience: Audience,
    method: Option<Nsid>,
    issued_at: u64,
    lifetime: u64,
}

impl ServiceToken {
    /// On behalf of `issuer` for `audience`, from `now` (seconds since 1970) for 60 s.
    pub fn new(issuer: Did, audience: Audience, now: u64) -> Self {
        Self { issuer, audience, method: None, issued_at: now, lifetime: LIFETIME }
    }

    /// For this method alone. A token without a method counts for any where it is accepted at all; services of XRPC refuse it.
    #[must_use]
    pub fn for_method(mut self, method: &Nsid) -> Self {
        self.method = Some(method.clone());
        self
    }

    /// For so many seconds.
    #[must_use]
    pub fn with_lifetime(mut self, seconds: u64) -> Self {
        self.lifetime = seconds;
        self
    }

    /// Whom it is for.
    pub fn audience(&self) -> &Audience {
        &self.audience
    }

    /// The method that it is for, if it is for one alone.
    pub fn method(&self) -> Option<&Nsid> {
        self.method.as_ref()
    }

    /// Signs it with the account's key, and names it from `random` so that no two are the same.
    ///
    /// # Errors
    /// The signer's own.
    pub fn sign<S: Signer + ?Sized>(
        &self,
        signer: &S,
        random: &(impl Random + ?Sized),
    ) -> Result<String, S::Error> {
        let mut claims = json!({
            "iss": self.issuer,
            "aud": self.audience.to_string(),
            "iat": self.issued_at,
            "exp": self.issued_at.saturating_add(self.lifetime),
            "jti": nonce(random),
        });
        if let (Some(method), Some(claims)) = (&self.method, claims.as_object_mut()) {
            claims.insert("lxm".to_owned(), method.as_str().into());
        }
        jwt::sign(signer, json!({"typ": "JWT"}), &claims)
    }
}

/// Why a token does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Invalid {
    /// It is no token, or a field of it is missing or malformed, or its signature does not match.
    #[error(transparent)]
    Token(#[from] JwtError),
    /// The header says that it is a token of another kind.
    #[error("token is of another kind")]
    Type,
    /// It was signed with a key that is not on the list, or not the one of its issuer.
    #[error("token names a key that does not count")]
    KeyId,
    /// The issuer is a service, or one that does not count.
    #[error("token is issued by a service that does not count")]
    IssuerService,
    /// It is for somebody else; for a DID and for a service of that DID are two things.
    #[error("token is for another audience")]
    Audience,
    /// It is for another method.
    #[error("token is for another method")]
    Method,
    /// It is for no method, and has to be.
    #[error("token is for no method")]
    NoMethod,
    /// Its time is over.
    #[error("token has expired")]
    Expired,
    /// It counts for longer than is accepted.
    #[error("token counts for too long")]
    TooLong,
    /// It was issued in the future, or ends before it was issued.
    #[error("token is issued in the future, or ends before it was issued")]
    Issued,
    /// It was seen before.
    #[error("token was seen before")]
    Replayed,
    /// The document of the issuer has no valid key of that name.
    #[error("issuer has no such key")]
    NoKey,
}

impl From<FieldFault> for Invalid {
    fn from(fault: FieldFault) -> Self {
        Self::Token(fault.into())
    }
}

/// Why [`Verifier::verify`] has no proof: the token is invalid, or it is not known whether it is.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError<E> {
    /// The token does not count.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The key of the issuer is not known.
    #[error("issuer of the token: {0}")]
    Unresolved(#[source] ResolveError),
    /// There is no more room for the names of tokens, so that a repetition would not be seen.
    #[error("too many tokens are remembered")]
    Full,
    /// The store of names failed.
    #[error("replay store: {0}")]
    Store(#[source] E),
}

/// What a service accepts.
#[derive(Debug, Clone)]
pub struct Verifier {
    /// For whom tokens may be: each is compared as it is, so that a token for the DID is none for a service of that DID.
    pub audiences: Vec<Audience>,
    /// The names of keys, without `#`, that a header may name: `atproto` alone.
    pub key_ids: Vec<String>,
    /// For how long a token may count, in seconds: 3,600.
    pub max_lifetime: u64,
    /// By how much clocks may differ, in seconds: 5.
    pub leeway: u64,
    /// Whether a token must name the method that is called. It must for XRPC.
    pub requires_method: bool,
    /// Whether an issuer may be `did#atproto_labeler`, signed with the key `#atproto_label`: the older way of labelers. Off.
    pub accepts_labelers: bool,
}

impl Verifier {
    /// For a service that these are.
    pub fn new(audiences: impl IntoIterator<Item = Audience>) -> Self {
        Self {
            audiences: audiences.into_iter().collect(),
            key_ids: vec![ACCOUNT_KEY.to_owned()],
            max_lifetime: 3600,
            leeway: 5,
            requires_method: true,
            accepts_labelers: false,
        }
    }

    /// Checks all of a token but its signature and whether it was seen before: a call of `method` at `now` (seconds since 1970).
    /// Without a method, as outside XRPC, a token that names one is for something else.
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn read(&self, token: &str, method: Option<&Nsid>, now: u64) -> Result<Unverified, Invalid> {
        let jwt = Jwt::parse(token)?;
        if fields::text(&jwt.header, "typ")?.is_some_and(is_other_type) {
            return Err(Invalid::Type);
        }
        let claims = &jwt.claims;
        let (issuer, key_id) = self.issuer(&jwt)?;
        let audience: Audience = fields::required(claims, "aud")?;
        if !self.audiences.contains(&audience) {
            return Err(Invalid::Audience);
        }
        self.check_method(fields::text(claims, "lxm")?, method)?;
        let expires_at = self.check_time(
            fields::required_number(claims, "iat")?,
            fields::required_number(claims, "exp")?,
            now,
        )?;
        let id = fields::required_text(claims, "jti")?;
        if id.is_empty() || id.len() > MAX_JTI {
            return Err(FieldFault::Malformed("jti").into());
        }
        let id = id.to_owned();
        let method = method.cloned();
        let proven =
            ServiceAuth { issuer, is_labeler: key_id == LABELER_KEY, audience, method, id, expires_at };
        Ok(Unverified { jwt, key_id, proven, forgotten_at: expires_at.saturating_add(self.leeway) })
    }

    /// [`read`](Self::read), with the key of the issuer from `keys` and the names of earlier tokens from `replays`. Where the signature
    /// does not match a key that was remembered, the key is asked for anew, once.
    ///
    /// A token is remembered only after its signature has been checked: nobody can use up the token of another.
    ///
    /// Dropping the future is safe; the token may count as seen then.
    ///
    /// # Errors
    /// [`VerifyError`].
    pub async fn verify<R: ReplayStore>(
        &self,
        token: &str,
        method: Option<&Nsid>,
        keys: &impl Keys,
        replays: &R,
        now: u64,
    ) -> Result<ServiceAuth, VerifyError<R::Error>> {
        let unverified = self.read(token, method, now)?;
        let proven = unverified.verify_with(keys).await.map_err(|error| match error {
            KeyFault::Invalid(invalid) => VerifyError::Invalid(invalid),
            KeyFault::Unresolved(error) => VerifyError::Unresolved(error),
        })?;
        match replays.insert(&proven.issuer, &proven.id, unverified.forgotten_at, now).await {
            Ok(Replay::New) => Ok(proven),
            Ok(Replay::Seen) => Err(Invalid::Replayed.into()),
            Ok(Replay::Full) => Err(VerifyError::Full),
            Err(error) => Err(VerifyError::Store(error)),
        }
    }

    /// The DID that issued a token, and the name of the key that it has to be signed with.
    fn issuer(&self, jwt: &Jwt) -> Result<(Did, String), Invalid> {
        let issuer = fields::required_text(&jwt.claims, "iss")?;
        let (did, service) = match issuer.split_once('#') {
            Some((did, service)) => (did, Some(service)),
            None => (issuer, None),
        };
        let did: Did = did.parse().map_err(|_| FieldFault::Malformed("iss"))?;
        let of_service = match service {
            None => None,
            Some(LABELER_SERVICE) if self.accepts_labelers => Some(LABELER_KEY),
            Some(_) => return Err(Invalid::IssuerService),
        };
        let named = match fields::text(&jwt.header, "kid")? {
            None => None,
            Some(id) => {
                let id = id.strip_prefix(did.as_str()).unwrap_or(id).strip_prefix('#');
                let known = self.key_ids.iter().map(String::as_str).chain(of_service);
                let mut known = known.filter(|known| Some(*known) == id);
                Some(known.next().ok_or(Invalid::KeyId)?)
            }
        };
        match (of_service, named) {
            (Some(a), Some(b)) if a != b => Err(Invalid::KeyId),
            (of_service, named) => Ok((did, of_service.or(named).unwrap_or(ACCOUNT_KEY).to_owned())),
        }
    }

    fn check_method(&self, named: Option<&str>, called: Option<&Nsid>) -> Result<(), Invalid> {
        let Some(named) = named else {
            return if self.requires_method { Err(Invalid::NoMethod) } else { Ok(()) };
        };
        let named: Nsid = named.parse().map_err(|_| FieldFault::Malformed("lxm"))?;
        if called.map(Nsid::to_normalized) == Some(named.to_normalized()) {
            Ok(())
        } else {
            Err(Invalid::Method)
        }
    }

    /// Gives the time at which it expires.
    fn check_time(&self, issued_at: u64, expires_at: u64, now: u64) -> Result<u64, Invalid> {
        if now >= expires_at.saturating_add(self.leeway) {
            return Err(Invalid::Expired);
        }
        if issued_at > now.saturating_add(self.leeway) || expires_at < issued_at {
            return Err(Invalid::Issued);
        }
        if expires_at.saturating_sub(issued_at) > self.max_lifetime {
            return Err(Invalid::TooLong);
        }
        Ok(expires_at)
    }
}

/// A media type is compared without regard to case.
fn is_other_type(name: &str) -> bool {
    OTHER_TYPES.iter().any(|other| other.eq_ignore_ascii_case(name))
}

/// A token whose claims count, if the key of its issuer signed it: [`verify`](Self::verify) says.
#[derive(Debug, Clone)]
pub struct Unverified {
    jwt: Jwt,
    key_id: String,
    proven: ServiceAuth,
    forgotten_at: u64,
}

impl Unverified {
    /// Who is said to have issued it: whose key to look for.
    pub fn issuer(&self) -> &Did {
        &self.proven.issuer
    }

    /// The name of the key in the issuer's document, without `#`.
    pub fn key_id(&self) -> &str {
        &self.key_id
    }

    /// Until when its name has to be remembered, in seconds since 1970.
    pub fn forgotten_at(&self) -> u64 {
        self.forgotten_at
    }

    /// Checks the signature. Whether the token was seen before is for the caller to know.
    ///
    /// # Errors
    /// [`Invalid::Token`].
    pub fn verify(&self, key: &PublicKey) -> Result<ServiceAuth, Invalid> {
        self.jwt.verify(key)?;
        Ok(self.proven.clone())
    }

    async fn verify_with<K: Keys>(&self, keys: &K) -> Result<ServiceAuth, KeyFault> {
        let known = keys.key(self.issuer(), &self.key_id).await?;
        let verdict = known.ok_or(Invalid::NoKey).and_then(|key| self.verify(&key));
        // A key may have changed since it was remembered. One that was found just now has not.
        match verdict {
            Err(Invalid::NoKey | Invalid::Token(_)) if K::REMEMBERS => {}
            verdict => return Ok(verdict?),
        }
        let fresh = keys.refresh(self.issuer(), &self.key_id).await?;
        if fresh == known {
            return Ok(verdict?);
        }
        Ok(self.verify(&fresh.ok_or(Invalid::NoKey)?)?)
    }
}

enum KeyFault {
    Invalid(Invalid),
    Unresolved(ResolveError),
}

impl From<Invalid> for KeyFault {
    fn from(invalid: Invalid) -> Self {
        Self::Invalid(invalid)
    }
}

impl From<ResolveError> for KeyFault {
    fn from(error: ResolveError) -> Self {
        Self::Unresolved(error)
    }
}

/// What a token proves.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ServiceAuth {
    /// The account on whose behalf the request comes.
    pub issuer: Did,
    /// Whether the account's key for labels signed it.
    pub is_labeler: bool,
    /// For whom.
    pub audience: Audience,
    /// The method that was called.
    pub method: Option<Nsid>,
    /// The name of the token, which occurs once.
    pub id: String,
    /// When it expires, in seconds since 1970.
    pub expires_at: u64,
}
