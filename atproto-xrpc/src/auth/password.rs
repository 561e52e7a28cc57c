//! Sessions by app password (<https://atproto.com/specs/xrpc#authentication>).

use super::store::{MemoryStore, Secret, SessionData, SessionStore};
use super::vouch::{Anonymous, Auth, sensitive};
use crate::api::com::atproto::server::create_session::{
    CreateSession, CreateSessionError, CreateSessionOutput,
};
use crate::api::com::atproto::server::{DeleteSession, RefreshSession};
use crate::client::Client;
use crate::error::{AuthError, Error, was_not_sent};
use crate::service_url::ServiceUrl;
use atproto_lexicon::clock::Clock;
use atproto_lexicon::data::{Object, Value};
use atproto_lexicon::http::{HttpClient, HttpErrorKind, MaybeSend, MaybeSync};
use atproto_lexicon::syntax::{Did, Handle};
use futures_util::FutureExt as _;
use futures_util::future::Shared;
use http::header::AUTHORIZATION;
use http::{StatusCode, request, response};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What an account logs in with.
#[derive(Debug, Clone)]
pub struct Login {
    identifier: String,
    password: Secret,
    token: Option<Secret>,
}

impl Login {
    /// A handle, DID or e-mail address, and an app password.
    pub fn new(identifier: impl Into<String>, password: impl Into<Secret>) -> Self {
        Self { identifier: identifier.into(), password: password.into(), token: None }
    }

    /// With the token that was sent by e-mail, where the answer was
    /// [`AuthFactorTokenRequired`](CreateSessionError::AuthFactorTokenRequired).
    #[must_use]
    pub fn with_token(self, token: impl Into<Secret>) -> Self {
        Self { token: Some(token.into()), ..self }
    }
}

/// A session by password. Clones are the same session.
///
/// However many calls meet a token that has expired, it is refreshed once. A refresh that was begun goes on with whoever calls next
/// where a future is dropped, and no refresh token is sent twice: where its answer is lost, the session ends
/// [in doubt](AuthError::InDoubt), until [`refresh_again`](Self::refresh_again) is called or someone logs in.
pub struct PasswordSession<H, C, S = MemoryStore> {
    inner: Arc<Inner<H, C, S>>,
    /// The refresh under way, with the generation that it refreshes. It holds the other part and not this one: both go when nobody is
    /// left.
    refreshing: Arc<Mutex<Pending>>,
}

type Pending = Option<(u64, Shared<Refreshing>)>;

struct Inner<H, C, S> {
    client: Client<H, C, Anonymous>,
    store: S,
    state: Mutex<State>,
}

struct State {
    data: SessionData,
    /// How many tokens came before.
    generation: u64,
    /// When these came, by the clock of the client; `None` where that was in another run of the program.
    obtained_at: Option<Duration>,
    end: Option<AuthError>,
}

impl State {
    fn has_ended(&self) -> bool {
        matches!(self.end, Some(AuthError::Ended(_)))
    }
}

/// For how long after a refresh another one would not help.
const FRESH: Duration = Duration::from_secs(10);

#[cfg(not(target_arch = "wasm32"))]
type Refreshing = Pin<Box<dyn Future<Output = Result<(), AuthError>> + Send>>;
#[cfg(target_arch = "wasm32")]
type Refreshing = Pin<Box<dyn Future<Output = Result<(), AuthError>>>>;

