//! An authorization as steps, without IO (<https://atproto.com/specs/oauth#summary-of-authorization-flow>): a [`ServerCall`] makes the
//! requests and reads the responses. [`OAuthClient`](super::OAuthClient) drives them.

use super::assertion::ClientKey;
use super::call::{CallError, Caller, ServerCall};
use super::dpop::DpopKey;
use super::metadata::{Issuer, ServerMetadata};
use super::pkce::PkceVerifier;
use crate::ServiceUrl;
use crate::auth::Secret;
use crate::auth::fields::{self, FieldFault};
use crate::auth::scope::ScopeSet;
use crate::random::{self, Random};
use atproto_lexicon::data::Object;
use atproto_lexicon::syntax::Did;
use serde::{Deserialize, Serialize};

/// For how long a user may take to come back, in seconds.
const PATIENCE: u64 = 3600;

/// A client, as it is registered by its metadata.
#[derive(Debug, Clone)]
pub struct Registration {
    /// The URL of its metadata.
    pub client_id: String,
    /// Where users are sent back to: one of the metadata's.
    pub redirect_uri: String,
    /// What it asks for: `atproto` is among it.
    pub scope: ScopeSet,
    /// Its keys, where it is a confidential client. New sessions are made with the first; older ones go on with theirs, so that a key
    /// stays here for as long as sessions of it do.
    pub keys: Vec<ClientKey>,
}

impl Registration {
    /// A public client.
    pub fn new(client_id: impl Into<String>, redirect_uri: impl Into<String>, scope: ScopeSet) -> Self {
        Self { client_id: client_id.into(), redirect_uri: redirect_uri.into(), scope, keys: Vec::new() }
    }

    /// A confidential client.
    #[must_use]
    pub fn with_key(mut self, key: ClientKey) -> Self {
        self.keys.push(key);
        self
    }

    /// The key of an earlier request or session; `None` where the client has lost it.
    pub(super) fn key(&self, id: Option<&str>) -> Option<Option<&ClientKey>> {
        match id {
            None => Some(None),
            Some(id) => self.keys.iter().find(|key| key.id == id).map(Some),
        }
    }
}

/// A request of authorization whose user has not come back yet. It holds secrets, which serialisation shows and `Debug` does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PendingAuthorization {
    /// By which the callback is known; nobody can guess it.
    pub state: Secret,
    /// The server that is asked.
    pub issuer: Issuer,
    /// The account, where the user said which.
    pub account: Option<Did>,
    /// Where the user comes back to.
    pub redirect_uri: String,
    /// The key of the session to be.
    pub key: DpopKey,
    /// What proves that who asks for tokens is who asked for authorization.
    pub verifier: PkceVerifier,
    /// The key of the client, if it is a confidential one.
    pub client_key: Option<String>,
    /// What the server wants to see in the next proof.
    pub nonce: Option<String>,
    /// Until when the user may come back, in seconds since 1970.
    pub expires_at: u64,
}

impl PendingAuthorization {
    /// A request that is to be pushed to `issuer`, at `now`. `None` where `random` gives no key, as a source that is broken.
    pub fn new(
        client: &Registration,
        issuer: &Issuer,
        account: Option<&Did>,
        now: u64,
        random: &(impl Random + ?Sized),
    ) -> Option<Self> {
        Some(Self {
            state: random::nonce(random).into(),
            issuer: issuer.clone(),
            account: account.cloned(),
            redirect_uri: client.redirect_uri.clone(),
            key: DpopKey::generate(random)?,
            verifier: PkceVerifier::from_bytes(&random::bytes(random)),
            client_key: client.keys.first().map(|key| key.id.clone()),
            nonce: None,
            expires_at: now.saturating_add(PATIENCE),
        })
    }

    fn caller<'a>(&'a self, client: &'a Registration) -> Option<Caller<'a>> {
        let client_key = client.key(self.client_key.as_deref())?;
        let (issuer, key, nonce) = (&self.issuer, &self.key, self.nonce.as_deref());
        Some(Caller { client_id: &client.client_id, client_key, issuer, key, nonce })
    }

