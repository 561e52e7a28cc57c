use super::call::{Answer, CallError, ServerCall};
use super::callback::{Callback, CallbackError};
use super::environment::{Environment, Identities as _};
use super::flow::{OAuthSessionData, PendingAuthorization, Registration};
use super::metadata::{Issuer, MAX_DOCUMENT, MetadataError, ResourceMetadata, ServerMetadata};
use super::session::{Live, OAuthSession};
use super::store::OAuthStore as _;
use crate::ServiceUrl;
use crate::auth::Secret;
use atproto_identity::clock::{Clock as _, within};
use atproto_identity::fetch_policy::Refusal;
use atproto_identity::{Identity, Missing, ResolveError};
use atproto_lexicon::http::{Bytes, HttpClient as _, HttpError, HttpErrorKind, Request, Response, read_body};
use atproto_lexicon::syntax::{AtIdentifier, Did};
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A client of OAuth: it sends users to the servers that speak for their accounts, and makes sessions when they come back.
/// Clones are the same client.
///
/// The futures may be dropped at any time; a request or code is used up then, at most.
pub struct OAuthClient<E: Environment> {
    inner: Arc<Inner<E>>,
}

struct Inner<E: Environment> {
    environment: E,
    registration: Registration,
    /// Two sessions of one account would use up each other's refresh token: there is one.
    live: Mutex<HashMap<Did, Weak<Live<E>>>>,
}

/// Whom to ask for authorization.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoginAt {
    /// The server of an account. Nobody else is let in.
    Account(AtIdentifier),
    /// A server, for whichever account its user has there: a PDS, or what speaks for several.
    Server(ServiceUrl),
}

/// Where to send a user, and by what they are known when they come back.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Authorization {
    /// Where to.
    pub url: String,
    /// What [`OAuthClient::callback`] wants to have from whoever comes back. A server keeps it with the user's browser, in a cookie.
    pub state: Secret,
}

