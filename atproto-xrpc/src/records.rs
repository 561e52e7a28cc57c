//! Records of any type (<https://atproto.com/specs/repository>).

use crate::api::com::atproto::repo::apply_writes::{
    ApplyWrites, ApplyWritesError, ApplyWritesOutput, ApplyWritesWritesItem, Create, Delete, Update,
};
use crate::api::com::atproto::repo::create_record::{CreateRecord, CreateRecordError, CreateRecordOutput};
use crate::api::com::atproto::repo::delete_record::{DeleteRecord, DeleteRecordError, DeleteRecordOutput};
use crate::api::com::atproto::repo::get_record::{GetRecord, GetRecordError};
use crate::api::com::atproto::repo::list_records::{self, ListRecords, ListRecordsOutput};
use crate::api::com::atproto::repo::put_record::{PutRecord, PutRecordError, PutRecordOutput};
use crate::auth::Auth;
use crate::client::Client;
use crate::error::{Error, Malformed};
use crate::request::RequestError;
use crate::response::Reply;
use atproto_lexicon::clock::Clock;
use atproto_lexicon::data::{Object, Value};
use atproto_lexicon::http::HttpClient;
use atproto_lexicon::syntax::{AtIdentifier, AtUri, CidString, Nsid, RecordKey};
use atproto_lexicon::typed::{Lenient, Record, from_value, to_object};
use futures_util::stream::{Stream, StreamExt as _};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A record where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Stored<T> {
    /// Where.
    pub uri: AtUri,
    /// Which version.
    pub cid: Option<CidString>,
    /// The record.
    pub value: T,
}

/// What a write must find.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Before {
    /// Anything, or nothing: the last writer wins.
    #[default]
    Any,
    /// No record.
    Absent,
    /// The record in this version.
    Is(CidString),
}

/// Writes that are all done, or none of them, and make one commit: at most 200 of them, by many servers.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Batch {
    writes: Vec<ApplyWritesWritesItem>,
}

impl Batch {
    /// No writes.
    pub fn new() -> Self {
        Self::default()
    }

    /// With a record that is created, under a key of the server's choice where there is none.
    ///
    /// # Errors
    /// [`RequestError::Input`] where the record is none of the data model.
    pub fn create<T: Record + Serialize>(
        mut self,
        key: Option<&RecordKey>,
        record: &T,
    ) -> Result<Self, RequestError> {
        let mut create = Create::new(nsid::<T>()?, object(record)?);
        create.rkey = key.cloned();
        self.writes.push(ApplyWritesWritesItem::Create(create.into()));
        Ok(self)
    }

    /// With a record that takes the place of the one with its key.
    ///
    /// # Errors
    /// [`RequestError::Input`] where the record is none of the data model.
    pub fn update<T: Record + Serialize>(
        mut self,
        key: &RecordKey,
        record: &T,
    ) -> Result<Self, RequestError> {
        let update = Update::new(nsid::<T>()?, key.clone(), object(record)?);
        self.writes.push(ApplyWritesWritesItem::Update(update.into()));
        Ok(self)
    }

    /// With the deletion of a record.
    #[must_use]
    pub fn delete(mut self, collection: &Nsid, key: &RecordKey) -> Self {
        let delete = Delete::new(collection.clone(), key.clone());
        self.writes.push(ApplyWritesWritesItem::Delete(delete.into()));
        self
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.writes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.writes.is_empty()
    }
}

impl<H: HttpClient, C: Clock, A: Auth> Client<H, C, A> {
    /// Creates a record, under a key of the server's choice where there is none. The account is the session's own.
    ///
    /// A failed call may have created it, as after every [`Error::Http`]: with a key, the next attempt says so instead of creating
    /// another one.
    ///
    /// # Errors
    /// [`Error`].
    pub async fn create_record<T: Record + Serialize>(
        &self,
        repo: &AtIdentifier,
        key: Option<&RecordKey>,
        record: &T,
    ) -> Result<Reply<CreateRecordOutput>, Error<CreateRecordError>> {
        let mut create = CreateRecord::new(repo.clone(), nsid::<T>()?, object(record)?);
        create.rkey = key.cloned();
        self.send(&create).await
    }

