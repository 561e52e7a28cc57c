//! Accounts made, switched off and on, and ended.

use super::session::{Session, Tokens, hash_password, is_password};
use super::writing::Writing;
use super::{ACCOUNTS, Account, HANDLES, Pds, Served, invalid, refuse, typed};
use crate::storage::Failed;
use crate::time;
use atproto_crypto::SecretKey;
use atproto_identity::plc::{Data, Endpoint, UnsignedOperation};
use atproto_lexicon::syntax::{Did, Handle};
use atproto_lexicon::typed::NoBody;
use atproto_repo::store::RedbStore;
use atproto_xrpc::api::com::atproto::server::create_account::{
    CreateAccount, CreateAccountError, CreateAccountOutput,
};
use atproto_xrpc::api::com::atproto::server::delete_account::DeleteAccount;
use atproto_xrpc::api::com::atproto::server::describe_server::{DescribeServer, DescribeServerOutput};
use atproto_xrpc::api::com::atproto::server::request_account_delete::RequestAccountDelete;
use atproto_xrpc::auth::service::ServiceAuth;
use atproto_xrpc::server::{Asked, Refusal, ServeError, XrpcRouter};
use std::sync::{Arc, PoisonError};

pub(super) fn serve(router: XrpcRouter<Pds>) -> XrpcRouter<Pds> {
    router.serve(describe).serve(create).serve(request_delete).serve(delete)
}

async fn describe(pds: Arc<Pds>, _: Asked<DescribeServer>) -> Served<DescribeServer> {
    let mut output = DescribeServerOutput::new(pds.did.clone(), vec![format!(".{}", pds.config.domain)]);
    output.invite_code_required = Some(false);
    output.blob_upload_limit = Some(i64::try_from(super::MAX_BLOB)?);
    Ok(output)
}

/// A new account with a new identity; or, for who has an identity already and proves it, one that waits for the repository.
async fn create(pds: Arc<Pds>, asked: Asked<CreateAccount, Option<ServiceAuth>>) -> Served<CreateAccount> {
    let CreateAccount { handle, did, email, password, plc_op, recovery_key, .. } = asked.input;
    let handle = handle.to_normalized();
    if plc_op.is_some() {
        return Err(Refusal::invalid_request("plcOp: operations are made here, not taken").into());
    }
    let password = password.filter(|password| (8..=256).contains(&password.len()));
    let password = password.ok_or_else(|| {
        ServeError::named(CreateAccountError::InvalidPassword, "a password has 8 to 256 bytes")
    })?;
    if pds.did_of(&handle)?.is_some() {
        return Err(ServeError::named(CreateAccountError::HandleNotAvailable, "the handle is taken"));
    }
    let key = time::new_key();
    let (did, is_new) = match did {
        Some(did) => {
            let proven = asked.caller.ok_or_else(Refusal::auth_missing)?;
            if proven.issuer != did {
                return Err(Refusal::forbidden("the token is of another account").into());
            }
            let identity = pds.directory.refresh(&did).await.map_err(|_| {
                ServeError::named(CreateAccountError::UnresolvableDid, "the identity is not found")
            })?;
            // A name of its own, or one that is given here.
            if identity.verified_handle().is_none_or(|own| own.to_normalized() != handle) {
                pds.check_own(&handle).map_err(typed)?;
            }
            (did, false)
        }
        None => {
            pds.check_own(&handle).map_err(typed)?;
            (pds.register(&handle, &key, recovery_key).await?, true)
        }
    };
    let (created, tokens) = pds
        .run(move |pds| {
            let password = hash_password(&password)?;
            let key = key.to_hex().to_string();
            let preferences = Vec::new();
            let account = Account { did, handle, email, password, key, is_active: is_new, preferences };
            let mut writing = pds.write()?;
            let tokens = writing.create_account(&account)?;
            writing.finish()?;
            Ok((account, tokens))
        })
        .await?;
    Ok(CreateAccountOutput::new(tokens.access, tokens.refresh, created.handle, created.did))
}

