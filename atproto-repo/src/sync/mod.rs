//! The events of `com.atproto.sync.subscribeRepos` (<https://atproto.com/specs/sync>): read without copying, verified, and
//! followed account by account; and the same events for one's own commits. There is no IO here, and the time is passed in.
//!
//! [`Event::parse`] says that an event is of the form that its lexicon gives, within [`Limits`]. What it says of a repository is the
//! word of the host that sent it. [`CommitEvent::verify`] makes it the account's: the commit is signed, every record is where an
//! operation says, and the operations undone, the tree is the one before, so that they are all that changed. [`Account`] keeps where
//! a repository is and says what each event makes of that, up to the fetching of a repository that was lost track of.
//!
//! # The blocks of an event
//!
//! The fewest nodes on which the operations can be undone are those that the tree before does not have, and those whose gap holds a
//! deleted key; and they suffice in one order only: deletions, then updates, then creations from the lowest layer up. They do not
//! prove all: a subtree beside a created key, which nobody reads, can hold keys that belong on the other side of it, and is in order
//! again once the key is gone. So [`CommitEvent::verify`] reads what lies along a created key on both sides, unless
//! [`Policy::allow_minimal`] says otherwise, and [`commit_event`](crate::repo::SignedCommit::commit_event) sends the nodes to each
//! key's neighbours, as the reference implementation does; over all cases of the public suite these are 3 in a hundred more.
//!
//! ```
//! use atproto_repo::sync::Event;
//! # use atproto_lexicon::data::{Object, Value, cbor};
//! # let header = Object::from([("op".into(), Value::Integer(1)), ("t".into(), "#account".into())]);
//! # let body = Object::from([
//! #     ("active".into(), Value::Boolean(true)),
//! #     ("did".into(), "did:plc:ewvi7nxzyoun6zhxrhs64oiz".into()),
//! #     ("seq".into(), Value::Integer(7)),
//! #     ("time".into(), "2026-01-01T00:00:00.000Z".into()),
//! # ]);
//! # let message = [cbor::to_vec(&header)?, cbor::to_vec(&body)?].concat();
//! match Event::from_frame(&message) {
//!     Ok(Some(Event::Account(account))) => assert!(account.active),
//!     Ok(_) => {}                                  // of another type, or of one from the future
//!     Err(error) if error.ends_stream() => {}      // drop the connection
//!     Err(_) => {}                                 // refuse this one event
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod account;
mod error;
mod event;
mod fields;
mod outline;
mod produce;
mod reconcile;
mod verify;

pub use account::{Account, Outcome, Queued, Sync};

pub use atproto_lexicon::data::frame::to_frame;
pub use error::{EventError, FieldReason, Place};
pub use event::{
    AccountEvent, AccountStatus, Action, CommitEvent, Event, IdentityEvent, InfoEvent, Limits, RepoOp,
    SyncEvent,
};
pub use outline::CommitOutline;
pub use produce::ProduceError;
pub use reconcile::Reconcile;
pub use verify::{ErrorKind, Head, Policy, VerifiedCommit, VerifyError};
