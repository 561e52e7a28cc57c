use super::call::{DPOP, USE_NONCE, nonce_of};
use super::challenge::dpop_error;
use super::client::{OAuthClient, OAuthError};
use super::dpop::DpopProof;
use super::environment::Environment;
use super::fault::{failed, in_doubt, not_asked, stored};
use super::flow::OAuthSessionData;
use super::store::OAuthStore as _;
use crate::ServiceUrl;
use crate::auth::scope::ScopeSet;
use crate::auth::vouch::{Auth, sensitive};
use crate::error::AuthError;
use atproto_lexicon::http::HttpErrorKind;
use atproto_lexicon::syntax::Did;
use futures_util::FutureExt as _;
use futures_util::future::Shared;
use http::header::AUTHORIZATION;
use http::{StatusCode, Uri, request, response};
use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long before its end a token is not used any more, in seconds.
const MARGIN: u64 = 10;
/// For how long after a refresh another one would not help, in seconds.
const FRESH: u64 = 10;

/// A session by OAuth. Clones are the same session, and so is what the client restores of the same account meanwhile.
///
/// However many calls meet a token that has expired, it is refreshed once. A refresh that was begun goes on with whoever calls next
/// where a future is dropped, and no refresh token is sent twice: where its answer is lost, the session ends
/// [in doubt](AuthError::InDoubt), also for the next run of the program, until [`refresh_again`](Self::refresh_again) is called or the
/// user logs in. So it does where the next call comes later than the HTTP client waits for an answer: who must not lose a session lets
/// its calls come to their end, also when nobody waits for them any more.
pub struct OAuthSession<E: Environment> {
    live: Arc<Live<E>>,
}

/// The session, and the refresh under way: who refreshes holds the one and not the other, so that both go when nobody is left.
pub(super) struct Live<E: Environment> {
    held: Arc<Held<E>>,
    /// With the generation that it refreshes.
    refreshing: Mutex<Option<(u64, Shared<Refreshing>)>>,
}

struct Held<E: Environment> {
    client: OAuthClient<E>,
    did: Did,
    state: Mutex<State>,
}

struct State {
    data: OAuthSessionData,
    /// How many tokens came before.
    generation: u64,
    /// When these came, in seconds since 1970; `None` where that was in another run of the program.
    obtained_at: Option<u64>,
    end: Option<AuthError>,
    /// Whether the store has failed to take the data.
    is_unsaved: bool,
    /// What the authorization server wants to see in the next proof.
    server_nonce: Option<String>,
    /// What the PDS wants to see in the next proof.
    pds_nonce: Option<String>,
}

#[cfg(not(target_arch = "wasm32"))]
type Refreshing = Pin<Box<dyn Future<Output = Result<(), AuthError>> + Send>>;
#[cfg(target_arch = "wasm32")]
type Refreshing = Pin<Box<dyn Future<Output = Result<(), AuthError>>>>;

/// What a request was vouched for with.
#[derive(Debug, Clone)]
pub struct OAuthProof {
    generation: u64,
    nonce: Option<String>,
}

impl State {
    fn new(data: OAuthSessionData, nonce: Option<String>, obtained_at: Option<u64>) -> Self {
        // Whoever sent the token last did not see the answer.
        let end = data.is_refreshing.then(in_doubt);
        Self {
            data,
            generation: 0,
            obtained_at,
            end,
            is_unsaved: false,
            server_nonce: nonce,
            pds_nonce: None,
        }
    }
}

impl<E: Environment> Live<E> {
    pub(super) fn new(client: OAuthClient<E>, data: OAuthSessionData, nonce: Option<String>) -> Self {
        let (did, state) = (data.did.clone(), Mutex::new(State::new(data, nonce, None)));
        Self { held: Arc::new(Held { client, did, state }), refreshing: Mutex::default() }
    }

    /// Whether the store knows by now what was in doubt here: another program was refreshing, and has come to an end.
    pub(super) fn is_resolved_by(&self, stored: &OAuthSessionData) -> bool {
        matches!(self.held.state().end, Some(AuthError::InDoubt(_))) && !stored.is_refreshing
    }

    /// Goes on with other data: of a new login, or of another program, whose tokens came nobody knows when.
    pub(super) fn replace(&self, data: OAuthSessionData, nonce: Option<String>, is_new: bool) {
        let obtained_at = is_new.then(|| self.held.client.now());
        let mut state = self.held.state();
        let generation = state.generation.wrapping_add(1);
        *state = State { generation, ..State::new(data, nonce, obtained_at) };
    }
}

impl<E: Environment> Held<E> {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nobody has logged in or out since these tokens came.
    fn is_current(&self, generation: u64) -> bool {
        let state = self.state();
        state.generation == generation && !matches!(state.end, Some(AuthError::Ended(_)))
    }

