use super::identity::{Authority, Credentials, Identity};
use super::progress::{Copied, Progress, Step};
use super::verify::moved_repo;
use crate::network::{Network, reason};
use crate::output::{Failure, Outcome, Output};
use crate::remote::Stop;
use crate::remote::account::{NewAccount, Terms, signing_key};
use crate::remote::session::{LoggedIn, SessionFile};
use crate::transfer::{Export, Folder, Import, read_repo};
use atproto_crypto::PublicKey;
use atproto_lexicon::syntax::Datetime;
use atproto_xrpc::api::com::atproto::repo::ApplyWrites;
use atproto_xrpc::api::com::atproto::server::check_account_status::CheckAccountStatusOutput;
use atproto_xrpc::api::com::atproto::server::{ActivateAccount, CheckAccountStatus, DeactivateAccount};
use atproto_xrpc::auth::{Login, MemoryStore, SessionStore as _};
use serde_json::Map;
use std::fs;
use tokio::runtime::Runtime;

/// How often a copy is made anew where somebody writes to the account meanwhile.
const MAX_COPIES: usize = 3;

/// A move of an account, as far as it is, and what it needs to go on.
pub(crate) struct Migration<'a> {
    pub(crate) progress: Progress,
    /// The account on the old host. At the very end, that on the new one.
    pub(crate) old: LoggedIn,
    /// Where its session is.
    pub(crate) session: &'a SessionFile,
    pub(crate) development: bool,
    pub(crate) terms: &'a Terms,
    pub(crate) authority: Authority,
    pub(crate) own_keys: &'a [PublicKey],
    /// Whether the signature of the old host's repository is verified.
    pub(crate) is_signed: bool,
    /// Whether blobs that the old host does not have are left behind.
    pub(crate) skips_missing: bool,
    pub(crate) delete_after: Option<Datetime>,
    pub(crate) network: &'a Network,
    pub(crate) runtime: &'a Runtime,
}

/// How a step ends that has not failed.
enum Next {
    Done,
    /// The account was written to since it was copied.
    CopyAgain,
}

