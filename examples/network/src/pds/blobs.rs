//! Blobs: uploaded first, then named by a record. One that no record names is kept for its account, and shown to nobody.

use super::session::Session;
use super::{MAX_BLOB, Pds, Served, refuse};
use crate::storage::{Change, Failed, Rows};
use atproto_lexicon::data::{Blob, BlobRef, Cid, Codec, Object, blob_links, cbor};
use atproto_lexicon::http::Bytes;
use atproto_lexicon::syntax::{AtUri, CidString, Did};
use atproto_xrpc::api::com::atproto::repo::list_missing_blobs::{
    ListMissingBlobs, ListMissingBlobsOutput, RecordBlob,
};
use atproto_xrpc::api::com::atproto::repo::upload_blob::{UploadBlob, UploadBlobOutput};
use atproto_xrpc::api::com::atproto::sync::get_blob::GetBlob;
use atproto_xrpc::api::com::atproto::sync::list_blobs::{ListBlobs, ListBlobsOutput};
use atproto_xrpc::server::{Asked, AskedUpload, Download, ServeError, XrpcRouter};
use std::collections::BTreeSet;
use std::sync::Arc;

/// `DID/CID`: the media type, a line feed, and the bytes.
const BLOBS: Rows = Rows::new("blobs");
/// `DID/CID/path`: a record that names the blob.
const BLOB_LINKS: Rows = Rows::new("blob_links");

pub(super) fn serve(router: XrpcRouter<Pds>) -> XrpcRouter<Pds> {
    router.upload(MAX_BLOB, upload).download(get).serve(list).serve(missing)
}

async fn upload(pds: Arc<Pds>, asked: AskedUpload<UploadBlob, Session>) -> Served<UploadBlob> {
    let Session(did) = asked.caller;
    let mime_type = asked.input.media_type().to_owned();
    let bytes = asked.input.read_all().await?;
    pds.run(move |pds| {
        let cid = Cid::of(Codec::Raw, &bytes);
        let size = u64::try_from(bytes.len())?;
        let row = [mime_type.as_bytes(), b"\n", &bytes].concat();
        let change = pds.storage.begin()?;
        change.put(BLOBS, &format!("{did}/{cid}"), &row)?;
        change.commit()?;
        Ok(UploadBlobOutput::new(BlobRef::Blob(Blob { cid, mime_type, size, extra: Object::new() })))
    })
    .await
}

async fn get(pds: Arc<Pds>, asked: Asked<GetBlob>) -> Served<GetBlob, Download<Bytes>> {
    let GetBlob { did, cid } = asked.params;
    pds.run(move |pds| {
        pds.active_account(&did.clone().into())?;
        let key = format!("{did}/{cid}");
        let is_linked = !pds.storage.scan(BLOB_LINKS, &format!("{key}/"), "", 1)?.is_empty();
        let blob = pds.storage.get(BLOBS, &key)?.filter(|_| is_linked);
        let blob = Bytes::from(blob.ok_or_else(|| refuse("BlobNotFound", "there is no such blob"))?);
        let end = blob.iter().position(|byte| *byte == b'\n').unwrap_or_default();
        let media_type = std::str::from_utf8(blob.get(..end).unwrap_or_default())?;
        let bytes = blob.slice(end.saturating_add(1)..);
        let length = u64::try_from(bytes.len())?;
        Ok(Download::new(media_type, bytes).with_length(length))
    })
    .await
}

impl Pds {
    /// The blobs that records name, each once, with one such record.
    fn linked_blobs(
        &self,
        did: &Did,
        cursor: Option<&str>,
        limit: usize,
    ) -> Result<Vec<(String, String)>, Failed> {
        let prefix = format!("{did}/");
        let mut found: Vec<(String, String)> = Vec::new();
        for (key, _) in self.storage.scan(BLOB_LINKS, &prefix, cursor.unwrap_or_default(), usize::MAX)? {
            let rest = key.strip_prefix(&prefix).unwrap_or_default();
            let (cid, path) = rest.split_once('/').unwrap_or_default();
            if Some(cid) == cursor || found.last().is_some_and(|(last, _)| last == cid) {
                continue;
            }
            if found.len() == limit {
                break;
            }
            found.push((cid.to_owned(), path.to_owned()));
        }
        Ok(found)
    }

