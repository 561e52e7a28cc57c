use super::{
    About, Folder, GET_PREFERENCES, Repo, check_listed, counter, is_unsupported, query, receive_blob,
    receive_repo,
};
use crate::output::Outcome;
use crate::remote::session::LoggedIn;
use crate::remote::{Stop, to_json};
use crate::save::Staged;
use atproto_crypto::PublicKey;
use atproto_lexicon::data::{Cid, Codec};
use atproto_lexicon::syntax::Did;
use atproto_xrpc::Error;
use atproto_xrpc::api::com::atproto::sync::{GetBlob, GetRepo, ListBlobs};
use futures_util::StreamExt as _;
use std::pin::pin;

/// How much is kept of what a host says of a blob that it does not have, in characters.
const MAX_REASON: usize = 200;

/// A copy of an account, from its host into a folder.
pub(crate) struct Export<'a> {
    pub(crate) client: &'a LoggedIn,
    pub(crate) folder: &'a Folder,
    /// The key that signs the account's commits, where the signature is to be verified.
    pub(crate) key: Option<PublicKey>,
}

/// What came of a copy.
#[derive(Debug)]
pub(crate) struct Exported {
    pub(crate) repo: Repo,
    /// How many blobs are there.
    pub(crate) blobs: u64,
    /// How many of them were not there before.
    pub(crate) fetched: u64,
    /// Those that the host does not have, or whose bytes are others, and why.
    pub(crate) missing: Vec<(String, String)>,
    /// Whether the host says what the account prefers.
    pub(crate) preferences: bool,
}

impl Export<'_> {
    /// Copies the repository, what the account prefers, and the blobs that its records link or its host lists.
    pub(crate) async fn run(&self) -> Result<Exported, Stop> {
        let data = self.client.auth().data();
        let repo = self.repo(&data.did).await?;
        self.folder.set_about(&About {
            did: data.did.clone(),
            handle: data.handle,
            host: self.client.service().to_string(),
            key: self.key.map(|key| key.to_did_key()),
            commit: repo.commit.into(),
            rev: repo.rev.to_string(),
            data: repo.data.into(),
            records: repo.records,
        })?;
        let preferences = self.preferences().await?;
        let mut exported = Exported { repo, blobs: 0, fetched: 0, missing: Vec::new(), preferences };
        self.blobs(&data.did, &mut exported).await?;
        Ok(exported)
    }

    async fn repo(&self, did: &Did) -> Result<Repo, Stop> {
        let body = self.client.download(&GetRepo::new(did.clone())).await?.output;
        let mut file = Staged::own(&self.folder.repo())?;
        let repo = receive_repo(body, did, self.key, &mut file).await?;
        file.finish()?;
        Ok(repo)
    }

    async fn preferences(&self) -> Result<bool, Stop> {
        let answer = match self.client.call(&query(GET_PREFERENCES)?).await {
            Ok(reply) => reply.output,
            Err(error) if is_unsupported(&error) => None,
            Err(error) => return Err(error.into()),
        };
        let json = answer.as_ref().map(to_json).transpose()?;
        self.folder.set_preferences(json.as_ref().map(ToString::to_string).as_deref())?;
        Ok(json.is_some())
    }

    async fn blobs(&self, did: &Did, exported: &mut Exported) -> Result<(), Stop> {
        let linked: Vec<Cid> = exported.repo.blobs.cids().copied().collect();
        let bar = counter("blobs looked at:");
        for cid in linked {
            self.blob(did, &cid, exported).await?;
            bar.inc(1);
        }
        let mut listed = 0_usize;
        let mut pages = pin!(self.client.pages(ListBlobs::new(did.clone())));
        while let Some(page) = pages.next().await {
            let cids = page?.output.cids;
            listed = listed.saturating_add(cids.len());
            check_listed(listed)?;
            for text in cids {
                bar.inc(1);
                match text.as_str().parse::<Cid>() {
                    Ok(cid) if exported.repo.blobs.contains(&cid) => {}
                    Ok(cid) if cid.codec() == Codec::Raw => self.blob(did, &cid, exported).await?,
                    _ => exported.missing.push((text.to_string(), "it is no blob's CID".to_owned())),
                }
            }
        }
        bar.finish_and_clear();
        Ok(())
    }

    async fn blob(&self, did: &Did, cid: &Cid, exported: &mut Exported) -> Result<(), Stop> {
        if !self.folder.has_blob(cid)? {
            if let Err(reason) = self.fetch(did, cid).await? {
                exported.missing.push((cid.to_string(), reason));
                return Ok(());
            }
            exported.fetched = exported.fetched.saturating_add(1);
        }
        exported.blobs = exported.blobs.saturating_add(1);
        Ok(())
    }

    /// Fetches a blob; why the host does not have it, if it does not.
    async fn fetch(&self, did: &Did, cid: &Cid) -> Result<Result<(), String>, Stop> {
        let get = GetBlob { did: did.clone(), cid: (*cid).into() };
        let body = match self.client.download(&get).await {
            Ok(reply) => reply.output,
            Err(Error::Refused(refused)) if matches!(refused.head.status.as_u16(), 400 | 404) => {
                return Ok(Err(refused.to_string().chars().take(MAX_REASON).collect()));
            }
            Err(error) => return Err(error.into()),
        };
        let mut file = Staged::own(&self.folder.blob(cid))?;
        match receive_blob(body, cid, &mut file).await? {
            Ok(_) => file.finish().map(Ok).map_err(Stop::from),
            Err(fault) => Ok(Err(fault.to_string())),
        }
    }
}

impl Exported {
    /// Whether all of it is there.
    pub(crate) fn outcome(&self) -> Outcome {
        if self.missing.is_empty() { Outcome::Done } else { Outcome::Incomplete }
    }
}