impl Migration<'_> {
    /// Goes on to the end.
    pub(crate) fn run(mut self, output: &mut Output) -> Result<Progress, Stop> {
        // Until the identity is changed, what was checked may have changed since.
        if self.progress.state.done == Some(Step::Check) {
            self.progress.state.done = Some(Step::Import);
        }
        let mut copies = 0_usize;
        while let Some(step) = Step::ALL.into_iter().find(|step| !self.progress.has_done(*step)) {
            output.note(format!("step  {step}"));
            let next = self.step(step, output).map_err(|stop| self.stopped(step, stop))?;
            self.progress.state.done = Some(match next {
                Next::Done => step,
                Next::CopyAgain if copies < MAX_COPIES => {
                    copies = copies.saturating_add(1);
                    output.note("      somebody writes to the account: it is copied again");
                    Step::Create
                }
                Next::CopyAgain => {
                    let reason = "somebody goes on writing to the account on the old host";
                    return Err(self.stopped(step, Stop::because(Outcome::Incomplete, "written_to", reason)));
                }
            });
            self.progress.save()?;
            if let Next::Done = next {
                output.note(format!("done  {step}"));
            }
        }
        Ok(self.progress)
    }

    fn step(&mut self, step: Step, output: &mut Output) -> Result<Next, Stop> {
        match step {
            Step::Create => self.new_account().map(drop)?,
            Step::Export => self.export()?,
            Step::Import => self.import(output)?,
            Step::Check => return self.check(output),
            Step::Identity => self.identity(output)?,
            Step::Activate => self.activate(output)?,
            Step::Verify => self.verify(output)?,
            Step::Deactivate => self.deactivate()?,
            Step::Session => self.take_session()?,
        }
        Ok(Next::Done)
    }

    /// The account on the new host, where it is created if it is not there.
    fn new_account(&self) -> Result<LoggedIn, Stop> {
        let state = &self.progress.state;
        let file = SessionFile::new(self.progress.new_session(), self.development)?;
        if let Some(client) = file.open(self.runtime)? {
            return Ok(client);
        }
        let password = self.terms.password.read()?;
        if self.progress.has_done(Step::Create) {
            return file.log_in(&Login::new(state.did.as_str(), password), state.to.clone(), self.runtime);
        }
        let (host, handle) = (state.to.clone(), state.handle.clone());
        let new = NewAccount { host, handle, terms: self.terms, password: &password };
        new.create_elsewhere(&self.old, &file, self.development, self.runtime)
    }

    fn export(&mut self) -> Result<(), Stop> {
        let key = match self.is_signed {
            true => Some(signing_key(&self.progress.state.did, self.network)?),
            false => None,
        };
        let folder = Folder::create(&self.progress.copy())?;
        let exported = self.runtime.block_on(Export { client: &self.old, folder: &folder, key }.run())?;
        if !exported.missing.is_empty() && !self.skips_missing {
            let mut reason =
                "the old host does not have all blobs; --skip-missing-blobs leaves them behind".to_owned();
            for (cid, why) in &exported.missing {
                reason.push_str(&format!("\n{cid}: {why}"));
            }
            return Err(Stop::because(Outcome::Incomplete, "missing_blobs", reason));
        }
        self.progress.state.copied = Some(Copied {
            commit: exported.repo.commit.into(),
            data: exported.repo.data.into(),
            records: exported.repo.records,
            blobs: exported.blobs,
            missing: exported.missing.into_iter().map(|(cid, _)| cid).collect(),
        });
        Ok(())
    }

    fn import(&mut self, output: &Output) -> Result<(), Stop> {
        let (folder, about) = Folder::open(&self.progress.copy())?;
        let key = about.key.as_deref().and_then(|key| key.parse().ok());
        let repo = read_repo(&folder.repo(), &self.progress.state.did, key)?;
        let new = self.new_account()?;
        let imported = self.runtime.block_on(Import { client: &new, folder: &folder, repo: &repo }.run())?;
        let known = &self.copied()?.missing;
        let lost: Vec<_> = imported.missing.into_iter().filter(|cid| !known.contains(cid)).collect();
        if !lost.is_empty() {
            let reason = format!("the new host lacks blobs that were not copied: {}", lost.join(", "));
            return Err(Stop::because(Outcome::Incomplete, "missing_blobs", reason));
        }
        if imported.preferences == Some(false) {
            output.note("      the new host takes no preferences: they stay in the copy");
        }
        Ok(())
    }

    fn check(&mut self, output: &Output) -> Result<Next, Stop> {
        let new = self.new_account()?;
        if self.is_moved(&new)? {
            return Ok(Next::Done);
        }
        let copied = self.copied()?;
        if self.status(&self.old)?.repo_commit != copied.commit {
            return Ok(Next::CopyAgain);
        }
        let status = self.status(&new)?;
        let count = |number: i64| u64::try_from(number).unwrap_or_default();
        let lacking = count(status.expected_blobs).saturating_sub(count(status.imported_blobs));
        let left_behind = u64::try_from(copied.missing.len()).unwrap_or(u64::MAX);
        if count(status.indexed_records) != copied.records || lacking > left_behind {
            let reason = format!(
                "the new host has {} of {} records, and lacks {lacking} blobs",
                status.indexed_records, copied.records
            );
            return Err(Stop::because(Outcome::Incomplete, "not_all_there", reason));
        }
        // The host has not signed anything yet: what it gives out is the copy.
        if moved_repo(&new, None, copied, &self.progress.moved_repo(), self.runtime)?.is_none() {
            output.note("      the new host gives out no repository before the account is active");
        }
        Ok(Next::Done)
    }

    /// Whether the DID names the new host already.
    fn is_moved(&self, new: &LoggedIn) -> Result<bool, Stop> {
        let document = self.network.document(&self.progress.state.did);
        let document = document.map_err(|error| Failure::File(reason(&error)))?;
        Ok(Credentials::of(new, self.runtime)?.checked(&self.progress.state.to)?.are_in(&document))
    }

    fn identity(&mut self, output: &mut Output) -> Result<(), Stop> {
        let new = self.new_account()?;
        let did = self.progress.state.did.clone();
        let identity = Identity {
            did: &did,
            old: &self.old,
            new: &new,
            network: self.network,
            runtime: self.runtime,
            authority: &self.authority,
            own_keys: self.own_keys,
        };
        identity.change(&mut self.progress, output)
    }

    fn activate(&mut self, output: &Output) -> Result<(), Stop> {
        let new = self.new_account()?;
        if !self.status(&new)?.activated {
            self.runtime.block_on(new.send(&ActivateAccount))?;
        }
        if self.status(&new)?.repo_commit == self.copied()?.commit {
            // The commit is signed with the old key: one without writes, with the new key, takes its place.
            let resign = ApplyWrites::new(new.auth().did().into(), Vec::new());
            if self.runtime.block_on(new.send(&resign)).is_err() {
                output.note("      the new host signs the repository with the next write only");
            }
        }
        Ok(())
    }

    fn verify(&mut self, output: &Output) -> Result<(), Stop> {
        let new = self.new_account()?;
        if !self.is_moved(&new)? {
            return Err(Stop::wrong("other_identity", "the DID does not name the new host and its key"));
        }
        let copied = self.copied()?;
        let is_old = self.status(&new)?.repo_commit == copied.commit;
        let key = Credentials::of(&new, self.runtime)?.key()?;
        let key = (!is_old).then_some(key);
        match moved_repo(&new, key, copied, &self.progress.moved_repo(), self.runtime)? {
            // Which is signed with the old key, and is the very commit that was verified.
            Some(repo) if is_old && repo.commit.to_string() != copied.commit.as_str() => {
                Err(Stop::wrong("other_commit", "the new host gives out another commit than it says"))
            }
            Some(repo) => {
                output.note(format!("      commit {} with {} records", repo.commit, repo.records));
                Ok(())
            }
            None => Err(Stop::wrong("no_repository", "the new host gives out no repository")),
        }
    }

    fn deactivate(&mut self) -> Result<(), Stop> {
        let mut status = self.status(&self.old)?;
        if status.activated {
            let deactivate =
                DeactivateAccount { delete_after: self.delete_after.clone(), ..DeactivateAccount::default() };
            self.runtime.block_on(self.old.send(&deactivate))?;
            // Who is not active may be told nothing more.
            status = self.status(&self.old).unwrap_or(status);
        }
        let is_late = status.repo_commit != self.copied()?.commit;
        self.progress.state.late = is_late.then_some(status.repo_commit);
        Ok(())
    }

    fn take_session(&mut self) -> Result<(), Stop> {
        let file = SessionFile::new(self.progress.new_session(), self.development)?;
        if *self.old.service() != self.progress.state.to {
            let mut data = self.new_account()?.auth().data();
            // The account is at home here now, whatever was settled before.
            data.pds = None;
            let before = self.old.auth().data();
            self.session.keep(&data, self.runtime)?;
            self.runtime.block_on(async {
                // The old session is of no use to anybody; the old host may be of another opinion, or gone.
                let store = MemoryStore::default();
                if store.save(&before).await.is_ok()
                    && let Ok(Ok(old)) = self.old.clone().resume(store).await
                {
                    drop(old.auth().clone().delete().await);
                }
            });
        }
        // It has the same records as the copy.
        fs::remove_file(self.progress.moved_repo()).unwrap_or_default();
        Ok(file.clear(self.runtime)?)
    }

    fn status(&self, client: &LoggedIn) -> Result<CheckAccountStatusOutput, Stop> {
        Ok(self.runtime.block_on(client.send(&CheckAccountStatus))?.output)
    }

    fn copied(&self) -> Result<&Copied, Stop> {
        let missing = || Stop::usage(format!("{}: nothing was copied", self.progress.file().display()));
        self.progress.state.copied.as_ref().ok_or_else(missing)
    }

    /// Why it goes no further, where the account is now, and what to do.
    fn stopped(&self, step: Step, stop: Stop) -> Stop {
        let state = &self.progress.state;
        let place = match self.progress.has_done(Step::Identity) {
            true => format!("the account is at {}", state.to),
            false if step == Step::Identity => {
                format!("the account is at {}, unless the DID says otherwise", state.from)
            }
            false => format!("the account is at {}", state.from),
        };
        let mut more = format!("{place}; the same command goes on with this step");
        if let (Step::Identity, Authority::Token(_)) = (step, &self.authority) {
            more.push_str(", and without --token has another token sent");
        }
        let about = |text: &str| format!("step {step}: {text}\n{more}");
        match stop.into_print() {
            Err(Failure::Usage(text)) => Failure::Usage(about(&text)).into(),
            Err(Failure::File(text)) => Failure::File(about(&text)).into(),
            Err(closed) => closed.into(),
            Ok((text, mut json, outcome)) => {
                json.extend(Map::from_iter([
                    ("step".to_owned(), step.to_string().into()),
                    ("place".to_owned(), place.into()),
                ]));
                Stop::Print { text: about(&text), json: json.into(), outcome }
            }
        }
    }
}
