use super::session::{LoggedIn, SessionArguments};
use super::{Stop, print_place, print_value, run};
use crate::input::read_file;
use crate::output::{Failure, Outcome, Output};
use atproto_lexicon::data::{Object, Value, json};
use atproto_lexicon::syntax::{AtIdentifier, CidString, Nsid, RecordKey};
use atproto_xrpc::api::com::atproto::repo::{CreateRecord, DeleteRecord, GetRecord, ListRecords, PutRecord};
use clap::{Args, Subcommand};
use futures_util::StreamExt as _;
use std::path::PathBuf;
use std::pin::pin;
use tokio::runtime::Runtime;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// List the records of a collection.
    Ls {
        #[command(flatten)]
        place: Place,
    },
    /// Print a record.
    Get {
        #[command(flatten)]
        place: Place,
        rkey: RecordKey,
    },
    /// Create a record from JSON.
    Create {
        #[command(flatten)]
        place: Place,
        /// A file of JSON, or standard input.
        #[arg(default_value = "-")]
        file: PathBuf,
        /// The record's key; the host chooses one otherwise.
        #[arg(long)]
        rkey: Option<RecordKey>,
    },
    /// Put a record of JSON at a key, in the place of what is there.
    Put {
        #[command(flatten)]
        place: Place,
        rkey: RecordKey,
        /// A file of JSON, or standard input.
        #[arg(default_value = "-")]
        file: PathBuf,
        /// The version that must be there.
        #[arg(long, value_name = "CID")]
        swap: Option<CidString>,
    },
    /// Delete a record.
    Delete {
        #[command(flatten)]
        place: Place,
        rkey: RecordKey,
        /// The version that must be there.
        #[arg(long, value_name = "CID")]
        swap: Option<CidString>,
    },
}

#[derive(Args)]
pub(crate) struct Place {
    /// The collection.
    collection: Nsid,
    /// Whose records: one's own, or those of an account on the same host.
    #[arg(long, value_name = "HANDLE|DID")]
    repo: Option<AtIdentifier>,
    #[command(flatten)]
    session: SessionArguments,
}

impl Place {
    fn open(&self, runtime: &Runtime) -> Result<(LoggedIn, AtIdentifier), Stop> {
        let client = self.session.open(runtime)?;
        let repo = self.repo.clone().unwrap_or_else(|| client.auth().did().into());
        Ok((client, repo))
    }
}

impl Command {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        run(output, |runtime, output| self.on_host(runtime, output))
    }

    fn on_host(self, runtime: &Runtime, output: &mut Output) -> Result<Outcome, Stop> {
        match self {
            Self::Ls { place } => {
                let (client, repo) = place.open(runtime)?;
                let mut list = ListRecords::new(repo, place.collection);
                list.limit = Some(100);
                let mut pages = pin!(client.pages(list));
                while let Some(page) = runtime.block_on(pages.next()) {
                    for record in page?.output.records {
                        print_place(output, record.uri.as_str(), record.cid.as_str())?;
                    }
                }
            }
            Self::Get { place, rkey } => {
                let (client, repo) = place.open(runtime)?;
                let found = runtime.block_on(client.send(&GetRecord::new(repo, place.collection, rkey)))?;
                print_value(output, &Value::Object(found.output.value))?;
            }
            Self::Create { place, file, rkey } => {
                let record = read_record(&file)?;
                let (client, repo) = place.open(runtime)?;
                let mut create = CreateRecord::new(repo, place.collection, record);
                create.rkey = rkey;
                let created = runtime.block_on(client.send(&create))?.output;
                print_place(output, created.uri.as_str(), created.cid.as_str())?;
            }
            Self::Put { place, rkey, file, swap } => {
                let record = read_record(&file)?;
                let (client, repo) = place.open(runtime)?;
                let mut put = PutRecord::new(repo, place.collection, rkey, record);
                put.swap_record = swap.map(Some);
                let done = runtime.block_on(client.send(&put))?.output;
                print_place(output, done.uri.as_str(), done.cid.as_str())?;
            }
            Self::Delete { place, rkey, swap } => {
                let (client, repo) = place.open(runtime)?;
                let uri = format!("at://{repo}/{}/{rkey}", place.collection);
                let mut delete = DeleteRecord::new(repo, place.collection, rkey);
                delete.swap_record = swap;
                runtime.block_on(client.send(&delete))?;
                output.line(format!("{uri} is deleted"), &serde_json::json!({"uri": uri}))?;
            }
        }
        Ok(Outcome::Done)
    }
}

fn read_record(file: &std::path::Path) -> Result<Object, Stop> {
    json::to_record(&read_file(file)?).map_err(|error| Stop::usage(format!("{}: {error}", file.display())))
}
