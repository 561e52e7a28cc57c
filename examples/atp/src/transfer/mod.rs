//! What an account has, on its way: from its host into a folder, and from a folder to a host.
//!
//! ```text
//! DIR/account.json      whose it is, and what was there: see `About`
//! DIR/repo.car          the repository, which was verified before it was there
//! DIR/blobs/CID         the bytes of each blob, whose hash is that of its name
//! DIR/preferences.json  the answer of app.bsky.actor.getPreferences, where the host has it
//! ```
//!
//! A file is there whole or not at all, so that what was begun goes on where it was.

mod blob;
mod download;
mod folder;
mod references;
mod repo;
mod upload;

pub(crate) use blob::receive_blob;
pub(crate) use download::{Export, Exported};
pub(crate) use folder::{About, Folder};
pub(crate) use references::References;
pub(crate) use repo::{Repo, read_repo, receive_repo};
pub(crate) use upload::{Import, Imported, import_repo};

use crate::remote::Stop;
use atproto_lexicon::syntax::Nsid;
use atproto_xrpc::{Call, Error};
use indicatif::{ProgressBar, ProgressStyle};

/// The most blobs of an account, as its records link them or a host lists them: 1,000,000. A list without an end has one here.
const MAX_LISTED: usize = 1_000_000;

/// The names of the endpoints for what an account prefers, which are an application's.
const GET_PREFERENCES: &str = "app.bsky.actor.getPreferences";
const PUT_PREFERENCES: &str = "app.bsky.actor.putPreferences";

/// The name of an endpoint whose types are not in this program.
pub(crate) fn nsid(name: &str) -> Result<Nsid, Stop> {
    name.parse().map_err(|error| Stop::usage(format!("{name}: {error}")))
}

/// Whether a host has no such endpoint. The reference host would pass a call of one on, and says in words alone that it knows nobody.
fn is_unsupported(error: &Error) -> bool {
    let Error::Refused(refused) = error else { return false };
    let is_named = matches!(
        error.name(),
        Some("MethodNotImplemented" | "XRPCNotSupported" | "InvalidMethod" | "UnknownMethod")
    );
    let is_said =
        refused.message.as_deref().is_some_and(|message| message.starts_with("No service configured for "));
    is_named || is_said || matches!(refused.head.status.as_u16(), 404 | 501)
}

/// Shows a person how many blobs there were, on a terminal only.
fn counter(what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("{msg} {pos}, for {elapsed}");
    let bar = ProgressBar::no_length().with_message(what);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Says that there are too many blobs.
fn check_listed(listed: usize) -> Result<(), Stop> {
    match listed > MAX_LISTED {
        true => Err(Stop::wrong("too_many", format!("more than {MAX_LISTED} blobs"))),
        false => Ok(()),
    }
}

/// A query of an endpoint by its name.
fn query(name: &str) -> Result<Call, Stop> {
    Ok(Call::query(nsid(name)?))
}
