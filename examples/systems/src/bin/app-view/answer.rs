//! What can be asked.

use crate::AppView;
use crate::live;
use atproto_lexicon::data::{Cid, cbor};
use atproto_lexicon::syntax::{AtIdentifier, AtUri, Datetime, Did, Handle};
use atproto_lexicon::typed::AnyError;
use atproto_lexicon::typed::Record as _;
use atproto_xrpc::api::app::bsky::actor::defs::ProfileViewBasic;
use atproto_xrpc::api::app::bsky::feed::defs::PostView;
use atproto_xrpc::api::app::bsky::feed::get_posts::{GetPosts, GetPostsOutput};
use atproto_xrpc::api::app::bsky::feed::{Like, Post, Repost};
use atproto_xrpc::api::com::atproto::repo::get_record::{GetRecord, GetRecordError, GetRecordOutput};
use atproto_xrpc::api::com::atproto::repo::list_records::{ListRecords, ListRecordsOutput, Record};
use atproto_xrpc::server::{Asked, Refusal, ServeError, XrpcRouter};
use axum::Router;
use rusqlite::types::Type;
use rusqlite::{OptionalExtension as _, Row, params};
use std::collections::BTreeSet;
use std::sync::Arc;

pub(super) fn router(view: Arc<AppView>) -> Router {
    XrpcRouter::new(view.clone())
        .serve(get)
        .serve(list)
        .serve(posts)
        .with_cors()
        .with_health(env!("CARGO_PKG_VERSION"))
        .on_failure(|endpoint, error| eprintln!("{endpoint}: {error}"))
        .into_router()
        .merge(live::router(view))
}

/// The most bytes of records in a page, which may be one record alone.
const MAX_PAGE: usize = 1 << 20;

/// A record as it is kept.
struct Kept {
    path: String,
    cid: Cid,
    value: Vec<u8>,
    seen: i64,
}

impl Kept {
    fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let cid = Cid::from_bytes(row.get_ref(1)?.as_blob()?);
        let cid =
            cid.map_err(|error| rusqlite::Error::FromSqlConversionFailure(1, Type::Blob, error.into()))?;
        Ok(Self { path: row.get(0)?, cid, value: row.get(2)?, seen: row.get(3)? })
    }
}

/// Of accounts that their hosts do not show nothing is shown here.
const RECORDS: &str =
    "SELECT path, cid, value, seen FROM records JOIN accounts ON id = account WHERE did = ? AND is_active";

impl AppView {
    fn record(&self, did: &Did, path: &str) -> rusqlite::Result<Option<Kept>> {
        let reader = self.index.reader();
        let mut record = reader.prepare_cached(&format!("{RECORDS} AND path = ?"))?;
        record.query_row([did.as_str(), path], Kept::read).optional()
    }

    async fn did(&self, repo: &AtIdentifier) -> Result<Did, Refusal> {
        match repo.as_did() {
            Some(did) => Ok(did),
            None => {
                let identity = self.identities.lookup(repo).await.map_err(Refusal::invalid_request)?;
                Ok(identity.did().clone())
            }
        }
    }

    /// How many records of a collection are about a record.
    fn count(&self, uri: &AtUri, collection: &str) -> rusqlite::Result<i64> {
        let count = "SELECT count(*) FROM links JOIN accounts ON id = account \
            WHERE target = ? AND path >= ? AND path < ? AND is_active";
        let (start, end) = (format!("{collection}/"), format!("{collection}0"));
        self.index.reader().prepare_cached(count)?.query_row([uri.as_str(), &start, &end], |row| row.get(0))
    }
}

