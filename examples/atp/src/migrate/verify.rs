use super::progress::Copied;
use crate::remote::Stop;
use crate::remote::session::LoggedIn;
use crate::save::Staged;
use crate::transfer::{Repo, receive_repo};
use atproto_crypto::PublicKey;
use atproto_xrpc::Error;
use atproto_xrpc::api::com::atproto::sync::GetRepo;
use std::path::Path;
use tokio::runtime::Runtime;

/// Has the new host give out the repository, which must be of the account and hold what was copied. `None` where it gives out none.
pub(super) fn moved_repo(
    new: &LoggedIn,
    key: Option<PublicKey>,
    copied: &Copied,
    path: &Path,
    runtime: &Runtime,
) -> Result<Option<Repo>, Stop> {
    let did = new.auth().did();
    let received = runtime.block_on(async {
        let body = match new.download(&GetRepo::new(did.clone())).await {
            Ok(reply) => reply.output,
            Err(Error::Refused(refused)) if refused.head.status.as_u16() == 400 => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let mut file = Staged::own(path)?;
        let repo = receive_repo(body, &did, key, &mut file).await?;
        file.finish()?;
        Ok::<_, Stop>(Some(repo))
    })?;
    match received {
        Some(repo) if repo.data.to_string() != copied.data.as_str() || repo.records != copied.records => {
            let reason = format!("the new host has other records than were copied: see {}", path.display());
            Err(Stop::wrong("other_records", reason))
        }
        received => Ok(received),
    }
}
