//! One event at a time: what it makes of its account.

use super::accounts::{AccountError, AccountState, AccountStore};
use super::identities::{Identities, Refreshes};
use super::message::RepoMessage;
use super::report::{Commit, Ignored, Invalid, Received, Verdict};
use atproto_identity::Identity;
use atproto_identity::clock::Clock;
use atproto_lexicon::http::Bytes;
use atproto_lexicon::syntax::Did;
use atproto_repo::sync::{Account, Event, Head, Outcome, Policy, Queued, Sync, VerifyError};
use std::collections::VecDeque;
use std::sync::Arc;

/// What all events are verified with.
#[derive(Debug)]
pub(super) struct Verifier<I, A, K> {
    pub(super) identities: I,
    pub(super) accounts: A,
    pub(super) clock: K,
    pub(super) policy: Policy,
    pub(super) max_queue: usize,
    /// The PDS whose own stream it is, as `https://` or `http://`, a host and a port.
    pub(super) pds: Option<String>,
    pub(super) refreshes: Refreshes,
}

/// What is to be done for an account.
#[derive(Debug)]
pub(super) enum Job {
    Event(RepoMessage),
    /// An event that has waited, and whether it is the last one.
    Queued {
        event: Queued,
        is_last: bool,
    },
    BeginResync,
    EndResync(Option<Head>),
}

impl Job {
    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Event(message) => message.body.len(),
            _ => 0,
        }
    }

    pub(super) fn seq(&self) -> Option<u64> {
        match self {
            Self::Event(message) => Some(message.seq),
            _ => None,
        }
    }
}

/// What was done.
pub(super) struct Done {
    pub(super) did: Did,
    pub(super) bytes: usize,
    /// The account, or what is still to be done.
    pub(super) result: Result<Finished, (Job, AccountError)>,
}

pub(super) struct Finished {
    pub(super) account: Box<Account>,
    pub(super) seq: Option<u64>,
    pub(super) verdict: Option<Verdict>,
    pub(super) received: Option<Received>,
    /// What is known of the account, where that has changed.
    pub(super) state: Option<AccountState>,
    /// What is to be done before all else.
    pub(super) first: VecDeque<Job>,
}

impl<I: Identities, A: AccountStore, K: Clock> Verifier<I, A, K> {
    pub(super) async fn run(self: Arc<Self>, did: Did, account: Option<Box<Account>>, job: Job) -> Done {
        let bytes = job.bytes();
        let account = match account {
            Some(account) => Ok(account),
            None => self.load(&did).await.map(Box::new),
        };
        let result = match account {
            Ok(account) => Ok(self.finish(account, job).await),
            Err(error) => Err((job, error)),
        };
        Done { did, bytes, result }
    }

    async fn load(&self, did: &Did) -> Result<Account, AccountError> {
        let account = match self.accounts.load(did).await? {
            Some(state) => state.into_account(did.clone()),
            None => Account::new(did.clone(), None),
        };
        Ok(account.with_policy(self.policy).with_max_queue(self.max_queue))
    }

    async fn finish(&self, mut account: Box<Account>, job: Job) -> Finished {
        let before = AccountState::of(&account);
        let (seq, mut first, mut received) = (job.seq(), VecDeque::new(), None);
        // Whether events are still to come that have waited: a program that ends before has lost them.
        let mut is_behind = false;
        let is_queued = matches!(job, Job::Queued { .. });
        let verdict = match job {
            Job::Event(mut message) => {
                let (kind, body) = (message.kind, message.body.clone());
                received = Some(Received { kind, body: body.clone() });
                Some(self.event(&mut account, message.take_event(), kind, &body).await)
            }
            Job::Queued { event, is_last } => {
                is_behind = !is_last;
                let (kind, body) = event.into_parts();
                let body = Bytes::from(body);
                received = Some(Received { kind, body: body.clone() });
                Some(self.event(&mut account, Event::parse(kind, &body).ok().flatten(), kind, &body).await)
            }
            Job::BeginResync => {
                account.begin_resync();
                None
            }
            Job::EndResync(head) => {
                let was_fetched = matches!(account.state(), Sync::Resynchronizing { .. });
                let queue = account.end_resync(head);
                let last = queue.len();
                first.extend(
                    (1..).zip(queue).map(|(number, event)| Job::Queued { event, is_last: number == last }),
                );
                is_behind = !first.is_empty();
                match account.state() {
                    _ if !was_fetched => None,
                    Sync::Synchronized(head) => Some(Verdict::Resynchronized(*head)),
                    _ => Some(Verdict::Desynchronized(None)),
                }
            }
        };
        let mut after = AccountState::of(&account);
        after.is_desynchronized |= is_behind;
        // That the fetching began was not reported, so that what comes of it says where the account is.
        let is_of_fetching = matches!(
            verdict,
            Some(Verdict::Queued | Verdict::Resynchronized(_) | Verdict::Desynchronized(_))
        );
        let state = (is_of_fetching || is_queued || before != after).then_some(after);
        Finished { account, seq, verdict, received, state, first }
    }