impl<H, C, A> Client<H, C, A>
where
    H: HttpClient + Clone + MaybeSend + 'static,
    C: Clock + Clone + MaybeSend + MaybeSync + 'static,
{
    /// The same client, logged in, with a session that lasts as long as the program. Its calls go to the account's own host, where
    /// the service says which that is.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn login(
        self,
        login: &Login,
    ) -> Result<Client<H, C, PasswordSession<H, C>>, Error<CreateSessionError>> {
        self.login_with(login, MemoryStore::default()).await
    }

    /// The same client, logged in, with a session that is kept in a store.
    ///
    /// # Errors
    /// [`Error`]; [`AuthError::Store`] where there is a session, and it cannot be stored.
    pub async fn login_with<S: SessionStore + 'static>(
        self,
        login: &Login,
        store: S,
    ) -> Result<Client<H, C, PasswordSession<H, C, S>>, Error<CreateSessionError>> {
        let client = self.with_auth(Anonymous);
        let output = client.send(&login.to_request()).await?.output;
        let data = SessionData::new(client.service().clone(), output);
        store.save(&data).await.map_err(|error| AuthError::Store(Arc::new(error)))?;
        Ok(PasswordSession::attach(client, data, store))
    }

    /// The same client with the session that a store holds; `Err` with the client where it holds none. Nothing is sent.
    ///
    /// # Errors
    /// [`AuthError::Store`].
    #[allow(clippy::type_complexity, reason = "the client with its session, or without")]
    pub async fn resume<S: SessionStore + 'static>(
        self,
        store: S,
    ) -> Result<Result<Client<H, C, PasswordSession<H, C, S>>, (Self, S)>, AuthError> {
        match store.load().await.map_err(|error| AuthError::Store(Arc::new(error)))? {
            Some(data) => {
                let client = self.with_auth(Anonymous).with_service(data.service.clone());
                Ok(Ok(PasswordSession::attach(client, data, store)))
            }
            None => Ok(Err((self, store))),
        }
    }
}

impl Login {
    fn to_request(&self) -> CreateSession {
        let mut request = CreateSession::new(self.identifier.clone(), self.password.expose().to_owned());
        request.auth_factor_token = self.token.as_ref().map(|token| token.expose().to_owned());
        request
    }
}

impl SessionData {
    fn new(service: ServiceUrl, output: CreateSessionOutput) -> Self {
        let pds = output.did_doc.as_ref().and_then(|document| pds_of(document, &service));
        Self {
            service,
            did: output.did,
            handle: output.handle,
            pds,
            access: output.access_jwt.into(),
            refresh: output.refresh_jwt.into(),
        }
    }

    /// Where requests go.
    pub fn host(&self) -> &ServiceUrl {
        self.pds.as_ref().unwrap_or(&self.service)
    }
}

/// The account's host in a DID document, by the word of the service, which had the password: never in the clear where the service is
/// not.
fn pds_of(document: &Object, service: &ServiceUrl) -> Option<ServiceUrl> {
    let Some(Value::Array(services)) = document.get("service") else { return None };
    let url = services.iter().find_map(|entry| {
        let Value::Object(entry) = entry else { return None };
        match (entry.get("id"), entry.get("serviceEndpoint")) {
            (Some(Value::String(id)), Some(Value::String(url))) if id.ends_with("#atproto_pds") => Some(url),
            _ => None,
        }
    })?;
    let url = ServiceUrl::parse(url).ok()?;
    (!url.is_plain() || service.is_plain()).then_some(url)
}

impl<H, C, S> PasswordSession<H, C, S> {
    /// The account.
    pub fn did(&self) -> Did {
        self.inner.state().data.did.clone()
    }

    /// Its handle, by the word of the service.
    pub fn handle(&self) -> Handle {
        self.inner.state().data.handle.clone()
    }

    /// What it can be resumed from.
    pub fn data(&self) -> SessionData {
        self.inner.state().data.clone()
    }
}

