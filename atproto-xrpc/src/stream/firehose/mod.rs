//! The firehose: all that happens in the repositories of a host or of the network, verified
//! (<https://atproto.com/specs/sync>).
//!
//! [`Firehose`] reads `com.atproto.sync.subscribeRepos`, asks for the accounts' keys, and says of each event what it has come to: the
//! records that changed, or why it does not count. What it knows of accounts is in an [`AccountStore`], their keys come from
//! [`Identities`].
//!
//! ```no_run
//! # use atproto_lexicon::clock::Clock;
//! # use atproto_xrpc::stream::Connect;
//! # use atproto_xrpc::stream::firehose::Identities;
//! use atproto_xrpc::stream::firehose::{Firehose, FirehoseEvent, MemoryAccounts, SubscribeRepos, Verdict};
//! use atproto_xrpc::stream::{FileCursor, Subscription};
//!
//! # async fn watch(sockets: impl Connect, clock: impl Clock + Clone + Send + Sync + 'static, identities: impl Identities, seed: u64)
//! # -> Result<(), Box<dyn std::error::Error>> {
//! let repos = SubscribeRepos::new("https://relay.example.com")?;
//! let stream = Subscription::with_store(repos, sockets, clock.clone(), FileCursor::new("cursor"), seed);
//! let mut firehose = Firehose::new(stream, identities, MemoryAccounts::default(), clock);
//! loop {
//!     if let FirehoseEvent::Report(report) = firehose.next().await? {
//!         if let Verdict::Commit(commit) = &report.verdict {
//!             for op in &commit.ops {
//!                 println!("{} {} {}", report.did, op.action.as_str(), op.path);
//!             }
//!         }
//!         firehose.handled(&report).await?;
//!     }
//! }
//! # }
//! ```

mod accounts;
mod driver;
mod identities;
mod message;
mod report;
mod verify;

pub use accounts::{AccountError, AccountState, AccountStore, MemoryAccounts};
pub use driver::{Config, Firehose, FirehoseError, FirehoseEvent};
pub use identities::Identities;
pub use message::{RepoMessage, SubscribeRepos};
pub use report::{Commit, Ignored, Invalid, Op, Received, Report, Verdict};
