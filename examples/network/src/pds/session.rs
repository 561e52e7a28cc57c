//! Who asks: passwords, and the tokens that stand for them. A token means nothing to anybody else, and is kept as its hash.

use super::{Account, Pds, Served, refuse, typed};
use crate::storage::{Change, Failed, Rows};
use crate::time;
use argon2::Argon2;
use argon2::password_hash::{PasswordHasher as _, PasswordVerifier as _};
use atproto_lexicon::syntax::{AtIdentifier, Did, Nsid};
use atproto_lexicon::typed::NoBody;
use atproto_xrpc::api::com::atproto::server::create_session::{CreateSession, CreateSessionOutput};
use atproto_xrpc::api::com::atproto::server::delete_session::DeleteSession;
use atproto_xrpc::api::com::atproto::server::get_service_auth::{
    GetServiceAuth, GetServiceAuthError, GetServiceAuthOutput,
};
use atproto_xrpc::api::com::atproto::server::get_session::{GetSession, GetSessionOutput};
use atproto_xrpc::api::com::atproto::server::refresh_session::{RefreshSession, RefreshSessionOutput};
use atproto_xrpc::auth::service::ServiceToken;
use atproto_xrpc::server::{Asked, Caller, Refusal, ServeError, XrpcRouter, credentials};
use http::request::Parts;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use std::sync::Arc;

/// A [`Grant`] by the hash of its token.
const TOKENS: Rows = Rows::new("tokens");
/// For how long they count, in seconds.
const ACCESS: u64 = 2 * 3600;
const REFRESH: u64 = 90 * 24 * 3600;
/// For how long a token that was used to refresh still counts, where the answer was lost.
const GRACE: u64 = 120;
/// For how long a token for another service may count at most.
const MAX_SERVICE_AUTH: u64 = 3600;

/// What a token allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kind {
    Access,
    Refresh,
}

#[derive(Debug, Serialize, Deserialize)]
struct Grant {
    did: Did,
    kind: Kind,
    until: u64,
    /// The session, which is the same for all tokens that come of one login.
    session: String,
}

/// The account that asks, by an access token.
pub(super) struct Session(pub(super) Did);

/// The session that asks, by a refresh token.
struct Refreshing {
    grant: Grant,
    hash: String,
}

impl Caller<Pds> for Session {
    async fn identify(pds: &Pds, head: &Parts, _: &Nsid) -> Result<Self, ServeError> {
        Ok(Self(pds.granted(head, Kind::Access)?.0.did))
    }
}

impl Caller<Pds> for Refreshing {
    async fn identify(pds: &Pds, head: &Parts, _: &Nsid) -> Result<Self, ServeError> {
        let (grant, hash) = pds.granted(head, Kind::Refresh)?;
        Ok(Self { grant, hash })
    }
}

/// Tokens for somebody who has proven who they are.
pub(super) struct Tokens {
    pub(super) access: String,
    pub(super) refresh: String,
}

impl Pds {
    fn granted(&self, head: &Parts, kind: Kind) -> Result<(Grant, String), ServeError> {
        let hash = hash_of(credentials(&head.headers, "Bearer")?);
        let grant: Option<Grant> = self.storage.get_json(TOKENS, &hash)?;
        let grant = grant.filter(|grant| grant.kind == kind);
        let grant = grant.ok_or_else(|| Refusal::unauthorized("InvalidToken", "the token is not known"))?;
        if grant.until <= time::seconds() {
            return Err(refuse("ExpiredToken", "the token has expired"));
        }
        Ok((grant, hash))
    }

    /// The account of a name and password. It takes as long where there is no such account.
    fn authenticate(&self, identifier: &str, password: &str) -> Result<Account, ServeError> {
        let account = identifier.parse().ok().map(|identifier: AtIdentifier| self.account_of(&identifier));
        let account = match account {
            Some(Ok(account)) => Some(account),
            Some(Err(ServeError::Internal(cause))) => return Err(ServeError::Internal(cause)),
            _ => None,
        };
        let hash = match &account {
            Some(account) => account.password.clone(),
            None => hash_password("nobody's")?,
        };
        let is_right = is_password(&hash, password)?;
        account.filter(|_| is_right).ok_or_else(|| {
            Refusal::unauthorized("AuthenticationRequired", "wrong identifier or password").into()
        })
    }
}

impl Change {
    /// Tokens of a session, a new one where none is named.
    pub(super) fn grant(&self, did: &Did, session: Option<String>) -> Result<Tokens, Failed> {
        let session = session.unwrap_or_else(time::new_token);
        let tokens = Tokens { access: time::new_token(), refresh: time::new_token() };
        for (token, kind, lifetime) in
            [(&tokens.access, Kind::Access, ACCESS), (&tokens.refresh, Kind::Refresh, REFRESH)]
        {
            let until = time::seconds().saturating_add(lifetime);
            let grant = Grant { did: did.clone(), kind, until, session: session.clone() };
            self.put_json(TOKENS, &hash_of(token), &grant)?;
        }
        Ok(tokens)
    }