impl Pds {
    /// Whether a handle is one that this host gives.
    pub(super) fn check_own(&self, handle: &Handle) -> Result<(), ServeError> {
        let name = handle.as_str().strip_suffix(&self.config.domain).and_then(|rest| rest.strip_suffix('.'));
        match name {
            Some(name) if name.contains('.') || !(3..=18).contains(&name.len()) => {
                Err(refuse("InvalidHandle", "the first label has 3 to 18 characters, and is the only one"))
            }
            Some(_) => Ok(()),
            None => Err(refuse("UnsupportedDomain", "handles here are below another domain")),
        }
    }

    /// What the identity of an account says while it is here.
    pub(super) fn data_of(&self, handle: &Handle, key: &SecretKey) -> Data {
        let service = ("AtprotoPersonalDataServer".to_owned(), self.config.url.clone());
        Data {
            rotation_keys: vec![self.rotation.public_key().to_did_key()],
            verification_methods: [("atproto".to_owned(), key.public_key().to_did_key())].into(),
            also_known_as: vec![format!("at://{handle}")],
            services: [("atproto_pds".to_owned(), Endpoint { kind: service.0, endpoint: service.1 })].into(),
        }
    }

    /// Registers a new DID.
    async fn register(
        &self,
        handle: &Handle,
        key: &SecretKey,
        recovery_key: Option<String>,
    ) -> Result<Did, ServeError<CreateAccountError>> {
        let mut data = self.data_of(handle, key);
        // Whoever owns the account can take it from the host.
        data.rotation_keys.splice(0..0, recovery_key);
        data.check().map_err(Refusal::invalid_request)?;
        let operation = UnsignedOperation::Update { data, prev: None }.sign(&self.rotation)?;
        let did = operation.did().ok_or_else(|| Failed::new("a first operation without a DID"))?;
        self.directory.directory().plc().submit(&did, &operation).await?;
        Ok(did)
    }
}

impl Writing<'_> {
    fn create_account(&mut self, account: &Account) -> Result<Tokens, ServeError> {
        let (did, handle) = (&account.did, account.handle.as_str());
        if self.change.get(ACCOUNTS, did.as_str())?.is_some() {
            return Err(invalid("the account is here already"));
        }
        if self.change.get(HANDLES, handle)?.is_some() {
            return Err(refuse("HandleNotAvailable", "the handle is taken"));
        }
        self.put_account(account)?;
        self.change.put(HANDLES, handle, did.as_str().as_bytes())?;
        if account.is_active {
            self.tell_identity(account)?;
            self.tell_account(did, None)?;
        }
        self.create_repo(account)?;
        Ok(self.change.grant(did, None)?)
    }
}

async fn request_delete(
    pds: Arc<Pds>,
    asked: Asked<RequestAccountDelete, Session>,
) -> Served<RequestAccountDelete> {
    pds.send_token(&asked.caller.0);
    Ok(NoBody)
}

/// Ends an account, with all that it has here.
async fn delete(pds: Arc<Pds>, asked: Asked<DeleteAccount>) -> Served<DeleteAccount> {
    let DeleteAccount { did, password, token, .. } = asked.input;
    pds.run(move |pds| {
        let account = pds.account(&did)?;
        if !is_password(&account.password, &password)? {
            return Err(Refusal::unauthorized("AuthenticationRequired", "wrong password").into());
        }
        pds.take_token(&did, &token)?;
        let mut writing = pds.write()?;
        let change = &writing.change;
        change.remove(ACCOUNTS, did.as_str())?;
        change.remove(HANDLES, account.handle.as_str())?;
        change.end_sessions_of(&did)?;
        change.remove_blobs(&did)?;
        RedbStore::remove_in(change.transaction(), &did)?;
        writing.tell_account(&did, Some("deleted"))?;
        Ok(writing.finish()?)
    })
    .await?;
    Ok(NoBody)
}

impl Pds {
    /// Stands for an e-mail with a token.
    pub(super) fn send_token(&self, did: &Did) {
        let mut mail = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        mail.insert(did.clone(), time::new_token());
    }

    /// A token counts once.
    pub(super) fn take_token(&self, did: &Did, token: &str) -> Result<(), ServeError> {
        let mut mail = self.mail.lock().unwrap_or_else(PoisonError::into_inner);
        match mail.get(did) {
            Some(sent) if sent == token => {
                mail.remove(did);
                Ok(())
            }
            _ => Err(refuse("InvalidToken", "not the token that was sent")),
        }
    }
}
