//! Keeps a copy of an account that is proven to be whole.

use atproto_crypto::PublicKey;
use atproto_lexicon::data::{Cid, blob_links};
use atproto_lexicon::syntax::{AtIdentifier, Did, Tid};
use atproto_repo::car::Car;
use atproto_repo::repo::Repo;
use atproto_xrpc::api::com::atproto::sync::get_blob::GetBlobError;
use atproto_xrpc::api::com::atproto::sync::{GetBlob, GetLatestCommit, GetRepo};
use clap::Parser;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use systems::connect::{Anybody, NetworkArgs, lookup, waiting};
use systems::keep::replace;
use systems::{Done, Stop, run};

/// Copies an account's repository and blobs to a folder, and verifies them: `repo.car`, `blobs/CID`. What is there already is not
/// fetched again.
#[derive(Parser)]
struct Arguments {
    /// The account, by handle or DID.
    account: AtIdentifier,
    /// The folder.
    #[arg(long, value_name = "FOLDER", default_value = "backup")]
    folder: PathBuf,
    #[command(flatten)]
    network: NetworkArgs,
}

/// The most bytes of a repository, and of a blob.
const MAX_REPO: usize = 1 << 30;
const MAX_BLOB: usize = 256 << 20;

fn main() -> ExitCode {
    run(backup)
}

async fn backup(Arguments { account, folder, network }: Arguments) -> Done {
    let identity = lookup(&network.identities()?, &account).await?;
    let (did, key, host) = (identity.did(), identity.signing_key()?, identity.pds()?);
    let client = network.client(host)?;
    fs::create_dir_all(folder.join("blobs"))?;
    let file = folder.join("repo.car");

    let ask = GetLatestCommit { did: did.clone() };
    let latest = waiting(host, async || client.send(&ask).await).await?.output;
    let kept = fs::read(&file).ok().filter(|bytes| {
        // What is there counts where it is whole, whoever has written it.
        verify(bytes, did, &key).is_ok_and(|copy| latest.cid.to_cid() == Some(copy.commit))
    });
    let is_current = kept.is_some();
    let bytes = match kept {
        Some(kept) => kept,
        None => {
            let ask = GetRepo::new(did.clone());
            let fetched = waiting(host, async || client.download(&ask).await).await?.output;
            fetched.read_all(MAX_REPO).await?.to_vec()
        }
    };
    let Verified { rev, records, blobs, faults, .. } = verify(&bytes, did, &key)?;
    if !is_current {
        replace(&file, &bytes)?;
    }
    faults.iter().for_each(|fault| eprintln!("a record that breaks the data model: {fault}"));
    let (mut fetched, mut missing) = (0_usize, 0_usize);
    for cid in &blobs {
        match keep_blob(&client, did, cid, &folder).await? {
            Kept::Already => {}
            Kept::Fetched => fetched = fetched.saturating_add(1),
            Kept::Missing => {
                missing = missing.saturating_add(1);
                eprintln!("blob {cid}: the host does not have it");
            }
        }
    }
    let state = if is_current { "unchanged" } else { "new" };
    println!("{did} at {rev}: {records} records, {state}; {} blobs, {fetched} new", blobs.len());
    if missing == 0 { Ok(()) } else { Err(Stop::new(format!("{missing} blobs are missing"))) }
}

/// What is in a repository that is whole, and signed by its account.
struct Verified {
    commit: Cid,
    rev: Tid,
    records: u64,
    blobs: BTreeSet<Cid>,
    faults: Vec<String>,
}

fn verify(bytes: &[u8], did: &Did, key: &PublicKey) -> Done<Verified> {
    let car = Car::parse(bytes)?;
    let repo = Repo::verify(&car, did, key)?;
    let (mut blobs, mut faults) = (BTreeSet::new(), Vec::new());
    let records = repo.check_records(|path, fault| faults.push(format!("{path}: {fault}")))?.records;
    let mut walk = repo.walk();
    while let Some(entry) = walk.next()? {
        if let Ok(record) = entry.record.to_object() {
            blobs.extend(blob_links(&record).map(|(cid, _)| cid));
        }
    }
    Ok(Verified { commit: *repo.commit_cid(), rev: repo.commit().rev, records, blobs, faults })
}

enum Kept {
    Already,
    Fetched,
    Missing,
}

/// A blob is what its CID is the hash of, wherever it comes from.
async fn keep_blob(client: &Anybody, did: &Did, cid: &Cid, folder: &Path) -> Done<Kept> {
    let path = folder.join("blobs").join(cid.to_string());
    if fs::read(&path).is_ok_and(|bytes| cid.matches(&bytes)) {
        return Ok(Kept::Already);
    }
    let ask = GetBlob { did: did.clone(), cid: (*cid).into() };
    let host = client.service().to_string();
    let reply = match waiting(&host, async || client.download(&ask).await).await {
        Err(error) if error.name() == Some(GetBlobError::BlobNotFound.as_ref()) => return Ok(Kept::Missing),
        reply => reply?,
    };
    let bytes = reply.output.read_all(MAX_BLOB).await?;
    if !cid.matches(&bytes) {
        return Err(Stop::new(format!("blob {cid}: the host has given other bytes")));
    }
    replace(&path, &bytes)?;
    Ok(Kept::Fetched)
}
