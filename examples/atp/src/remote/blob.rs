use super::session::SessionArguments;
use super::{Stop, print_value, run};
use crate::input::read_file;
use crate::output::{Failure, Outcome, Output};
use crate::save::Staged;
use crate::transfer::receive_blob;
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Did;
use atproto_lexicon::typed::to_object;
use atproto_xrpc::api::com::atproto::repo::UploadBlob;
use atproto_xrpc::api::com::atproto::sync::{GetBlob, ListBlobs};
use clap::Subcommand;
use futures_util::StreamExt as _;
use std::path::PathBuf;
use std::pin::pin;
use tokio::runtime::Runtime;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Upload a file, and print the blob for a record.
    Upload {
        file: PathBuf,
        /// Its media type.
        #[arg(long = "type", value_name = "MEDIA", default_value = "application/octet-stream")]
        media_type: String,
        #[command(flatten)]
        session: SessionArguments,
    },
    /// Download a blob, whose hash is checked.
    Download {
        cid: Cid,
        /// Where to.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
        /// Whose blob: one's own, or that of an account on the same host.
        #[arg(long)]
        did: Option<Did>,
        #[command(flatten)]
        session: SessionArguments,
    },
    /// List the blobs that records link.
    Ls {
        /// Whose: one's own, or those of an account on the same host.
        #[arg(long)]
        did: Option<Did>,
        #[command(flatten)]
        session: SessionArguments,
    },
}

impl Command {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        run(output, |runtime, output| self.on_host(runtime, output))
    }

    fn on_host(self, runtime: &Runtime, output: &mut Output) -> Result<Outcome, Stop> {
        match self {
            Self::Upload { file, media_type, session } => {
                let bytes = read_file(&file)?;
                let client = session.open(runtime)?;
                let uploaded = runtime.block_on(client.send_bytes(&UploadBlob, &media_type, bytes))?.output;
                let object = to_object(&uploaded.blob).map_err(|error| Failure::File(error.to_string()))?;
                print_value(output, &object.into())?;
                Ok(Outcome::Done)
            }
            Self::Download { cid, output: path, did, session } => {
                let client = session.open(runtime)?;
                let did = did.unwrap_or_else(|| client.auth().did());
                let get = GetBlob { did, cid: cid.into() };
                let mut file = Staged::new(&path, false)?;
                let received = runtime.block_on(async {
                    let body = client.download(&get).await?.output;
                    receive_blob(body, &cid, &mut file).await
                })?;
                match received {
                    Ok(size) => {
                        file.finish()?;
                        let json = serde_json::json!({"cid": get.cid, "size": size});
                        output.line(format!("{}: {size} bytes", path.display()), &json)?;
                        Ok(Outcome::Done)
                    }
                    Err(fault) => {
                        let json = serde_json::json!({"cid": get.cid, "error": fault.word()});
                        output.line(format!("{cid}: {fault}"), &json)?;
                        Ok(Outcome::Negative)
                    }
                }
            }
            Self::Ls { did, session } => {
                let client = session.open(runtime)?;
                let did = did.unwrap_or_else(|| client.auth().did());
                let mut pages = pin!(client.pages(ListBlobs::new(did)));
                while let Some(page) = runtime.block_on(pages.next()) {
                    for cid in page?.output.cids {
                        output.line(&cid, &serde_json::json!({"cid": cid}))?;
                    }
                }
                Ok(Outcome::Done)
            }
        }
    }
}
