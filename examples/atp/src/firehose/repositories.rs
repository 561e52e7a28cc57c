use crate::network::{Remembered, with_sources};
use crate::output::Failure;
use atproto_identity::FetchPolicy;
use atproto_identity::adapters::{HickoryDns, ReqwestClient, TokioClock};
use atproto_lexicon::syntax::Did;
use atproto_repo::car::Decoder;
use atproto_repo::repo::Commit;
use atproto_repo::sync::Head;
use atproto_xrpc::api::com::atproto::sync::GetRepo;
use atproto_xrpc::{Client, ServiceUrl};
use futures_util::StreamExt as _;
use std::pin::pin;
use std::sync::Arc;

/// How much of a repository is read until its commit has come, in bytes.
const MAX_BEGINNING: usize = 1 << 20;

/// The repositories at their hosts.
pub(super) struct Repositories {
    http: ReqwestClient,
    identities: Arc<Remembered>,
}

impl Repositories {
    pub(super) fn new(
        policy: FetchPolicy,
        dns: HickoryDns,
        identities: Arc<Remembered>,
    ) -> Result<Self, Failure> {
        let http = ReqwestClient::with_addresses(policy, dns);
        Ok(Self { http: http.map_err(|error| Failure::File(with_sources(&error)))?, identities })
    }

    /// Where an account's repository is now: the commit that its host shows, signed. The rest is not read.
    pub(super) async fn head(&self, did: &Did) -> Option<Head> {
        let identity = self.identities.refresh(did).await.ok()?;
        let host = ServiceUrl::parse(identity.pds().ok()?).ok()?;
        let client = Client::new(self.http.clone(), TokioClock::new(), host);
        let body = client.download(&GetRepo::new(did.clone())).await.ok()?.output;
        let mut body = pin!(body.into_stream());
        let (mut decoder, mut read) = (Decoder::new(), 0_usize);
        while read < MAX_BEGINNING {
            let bytes = body.next().await?.ok()?;
            read = read.saturating_add(bytes.len());
            decoder.push(&bytes);
            let Some(root) = decoder.roots().ok()?.map(|roots| roots.first().copied()) else { continue };
            while let Some(block) = decoder.next_block().ok()? {
                if Some(block.cid) == root {
                    let commit = Commit::decode(block.bytes).ok()?;
                    commit.verify(did, &identity.signing_key().ok()?).ok()?;
                    return Some(Head { rev: commit.rev, data: commit.data });
                }
            }
        }
        None
    }
}
