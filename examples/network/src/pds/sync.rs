//! Repositories for everybody: whole, as proofs, and as events (<https://atproto.com/specs/sync>).

use super::{ACCOUNTS, Account, Pds, Served, invalid, refuse};
use crate::storage::Failed;
use atproto_lexicon::http::{Body, Bytes, HttpError, HttpErrorKind};
use atproto_lexicon::syntax::Did;
use atproto_repo::car::CarWriter;
use atproto_repo::repo::UnsignedRepo;
use atproto_repo::store::Blocks as _;
use atproto_xrpc::api::com::atproto::sync::get_blocks::GetBlocks;
use atproto_xrpc::api::com::atproto::sync::get_latest_commit::{GetLatestCommit, GetLatestCommitOutput};
use atproto_xrpc::api::com::atproto::sync::get_record::GetRecord;
use atproto_xrpc::api::com::atproto::sync::get_repo::GetRepo;
use atproto_xrpc::api::com::atproto::sync::get_repo_status::{GetRepoStatus, GetRepoStatusOutput};
use atproto_xrpc::api::com::atproto::sync::list_repos::{ListRepos, ListReposOutput, Repo as Listed};
use atproto_xrpc::api::com::atproto::sync::subscribe_repos::SubscribeRepos;
use atproto_xrpc::server::{Asked, Download, Events, MemoryLog, XrpcRouter};
use std::io::{self, Write};
use std::sync::Arc;
use tokio::sync::mpsc;

/// The bytes that are sent at once, and how many such pieces wait for whoever reads them.
const PIECE: usize = 64 << 10;
const PIECES: usize = 4;

pub(super) fn serve(router: XrpcRouter<Pds>) -> XrpcRouter<Pds> {
    let router = router.download(repo).download(record).download(blocks);
    router.serve(latest_commit).serve(status).serve(list).subscription(subscribe)
}

/// The whole repository. It is read while it is sent, a piece at a time.
async fn repo(pds: Arc<Pds>, asked: Asked<GetRepo>) -> Served<GetRepo, Download<Pieces>> {
    let did = asked.params.did;
    let of = did.clone();
    let blocks = Arc::clone(&pds).run(move |pds| {
        pds.active_account(&of.clone().into())?;
        Ok(pds.repo(&of)?)
    });
    let blocks = blocks.await?;
    let (sender, receiver) = mpsc::channel(PIECES);
    tokio::task::spawn_blocking(move || {
        let mut out = Sending { piece: Vec::new(), sender };
        let sent = UnsignedRepo::open(&blocks).map_err(Failed::from).and_then(|repo| {
            let out = repo.export(&mut out)?;
            Ok(out.flush()?)
        });
        if let Err(Failed(error)) = sent {
            // Whoever reads it sees that the end is missing.
            eprintln!("com.atproto.sync.getRepo of {did}: {error}");
            drop(out.sender.blocking_send(Err(HttpErrorKind::Broken.into())));
        }
    });
    Ok(Download::car(Pieces(receiver)))
}

/// A file on its way to whoever reads it.
struct Pieces(mpsc::Receiver<Result<Bytes, HttpError>>);

impl Body for Pieces {
    async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        self.0.recv().await.transpose()
    }
}

struct Sending {
    piece: Vec<u8>,
    sender: mpsc::Sender<Result<Bytes, HttpError>>,
}

impl Write for Sending {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let piece = std::mem::take(&mut self.piece);
        self.sender.blocking_send(Ok(piece.into())).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

/// The proof of a record, or that there is none.
async fn record(pds: Arc<Pds>, asked: Asked<GetRecord>) -> Served<GetRecord, Download<Bytes>> {
    let GetRecord { did, collection, rkey } = asked.params;
    pds.run(move |pds| {
        pds.active_account(&did.clone().into())?;
        let blocks = pds.repo(&did)?;
        let proof = UnsignedRepo::open(&blocks)?.prove(&format!("{collection}/{rkey}")).map_err(invalid)?;
        Ok(Download::car(proof.into()))
    })
    .await
}

async fn blocks(pds: Arc<Pds>, asked: Asked<GetBlocks>) -> Served<GetBlocks, Download<Bytes>> {
    let GetBlocks { did, cids } = asked.params;
    pds.run(move |pds| {
        pds.active_account(&did.clone().into())?;
        let blocks = pds.repo(&did)?;
        let mut car = CarWriter::new(Vec::new(), &[])?;
        let mut buf = Vec::new();
        for text in &cids {
            let cid = text.to_cid();
            let block = match &cid {
                Some(cid) => blocks.get(cid, &mut buf)?,
                None => None,
            };
            let (Some(cid), Some(block)) = (cid, block) else {
                return Err(refuse("BlockNotFound", &format!("{text} is not in the repository")));
            };
            car.write(&cid, block)?;
        }
        Ok(Download::car(car.into_inner().into()))
    })
    .await
}

async fn latest_commit(pds: Arc<Pds>, asked: Asked<GetLatestCommit>) -> Served<GetLatestCommit> {
    let did = asked.params.did;
    pds.run(move |pds| {
        pds.active_account(&did.clone().into())?;
        let blocks = pds.repo(&did)?;
        let repo = UnsignedRepo::open(&blocks)?;
        Ok(GetLatestCommitOutput::new((*repo.commit_cid()).into(), repo.commit().rev))
    })
    .await
}

async fn status(pds: Arc<Pds>, asked: Asked<GetRepoStatus>) -> Served<GetRepoStatus> {
    let did = asked.params.did;
    pds.run(move |pds| {
        let account = pds.account(&did)?;
        let blocks = pds.repo(&did)?;
        let mut output = GetRepoStatusOutput::new(did, account.is_active);
        output.status = account.status().map(Into::into);
        if account.is_active {
            output.rev = Some(UnsignedRepo::open(&blocks)?.commit().rev);
        }
        Ok(output)
    })
    .await
}

async fn list(pds: Arc<Pds>, asked: Asked<ListRepos>) -> Served<ListRepos> {
    let limit = usize::try_from(asked.params.limit_or_default())?;
    let cursor = asked.params.cursor.unwrap_or_default();
    pds.run(move |pds| {
        let rows = pds.storage.scan(ACCOUNTS, "", &cursor, limit)?;
        let mut output = ListReposOutput::new(Vec::new());
        output.cursor = rows.last().filter(|_| rows.len() == limit).map(|(did, _)| did.clone());
        for (did, row) in rows {
            let account: Account = serde_json::from_slice(&row)?;
            let did: Did = did.parse()?;
            let blocks = pds.repo(&did)?;
            // One that is on its way here has none yet.
            let Ok(repo) = UnsignedRepo::open(&blocks) else { continue };
            let mut listed = Listed::new(did, (*repo.commit_cid()).into(), repo.commit().rev);
            (listed.active, listed.status) = (Some(account.is_active), account.status().map(Into::into));
            output.repos.push(listed);
        }
        Ok(output)
    })
    .await
}

async fn subscribe(pds: Arc<Pds>, asked: Asked<SubscribeRepos>) -> Served<SubscribeRepos, Events<MemoryLog>> {
    Ok(Events::new(Arc::clone(&pds.log), asked.params.cursor)?)
}
