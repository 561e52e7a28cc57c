use super::{Folder, PUT_PREFERENCES, Repo, check_listed, counter, is_unsupported, nsid};
use crate::output::Failure;
use crate::remote::Stop;
use crate::remote::session::LoggedIn;
use atproto_lexicon::data::Cid;
use atproto_lexicon::http::{Body, Bytes, HttpError, HttpErrorKind};
use atproto_lexicon::typed::{Endpoint, NoBody, RawBody};
use atproto_xrpc::api::com::atproto::repo::{ImportRepo, ListMissingBlobs, UploadBlob};
use atproto_xrpc::api::com::atproto::server::CheckAccountStatus;
use atproto_xrpc::api::com::atproto::server::check_account_status::CheckAccountStatusOutput;
use atproto_xrpc::{Call, Reply};
use futures_util::StreamExt as _;
use serde_json::{Value as Json, json};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::pin::pin;
use std::time::Duration;
use tokio::time::sleep;

/// The copy of an account in a folder, on its way to a host.
pub(crate) struct Import<'a> {
    pub(crate) client: &'a LoggedIn,
    pub(crate) folder: &'a Folder,
    /// The repository of the folder, verified.
    pub(crate) repo: &'a Repo,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Imported {
    /// How many blobs were uploaded.
    pub(crate) uploaded: u64,
    /// The blobs that records link and that neither the host has nor the folder, or that the host does not take.
    pub(crate) missing: Vec<String>,
    /// Whether the host has taken what the account prefers; `None` where the folder does not say.
    pub(crate) preferences: Option<bool>,
    /// What the host says of the account now.
    pub(crate) status: CheckAccountStatusOutput,
}

impl Import<'_> {
    /// Brings all to the host that it does not have. What is there already stays.
    pub(crate) async fn run(&self) -> Result<Imported, Stop> {
        import_repo(self.client, &self.folder.repo()).await?;
        let (uploaded, missing) = self.blobs().await?;
        let preferences = self.preferences().await?;
        let status = self.client.send(&CheckAccountStatus).await?.output;
        Ok(Imported { uploaded, missing, preferences, status })
    }

    async fn blobs(&self) -> Result<(u64, Vec<String>), Stop> {
        let (mut uploaded, mut missing) = (0_u64, Vec::new());
        let (mut last, mut listed) = (None, 0_usize);
        let bar = counter("blobs sent:");
        let mut pages = pin!(self.client.pages(ListMissingBlobs::default()));
        while let Some(page) = pages.next().await {
            let blobs = page?.output.blobs;
            listed = listed.saturating_add(blobs.len());
            check_listed(listed)?;
            for blob in blobs {
                // A blob is named once for each record that links it.
                if last.as_ref() == Some(&blob.cid) {
                    continue;
                }
                match blob.cid.as_str().parse() {
                    Ok(cid) if self.folder.has_blob(&cid)? => {
                        self.upload(&cid).await?;
                        uploaded = uploaded.saturating_add(1);
                        bar.inc(1);
                    }
                    _ => missing.push(blob.cid.to_string()),
                }
                last = Some(blob.cid);
            }
        }
        bar.finish_and_clear();
        Ok((uploaded, missing))
    }

    async fn upload(&self, cid: &Cid) -> Result<(), Stop> {
        let media_type = self.repo.blobs.media_type(cid);
        let reply = send_file(self.client, &UploadBlob, media_type, &self.folder.blob(cid)).await?;
        let taken = serde_json::to_value(&reply.output.blob).unwrap_or_default();
        if taken.pointer("/ref/$link").and_then(Json::as_str) == Some(&cid.to_string()) {
            return Ok(());
        }
        Err(Stop::wrong("other_blob", format!("{cid} was sent, and the host says that it is another blob")))
    }

    async fn preferences(&self) -> Result<Option<bool>, Stop> {
        let Some(bytes) = self.folder.preferences()? else { return Ok(None) };
        let kept: Json = serde_json::from_slice(&bytes)
            .map_err(|error| Stop::usage(format!("preferences.json: {error}")))?;
        let put = Call::procedure(nsid(PUT_PREFERENCES)?).with_json(
            &json!({"preferences": kept.get("preferences").unwrap_or(&Json::Array(Vec::new()))}),
        )?;
        match self.client.call(&put).await {
            Ok(_) => Ok(Some(true)),
            Err(error) if is_unsupported(&error) => Ok(Some(false)),
            Err(error) => Err(error.into()),
        }
    }
}

/// Sends the repository in a file to the host of an account, where it takes the place of the one that is there.
pub(crate) async fn import_repo(client: &LoggedIn, path: &Path) -> Result<(), Stop> {
    let _: Reply<NoBody> = send_file(client, &ImportRepo, "application/vnd.ipld.car", path).await?;
    Ok(())
}

/// Sends a file. However often it comes it is the same, so it is sent again where the host fails at it, and once where a token had
/// expired meanwhile.
async fn send_file<E>(
    client: &LoggedIn,
    endpoint: &E,
    media_type: &str,
    path: &Path,
) -> Result<Reply<E::Output>, Stop>
where
    E: Endpoint<Input = RawBody>,
    E::Params: serde::Serialize,
    E::Output: serde::de::DeserializeOwned,
    E::Error: for<'a> From<&'a str> + AsRef<str>,
{
    let (mut is_again, mut waits) = (false, [500, 1_000, 2_000].map(Duration::from_millis).into_iter());
    loop {
        let file = File::open(path).map_err(Failure::file(path.display()))?;
        let length = file.metadata().map_err(Failure::file(path.display()))?.len();
        let error = match client.send_streaming(endpoint, media_type, Pieces(file), length).await {
            Ok(reply) => return Ok(reply),
            Err(error) => error,
        };
        let has_failed = error.head().is_some_and(|head| head.status.is_server_error());
        if !is_again && error.name() == Some("ExpiredToken") {
            is_again = true;
        } else if let Some(wait) = waits.next().filter(|_| has_failed) {
            sleep(wait).await;
        } else {
            return Err(Stop::from(error).of(E::NSID));
        }
    }
}

/// A file, piece by piece.
struct Pieces(File);

impl Body for Pieces {
    async fn chunk(&mut self) -> Result<Option<Bytes>, HttpError> {
        let mut piece = vec![0; 1 << 18];
        let read = self.0.read(&mut piece).map_err(|error| HttpError::new(HttpErrorKind::Broken, error))?;
        piece.truncate(read);
        Ok((read > 0).then(|| piece.into()))
    }
}