    async fn event(
        &self,
        account: &mut Account,
        event: Option<Event<'_>>,
        kind: &str,
        body: &Bytes,
    ) -> Verdict {
        match event {
            Some(event @ (Event::Commit(_) | Event::Sync(_))) => {
                self.signed(account, event, kind, body).await
            }
            Some(Event::Account(event)) => {
                if let Some(refused) = self.refused(account).await {
                    return refused;
                }
                account.account(&event);
                let status = account.status().map(Into::into);
                Verdict::Account { is_active: event.active, status }
            }
            Some(Event::Identity(event)) => {
                if let Some(refused) = self.refused(account).await {
                    return refused;
                }
                self.identities.invalidate(&event.did);
                Verdict::Identity { handle: event.handle }
            }
            // There is no other, and each was read before.
            _ => Verdict::Ignored(Ignored::Stale),
        }
    }

    /// Why a PDS is not believed of what it says of an account without a signature: it is not hosted there, or that cannot be found out. The
    /// identity is found anew once where it names another host. One that was known and has ended may be spoken of.
    async fn refused(&self, account: &Account) -> Option<Verdict> {
        let pds = self.pds.as_ref()?;
        let did = account.did();
        let mut identity = self.identities.lookup(did).await;
        loop {
            let host = match &identity {
                Err(error) if error.retry_after().is_some() => {
                    return Some(Verdict::Incomplete(error.clone()));
                }
                Err(error) if account.head().is_none() => {
                    return Some(Verdict::Ignored(Ignored::NoIdentity(error.clone())));
                }
                Err(_) => return None,
                Ok(identity) => match identity.pds() {
                    Ok(host) if host != pds => host.to_owned(),
                    _ => return None,
                },
            };
            if !self.refreshes.take(did, self.clock.now()) {
                return Some(Verdict::Invalid(Invalid::Host(host)));
            }
            identity = self.identities.refresh(did).await;
        }
    }

    /// Verifies a `#commit` or `#sync`. The identity is found anew once where it is not the one.
    async fn signed(&self, account: &mut Account, event: Event<'_>, kind: &str, body: &Bytes) -> Verdict {
        if let Some(reason) = ignored(account, &event) {
            return Verdict::Ignored(reason);
        }
        let mut event = Some(event);
        let did = account.did().clone();
        let mut identity = self.identities.lookup(&did).await;
        loop {
            let verdict = match &identity {
                Ok(identity) => self.verify(account, identity, event.take(), body),
                Err(error) if error.retry_after().is_some() => {
                    return Verdict::Incomplete(error.clone());
                }
                Err(error) => return Verdict::Ignored(Ignored::NoIdentity(error.clone())),
            };
            let may_be_old = matches!(
                verdict,
                Verdict::Invalid(Invalid::Event(VerifyError::Signature) | Invalid::Host(_))
                    | Verdict::Ignored(Ignored::Incapable(_))
            );
            if !may_be_old || !self.refreshes.take(&did, self.clock.now()) {
                return verdict;
            }
            identity = self.identities.refresh(&did).await;
            event = Event::parse(kind, body).ok().flatten();
        }
    }

    /// Verifies a `#commit` or `#sync` with the key of an identity.
    fn verify(
        &self,
        account: &mut Account,
        identity: &Identity,
        event: Option<Event<'_>>,
        body: &Bytes,
    ) -> Verdict {
        match (identity.signing_key(), identity.pds()) {
            (Err(missing), _) | (_, Err(missing)) => Verdict::Ignored(Ignored::Incapable(missing)),
            (_, Ok(host)) if self.pds.as_ref().is_some_and(|pds| host != pds) => {
                Verdict::Invalid(Invalid::Host(host.to_owned()))
            }
            (Ok(key), _) => {
                let now = u64::try_from(self.clock.unix_time().as_micros()).unwrap_or(u64::MAX);
                let outcome = match event {
                    Some(Event::Commit(event)) => account.commit(event, body, &key, now),
                    Some(Event::Sync(event)) => account.sync(&event, body, &key, now),
                    _ => Outcome::Ignored,
                };
                verdict_of(outcome, body)
            }
        }
    }
}

/// Why an event counts for nothing, whoever signed it: then nobody has to be asked.
fn ignored(account: &Account, event: &Event<'_>) -> Option<Ignored> {
    let is_fetched = matches!(account.state(), Sync::Resynchronizing { .. });
    match account.state() {
        // The account notes that it missed something.
        _ if is_fetched => None,
        _ if !account.is_active() => Some(Ignored::Inactive),
        Sync::Desynchronized(_) => Some(Ignored::Desynchronized),
        Sync::Synchronized(head) => {
            let is_old = matches!(event, Event::Commit(event) if event.rev <= head.rev);
            is_old.then_some(Ignored::Stale)
        }
        _ => None,
    }
}

fn verdict_of(outcome: Outcome<'_>, body: &Bytes) -> Verdict {
    match outcome {
        Outcome::Commit(commit) => Verdict::Commit(Commit::new(&commit, body)),
        Outcome::Unchanged => Verdict::Unchanged,
        Outcome::Queued => Verdict::Queued,
        Outcome::Desynchronized(why) => Verdict::Desynchronized(why),
        Outcome::Invalid(error) | Outcome::RefreshIdentity(error) => Verdict::Invalid(Invalid::Event(error)),
        _ => Verdict::Ignored(Ignored::Stale),
    }
}
