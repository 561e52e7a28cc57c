//! What is kept of accounts.

use atproto_lexicon::http::{MaybeSend, MaybeSync};
use atproto_lexicon::syntax::Did;
use atproto_repo::sync::{Account, Head, Sync};
use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};

/// What is known of an account, to be kept from one process to the next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountState {
    /// Where its repository was last; `None` before the first commit.
    pub head: Option<Head>,
    /// Whether the repository is known to be somewhere else, and has to be fetched.
    pub is_desynchronized: bool,
    /// Whether the host says that the account is active.
    pub is_active: bool,
    /// Why not, as the host says.
    pub status: Option<String>,
}

impl AccountState {
    /// What is known of an account. A repository that is being fetched is one that has to be: what was fetched counts once it is
    /// there.
    pub(super) fn of(account: &Account) -> Self {
        Self {
            head: account.head().copied(),
            is_desynchronized: matches!(
                account.state(),
                Sync::Desynchronized(_) | Sync::Resynchronizing { .. }
            ),
            is_active: account.is_active(),
            status: account.status().map(Into::into),
        }
    }

    pub(super) fn into_account(self, did: Did) -> Account {
        let account = Account::new(did, self.head).with_hosting(self.is_active, self.status);
        if self.is_desynchronized { account.desynchronized() } else { account }
    }
}

/// Keeps what is known of accounts.
///
/// A program with a database of its own saves the state in the same transaction as what it makes of an event
/// ([`Report::state`](super::Report::state)); its [`save`](Self::save) does nothing then.
pub trait AccountStore: MaybeSend + MaybeSync + 'static {
    /// What was saved last; `None` for an account that was never seen.
    ///
    /// # Errors
    /// [`AccountError`].
    fn load(&self, did: &Did)
    -> impl Future<Output = Result<Option<AccountState>, AccountError>> + MaybeSend;

    /// Saves a state in place of the one before. Where the future is dropped, either of them must be there, and whole.
    ///
    /// # Errors
    /// [`AccountError`].
    fn save(
        &self,
        did: &Did,
        state: &AccountState,
    ) -> impl Future<Output = Result<(), AccountError>> + MaybeSend;
}

/// Why a state was not loaded or saved.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the accounts' store failed")]
pub struct AccountError(#[source] Arc<dyn Error + Send + std::marker::Sync>);

impl AccountError {
    /// With what the store says of it.
    pub fn new(source: impl Error + Send + std::marker::Sync + 'static) -> Self {
        Self(Arc::new(source))
    }
}

/// Keeps states in memory: as many as there are accounts. Its clones are the same one.
#[derive(Debug, Clone, Default)]
pub struct MemoryAccounts(Arc<Mutex<HashMap<Did, AccountState>>>);

impl MemoryAccounts {
    /// What was saved last.
    pub fn get(&self, did: &Did) -> Option<AccountState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(did).cloned()
    }

    /// Saves a state, such as one to begin with.
    pub fn insert(&self, did: Did, state: AccountState) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(did, state);
    }
}

impl AccountStore for MemoryAccounts {
    async fn load(&self, did: &Did) -> Result<Option<AccountState>, AccountError> {
        Ok(self.get(did))
    }

    async fn save(&self, did: &Did, state: &AccountState) -> Result<(), AccountError> {
        self.insert(did.clone(), state.clone());
        Ok(())
    }
}