    /// The request that tells the server what will be asked for. `login_hint` is the account as its user wrote it. `None` where the
    /// client has lost its key.
    pub fn push(
        &self,
        client: &Registration,
        server: &ServerMetadata,
        login_hint: Option<&str>,
    ) -> Option<ServerCall<Pushed>> {
        let mut form: Vec<(&'static str, Secret)> = vec![
            ("response_type", "code".into()),
            ("code_challenge", self.verifier.challenge().into()),
            ("code_challenge_method", "S256".into()),
            ("state", self.state.clone()),
            ("redirect_uri", self.redirect_uri.as_str().into()),
            ("scope", client.scope.to_string().into()),
        ];
        form.extend(login_hint.map(|hint| ("login_hint", hint.into())));
        Some(ServerCall::new(&self.caller(client)?, &server.par_endpoint, form, true, Pushed::read))
    }

    /// The request of tokens for the code that a callback brought. `None` where the client has lost its key.
    pub fn exchange(
        &self,
        client: &Registration,
        server: &ServerMetadata,
        code: &Secret,
    ) -> Option<ServerCall<TokenResponse>> {
        let form = vec![
            ("grant_type", "authorization_code".into()),
            ("code", code.clone()),
            ("code_verifier", self.verifier.expose().into()),
            ("redirect_uri", self.redirect_uri.as_str().into()),
        ];
        Some(ServerCall::new(&self.caller(client)?, &server.token_endpoint, form, true, TokenResponse::read))
    }
}

/// What a server calls a request that was pushed to it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Pushed {
    /// The name.
    pub request_uri: Secret,
}

impl Pushed {
    fn read(object: Option<&Object>) -> Result<Self, CallError> {
        let object = object.ok_or(CallError::NotObject)?;
        Ok(Self { request_uri: required_secret(object, "request_uri")? })
    }

    /// Where to send the user.
    pub fn authorization_url(&self, client: &Registration, server: &ServerMetadata) -> String {
        let query = [("client_id", client.client_id.as_str()), ("request_uri", self.request_uri.expose())];
        // Pairs of texts are always a query.
        let query = serde_html_form::to_string(query).unwrap_or_default();
        let endpoint = &server.authorization_endpoint;
        let separator = if endpoint.query().is_some() { '&' } else { '?' };
        format!("{endpoint}{separator}{query}")
    }
}

/// Tokens, as a server gives them. Whether the account is one that the server speaks for is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenResponse {
    /// The token of requests.
    pub access: Secret,
    /// The token that the next ones are had for, once; none where the client does not refresh.
    pub refresh: Option<Secret>,
    /// For how long the access token counts, in seconds, by the word of the server.
    pub expires_in: Option<u64>,
    /// What was granted; `atproto` is among it.
    pub scope: ScopeSet,
    /// The account.
    pub sub: Did,
}

impl TokenResponse {
    fn read(object: Option<&Object>) -> Result<Self, CallError> {
        let object = object.ok_or(CallError::NotObject)?;
        let token_type = fields::required_text(object, "token_type")?;
        if !token_type.eq_ignore_ascii_case("DPoP") {
            return Err(CallError::TokenType);
        }
        let scope = fields::required_text(object, "scope")?;
        let scope = ScopeSet::from_granted(scope).map_err(|_| FieldFault::Malformed("scope"))?;
        if !scope.has_atproto() {
            return Err(CallError::Scope);
        }
        Ok(Self {
            access: required_secret(object, "access_token")?,
            refresh: secret(object, "refresh_token")?,
            expires_in: fields::number(object, "expires_in")?,
            scope,
            sub: fields::required(object, "sub")?,
        })
    }
}