impl<H, C, S> Inner<H, C, S> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<H, C, S> PasswordSession<H, C, S>
where
    H: HttpClient + Clone + MaybeSend + 'static,
    C: Clock + Clone + MaybeSend + MaybeSync + 'static,
    S: SessionStore + 'static,
{
    fn attach(client: Client<H, C>, data: SessionData, store: S) -> Client<H, C, Self> {
        let host = data.host().clone();
        let state = Mutex::new(State { data, generation: 0, obtained_at: None, end: None });
        let inner = Arc::new(Inner { client: client.clone(), store, state });
        client.with_service(host).with_auth(Self { inner, refreshing: Arc::default() })
    }

    /// Has new tokens, though the ones that are there may be good.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn refresh(&self) -> Result<(), AuthError> {
        let generation = self.inner.state().generation;
        self.refreshed(generation).await
    }

    /// Has new tokens where it is [not known](AuthError::InDoubt) whether the server has given them already. A server that has may
    /// take this for a stolen token and end the session; many allow it for some time.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn refresh_again(&self) -> Result<(), AuthError> {
        let generation = {
            let mut state = self.inner.state();
            state.end.take_if(|end| matches!(end, AuthError::InDoubt(_)));
            state.generation
        };
        self.refreshed(generation).await
    }

    /// Ends the session, at the server and in the store.
    ///
    /// # Errors
    /// [`Error`] where the server cannot say that it has ended: it is forgotten here all the same.
    pub async fn delete(self) -> Result<(), Error> {
        self.inner.state().end = Some(AuthError::Ended("logged out".to_owned()));
        // Tokens that are on their way would outlive the session.
        let pending = self.pending().clone();
        if let Some((_, refreshing)) = pending {
            let _ = refreshing.await;
        }
        let refresh = self.inner.state().data.refresh.clone();
        let deleted = self.inner.client.clone().with_auth(OneToken(refresh)).send(&DeleteSession).await;
        self.inner.store.clear().await.map_err(|error| AuthError::Store(Arc::new(error)))?;
        deleted.map(|_| ()).map_err(Error::untyped)
    }

    /// Waits until there are newer tokens than those of `generation`: who comes first has them made for all.
    async fn refreshed(&self, generation: u64) -> Result<(), AuthError> {
        let refreshing = {
            let mut slot = self.pending();
            let state = self.inner.state();
            if let Some(end) = &state.end {
                return Err(end.clone());
            }
            if state.generation != generation {
                return Ok(());
            }
            let pending =
                slot.as_ref().filter(|(of, refreshing)| *of == generation && refreshing.peek().is_none());
            match pending {
                Some((_, refreshing)) => refreshing.clone(),
                None => {
                    let begun: Refreshing = Box::pin(refresh(self.inner.clone()));
                    slot.insert((generation, begun.shared())).1.clone()
                }
            }
        };
        refreshing.await
    }

    fn pending(&self) -> MutexGuard<'_, Pending> {
        self.refreshing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has new tokens for the refresh token, which is sent once.
async fn refresh<H, C, S>(inner: Arc<Inner<H, C, S>>) -> Result<(), AuthError>
where
    H: HttpClient + Clone + MaybeSend + 'static,
    C: Clock + Clone + MaybeSend + MaybeSync + 'static,
    S: SessionStore + 'static,
{
    let old = inner.state().data.clone();
    let answer = inner.client.clone().with_auth(OneToken(old.refresh.clone())).send(&RefreshSession).await;
    let new = match answer {
        Ok(reply) if reply.output.did == old.did => {
            let output = reply.output;
            let told = output.did_doc.as_ref().and_then(|document| pds_of(document, &old.service));
            Ok(SessionData {
                handle: output.handle,
                pds: told.or(old.pds),
                access: output.access_jwt.into(),
                refresh: output.refresh_jwt.into(),
                ..old
            })
        }
        Ok(_) => Err(AuthError::Malformed("it is of another account".to_owned())),
        Err(error) => Err(failed(error.untyped())),
    };
    let has_ended = inner.state().has_ended();
    let stored = match &new {
        // Who has logged out meanwhile empties the store.
        _ if has_ended => Ok(()),
        Ok(data) => inner.store.save(data).await.map_err(|error| AuthError::Store(Arc::new(error))),
        Err(AuthError::Ended(_)) => {
            inner.store.clear().await.map_err(|error| AuthError::Store(Arc::new(error)))
        }
        Err(_) => Ok(()),
    };
    let now = inner.client.clock().unix_time();
    let mut state = inner.state();
    match new {
        Ok(data) => {
            state.data = data;
            state.obtained_at = Some(now);
            state.generation = state.generation.wrapping_add(1);
            stored
        }
        Err(error) => {
            if error.is_final() {
                state.end.get_or_insert(error.clone());
            }
            Err(error)
        }
    }
}

