use crate::network::{Network, NetworkArguments, reason};
use crate::output::{Failure, Outcome, Output, printable_lines};
use crate::remote::Stop;
use crate::remote::session::{LoggedIn, SessionArguments};
use crate::transfer::{self, Exported, Folder, Imported, read_repo};
use atproto_crypto::PublicKey;
use atproto_lexicon::syntax::Did;
use atproto_xrpc::api::com::atproto::server::CheckAccountStatus;
use atproto_xrpc::api::com::atproto::server::check_account_status::CheckAccountStatusOutput;
use clap::Args;
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use tokio::runtime::Runtime;

#[derive(Args)]
pub(crate) struct Export {
    /// The folder, which is made; without it, one that is named after the DID.
    #[arg(short, long, value_name = "DIR")]
    output: Option<PathBuf>,
    /// Do not verify the signature of the repository: anybody can have made what comes.
    #[arg(long)]
    no_signature: bool,
    #[command(flatten)]
    session: SessionArguments,
    #[command(flatten)]
    network: NetworkArguments,
}

#[derive(Args)]
pub(crate) struct Import {
    /// A folder that `atp account export` has written.
    #[arg(value_name = "DIR")]
    folder: PathBuf,
    /// Also where the account is active: its records become those of the copy, and others are deleted.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    session: SessionArguments,
}

impl Export {
    pub(super) fn run(self, runtime: &Runtime, output: &mut Output) -> Result<Outcome, Stop> {
        let client = self.session.open(runtime)?;
        let did = client.auth().did();
        let key = match self.no_signature {
            true => None,
            false => Some(signing_key(&did, &Network::open(self.network)?)?),
        };
        let path = self.output.unwrap_or_else(|| did.as_str().replace(':', "-").into());
        let folder = Folder::create(&path)?;
        let exported = runtime.block_on(transfer::Export { client: &client, folder: &folder, key }.run())?;
        let mut json = exported_json(&exported);
        if let Some(fields) = json.as_object_mut() {
            fields.insert("did".into(), did.as_str().into());
            fields.insert("folder".into(), path.display().to_string().into());
        }
        // Why a blob is missing are the words of the host.
        let text = printable_lines(&exported_text(&exported));
        output.line(format!("{did} in {}\n{text}", path.display()), &json)?;
        Ok(exported.outcome())
    }
}

impl Import {
    pub(super) fn run(self, runtime: &Runtime, output: &mut Output) -> Result<Outcome, Stop> {
        let (folder, about) = Folder::open(&self.folder)?;
        let client = self.session.open(runtime)?;
        let did = client.auth().did();
        if did != about.did {
            return Err(Stop::usage(format!("the copy is of {}, and {did} has logged in", about.did)));
        }
        refuse_active(&client, self.force, runtime)?;
        let key = about.key.as_deref().map(str::parse::<PublicKey>).transpose();
        let key = key.map_err(|error| Stop::usage(format!("account.json: {error}")))?;
        let repo = read_repo(&folder.repo(), &did, key)?;
        let import = transfer::Import { client: &client, folder: &folder, repo: &repo };
        let imported = runtime.block_on(import.run())?;
        output.line(imported_text(&imported), &imported_json(&imported))?;
        let is_whole = imported.missing.is_empty() && imported.preferences != Some(false);
        Ok(if is_whole { Outcome::Done } else { Outcome::Incomplete })
    }
}

/// An account in use is not written over without leave.
pub(crate) fn refuse_active(client: &LoggedIn, force: bool, runtime: &Runtime) -> Result<(), Stop> {
    let status = runtime.block_on(client.send(&CheckAccountStatus))?.output;
    match status.activated && !force {
        true => Err(Stop::usage("the account is active: --force lets its records become those of the copy")),
        false => Ok(()),
    }
}

/// The key of an account's commits, by its DID document.
pub(crate) fn signing_key(did: &Did, network: &Network) -> Result<PublicKey, Stop> {
    let document = network.document(did).map_err(|error| Failure::File(reason(&error)))?;
    document
        .signing_key()
        .ok_or_else(|| Stop::wrong("no_key", format!("the DID document of {did} has no key")))
}

fn exported_text(exported: &Exported) -> String {
    let Exported { repo, blobs, fetched, missing, preferences } = exported;
    let preferences = if *preferences { "there" } else { "the host has none" };
    let mut text = format!(
        "  commit       {}\n  rev          {}\n  records      {}\n  blobs        {blobs}, {fetched} of them fetched\n  \
         preferences  {preferences}",
        repo.commit, repo.rev, repo.records
    );
    for (cid, reason) in missing {
        text.push_str(&format!("\n  missing      {cid}: {reason}"));
    }
    text
}

fn exported_json(exported: &Exported) -> Json {
    let Exported { repo, blobs, fetched, missing, preferences } = exported;
    let missing: Vec<_> = missing.iter().map(|(cid, reason)| json!({"cid": cid, "reason": reason})).collect();
    json!({
        "commit": repo.commit.to_string(), "rev": repo.rev.to_string(), "data": repo.data.to_string(),
        "records": repo.records, "size": repo.size, "blobs": blobs, "fetched": fetched, "missing": missing,
        "preferences": preferences,
    })
}

fn imported_text(imported: &Imported) -> String {
    let Imported { uploaded, missing, preferences, status } = imported;
    let preferences = match preferences {
        Some(true) => "taken",
        Some(false) => "the host does not take them",
        None => "the copy has none",
    };
    let CheckAccountStatusOutput { indexed_records, expected_blobs, imported_blobs, .. } = status;
    let mut text = format!(
        "commit       {}\nrecords      {indexed_records}\nblobs        {imported_blobs} of {expected_blobs}, {uploaded} of them \
         uploaded\npreferences  {preferences}",
        status.repo_commit
    );
    for cid in missing {
        text.push_str(&format!("\nmissing      {cid}"));
    }
    text
}

fn imported_json(imported: &Imported) -> Json {
    let Imported { uploaded, missing, preferences, status } = imported;
    json!({
        "uploaded": uploaded, "missing": missing, "preferences": preferences, "status": {
            "activated": status.activated, "valid_did": status.valid_did, "commit": status.repo_commit,
            "rev": status.repo_rev, "blocks": status.repo_blocks, "records": status.indexed_records,
            "expected_blobs": status.expected_blobs, "imported_blobs": status.imported_blobs,
        },
    })
}