/// A session: what it is resumed from. It holds secrets, which serialisation shows and `Debug` does not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OAuthSessionData {
    /// The account.
    pub did: Did,
    /// Where its requests go.
    pub pds: ServiceUrl,
    /// The server that speaks for the account.
    pub issuer: Issuer,
    /// The token of requests.
    pub access: Secret,
    /// The token that the next ones are had for, once.
    pub refresh: Option<Secret>,
    /// Until when the token of requests counts, in seconds since 1970, by the word of the server.
    pub expires_at: Option<u64>,
    /// What was granted, as the server wrote it.
    pub scope: String,
    /// The key that the tokens are bound to.
    pub key: DpopKey,
    /// The key of the client, if it is a confidential one.
    pub client_key: Option<String>,
    /// Whether the refresh token has been sent, and no answer has been stored: it may be used up.
    pub is_refreshing: bool,
}

impl OAuthSessionData {
    /// Of the tokens that came for a request, at `now`, once it is proven that the server speaks for the account, whose PDS is `pds`.
    pub fn new(pending: &PendingAuthorization, tokens: &TokenResponse, pds: ServiceUrl, now: u64) -> Self {
        Self {
            did: tokens.sub.clone(),
            pds,
            issuer: pending.issuer.clone(),
            access: tokens.access.clone(),
            refresh: tokens.refresh.clone(),
            expires_at: tokens.expires_in.map(|seconds| now.saturating_add(seconds)),
            scope: tokens.scope.to_string(),
            key: pending.key.clone(),
            client_key: pending.client_key.clone(),
            is_refreshing: false,
        }
    }

    /// With the tokens of a refresh.
    #[must_use]
    pub fn renewed(self, tokens: &TokenResponse, now: u64) -> Self {
        Self {
            access: tokens.access.clone(),
            // A server may let the old one count on.
            refresh: tokens.refresh.clone().or(self.refresh),
            expires_at: tokens.expires_in.map(|seconds| now.saturating_add(seconds)),
            scope: tokens.scope.to_string(),
            is_refreshing: false,
            ..self
        }
    }

    /// The request of new tokens, which may be made once: [`is_refreshing`](Self::is_refreshing) has to be stored before it is sent.
    /// `None` where there is no refresh token, or the client has lost its key.
    pub fn refresh(
        &self,
        client: &Registration,
        server: &ServerMetadata,
        nonce: Option<&str>,
    ) -> Option<ServerCall<TokenResponse>> {
        let form = vec![("grant_type", "refresh_token".into()), ("refresh_token", self.refresh.clone()?)];
        let (caller, endpoint) = (self.caller(client, nonce)?, &server.token_endpoint);
        // An answer without a nonce is against the rules, but its tokens are the only ones that count from now on.
        Some(ServerCall::new(&caller, endpoint, form, false, TokenResponse::read))
    }

    /// The request that ends the session. `None` where the server takes no token back, or the client has lost its key.
    pub fn revoke(
        &self,
        client: &Registration,
        server: &ServerMetadata,
        nonce: Option<&str>,
    ) -> Option<ServerCall<()>> {
        let token = self.refresh.as_ref().unwrap_or(&self.access);
        let form = vec![("token", token.clone())];
        let endpoint = server.revocation_endpoint.as_ref()?;
        Some(ServerCall::new(&self.caller(client, nonce)?, endpoint, form, false, |_| Ok(())))
    }

    fn caller<'a>(&'a self, client: &'a Registration, nonce: Option<&'a str>) -> Option<Caller<'a>> {
        let client_key = client.key(self.client_key.as_deref())?;
        Some(Caller { client_id: &client.client_id, client_key, issuer: &self.issuer, key: &self.key, nonce })
    }
}

/// A token, which is text that a header can have.
fn secret(object: &Object, name: &'static str) -> Result<Option<Secret>, FieldFault> {
    let text = fields::text(object, name)?;
    let is_token = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_graphic());
    text.map(|text| Some(text).filter(is_token).map(Secret::from).ok_or(FieldFault::Malformed(name)))
        .transpose()
}

fn required_secret(object: &Object, name: &'static str) -> Result<Secret, FieldFault> {
    secret(object, name)?.ok_or(FieldFault::Missing(name))
}
