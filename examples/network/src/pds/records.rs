//! Records written and read. What they mean the host does not know: they have to keep the data model, no lexicon.

use super::session::Session;
use super::{Account, Pds, Served, invalid, refuse, typed};
use crate::storage::Failed;
use crate::time;
use atproto_lexicon::data::{Cid, Object, Value, cbor};
use atproto_lexicon::syntax::{AtIdentifier, AtUri, CidString, Nsid, RecordKey};
use atproto_repo::repo::{OwnedEntry, UnsignedRepo, Write};
use atproto_xrpc::api::com::atproto::repo::apply_writes::{
    ApplyWrites, ApplyWritesOutput, ApplyWritesOutputResultsItem, ApplyWritesWritesItem, CreateResult,
    DeleteResult, UpdateResult,
};
use atproto_xrpc::api::com::atproto::repo::create_record::{CreateRecord, CreateRecordOutput};
use atproto_xrpc::api::com::atproto::repo::defs::CommitMeta;
use atproto_xrpc::api::com::atproto::repo::delete_record::{DeleteRecord, DeleteRecordOutput};
use atproto_xrpc::api::com::atproto::repo::describe_repo::{DescribeRepo, DescribeRepoOutput};
use atproto_xrpc::api::com::atproto::repo::get_record::{GetRecord, GetRecordOutput};
use atproto_xrpc::api::com::atproto::repo::list_records::{ListRecords, ListRecordsOutput, Record};
use atproto_xrpc::api::com::atproto::repo::put_record::{PutRecord, PutRecordOutput};
use atproto_xrpc::server::{Asked, Refusal, ServeError, XrpcRouter};
use std::collections::VecDeque;
use std::sync::Arc;

pub(super) fn serve(router: XrpcRouter<Pds>) -> XrpcRouter<Pds> {
    let router = router.serve(create).serve(put).serve(delete).serve(apply);
    router.serve(get).serve(list).serve(describe)
}

/// A write that is asked for.
struct Wanted {
    collection: Nsid,
    key: RecordKey,
    what: What,
}

enum What {
    Create(Vec<u8>),
    Update(Vec<u8>),
    Delete,
    /// Whichever of the first two it is.
    Put(Vec<u8>),
    /// A record that may be there.
    Forget,
}

/// What the record at the path has to be: nothing matters, none, or this one.
type Swap = Option<Option<Cid>>;

/// What was written.
struct Written {
    commit: Option<CommitMeta>,
    uri: AtUri,
    cid: Option<Cid>,
}

impl Pds {
    /// The account that is asked for, which has to be the asker's own.
    fn own(&self, session: &Session, repo: &AtIdentifier) -> Result<Account, ServeError> {
        let account = self.account_of(repo)?;
        if account.did != session.0 {
            return Err(Refusal::forbidden("the repository is another account's").into());
        }
        if !account.is_active {
            return Err(refuse("AccountDeactivated", "the account is deactivated"));
        }
        Ok(account)
    }

    /// Makes one commit of writes; none where nothing would change.
    fn apply(
        &self,
        account: &Account,
        wanted: &[Wanted],
        swap_commit: Option<Cid>,
        swap_record: Swap,
    ) -> Result<Vec<Written>, ServeError> {
        let mut writing = self.write()?;
        let account = writing.account(&account.did)?;
        let blocks = self.repo(&account.did)?;
        let repo = UnsignedRepo::open(&blocks)?;
        let paths: Vec<_> =
            wanted.iter().map(|write| format!("{}/{}", write.collection, write.key)).collect();
        let (mut writes, mut written) = (Vec::new(), Vec::new());
        for (Wanted { collection, key, what }, path) in wanted.iter().zip(&paths) {
            let before = repo.get(path).map_err(invalid)?;
            let cid = before.as_ref().map(|entry| entry.cid);
            if swap_record.is_some_and(|swap| swap != cid) {
                return Err(refuse("InvalidSwap", "the record is another one"));
            }
            let write = match what {
                What::Create(record) => Some(Write::Create { path, record }),
                What::Put(record) if cid.is_none() => Some(Write::Create { path, record }),
                What::Put(record) if cid == Some(Cid::of_dag_cbor(record)) => None,
                What::Update(record) | What::Put(record) => Some(Write::Update { path, record, swap: None }),
                What::Forget if cid.is_none() => None,
                What::Delete | What::Forget => Some(Write::Delete { path, swap: None }),
            };
            let after = what.record();
            let before = before.as_ref().map(|entry| entry.bytes.as_slice());
            writing.change.link_blobs(&account.did, path, before, after, false)?;
            writes.extend(write);
            let uri = AtUri::from_parts(&account.did.clone().into(), Some((collection, Some(key))));
            written.push(Written { commit: None, uri, cid: after.map(Cid::of_dag_cbor) });
        }
        if !writes.is_empty() {
            let commit = writing.write(&account, &writes, swap_commit.as_ref())?;
            let commit = CommitMeta::new((*commit.cid()).into(), commit.rev());
            written.iter_mut().for_each(|written| written.commit = Some(commit.clone()));
            writing.finish()?;
        } else if swap_commit.is_some_and(|swap| swap != *repo.commit_cid()) {
            return Err(refuse("InvalidSwap", "the repository is at another commit"));
        }
        Ok(written)
    }