/// Why there is no session.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum OAuthError {
    /// The account is not known.
    #[error("account: {0}")]
    Identity(#[from] ResolveError),
    /// The account has no PDS.
    #[error("account: {0}")]
    NoPds(#[from] Missing),
    /// The policy forbids a URL that a document names.
    #[error("refused by policy: {0}")]
    Forbidden(#[from] Refusal),
    /// There is no response, or not all of it.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// A document of a server is not what it has to be.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// The authorization server says no, or its answer is not what it has to be.
    #[error("authorization server: {0}")]
    Call(#[from] CallError),
    /// The user has not come back with what makes a session.
    #[error(transparent)]
    Callback(#[from] CallbackError),
    /// The server has let in another account than the one that was asked for.
    #[error("the session is of another account")]
    OtherAccount,
    /// The server does not speak for the account: another one does, whose name this is.
    #[error("another server speaks for the account: {0}")]
    OtherIssuer(Issuer),
    /// The client has lost the key that the request or session was made with.
    #[error("the client has lost its key")]
    NoClientKey,
    /// What the client asks for has no `atproto`.
    #[error("the scope that is asked for has no atproto")]
    NoAtproto,
    /// The source of randomness is broken.
    #[error("the source of randomness is broken")]
    Random,
    /// What requests and sessions are kept in failed.
    #[error("the store of sessions failed")]
    Store(#[source] Arc<dyn std::error::Error + Send + Sync>),
}

impl OAuthError {
    pub(super) fn store(error: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Store(Arc::new(error))
    }
}

impl<E: Environment> OAuthClient<E> {
    /// A client that is registered so. Its metadata has to be published already, unless it is one in development.
    pub fn new(environment: E, registration: Registration) -> Self {
        Self { inner: Arc::new(Inner { environment, registration, live: Mutex::default() }) }
    }

    /// How it is registered.
    pub fn registration(&self) -> &Registration {
        &self.inner.registration
    }

    pub(super) fn environment(&self) -> &E {
        &self.inner.environment
    }

    /// Asks for authorization, and says where to send the user. The request is in the store when this is ready.
    ///
    /// # Errors
    /// [`OAuthError`].
    pub async fn authorize(&self, at: &LoginAt) -> Result<Authorization, OAuthError> {
        let client = self.registration();
        if !client.scope.has_atproto() {
            return Err(OAuthError::NoAtproto);
        }
        let (issuer, account, hint) = match at {
            LoginAt::Account(identifier) => {
                let identity = self.environment().identities().resolve(identifier).await?;
                let pds = pds_of(&identity)?;
                let issuer = self.issuer_of(&pds).await?;
                // The user knows the account by what was written.
                (issuer, Some(identity.did().clone()), Some(identifier.as_str()))
            }
            LoginAt::Server(server) => (self.issuer_at(server).await?, None, None),
        };
        let server = self.server(&issuer).await?;
        let (now, random) = (self.now(), self.environment().random());
        let pending = PendingAuthorization::new(client, &issuer, account.as_ref(), now, random);
        let mut pending = pending.ok_or(OAuthError::Random)?;
        let call = pending.push(client, &server, hint).ok_or(OAuthError::NoClientKey)?;
        // It is the user's browser that goes there, and no further inside than this program would.
        self.environment().identities().policy().check_uri(&server.authorization_endpoint)?;
        let (pushed, nonce) = self.call(call).await?;
        pending.nonce = nonce;
        self.environment().store().put_pending(&pending).await.map_err(OAuthError::store)?;
        Ok(Authorization { url: pushed.authorization_url(client, &server), state: pending.state })
    }

    /// Makes a session when the user has come back with `query`, without `?`, on the redirect URI. It is in the store when this is ready.
    /// `state` is that of the [`Authorization`] which this browser began with: somebody else's would give its user the session of
    /// whoever sent them here (RFC 9700, section 4.7).
    ///
    /// # Errors
    /// [`OAuthError`]. The request is used up, unless it is another one's.
    pub async fn callback(&self, query: &str, state: &Secret) -> Result<OAuthSession<E>, OAuthError> {
        let callback = Callback::parse(query)?;
        if callback.state() != state.expose() {
            return Err(CallbackError::UnknownState.into());
        }
        let store = self.environment().store();
        let pending = store.take_pending(callback.state()).await.map_err(OAuthError::store)?;
        let pending = pending.ok_or(CallbackError::UnknownState)?;
        let code = callback.code(&pending, self.now())?;
        let server = self.server(&pending.issuer).await?;
        let call = pending.exchange(self.registration(), &server, &code).ok_or(OAuthError::NoClientKey)?;
        let (tokens, nonce) = self.call(call).await?;
        if pending.account.as_ref().is_some_and(|account| *account != tokens.sub) {
            return Err(OAuthError::OtherAccount);
        }
        // Until here, the account is the word of a server that may speak for others.
        let pds = self.pds_at(&tokens.sub, &pending.issuer).await?;
        let data = OAuthSessionData::new(&pending, &tokens, pds, self.now());
        store.save(&data).await.map_err(OAuthError::store)?;
        Ok(self.attach(data, nonce, true))
    }

    /// The session of an account that the store has, if any. Nothing is sent.
    ///
    /// # Errors
    /// [`OAuthError::Store`].
    pub async fn restore(&self, did: &Did) -> Result<Option<OAuthSession<E>>, OAuthError> {
        let data = self.environment().store().load(did).await.map_err(OAuthError::store)?;
        Ok(data.map(|data| self.attach(data, None, false)))
    }

    /// The one session of an account, which goes on with `data` where it is new.
    fn attach(&self, data: OAuthSessionData, nonce: Option<String>, is_new: bool) -> OAuthSession<E> {
        let mut live = self.inner.live.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = live.get(&data.did).and_then(Weak::upgrade) {
            if is_new || known.is_resolved_by(&data) {
                known.replace(data, nonce, is_new);
            }
            return OAuthSession::from(known);
        }
        live.retain(|_, session| session.strong_count() > 0);
        let did = data.did.clone();
        let session = Arc::new(Live::new(self.clone(), data, nonce));
        live.insert(did, Arc::downgrade(&session));
        OAuthSession::from(session)
    }

    /// Proves that a server speaks for an account, and gives the account's PDS.
    pub(super) async fn pds_at(&self, did: &Did, issuer: &Issuer) -> Result<ServiceUrl, OAuthError> {
        let identity = self.environment().identities().resolve_did(did).await?;
        let pds = pds_of(&identity)?;
        let found = self.issuer_of(&pds).await?;
        if found == *issuer { Ok(pds) } else { Err(OAuthError::OtherIssuer(found)) }
    }

    /// The server that a PDS leaves authorization to.
    async fn issuer_of(&self, pds: &ServiceUrl) -> Result<Issuer, OAuthError> {
        let response = self.fetch(ResourceMetadata::request(pds)).await?;
        Ok(ResourceMetadata::read(pds, &response)?.authorization_server)
    }

    /// The server that a PDS leaves authorization to, or that server itself.
    async fn issuer_at(&self, server: &ServiceUrl) -> Result<Issuer, OAuthError> {
        match self.issuer_of(server).await {
            Err(OAuthError::Metadata(MetadataError::Status(status))) => {
                let issuer = server.to_string().parse();
                issuer.map_err(|_| MetadataError::Status(status).into())
            }
            issuer => issuer,
        }
    }

    pub(super) async fn server(&self, issuer: &Issuer) -> Result<ServerMetadata, OAuthError> {
        let response = self.fetch(ServerMetadata::request(issuer)).await?;
        Ok(ServerMetadata::read(issuer, &response)?)
    }

    /// Makes a call to its end, and gives the nonce for the next one.
    pub(super) async fn call<T>(&self, mut call: ServerCall<T>) -> Result<(T, Option<String>), OAuthError> {
        loop {
            let request = call.request(self.now(), self.environment().random());
            let response = self.fetch(request).await?;
            match call.answer(&response)? {
                Answer::Again => {}
                Answer::Done(done) => return Ok((done, call.nonce().map(str::to_owned))),
            }
        }
    }

    /// The response to a request, by the policy and within its limits.
    async fn fetch(&self, request: Request<Bytes>) -> Result<Response<Bytes>, OAuthError> {
        let environment = self.environment();
        let policy = environment.identities().policy();
        policy.check_uri(request.uri())?;
        let response = async {
            let (parts, body) = environment.http().send(request).await?.into_parts();
            let body = read_body(body, MAX_DOCUMENT.min(policy.max_body)).await?;
            Ok::<_, HttpError>(Response::from_parts(parts, body))
        };
        let response = within(environment.clock(), policy.total_timeout, response).await;
        Ok(response.unwrap_or(Err(HttpErrorKind::TimedOut.into()))?)
    }

    pub(super) fn now(&self) -> u64 {
        self.environment().clock().unix_time().as_secs()
    }
}

fn pds_of(identity: &Identity) -> Result<ServiceUrl, OAuthError> {
    // A document that names what is no URL names no PDS.
    ServiceUrl::parse(identity.pds()?).map_err(|_| Missing::Service("atproto_pds").into())
}

impl<E: Environment> Clone for OAuthClient<E> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone() }
    }
}

impl<E: Environment> fmt::Debug for OAuthClient<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthClient").field("registration", self.registration()).finish_non_exhaustive()
    }
}
