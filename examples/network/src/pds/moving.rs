//! Accounts that come from another host, and that go to one.

use super::session::Session;
use super::{MAX_IMPORT, Pds, Served, invalid, refuse, typed};
use crate::storage::Failed;
use atproto_lexicon::data::Object;
use atproto_lexicon::syntax::Did;
use atproto_lexicon::typed::NoBody;
use atproto_repo::car::Car;
use atproto_repo::repo::UnsignedRepo;
use atproto_repo::store::{Archive as _, RedbStore};
use atproto_xrpc::api::com::atproto::repo::import_repo::ImportRepo;
use atproto_xrpc::api::com::atproto::server::activate_account::ActivateAccount;
use atproto_xrpc::api::com::atproto::server::check_account_status::{
    CheckAccountStatus, CheckAccountStatusOutput,
};
use atproto_xrpc::api::com::atproto::server::deactivate_account::DeactivateAccount;
use atproto_xrpc::server::{Asked, AskedUpload, XrpcRouter};
use std::sync::Arc;

pub(super) fn serve(router: XrpcRouter<Pds>) -> XrpcRouter<Pds> {
    router.upload(MAX_IMPORT, import).serve(status).serve(activate).serve(deactivate)
}

/// Takes the repository of an account that is not active yet: whole, of this account, and signed by the key that its identity has.
async fn import(pds: Arc<Pds>, asked: AskedUpload<ImportRepo, Session>) -> Served<ImportRepo> {
    let Session(did) = asked.caller;
    let bytes = asked.input.read_all().await?;
    let identity = pds.directory.refresh(&did).await?;
    let key = identity.signing_key();
    pds.run(move |pds| {
        let key = key.map_err(invalid)?;
        let mut writing = pds.write()?;
        let account = writing.account(&did)?;
        if account.is_active {
            return Err(invalid("the account is active"));
        }
        let car = Car::parse(&bytes).map_err(invalid)?;
        let repo = UnsignedRepo::open(&car).map_err(invalid)?;
        // What was written since the last import, here, is signed by the key that is used here.
        let signed_here = repo.commit().verify(&did, &account.key()?.public_key()).is_ok();
        let key = if signed_here { account.key()?.public_key() } else { key };
        let repo = repo.verify(&did, &key).map_err(invalid)?;
        let mut fault = None;
        repo.check_records(|path, error| fault = Some(format!("{path}: {error}"))).map_err(invalid)?;
        if let Some(fault) = fault {
            return Err(invalid(fault));
        }
        let before = pds.repo(&did)?.roots().first().copied();
        let change = &mut writing.change;
        RedbStore::import_in(change.transaction(), &repo, before.as_ref())?;
        change.unlink_blobs(&did)?;
        let mut walk = repo.walk();
        while let Some(entry) = walk.next()? {
            change.link_blobs(&did, entry.path, None, Some(entry.record.bytes), true)?;
        }
        Ok(writing.finish()?)
    })
    .await?;
    Ok(NoBody)
}

impl Pds {
    /// Whether the identity of an account says that it is here.
    async fn is_identity_here(&self, did: &Did) -> Result<bool, Failed> {
        let identity = self.directory.refresh(did).await?;
        let account = self.storage.get_json::<super::Account>(super::ACCOUNTS, did.as_str())?;
        let Some(account) = account else { return Ok(false) };
        let key = identity.document().signing_key();
        Ok(identity.document().pds() == Some(self.url()) && key == Some(account.key()?.public_key()))
    }
}

async fn status(pds: Arc<Pds>, asked: Asked<CheckAccountStatus, Session>) -> Served<CheckAccountStatus> {
    let Session(did) = asked.caller;
    let valid_did = pds.is_identity_here(&did).await?;
    pds.run(move |pds| {
        let account = pds.account(&did)?;
        let blocks = pds.repo(&did)?;
        let repo = UnsignedRepo::open(&blocks)?;
        let (mut walk, mut records) = (repo.walk(), 0_i64);
        while walk.next_path()?.is_some() {
            records = records.saturating_add(1);
        }
        let (expected, imported) = pds.count_blobs(&did)?;
        Ok(CheckAccountStatusOutput {
            activated: account.is_active,
            valid_did,
            repo_commit: (*repo.commit_cid()).into(),
            repo_rev: repo.commit().rev.to_string(),
            repo_blocks: i64::try_from(blocks.links()?.count())?,
            indexed_records: records,
            private_state_values: i64::try_from(account.preferences.len())?,
            expected_blobs: expected,
            imported_blobs: imported,
            extra: Object::new(),
        })
    })
    .await
}

/// From now on the account is here, as its identity says already.
async fn activate(pds: Arc<Pds>, asked: Asked<ActivateAccount, Session>) -> Served<ActivateAccount> {
    let Session(did) = asked.caller;
    if !pds.is_identity_here(&did).await? {
        return Err(typed(refuse("InvalidRequest", "the identity does not say that the account is here")));
    }
    pds.run(move |pds| {
        let mut writing = pds.write()?;
        let mut account = writing.account(&did)?;
        if account.is_active {
            return Ok(());
        }
        account.is_active = true;
        writing.put_account(&account)?;
        writing.tell_account(&did, None)?;
        writing.tell_identity(&account)?;
        writing.tell_sync(&account)?;
        Ok(writing.finish()?)
    })
    .await?;
    Ok(NoBody)
}

async fn deactivate(pds: Arc<Pds>, asked: Asked<DeactivateAccount, Session>) -> Served<DeactivateAccount> {
    let Session(did) = asked.caller;
    pds.run(move |pds| {
        let mut writing = pds.write()?;
        let mut account = writing.account(&did)?;
        account.is_active = false;
        writing.put_account(&account)?;
        writing.tell_account(&did, account.status())?;
        Ok(writing.finish()?)
    })
    .await?;
    Ok(NoBody)
}
