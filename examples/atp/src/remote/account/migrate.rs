use super::create::Terms;
use crate::key::read_secret;
use crate::migrate::{Authority, Migration, Progress, State, Step};
use crate::network::{Network, NetworkArguments, reason};
use crate::output::{Failure, Outcome, Output};
use crate::remote::session::{LoggedIn, SessionArguments};
use crate::remote::{Stop, service};
use atproto_crypto::PublicKey;
use atproto_lexicon::syntax::{Datetime, Handle};
use atproto_xrpc::ServiceUrl;
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};
use tokio::runtime::Runtime;

#[derive(Args)]
pub(crate) struct Migrate {
    /// The URL or the name of the new host.
    new_host: String,
    /// The handle on the new host; by default the one that the account has.
    #[arg(long)]
    handle: Option<Handle>,
    #[command(flatten)]
    terms: Terms,
    /// Sign for the identity with this rotation key: a file with the secret key as a multikey.
    #[arg(long, value_name = "FILE.key", conflicts_with = "token")]
    rotation_key: Option<PathBuf>,
    /// The token that the present host has sent by e-mail.
    #[arg(long, value_name = "TOKEN")]
    token: Option<String>,
    /// A rotation key of one's own that stays, or is added before those of the new host. Of others, those stay that the present host does
    /// not call its own.
    #[arg(long = "keep-rotation-key", value_name = "did:key")]
    own_keys: Vec<PublicKey>,
    /// Move though the present host does not have all blobs.
    #[arg(long)]
    skip_missing_blobs: bool,
    /// Do not verify the signature of the present host's repository.
    #[arg(long)]
    no_signature: bool,
    /// When the old host may delete what it has.
    #[arg(long, value_name = "DATETIME")]
    delete_after: Option<Datetime>,
    #[command(flatten)]
    session: SessionArguments,
    #[command(flatten)]
    network: NetworkArguments,
}

impl Migrate {
    pub(super) fn run(self, runtime: &Runtime, output: &mut Output) -> Result<Outcome, Stop> {
        let to = service(&self.new_host)?;
        let authority = match (&self.rotation_key, self.token) {
            (Some(path), _) => Authority::Key(read_secret(path)?),
            (None, Some(token)) => Authority::Token(token),
            (None, None) => Authority::Nobody,
        };
        let session = self.session.file()?;
        let old = self.session.open(runtime)?;
        let network = Network::open(self.network)?;
        let folder = Progress::folder_of(&old.auth().did(), session.folder());
        let progress = match go_on(&old, &to, self.handle.as_ref(), &folder)? {
            Some(progress) => progress,
            None => begin(&old, to, self.handle, &folder, &network)?,
        };
        let migration = Migration {
            progress,
            old,
            session: &session,
            development: self.session.development,
            terms: &self.terms,
            authority,
            own_keys: &self.own_keys,
            is_signed: !self.no_signature,
            skips_missing: self.skip_missing_blobs,
            delete_after: self.delete_after,
            network: &network,
            runtime,
        };
        print(&migration.run(output)?, output)
    }
}

/// The move that was begun, if it was.
fn go_on(
    old: &LoggedIn,
    to: &ServiceUrl,
    handle: Option<&Handle>,
    folder: &Path,
) -> Result<Option<Progress>, Stop> {
    let Some(progress) = Progress::load(folder)? else { return Ok(None) };
    let (state, file) = (&progress.state, progress.file());
    if state.did != old.auth().did() {
        return Err(Stop::usage(format!("{} is of {}", file.display(), state.did)));
    }
    let is_there = *old.service() == state.to;
    if progress.has_done(Step::Session) {
        return Ok(Some(progress).filter(|_| is_there && *old.service() == *to));
    }
    let begun = |what: &str| {
        let file = file.display();
        Err(Stop::usage(format!("a move {what} has begun: go on with it, or remove {file} to begin another")))
    };
    let is_other = state.to != *to || handle.is_some_and(|handle| *handle != state.handle);
    if is_other && !progress.has_done(Step::Create) {
        // The host may not have wanted the handle: nothing was done.
        return Ok(None);
    }
    if state.to != *to {
        return begun(&format!("to {}", state.to));
    }
    if is_other {
        return begun(&format!("with the handle {}", state.handle));
    }
    if *old.service() == state.from || (is_there && progress.has_done(Step::Deactivate)) {
        return Ok(Some(progress));
    }
    Err(Stop::usage(format!("the session is at {}: log in at {} to go on", old.service(), state.from)))
}

fn begin(
    old: &LoggedIn,
    to: ServiceUrl,
    handle: Option<Handle>,
    folder: &Path,
    network: &Network,
) -> Result<Progress, Stop> {
    let (did, from) = (old.auth().did(), old.service().clone());
    if from == to {
        return Err(Stop::usage(format!("{did} is at {to} already")));
    }
    let document = network.document(&did).map_err(|error| Failure::File(reason(&error)))?;
    let pds = document.pds().unwrap_or_default();
    if ServiceUrl::parse(pds).ok().as_ref() != Some(&from) {
        return Err(Stop::usage(format!("the session is at {from}, and {did} at {pds:?}: log in there")));
    }
    let handle = handle.unwrap_or_else(|| old.auth().handle());
    let state = State { did, from, to, handle, done: None, copied: None, operation: None, late: None };
    Ok(Progress::begin(folder, state)?)
}

fn print(progress: &Progress, output: &mut Output) -> Result<Outcome, Stop> {
    let State { did, from, to, handle, copied, late, .. } = &progress.state;
    let copy = progress.copy().display().to_string();
    let mut text = format!("{handle} ({did}) is at {to}\n  copy     {copy}");
    if let Some(copied) = copied {
        text.push_str(&format!("\n  records  {}\n  blobs    {}", copied.records, copied.blobs));
        for cid in &copied.missing {
            text.push_str(&format!("\n  missing  {cid}"));
        }
    }
    if let Some(late) = late {
        text.push_str(&format!(
            "\n  late     {from} has records that were written after the copy, in commit {late}"
        ));
    }
    let missing = copied.as_ref().map(|copied| copied.missing.as_slice()).unwrap_or_default();
    let json = json!({
        "did": did, "handle": handle, "from": from, "host": to, "copy": copy, "missing": missing, "late": late,
        "records": copied.as_ref().map(|copied| copied.records), "blobs": copied.as_ref().map(|copied| copied.blobs),
    });
    output.line(text, &json)?;
    Ok(if missing.is_empty() && late.is_none() { Outcome::Done } else { Outcome::Incomplete })
}