    /// What the store has that is newer: by another program, or a login.
    async fn newer_than(&self, data: &OAuthSessionData) -> Result<Option<OAuthSessionData>, AuthError> {
        match self.client.environment().store().load(&self.did).await.map_err(stored)? {
            None => Err(AuthError::Ended("it is no longer stored".to_owned())),
            Some(known) if known.is_refreshing => Err(AuthError::Unavailable(None)),
            Some(known) => Ok((known.refresh != data.refresh).then_some(known)),
        }
    }

    /// Stores tokens.
    async fn save(&self, data: &OAuthSessionData, generation: u64) -> Result<(), AuthError> {
        self.client.environment().store().save(data).await.map_err(stored)?;
        self.settle(generation).await
    }

    /// Clears the store.
    async fn forget(&self, generation: u64) -> Result<(), AuthError> {
        self.client.environment().store().clear(&self.did).await.map_err(stored)?;
        self.settle(generation).await
    }

    /// Stores what a login or logout has said while something else was being stored.
    async fn settle(&self, generation: u64) -> Result<(), AuthError> {
        if self.is_current(generation) {
            return Ok(());
        }
        let (data, has_ended) = {
            let state = self.state();
            (state.data.clone(), matches!(state.end, Some(AuthError::Ended(_))))
        };
        let store = self.client.environment().store();
        let done = if has_ended { store.clear(&self.did).await } else { store.save(&data).await };
        done.map_err(stored)
    }

    /// Notes whether the refresh token is on its way.
    fn mark(&self, generation: u64, is_refreshing: bool) {
        let mut state = self.state();
        if state.generation == generation {
            state.data.is_refreshing = is_refreshing;
        }
    }
}

impl<E: Environment> From<Arc<Live<E>>> for OAuthSession<E> {
    fn from(live: Arc<Live<E>>) -> Self {
        Self { live }
    }
}

impl<E: Environment> OAuthSession<E> {
    /// The account.
    pub fn did(&self) -> &Did {
        &self.live.held.did
    }

    /// Where the account's requests go: the service of a [`Client`](crate::Client) that this session vouches for.
    pub fn pds(&self) -> ServiceUrl {
        self.live.held.state().data.pds.clone()
    }

    /// What the session may do.
    pub fn scope(&self) -> ScopeSet {
        ScopeSet::from_granted(&self.live.held.state().data.scope).unwrap_or_default()
    }

    /// What it can be resumed from.
    pub fn data(&self) -> OAuthSessionData {
        self.live.held.state().data.clone()
    }

    /// Has new tokens, though the ones that are there may be good.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn refresh(&self) -> Result<(), AuthError> {
        let generation = self.live.held.state().generation;
        self.refreshed(generation).await
    }

    /// Has new tokens where it is [not known](AuthError::InDoubt) whether the server has given them already, or another program has
    /// begun to have them and does not come to an end. A server that has given them may take this for a stolen token and end the
    /// session.
    ///
    /// # Errors
    /// [`AuthError`].
    pub async fn refresh_again(&self) -> Result<(), AuthError> {
        let held = &self.live.held;
        let data = {
            let mut state = held.state();
            state.end.take_if(|end| matches!(end, AuthError::InDoubt(_)));
            state.data.is_refreshing = false;
            state.data.clone()
        };
        let store = held.client.environment().store();
        let known = store.load(&data.did).await.map_err(stored)?;
        // Whoever sent the newest token last has not come back.
        if let Some(mut known) = known.filter(|known| known.is_refreshing) {
            known.is_refreshing = false;
            store.save(&known).await.map_err(stored)?;
            if known.refresh != data.refresh {
                self.live.replace(known, None, false);
            }
        }
        self.refresh().await
    }

    /// Ends the session, at the server and in the store.
    ///
    /// # Errors
    /// [`OAuthError`] where the server cannot say that it has ended: it is forgotten here all the same.
    pub async fn revoke(&self) -> Result<(), OAuthError> {
        let held = &self.live.held;
        held.state().end = Some(AuthError::Ended("logged out".to_owned()));
        // Tokens that are on their way would outlive the session.
        let pending = self.live.refreshing.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((_, refreshing)) = pending {
            let _ = refreshing.await;
        }
        let (data, nonce) = {
            let state = held.state();
            (state.data.clone(), state.server_nonce.clone())
        };
        let cleared = held.client.environment().store().clear(&data.did).await;
        let revoked = async {
            let server = held.client.server(&data.issuer).await?;
            match data.revoke(held.client.registration(), &server, nonce.as_deref()) {
                Some(call) => held.client.call(call).await.map(|_| ()),
                None => Ok(()),
            }
        };
        let revoked = revoked.await;
        cleared.map_err(OAuthError::store)?;
        revoked
    }

    /// Waits until there are newer tokens than those of `generation`: who comes first has them made for all.
    async fn refreshed(&self, generation: u64) -> Result<(), AuthError> {
        let refreshing = {
            let mut slot = self.live.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
            let state = self.live.held.state();
            if let Some(end) = &state.end {
                return Err(end.clone());
            }
            if state.generation != generation {
                return Ok(());
            }
            // One that was begun before a login is of tokens that are over.
            let pending =
                slot.as_ref().filter(|(of, refreshing)| *of == generation && refreshing.peek().is_none());
            match pending {
                Some((_, refreshing)) => refreshing.clone(),
                None => {
                    let begun: Refreshing = Box::pin(refresh(self.live.held.clone(), generation));
                    slot.insert((generation, begun.shared())).1.clone()
                }
            }
        };
        refreshing.await
    }
}

