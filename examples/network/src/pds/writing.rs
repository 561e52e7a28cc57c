//! Changes of repositories and accounts, each with the events that tell of it.

use super::{ACCOUNTS, Account, Pds, WINDOW, invalid, refuse};
use crate::storage::{Change, Failed};
use crate::time;
use atproto_lexicon::data::Cid;
use atproto_lexicon::data::frame::to_frame;
use atproto_lexicon::syntax::{Datetime, Did, Tid, TidSource};
use atproto_repo::car::CarWriter;
use atproto_repo::repo::{SignedCommit, UnsignedCommit, UnsignedRepo, Write, WriteError};
use atproto_repo::store::{Blocks as _, RedbStore};
use atproto_xrpc::api::com::atproto::sync::subscribe_repos::{
    Account as AccountEvent, Identity, SubscribeRepos, SubscribeReposMessage, Sync as SyncEvent,
};
use atproto_xrpc::server::{Event, ServeError};
use atproto_xrpc::stream::frame::to_message;
use std::sync::{MutexGuard, PoisonError};

/// A change that is being made. Nothing of it is there before [`finish`](Self::finish).
pub(super) struct Writing<'p> {
    pds: &'p Pds,
    pub(super) change: Change,
    events: Vec<Event>,
    seq: u64,
    time: Datetime,
    _turn: MutexGuard<'p, ()>,
}

impl Pds {
    /// Waits for its turn.
    pub(super) fn write(&self) -> Result<Writing<'_>, Failed> {
        let turn = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let change = self.storage.begin()?;
        let seq = change.last_event()?;
        Ok(Writing { pds: self, change, events: Vec::new(), seq, time: time::now()?, _turn: turn })
    }
}

impl Writing<'_> {
    pub(super) fn account(&self, did: &Did) -> Result<Account, ServeError> {
        let account = self.change.get_json(ACCOUNTS, did.as_str())?;
        account.ok_or_else(|| refuse("RepoNotFound", "there is no such account"))
    }

    pub(super) fn put_account(&self, account: &Account) -> Result<(), Failed> {
        self.change.put_json(ACCOUNTS, account.did.as_str(), account)
    }

    /// The first commit of an account, with nothing in it.
    pub(super) fn create_repo(&mut self, account: &Account) -> Result<(), ServeError> {
        let commit = UnsignedCommit::create(&account.did, &[], self.rev(None)?)?.sign(&account.key()?);
        self.commit(account, &commit)
    }

    /// The next commit of an account.
    pub(super) fn write(
        &mut self,
        account: &Account,
        writes: &[Write<'_>],
        swap_commit: Option<&Cid>,
    ) -> Result<SignedCommit, ServeError> {
        let blocks = self.pds.repo(&account.did)?;
        let repo = UnsignedRepo::open(&blocks)?;
        let rev = self.rev(Some(repo.commit().rev))?;
        let commit = repo.write(writes, swap_commit, rev).map_err(refused)?.sign(&account.key()?);
        self.commit(account, &commit)?;
        Ok(commit)
    }

    fn commit(&mut self, account: &Account, commit: &SignedCommit) -> Result<(), ServeError> {
        RedbStore::commit_in(self.change.transaction(), &account.did, &commit.write_set())?;
        if !account.is_active {
            return Ok(());
        }
        let seq = self.next();
        // What is too large for an event is too large for a commit.
        let body = commit.commit_event(seq, self.time.as_str()).map_err(invalid)?;
        self.push(seq, to_frame("#commit", &body));
        Ok(())
    }

    /// Tells where a repository is that others may have lost sight of. Where its commit is not signed by the key that counts here, there
    /// is a new one of the same tree.
    pub(super) fn tell_sync(&mut self, account: &Account) -> Result<(), ServeError> {
        let (blocks, key) = (self.pds.repo(&account.did)?, account.key()?);
        let repo = UnsignedRepo::open(&blocks)?;
        let mut car = Vec::new();
        let (mut rev, cid) = (repo.commit().rev, *repo.commit_cid());
        if repo.commit().verify(&account.did, &key.public_key()).is_ok() {
            let block = blocks.get(&cid, &mut car)?.map(<[u8]>::to_vec).unwrap_or_default();
            car = car_of(&cid, &block)?;
        } else {
            let commit = repo.write(&[], None, self.rev(Some(rev))?)?.sign(&key);
            RedbStore::commit_in(self.change.transaction(), &account.did, &commit.write_set())?;
            (rev, car) = (commit.rev(), car_of(commit.cid(), commit.block())?);
        }
        let (did, rev) = (account.did.clone(), rev.to_string());
        Ok(self.tell(|seq, time| SyncEvent::new(seq, did, car.into(), rev, time).into())?)
    }

    pub(super) fn tell_account(&mut self, did: &Did, status: Option<&str>) -> Result<(), Failed> {
        self.tell(|seq, time| {
            let mut event = AccountEvent::new(seq, did.clone(), time, status.is_none());
            event.status = status.map(Into::into);
            event.into()
        })
    }

    pub(super) fn tell_identity(&mut self, account: &Account) -> Result<(), Failed> {
        self.pds.directory.invalidate(&account.did);
        self.tell(|seq, time| {
            let mut event = Identity::new(seq, account.did.clone(), time);
            event.handle = Some(account.handle.clone());
            event.into()
        })
    }

    fn tell(&mut self, make: impl FnOnce(i64, Datetime) -> SubscribeReposMessage) -> Result<(), Failed> {
        let seq = self.next();
        let message = make(i64::try_from(seq)?, self.time.clone());
        self.push(seq, to_message::<SubscribeRepos>(&message)?);
        Ok(())
    }

    fn next(&mut self) -> u64 {
        self.seq = self.seq.saturating_add(1);
        self.seq
    }

    fn push(&mut self, seq: u64, frame: Vec<u8>) {
        self.events.push(Event { seq, frame: frame.into() });
    }

    /// A revision that comes after another, which may be of a host whose clock is ahead.
    fn rev(&self, after: Option<Tid>) -> Result<Tid, Failed> {
        let now = time::micros();
        let rev = self.pds.tids.next(now).filter(|rev| after.is_none_or(|after| *rev > after));
        let rev = rev.or_else(|| TidSource::after(after?, 0).next(now));
        rev.ok_or_else(|| Failed::new("no revision comes after the last one"))
    }

    /// Makes it, for good, and then tells of it.
    pub(super) fn finish(self) -> Result<(), Failed> {
        let first = self.seq.saturating_sub(u64::try_from(WINDOW)?);
        for event in &self.events {
            self.change.put_event(event.seq, &event.frame, first)?;
        }
        self.change.commit()?;
        for event in self.events {
            self.pds.log.append_event(event)?;
        }
        Ok(())
    }
}

/// A commit alone.
fn car_of(cid: &Cid, block: &[u8]) -> Result<Vec<u8>, Failed> {
    let mut car = CarWriter::new(Vec::new(), &[*cid])?;
    car.write(cid, block)?;
    Ok(car.into_inner())
}

/// Why a repository is not written: what the asker can help, and what not.
fn refused<E: std::error::Error + Send + Sync + 'static>(error: WriteError<E>) -> ServeError {
    match &error {
        WriteError::Tree(_) | WriteError::Rev(_) => error.into(),
        WriteError::SwapCommit(_) | WriteError::SwapRecord { .. } => {
            refuse("InvalidSwap", &error.to_string())
        }
        _ => invalid(error),
    }
}