    /// Creates a record, or puts it in the place of the one with that key.
    ///
    /// # Errors
    /// [`Error`]; [`InvalidSwap`](PutRecordError::InvalidSwap) where something else was found.
    pub async fn put_record<T: Record + Serialize>(
        &self,
        repo: &AtIdentifier,
        key: &RecordKey,
        record: &T,
        before: Before,
    ) -> Result<Reply<PutRecordOutput>, Error<PutRecordError>> {
        let mut put = PutRecord::new(repo.clone(), nsid::<T>()?, key.clone(), object(record)?);
        put.swap_record = match before {
            Before::Any => None,
            Before::Absent => Some(None),
            Before::Is(cid) => Some(Some(cid)),
        };
        self.send(&put).await
    }

    /// Deletes a record of a type, where a version is given only that; many servers say nothing of one that is not there.
    ///
    /// # Errors
    /// [`Error`]; [`InvalidSwap`](DeleteRecordError::InvalidSwap) where something else was found.
    pub async fn delete_record<T: Record>(
        &self,
        repo: &AtIdentifier,
        key: &RecordKey,
        version: Option<&CidString>,
    ) -> Result<Reply<DeleteRecordOutput>, Error<DeleteRecordError>> {
        let mut delete = DeleteRecord::new(repo.clone(), nsid::<T>()?, key.clone());
        delete.swap_record = version.cloned();
        self.send(&delete).await
    }

    /// Does all writes of a batch, or none, where a commit is given only on top of that one.
    ///
    /// # Errors
    /// [`Error`]; [`InvalidSwap`](ApplyWritesError::InvalidSwap) where the repository has another commit.
    pub async fn apply_writes(
        &self,
        repo: &AtIdentifier,
        batch: Batch,
        commit: Option<&CidString>,
    ) -> Result<Reply<ApplyWritesOutput>, Error<ApplyWritesError>> {
        let mut apply = ApplyWrites::new(repo.clone(), batch.writes);
        apply.swap_commit = commit.cloned();
        self.send(&apply).await
    }

    /// The record with a key, by the word of the server: what proves it is `com.atproto.sync.getRecord`, checked by `atproto-repo`.
    ///
    /// # Errors
    /// [`Error`]; [`Error::Malformed`] where it is not of the type.
    pub async fn get_record<T: Record + DeserializeOwned>(
        &self,
        repo: &AtIdentifier,
        key: &RecordKey,
    ) -> Result<Reply<Stored<T>>, Error<GetRecordError>> {
        let Reply { output, head } =
            self.send(&GetRecord::new(repo.clone(), nsid::<T>()?, key.clone())).await?;
        match from_value(&Value::Object(output.value)) {
            Ok(value) => Ok(Reply { output: Stored { uri: output.uri, cid: output.cid, value }, head }),
            Err(error) => {
                let (reason, snippet) = (format!("no {}: {error}", T::NSID), String::new());
                Err(Error::Malformed(Box::new(Malformed { head, reason, snippet })))
            }
        }
    }

    /// All records of a type, page by page. One that is not of the type is kept as it is, beside the reason.
    pub fn list_records<T: Record + DeserializeOwned>(
        &self,
        repo: &AtIdentifier,
    ) -> impl Stream<Item = Result<Vec<Stored<Lenient<T>>>, Error>> + use<'_, T, H, C, A> {
        let first =
            nsid::<T>().map(|nsid| ListRecords { limit: Some(100), ..ListRecords::new(repo.clone(), nsid) });
        futures_util::stream::iter([first]).flat_map(|first| match first {
            Ok(first) => self.pages(first).map(|page| page.map(|page| typed_page(page.output))).left_stream(),
            Err(error) => futures_util::stream::iter([Err(Error::Request(error))]).right_stream(),
        })
    }
}

fn typed_page<T: DeserializeOwned>(page: ListRecordsOutput) -> Vec<Stored<Lenient<T>>> {
    let typed = |record: list_records::Record| Stored {
        uri: record.uri,
        cid: Some(record.cid),
        value: Lenient::read(Value::Object(record.value)),
    };
    page.records.into_iter().map(typed).collect()
}

fn nsid<T: Record>() -> Result<Nsid, RequestError> {
    T::NSID.parse().map_err(|_| RequestError::Params(T::NSID.to_owned()))
}

fn object(record: &impl Serialize) -> Result<Object, RequestError> {
    to_object(record).map_err(|error| RequestError::Input(error.to_string()))
}