/// Has new tokens for the refresh token, which is sent once.
async fn refresh<E: Environment>(held: Arc<Held<E>>, generation: u64) -> Result<(), AuthError> {
    let done = renew(&held, generation).await;
    let mut state = held.state();
    if state.generation != generation {
        // A login came between, whose tokens are newer than these.
        return Ok(());
    }
    match done {
        Ok(Renewed { data, nonce, is_new, stored }) => {
            let obtained_at = is_new.then(|| held.client.now());
            let pds_nonce = state.pds_nonce.take();
            let generation = generation.wrapping_add(1);
            let end = state.end.take();
            let is_unsaved = stored.is_err();
            *state = State { generation, pds_nonce, end, is_unsaved, ..State::new(data, nonce, obtained_at) };
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

struct Renewed {
    data: OAuthSessionData,
    nonce: Option<String>,
    /// Whether these tokens came now; those of another program are of some time.
    is_new: bool,
    stored: Result<(), AuthError>,
}

impl Renewed {
    fn known(data: OAuthSessionData, nonce: Option<String>) -> Self {
        Self { data, nonce, is_new: false, stored: Ok(()) }
    }
}

async fn renew<E: Environment>(held: &Held<E>, generation: u64) -> Result<Renewed, AuthError> {
    let (client, store) = (&held.client, held.client.environment().store());
    let (mut data, nonce, is_unsaved) = {
        let state = held.state();
        (state.data.clone(), state.server_nonce.clone(), state.is_unsaved)
    };
    if is_unsaved {
        store.save(&data).await.map_err(stored)?;
        held.state().is_unsaved = false;
    }
    // Another program may have been here before.
    if let Some(newer) = held.newer_than(&data).await? {
        return Ok(Renewed::known(newer, nonce));
    }
    let server = match prepare(client, &mut data).await {
        Err(error @ OAuthError::OtherIssuer(_)) if held.is_current(generation) => {
            held.forget(generation).await?;
            return Err(AuthError::Ended(error.to_string()));
        }
        server => server.map_err(not_asked)?,
    };
    let call = data.refresh(client.registration(), &server, nonce.as_deref());
    let call = call.ok_or_else(|| AuthError::Ended("there is no refresh token".to_owned()))?;
    // Asked once more: that took its time, and from here on there is nothing between what the store says and what is sent.
    if let Some(newer) = held.newer_than(&data).await? {
        return Ok(Renewed::known(newer, nonce));
    }
    if !held.is_current(generation) {
        // A login has come between: what was begun is over.
        return Ok(Renewed::known(data, nonce));
    }
    data.is_refreshing = true;
    held.save(&data, generation).await?;
    if !held.is_current(generation) {
        return Ok(Renewed::known(data, nonce));
    }
    held.mark(generation, true);
    let answer = client.call(call).await;
    match answer {
        Ok((tokens, nonce)) if tokens.sub == data.did => {
            let data = data.renewed(&tokens, client.now());
            // Who has logged in or out meanwhile has said what is stored.
            let stored = match held.is_current(generation) {
                true => held.save(&data, generation).await,
                false => Ok(()),
            };
            Ok(Renewed { data, nonce, is_new: true, stored })
        }
        Ok(_) => Err(AuthError::Malformed("it is of another account".to_owned())),
        Err(error) => {
            let error = failed(error);
            match &error {
                _ if !held.is_current(generation) => {}
                AuthError::Ended(_) => held.forget(generation).await?,
                // The answer may have been the only copy of the next token.
                AuthError::InDoubt(_) | AuthError::Malformed(_) => {}
                _ => {
                    data.is_refreshing = false;
                    held.mark(generation, false);
                    let saved = held.save(&data, generation).await;
                    if saved.is_err() {
                        // Or else it would look as if another program were at it for ever.
                        held.state().is_unsaved = true;
                    }
                    saved?;
                }
            }
            Err(error)
        }
    }
}

/// What has to be known before a token is sent: that the server still speaks for the account, and where it takes tokens.
async fn prepare<E: Environment>(
    client: &OAuthClient<E>,
    data: &mut OAuthSessionData,
) -> Result<super::ServerMetadata, OAuthError> {
    if client.registration().key(data.client_key.as_deref()).is_none() {
        return Err(OAuthError::NoClientKey);
    }
    data.pds = client.pds_at(&data.did, &data.issuer).await?;
    client.server(&data.issuer).await
}

impl<E: Environment> Auth for OAuthSession<E> {
    type Proof = OAuthProof;

    /// Adds the token and a proof for this one request, which has to go to the account's PDS: no other server sees the token.
    async fn authorize(&self, request: &mut request::Parts) -> Result<OAuthProof, AuthError> {
        let held = &self.live.held;
        let outdated = {
            let now = held.client.now();
            let state = held.state();
            let is_over = state.data.expires_at.is_some_and(|end| now.saturating_add(MARGIN) >= end);
            let is_fresh = state.is_fresh(now);
            (is_over && !is_fresh && state.data.refresh.is_some()).then_some(state.generation)
        };
        if let Some(generation) = outdated {
            self.refreshed(generation).await?;
        }
        // A refresh takes its time.
        let now = held.client.now();
        let state = held.state();
        if let Some(end) = &state.end {
            return Err(end.clone());
        }
        let data = &state.data;
        if !is_at(&data.pds, &request.uri) {
            let error = OAuthError::Http(HttpErrorKind::RefusedUrl.into());
            return Err(AuthError::Other(Arc::new(error)));
        }
        let nonce = state.pds_nonce.clone();
        let proof = DpopProof {
            method: &request.method,
            uri: &request.uri,
            access_token: Some(&data.access),
            nonce: nonce.as_deref(),
            now,
        };
        let Ok(proof) = proof.sign(&data.key, held.client.environment().random());
        let token = sensitive(&format!("DPoP {}", data.access.expose()));
        // Both are text that a header can have: the token was checked when it came.
        let (Some(token), Some(proof)) = (token, sensitive(&proof)) else {
            return Err(AuthError::Malformed("a token with characters that none has".to_owned()));
        };
        request.headers.insert(AUTHORIZATION, token);
        request.headers.insert(DPOP, proof);
        Ok(OAuthProof { generation: state.generation, nonce })
    }

    /// Keeps the nonce of the response. The request has to be sent again where the server wants that nonce, or did not take the token
    /// and there is a newer one.
    async fn answered(
        &self,
        proof: OAuthProof,
        response: &response::Parts,
        error: Option<&str>,
    ) -> Result<bool, AuthError> {
        let held = &self.live.held;
        let nonce = nonce_of(&response.headers);
        if let Some(nonce) = &nonce {
            held.state().pds_nonce = Some(nonce.clone());
        }
        let challenge = dpop_error(&response.headers);
        let is_unauthorized = response.status == StatusCode::UNAUTHORIZED;
        if is_unauthorized && challenge.as_deref() == Some(USE_NONCE) {
            return Ok(nonce.is_some() && nonce != proof.nonce);
        }
        let has_expired = match response.status {
            StatusCode::UNAUTHORIZED => {
                challenge.as_deref() == Some("invalid_token")
                    || matches!(error, Some("InvalidToken" | "ExpiredToken"))
            }
            StatusCode::BAD_REQUEST => error == Some("ExpiredToken"),
            _ => false,
        };
        if !has_expired {
            return Ok(false);
        }
        let is_newest = {
            let state = held.state();
            state.generation == proof.generation && state.is_fresh(held.client.now())
        };
        if is_newest {
            // The server does not take what it has only just given.
            return Ok(false);
        }
        self.refreshed(proof.generation).await?;
        Ok(true)
    }
}

impl State {
    fn is_fresh(&self, now: u64) -> bool {
        // Where the clock has gone back, nothing is known to be fresh.
        self.obtained_at.and_then(|at| now.checked_sub(at)).is_some_and(|age| age < FRESH)
    }
}

fn is_at(service: &ServiceUrl, uri: &Uri) -> bool {
    let origin =
        uri.scheme_str().zip(uri.authority()).map(|(scheme, authority)| format!("{scheme}://{authority}"));
    origin.and_then(|origin| ServiceUrl::parse(&origin).ok()).as_ref() == Some(service)
}

impl<E: Environment> Clone for OAuthSession<E> {
    fn clone(&self) -> Self {
        Self { live: self.live.clone() }
    }
}

impl<E: Environment> fmt::Debug for OAuthSession<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuthSession").field("did", self.did()).finish_non_exhaustive()
    }
}