    /// [`apply`](Self::apply) of one write.
    fn apply_one(
        &self,
        account: &Account,
        wanted: Wanted,
        swap_commit: Option<CidString>,
        swap_record: Swap,
    ) -> Result<Written, ServeError> {
        let swap_commit = swap_commit.map(|cid| cid_of(&cid)).transpose()?;
        let written = self.apply(account, &[wanted], swap_commit, swap_record)?;
        written.into_iter().next().ok_or_else(|| Failed::new("a write without a result").into())
    }

    fn new_key(&self) -> Result<RecordKey, Failed> {
        let key = self.tids.next(time::micros());
        Ok(key.ok_or_else(|| Failed::new("the clock is beyond the last identifier"))?.into())
    }
}

impl What {
    fn record(&self) -> Option<&[u8]> {
        match self {
            Self::Create(record) | Self::Update(record) | Self::Put(record) => Some(record),
            Self::Delete | Self::Forget => None,
        }
    }
}

impl Written {
    fn cid(&self) -> Result<CidString, Failed> {
        Ok(self.cid.ok_or_else(|| Failed::new("a record without a CID"))?.into())
    }
}

/// The bytes of a record, which says itself what it is.
fn encode(collection: &Nsid, mut record: Object) -> Result<Vec<u8>, ServeError> {
    match record.get("$type").map(Value::as_str) {
        Some(Some(name)) if name == collection.as_str() => {}
        None => {
            record.insert("$type".to_owned(), collection.as_str().into());
        }
        Some(_) => return Err(invalid(format_args!("$type is not {collection}"))),
    }
    cbor::to_vec(&record).map_err(invalid)
}

fn cid_of(text: &CidString) -> Result<Cid, ServeError> {
    text.to_cid().ok_or_else(|| invalid(format_args!("{text}: not a CID of AT Protocol")))
}

async fn create(pds: Arc<Pds>, asked: Asked<CreateRecord, Session>) -> Served<CreateRecord> {
    let CreateRecord { repo, collection, record, rkey, swap_commit, .. } = asked.input;
    pds.run(move |pds| {
        let account = pds.own(&asked.caller, &repo)?;
        let what = What::Create(encode(&collection, record)?);
        let key = rkey.map_or_else(|| pds.new_key(), Ok)?;
        let written = pds.apply_one(&account, Wanted { collection, key, what }, swap_commit, None)?;
        let cid = written.cid()?;
        let mut output = CreateRecordOutput::new(written.uri, cid);
        output.commit = written.commit;
        Ok(output)
    })
    .await
}

async fn put(pds: Arc<Pds>, asked: Asked<PutRecord, Session>) -> Served<PutRecord> {
    let PutRecord { repo, collection, rkey: key, record, swap_commit, swap_record, .. } = asked.input;
    pds.run(move |pds| {
        let account = pds.own(&asked.caller, &repo)?;
        let what = What::Put(encode(&collection, record)?);
        let swap = swap_record.map(|swap| swap.map(|cid| cid_of(&cid)).transpose()).transpose()?;
        let written = pds.apply_one(&account, Wanted { collection, key, what }, swap_commit, swap)?;
        let cid = written.cid()?;
        let mut output = PutRecordOutput::new(written.uri, cid);
        output.commit = written.commit;
        Ok(output)
    })
    .await
}

async fn delete(pds: Arc<Pds>, asked: Asked<DeleteRecord, Session>) -> Served<DeleteRecord> {
    let DeleteRecord { repo, collection, rkey: key, swap_commit, swap_record, .. } = asked.input;
    pds.run(move |pds| {
        let account = pds.own(&asked.caller, &repo)?;
        let swap = swap_record.map(|cid| cid_of(&cid).map(Some)).transpose()?;
        let wanted = Wanted { collection, key, what: What::Forget };
        let written = pds.apply_one(&account, wanted, swap_commit, swap)?;
        Ok(DeleteRecordOutput { commit: written.commit, ..DeleteRecordOutput::default() })
    })
    .await
}