async fn get(
    view: Arc<AppView>,
    asked: Asked<GetRecord>,
) -> Result<GetRecordOutput, ServeError<GetRecordError>> {
    let GetRecord { repo, collection, rkey, cid } = &asked.params;
    let did = view.did(repo).await?;
    let is_asked = |kept: &Kept| cid.as_ref().is_none_or(|cid| cid.to_cid() == Some(kept.cid));
    let Some(kept) = view.record(&did, &format!("{collection}/{rkey}"))?.filter(is_asked) else {
        return Err(ServeError::named(GetRecordError::RecordNotFound, "there is no such record"));
    };
    let uri = AtUri::from_parts(&did.into(), Some((collection, Some(rkey))));
    let mut output = GetRecordOutput::new(uri, cbor::to_record(&kept.value)?);
    output.cid = Some(kept.cid.into());
    Ok(output)
}

async fn list(
    view: Arc<AppView>,
    asked: Asked<ListRecords>,
) -> Result<ListRecordsOutput, ServeError<AnyError>> {
    let ListRecords { repo, collection, cursor, reverse, .. } = &asked.params;
    let did = view.did(repo).await?;
    let (mut start, mut end) = (format!("{collection}/"), format!("{collection}0"));
    // The newest first, unless it is asked otherwise; the cursor is the last key of the page before.
    let is_forward = reverse.unwrap_or(false);
    if let Some(key) = cursor {
        *if is_forward { &mut start } else { &mut end } = format!("{collection}/{key}");
    }
    let order = if is_forward { "ASC" } else { "DESC" };
    let page = format!("{RECORDS} AND path > ? AND path < ? ORDER BY path {order} LIMIT ?");
    let limit = asked.params.limit_or_default();
    let reader = view.index.reader();
    let mut page = reader.prepare_cached(&page)?;
    let kept = page.query_map(params![did.as_str(), start, end, limit], Kept::read)?;
    let (mut records, mut last, mut bytes) = (Vec::new(), None, 0_usize);
    let mut is_full = false;
    for kept in kept {
        let kept = kept?;
        bytes = bytes.saturating_add(kept.value.len());
        if bytes > MAX_PAGE && last.is_some() {
            is_full = true;
            break;
        }
        let uri = format!("at://{did}/{}", kept.path).parse()?;
        records.push(Record::new(uri, kept.cid.into(), cbor::to_record(&kept.value)?));
        last = kept.path.split_once('/').map(|(_, key)| key.to_owned());
    }
    is_full |= i64::try_from(records.len()).is_ok_and(|length| length == limit);
    let mut output = ListRecordsOutput::new(records);
    output.cursor = last.filter(|_| is_full);
    Ok(output)
}

async fn posts(view: Arc<AppView>, asked: Asked<GetPosts>) -> Result<GetPostsOutput, ServeError<AnyError>> {
    let mut found = Vec::new();
    let uris: BTreeSet<_> = asked.params.uris.iter().collect();
    for uri in uris {
        let (Some(did), Some(key)) = (uri.authority().as_did(), uri.record_key()) else { continue };
        let is_post = uri.collection().is_some_and(|collection| collection.as_str() == Post::NSID);
        let Some(kept) = view.record(&did, &format!("{}/{key}", Post::NSID))?.filter(|_| is_post) else {
            continue;
        };
        // Who is not known now has no handle now.
        let identity = view.identities.lookup_did(&did).await;
        let handle = identity.ok().and_then(|identity| identity.verified_handle().cloned());
        let author =
            ProfileViewBasic::new(did, handle.map_or_else(|| "handle.invalid".parse::<Handle>(), Ok)?);
        let seen = Datetime::from_unix_micros(kept.seen)
            .ok_or_else(|| ServeError::internal("seen after the year 9999"))?;
        let record = cbor::to_record(&kept.value)?;
        let mut post = PostView::new(uri.clone(), kept.cid.into(), author, record, seen);
        post.like_count = Some(view.count(uri, Like::NSID)?);
        post.repost_count = Some(view.count(uri, Repost::NSID)?);
        post.reply_count = Some(view.count(uri, Post::NSID)?);
        found.push(post);
    }
    Ok(GetPostsOutput::new(found))
}
