//! Who asks (<https://atproto.com/specs/xrpc#authentication>).

use super::error::{Refusal, ServeError};
use crate::auth::JwtError;
use crate::auth::service::{Invalid, Keys, ReplayStore, ServiceAuth, Verifier, VerifyError};
use atproto_lexicon::clock::Clock;
use atproto_lexicon::syntax::Nsid;
use futures_util::future::BoxFuture;
use http::header::{AUTHORIZATION, HeaderMap, RETRY_AFTER};
use http::request::Parts;
use std::fmt;
use std::sync::Arc;

/// Who asks, found out before a request's parameters and body are read. A handler says by its type whom it lets in: `Asked<E>` anyone,
/// `Asked<E, ServiceAuth>` who brings a token of service auth, `Asked<E, Option<ServiceAuth>>` who brings a good one or none.
///
/// A program with tokens of its own has a type for each kind of them:
///
/// ```
/// use atproto_lexicon::syntax::{Did, Nsid};
/// use atproto_xrpc::server::{Caller, Refusal, ServeError, credentials};
/// use http::request::Parts;
///
/// struct Accounts { /* a database */ }
///
/// struct Account(Did);
///
/// impl Caller<Accounts> for Account {
///     async fn identify(accounts: &Accounts, head: &Parts, _: &Nsid) -> Result<Self, ServeError> {
///         let token = credentials(&head.headers, "Bearer")?;
///         accounts.find(token).await.map(Account).ok_or_else(|| Refusal::unauthorized("InvalidToken", "token is not known").into())
///     }
/// }
/// # impl Accounts { async fn find(&self, _: &str) -> Option<Did> { None } }
/// ```
///
/// With the feature `oauth`, `DpopVerifier` checks the proof that goes with a token of the scheme `DPoP`.
pub trait Caller<S>: Sized + Send {
    /// Finds out who asks for an endpoint, by the head of the request.
    ///
    /// # Errors
    /// 401 such as [`Refusal::auth_missing`] and [`Refusal::unauthorized`]; what is known and may not, 403.
    fn identify(
        state: &S,
        head: &Parts,
        nsid: &Nsid,
    ) -> impl Future<Output = Result<Self, ServeError>> + Send;
}

/// Anyone: nobody looks who it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Anyone;

impl<S: Sync> Caller<S> for Anyone {
    async fn identify(_: &S, _: &Parts, _: &Nsid) -> Result<Self, ServeError> {
        Ok(Self)
    }
}

/// `None` where the request has no header `Authorization`. What that says has to be true.
impl<S: Sync, C: Caller<S>> Caller<S> for Option<C> {
    async fn identify(state: &S, head: &Parts, nsid: &Nsid) -> Result<Self, ServeError> {
        if head.headers.contains_key(AUTHORIZATION) {
            Ok(Some(C::identify(state, head, nsid).await?))
        } else {
            Ok(None)
        }
    }
}

/// Who a token of service auth speaks for, in a program whose state has a [`ServiceAuthenticator`]. The token has to be for the
/// endpoint that is called.
impl<S: AsRef<ServiceAuthenticator> + Sync> Caller<S> for ServiceAuth {
    async fn identify(state: &S, head: &Parts, nsid: &Nsid) -> Result<Self, ServeError> {
        state.as_ref().identify(&head.headers, nsid).await
    }
}

/// What the header `Authorization` says in this scheme, such as `Bearer`, whose name may be in any case.
///
/// # Errors
/// 401 `AuthMissing` where there is no such header, or it is of another scheme; `InvalidRequest` where there is more than one.
pub fn credentials<'a>(headers: &'a HeaderMap, scheme: &str) -> Result<&'a str, Refusal> {
    let mut said = headers.get_all(AUTHORIZATION).iter();
    let (Some(said), more) = (said.next(), said.next()) else { return Err(Refusal::auth_missing()) };
    if more.is_some() {
        return Err(Refusal::invalid_request("more than one authorization"));
    }
    let (of, credentials) =
        said.to_str().ok().and_then(|said| said.split_once(' ')).ok_or_else(Refusal::auth_missing)?;
    let credentials = credentials.trim_matches(' ');
    if !of.eq_ignore_ascii_case(scheme) || credentials.is_empty() {
        return Err(Refusal::auth_missing());
    }
    Ok(credentials)
}