async fn apply(pds: Arc<Pds>, asked: Asked<ApplyWrites, Session>) -> Served<ApplyWrites> {
    let ApplyWrites { repo, writes, swap_commit, .. } = asked.input;
    pds.run(move |pds| {
        let account = pds.own(&asked.caller, &repo)?;
        let wanted = writes.into_iter().map(|write| {
            Ok(match write {
                ApplyWritesWritesItem::Create(write) => Wanted {
                    what: What::Create(encode(&write.collection, write.value)?),
                    key: write.rkey.map_or_else(|| pds.new_key(), Ok)?,
                    collection: write.collection,
                },
                ApplyWritesWritesItem::Update(write) => Wanted {
                    what: What::Update(encode(&write.collection, write.value)?),
                    key: write.rkey,
                    collection: write.collection,
                },
                ApplyWritesWritesItem::Delete(write) => {
                    Wanted { what: What::Delete, key: write.rkey, collection: write.collection }
                }
            })
        });
        let wanted = wanted.collect::<Result<Vec<_>, ServeError>>()?;
        let swap_commit = swap_commit.map(|cid| cid_of(&cid)).transpose()?;
        let written = pds.apply(&account, &wanted, swap_commit, None)?;
        let commit = written.first().and_then(|written| written.commit.clone());
        let results = wanted.iter().zip(written).map(|(wanted, written)| {
            Ok(match wanted.what {
                What::Delete | What::Forget => ApplyWritesOutputResultsItem::from(DeleteResult::default()),
                What::Update(_) | What::Put(_) => {
                    UpdateResult::new(written.uri.clone(), written.cid()?).into()
                }
                What::Create(_) => CreateResult::new(written.uri.clone(), written.cid()?).into(),
            })
        });
        let results = Some(results.collect::<Result<_, Failed>>()?);
        Ok(ApplyWritesOutput { commit, results, ..ApplyWritesOutput::default() })
    })
    .await
}

async fn get(pds: Arc<Pds>, asked: Asked<GetRecord>) -> Served<GetRecord> {
    let GetRecord { repo, collection, rkey, cid } = asked.params;
    pds.run(move |pds| {
        let account = pds.active_account(&repo)?;
        let blocks = pds.repo(&account.did)?;
        let found = UnsignedRepo::open(&blocks)?.get(&format!("{collection}/{rkey}")).map_err(invalid)?;
        let found = found.filter(|found| cid.is_none_or(|cid| cid.to_cid() == Some(found.cid)));
        let found = found.ok_or_else(|| refuse("RecordNotFound", "there is no such record"))?;
        let uri = AtUri::from_parts(&account.did.into(), Some((&collection, Some(&rkey))));
        let mut output = GetRecordOutput::new(uri, cbor::to_record(&found.bytes)?);
        output.cid = Some(found.cid.into());
        Ok(output)
    })
    .await
}

/// The newest first, where their keys are times; a cursor is the key of the last one.
async fn list(pds: Arc<Pds>, asked: Asked<ListRecords>) -> Served<ListRecords> {
    let limit = usize::try_from(asked.params.limit_or_default())?;
    let ListRecords { repo, collection, cursor, reverse, .. } = asked.params;
    pds.run(move |pds| {
        let account = pds.active_account(&repo)?;
        let blocks = pds.repo(&account.did)?;
        let repo = UnsignedRepo::open(&blocks)?;
        let mut found: VecDeque<OwnedEntry> = VecDeque::new();
        let prefix = format!("{collection}/");
        let at_cursor = cursor.map(|cursor| format!("{prefix}{cursor}"));
        if reverse == Some(true) {
            // A key that comes right after that of the cursor.
            let start = at_cursor.map_or_else(|| prefix.clone(), |path| path + "\0");
            let mut walk = repo.walk_range(Some(&start), Some(&format!("{collection}0")));
            while found.len() < limit
                && let Some(entry) = walk.next()?
            {
                found.push_back(entry.to_owned());
            }
        } else {
            let end = at_cursor.unwrap_or_else(|| format!("{collection}0"));
            let mut walk = repo.walk_range(Some(&prefix), Some(&end));
            while let Some(entry) = walk.next()? {
                found.push_front(entry.to_owned());
                found.truncate(limit);
            }
        }
        let records = found.iter().map(|entry| {
            let uri = format!("at://{}/{}", account.did, entry.path).parse()?;
            Ok(Record::new(uri, entry.cid.into(), cbor::to_record(&entry.bytes)?))
        });
        let mut output = ListRecordsOutput::new(records.collect::<Result<_, Failed>>()?);
        let last = found.back().filter(|_| found.len() == limit);
        output.cursor = last.and_then(|entry| entry.path.strip_prefix(&prefix)).map(str::to_owned);
        Ok(output)
    })
    .await
}

async fn describe(pds: Arc<Pds>, asked: Asked<DescribeRepo>) -> Served<DescribeRepo> {
    let account = pds.active_account(&asked.params.repo).map_err(typed)?;
    let identity = pds.directory.lookup_did(&account.did).await?;
    let document = identity.document().to_json();
    let is_correct =
        identity.verified_handle().is_some_and(|handle| handle.to_normalized() == account.handle);
    pds.run(move |pds| {
        let blocks = pds.repo(&account.did)?;
        let repo = UnsignedRepo::open(&blocks)?;
        let mut collections: Vec<Nsid> = Vec::new();
        let mut start = String::new();
        // From one collection to behind it: `0` comes after `/`.
        while let Some((path, _)) = repo.walk_range(Some(&start), None).next_path()? {
            let collection = path.split('/').next().unwrap_or_default();
            collections.push(collection.parse()?);
            start = format!("{collection}0");
        }
        let document = serde_json::from_value(document)?;
        Ok(DescribeRepoOutput::new(account.handle, account.did, document, collections, is_correct))
    })
    .await
}