    /// How many blobs records name, and how many of them are here.
    pub(super) fn count_blobs(&self, did: &Did) -> Result<(i64, i64), Failed> {
        let linked = self.linked_blobs(did, None, usize::MAX)?;
        let mut present = 0_i64;
        for (cid, _) in &linked {
            let is_here = self.storage.get(BLOBS, &format!("{did}/{cid}"))?.is_some();
            present = present.saturating_add(i64::from(is_here));
        }
        Ok((i64::try_from(linked.len())?, present))
    }
}

async fn list(pds: Arc<Pds>, asked: Asked<ListBlobs>) -> Served<ListBlobs> {
    let limit = usize::try_from(asked.params.limit_or_default())?;
    let ListBlobs { did, cursor, .. } = asked.params;
    pds.run(move |pds| {
        pds.active_account(&did.clone().into())?;
        let found = pds.linked_blobs(&did, cursor.as_deref(), limit)?;
        let cursor = (found.len() == limit).then(|| found.last().map(|(cid, _)| cid.clone())).flatten();
        let cids = found.iter().map(|(cid, _)| cid.parse::<CidString>()).collect::<Result<_, _>>()?;
        let mut output = ListBlobsOutput::new(cids);
        output.cursor = cursor;
        Ok(output)
    })
    .await
}

async fn missing(pds: Arc<Pds>, asked: Asked<ListMissingBlobs, Session>) -> Served<ListMissingBlobs> {
    let limit = usize::try_from(asked.params.limit_or_default())?;
    let (Session(did), cursor) = (asked.caller, asked.params.cursor);
    pds.run(move |pds| {
        let mut output = ListMissingBlobsOutput::new(Vec::new());
        for (cid, path) in pds.linked_blobs(&did, cursor.as_deref(), usize::MAX)? {
            if pds.storage.get(BLOBS, &format!("{did}/{cid}"))?.is_none() {
                let uri: AtUri = format!("at://{did}/{path}").parse()?;
                output.blobs.push(RecordBlob::new(cid.parse()?, uri));
                if output.blobs.len() == limit {
                    output.cursor = Some(cid);
                    break;
                }
            }
        }
        Ok(output)
    })
    .await
}

impl Change {
    /// Takes notice of the blobs that the record at a path names, and named before. A blob that is not here is an error, unless it may
    /// come later.
    pub(super) fn link_blobs(
        &self,
        did: &Did,
        path: &str,
        before: Option<&[u8]>,
        after: Option<&[u8]>,
        may_come_later: bool,
    ) -> Result<(), ServeError> {
        let (before, after) = (blobs_of(before)?, blobs_of(after)?);
        for cid in after.difference(&before) {
            if !may_come_later && self.get(BLOBS, &format!("{did}/{cid}"))?.is_none() {
                return Err(refuse("BlobNotFound", &format!("blob {cid} was not uploaded")));
            }
            self.put(BLOB_LINKS, &format!("{did}/{cid}/{path}"), &[])?;
        }
        for cid in before.difference(&after) {
            self.remove(BLOB_LINKS, &format!("{did}/{cid}/{path}"))?;
            if self.scan(BLOB_LINKS, &format!("{did}/{cid}/"))?.is_empty() {
                self.remove(BLOBS, &format!("{did}/{cid}"))?;
            }
        }
        Ok(())
    }

    /// Forgets which records name blobs, before all of them come anew.
    pub(super) fn unlink_blobs(&self, did: &Did) -> Result<(), Failed> {
        self.remove_all(BLOB_LINKS, &format!("{did}/"))
    }

    /// Removes all blobs of an account.
    pub(super) fn remove_blobs(&self, did: &Did) -> Result<(), Failed> {
        self.unlink_blobs(did)?;
        self.remove_all(BLOBS, &format!("{did}/"))
    }
}

/// The blobs that a record names.
fn blobs_of(record: Option<&[u8]>) -> Result<BTreeSet<Cid>, Failed> {
    let record = record.map(cbor::to_record).transpose()?.unwrap_or_default();
    Ok(blob_links(&record).map(|(cid, _)| cid).collect())
}