type Verify =
    dyn for<'a> Fn(&'a str, &'a Nsid) -> BoxFuture<'a, Result<ServiceAuth, ServeError>> + Send + Sync;

/// Checks tokens of service auth: a [`Verifier`] with what it needs, whose types it hides. Clones are the same one.
#[derive(Clone)]
pub struct ServiceAuthenticator(Arc<Verify>);

impl fmt::Debug for ServiceAuthenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceAuthenticator").finish_non_exhaustive()
    }
}

impl ServiceAuthenticator {
    /// With the keys of issuers, such as a `CachedDirectory`; a store of the names of tokens, such as
    /// [`MemoryReplays`](crate::auth::service::MemoryReplays); and a clock.
    pub fn new<K, R, C>(verifier: Verifier, keys: K, replays: R, clock: C) -> Self
    where
        K: Keys + Send + 'static,
        R: ReplayStore<Error: std::error::Error + Send + Sync> + Send + 'static,
        C: Clock + Send + Sync + 'static,
    {
        let with = Arc::new((verifier, keys, replays, clock));
        Self(Arc::new(move |token, nsid| {
            let with = Arc::clone(&with);
            Box::pin(async move {
                let (verifier, keys, replays, clock) = &*with;
                let now = clock.unix_time().as_secs();
                verifier.verify(token, Some(nsid), keys, replays, now).await.map_err(refused)
            })
        }))
    }

    /// Who asks for an endpoint.
    ///
    /// # Errors
    /// 401 with the reason: `AuthMissing`, `BadJwt`, `BadJwtAudience`, `BadJwtLexiconMethod`, `BadJwtSignature`, `BadJwtIss`,
    /// `BadJwtType`, `JwtExpired`, `JwtReplayed`. 503 where it cannot be known now, such as where the issuer's key cannot be looked for.
    pub async fn identify(&self, headers: &HeaderMap, nsid: &Nsid) -> Result<ServiceAuth, ServeError> {
        (self.0)(credentials(headers, "Bearer")?, nsid).await
    }
}

fn refused<E: std::error::Error + Send + Sync + 'static>(error: VerifyError<E>) -> ServeError {
    let error = match error {
        VerifyError::Store(error) => return ServeError::Internal(Box::new(error)),
        error => error,
    };
    if let VerifyError::Unresolved(error) = &error {
        return match error.retry_after() {
            Some(wait) => {
                let refusal =
                    Refusal::unavailable("IdentityUnavailable", "the issuer's key cannot be looked for now");
                refusal.with_header(RETRY_AFTER, wait.as_secs().into()).into()
            }
            // What a host answered is between it and us: its addresses, and what our policy forbids.
            None => Refusal::unauthorized("BadJwtIss", "the issuer's key is not found").into(),
        };
    }
    let name = match &error {
        VerifyError::Invalid(invalid) => match invalid {
            Invalid::Token(JwtError::Signature(_) | JwtError::KeyAlgorithm) | Invalid::NoKey => {
                "BadJwtSignature"
            }
            Invalid::Type => "BadJwtType",
            Invalid::KeyId | Invalid::IssuerService => "BadJwtIss",
            Invalid::Audience => "BadJwtAudience",
            Invalid::Method | Invalid::NoMethod => "BadJwtLexiconMethod",
            Invalid::Expired => "JwtExpired",
            Invalid::Replayed => "JwtReplayed",
            _ => "BadJwt",
        },
        _ => return Refusal::unavailable("TooManyTokens", "too many tokens are remembered").into(),
    };
    Refusal::unauthorized(name, error).into()
}