/// What an answer to a refresh that is no success means for its token.
fn failed(error: Error) -> AuthError {
    match error {
        Error::Http(error) if was_not_sent(&error) => AuthError::Unavailable(Some(error)),
        Error::Http(error) => AuthError::InDoubt(error),
        Error::Refused(refused) => match refused.head.status {
            StatusCode::TOO_MANY_REQUESTS => AuthError::Unavailable(None),
            // What the server itself says of the token.
            StatusCode::BAD_REQUEST | StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
                if refused.error.is_some() =>
            {
                AuthError::Ended(refused.to_string())
            }
            // What stands before a server says this, and has not asked it.
            status if status.is_client_error() && status != StatusCode::REQUEST_TIMEOUT => {
                AuthError::Other(Arc::new(refused))
            }
            // It may say this after the server has answered.
            _ => AuthError::InDoubt(HttpErrorKind::Broken.into()),
        },
        Error::Malformed(malformed) => AuthError::Malformed(malformed.reason),
        Error::Auth(error) => error,
        Error::Request(error) => AuthError::Other(Arc::new(error)),
    }
}

impl<H, C, S> Auth for PasswordSession<H, C, S>
where
    H: HttpClient + Clone + MaybeSend + 'static,
    C: Clock + Clone + MaybeSend + MaybeSync + 'static,
    S: SessionStore + 'static,
{
    /// Which token it was.
    type Proof = u64;

    async fn authorize(&self, request: &mut request::Parts) -> Result<u64, AuthError> {
        let state = self.inner.state();
        if let Some(end) = &state.end {
            return Err(end.clone());
        }
        set_bearer(request, &state.data.access)?;
        Ok(state.generation)
    }

    async fn answered(
        &self,
        proof: u64,
        response: &response::Parts,
        error: Option<&str>,
    ) -> Result<bool, AuthError> {
        let has_expired = match response.status {
            StatusCode::UNAUTHORIZED => true,
            StatusCode::BAD_REQUEST => error == Some("ExpiredToken"),
            _ => false,
        };
        let is_newest = || {
            let now = self.inner.client.clock().unix_time();
            let state = self.inner.state();
            let age = state.obtained_at.and_then(|at| now.checked_sub(at));
            state.generation == proof && age.is_some_and(|age| age < FRESH)
        };
        // What the server has only just given is good: it says so of something else, such as a token that came by e-mail.
        if !has_expired || is_newest() {
            return Ok(false);
        }
        self.refreshed(proof).await?;
        Ok(true)
    }
}

/// Vouches with one token, whatever comes of it.
struct OneToken(Secret);

impl Auth for OneToken {
    type Proof = ();

    async fn authorize(&self, request: &mut request::Parts) -> Result<(), AuthError> {
        set_bearer(request, &self.0)
    }

    async fn answered(&self, (): (), _: &response::Parts, _: Option<&str>) -> Result<bool, AuthError> {
        Ok(false)
    }
}

fn set_bearer(request: &mut request::Parts, token: &Secret) -> Result<(), AuthError> {
    let value = sensitive(&format!("Bearer {}", token.expose()));
    let value =
        value.ok_or_else(|| AuthError::Malformed("a token with characters that none has".to_owned()))?;
    request.headers.insert(AUTHORIZATION, value);
    Ok(())
}

impl<H, C, S> Clone for PasswordSession<H, C, S> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), refreshing: self.refreshing.clone() }
    }
}

impl<H, C, S> fmt::Debug for PasswordSession<H, C, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PasswordSession").field("did", &self.did()).finish_non_exhaustive()
    }
}
