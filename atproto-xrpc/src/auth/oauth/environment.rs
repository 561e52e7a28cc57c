use super::store::OAuthStore;
use crate::random::Random;
use atproto_identity::clock::Clock;
use atproto_identity::dns::Dns;
use atproto_identity::{Directory, FetchPolicy, Identity, ResolveError};
use atproto_lexicon::http::{HttpClient, MaybeSend, MaybeSync};
use atproto_lexicon::syntax::{AtIdentifier, Did};

/// Who accounts are. A session is given to whoever the answer says, so that it must not be old: less than ten minutes
/// (<https://atproto.com/specs/oauth#identity-authentication>).
pub trait Identities: MaybeSync {
    /// The account of a handle or DID, its handle checked in both directions.
    ///
    /// # Errors
    /// [`ResolveError`].
    fn resolve(
        &self,
        identifier: &AtIdentifier,
    ) -> impl Future<Output = Result<Identity, ResolveError>> + MaybeSend;

    /// The account of a DID.
    ///
    /// # Errors
    /// [`ResolveError`].
    fn resolve_did(&self, did: &Did) -> impl Future<Output = Result<Identity, ResolveError>> + MaybeSend;

    /// What may be fetched: what documents of strangers name is.
    fn policy(&self) -> &FetchPolicy;
}

impl<H: HttpClient, D: Dns + MaybeSync, C: Clock + MaybeSync> Identities for Directory<H, D, C> {
    async fn resolve(&self, identifier: &AtIdentifier) -> Result<Identity, ResolveError> {
        Self::resolve(self, identifier).await
    }

    async fn resolve_did(&self, did: &Did) -> Result<Identity, ResolveError> {
        Self::resolve_did(self, did).await
    }

    fn policy(&self) -> &FetchPolicy {
        &self.config().policy
    }
}

/// What an OAuth client works with: [`Parts`].
pub trait Environment: MaybeSend + MaybeSync + 'static {
    /// Sends requests.
    type Http: HttpClient;
    /// Knows accounts.
    type Identities: Identities;
    /// Knows the time.
    type Clock: Clock + MaybeSync;
    /// Makes keys and names.
    type Random: Random;
    /// Keeps sessions.
    type Store: OAuthStore;

    /// Sends requests. The client must not follow redirects, and must check with the policy of [`identities`](Self::identities) each
    /// address that it dials.
    fn http(&self) -> &Self::Http;

    /// Knows accounts.
    fn identities(&self) -> &Self::Identities;

    /// Knows the time.
    fn clock(&self) -> &Self::Clock;

    /// Makes keys and names.
    fn random(&self) -> &Self::Random;

    /// Keeps sessions.
    fn store(&self) -> &Self::Store;
}

/// What an OAuth client works with, each of whichever kind.
#[derive(Debug, Clone, Copy)]
pub struct Parts<H, I, C, R, S> {
    /// Sends requests. It must not follow redirects, and must check with the policy of `identities` each address that it dials.
    pub http: H,
    /// Knows accounts: a [`Directory`].
    pub identities: I,
    /// Knows the time.
    pub clock: C,
    /// Makes keys and names.
    pub random: R,
    /// Keeps sessions.
    pub store: S,
}

impl<H, I, C, R, S> Environment for Parts<H, I, C, R, S>
where
    H: HttpClient + MaybeSend + 'static,
    I: Identities + MaybeSend + 'static,
    C: Clock + MaybeSend + MaybeSync + 'static,
    R: Random + MaybeSend + 'static,
    S: OAuthStore + 'static,
{
    type Http = H;
    type Identities = I;
    type Clock = C;
    type Random = R;
    type Store = S;

    fn http(&self) -> &H {
        &self.http
    }

    fn identities(&self) -> &I {
        &self.identities
    }

    fn clock(&self) -> &C {
        &self.clock
    }

    fn random(&self) -> &R {
        &self.random
    }

    fn store(&self) -> &S {
        &self.store
    }
}