    /// Ends the sessions for which `ends` is true, and forgets what has expired.
    fn end_sessions(&self, ends: impl Fn(&Grant) -> bool) -> Result<(), Failed> {
        for (key, row) in self.scan(TOKENS, "")? {
            let grant: Grant = serde_json::from_slice(&row)?;
            if ends(&grant) || grant.until <= time::seconds() {
                self.remove(TOKENS, &key)?;
            }
        }
        Ok(())
    }

    /// Ends all sessions of an account.
    pub(super) fn end_sessions_of(&self, did: &Did) -> Result<(), Failed> {
        self.end_sessions(|grant| grant.did == *did)
    }
}

/// A hash from which nobody finds the password.
pub(super) fn hash_password(password: &str) -> Result<String, Failed> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|hash| hash.to_string()).map_err(|_| Failed::new("a password cannot be hashed"))
}

pub(super) fn is_password(hash: &str, password: &str) -> Result<bool, Failed> {
    match Argon2::default().verify_password(password.as_bytes(), hash) {
        Ok(()) => Ok(true),
        Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
        Err(_) => Err(Failed::new("the hash of a password is none")),
    }
}

/// Tokens are long: their hash needs no salt.
fn hash_of(token: &str) -> String {
    data_encoding::HEXLOWER.encode(&Sha256::digest(token.as_bytes()))
}

pub(super) fn serve(router: XrpcRouter<Pds>) -> XrpcRouter<Pds> {
    router.serve(create).serve(refresh).serve(get).serve(delete).serve(service_auth)
}

async fn create(pds: Arc<Pds>, asked: Asked<CreateSession>) -> Served<CreateSession> {
    let CreateSession { identifier, password, .. } = asked.input;
    pds.run(move |pds| {
        let account = pds.authenticate(&identifier, &password)?;
        let change = pds.storage.begin()?;
        let tokens = change.grant(&account.did, None)?;
        change.commit()?;
        let status = account.status().map(Into::into);
        let mut output = CreateSessionOutput::new(tokens.access, tokens.refresh, account.handle, account.did);
        (output.active, output.status, output.email) = (Some(account.is_active), status, account.email);
        Ok(output)
    })
    .await
}

async fn refresh(pds: Arc<Pds>, asked: Asked<RefreshSession, Refreshing>) -> Served<RefreshSession> {
    let Refreshing { mut grant, hash } = asked.caller;
    pds.run(move |pds| {
        let account = pds.account(&grant.did)?;
        let change = pds.storage.begin()?;
        let tokens = change.grant(&account.did, Some(grant.session.clone()))?;
        grant.until = grant.until.min(time::seconds().saturating_add(GRACE));
        change.put_json(TOKENS, &hash, &grant)?;
        change.commit()?;
        let status = account.status().map(Into::into);
        let mut output =
            RefreshSessionOutput::new(tokens.access, tokens.refresh, account.handle, account.did);
        (output.active, output.status, output.email) = (Some(account.is_active), status, account.email);
        Ok(output)
    })
    .await
}

async fn get(pds: Arc<Pds>, asked: Asked<GetSession, Session>) -> Served<GetSession> {
    let account = pds.account(&asked.caller.0).map_err(typed)?;
    let status = account.status().map(Into::into);
    let mut output = GetSessionOutput::new(account.handle, account.did);
    (output.active, output.status, output.email) = (Some(account.is_active), status, account.email);
    Ok(output)
}

/// Ends the session.
async fn delete(pds: Arc<Pds>, asked: Asked<DeleteSession, Refreshing>) -> Served<DeleteSession> {
    let session = asked.caller.grant.session;
    pds.run(move |pds| {
        let change = pds.storage.begin()?;
        change.end_sessions(|grant| grant.session == session)?;
        Ok(change.commit()?)
    })
    .await?;
    Ok(NoBody)
}

async fn service_auth(pds: Arc<Pds>, asked: Asked<GetServiceAuth, Session>) -> Served<GetServiceAuth> {
    let account = pds.account(&asked.caller.0).map_err(typed)?;
    let audience = asked.params.aud.parse().map_err(Refusal::invalid_request)?;
    let now = time::seconds();
    let mut token = ServiceToken::new(account.did.clone(), audience, now);
    if let Some(until) = asked.params.exp {
        let lifetime = u64::try_from(until).ok().and_then(|until| until.checked_sub(now));
        let lifetime = lifetime.filter(|lifetime| *lifetime <= MAX_SERVICE_AUTH);
        let lifetime = lifetime.ok_or_else(|| {
            ServeError::named(GetServiceAuthError::BadExpiration, "not within an hour from now")
        })?;
        token = token.with_lifetime(lifetime);
    }
    if let Some(method) = &asked.params.lxm {
        token = token.for_method(method);
    }
    Ok(GetServiceAuthOutput::new(token.sign(&account.key()?, &time::random)?))
}
