//! Moves an account to another host.

use atproto_identity::Identity;
use atproto_lexicon::syntax::Did;
use atproto_xrpc::ServiceUrl;
use atproto_xrpc::api::app::bsky::actor::{GetPreferences, PutPreferences};
use atproto_xrpc::api::com::atproto::identity::{
    GetRecommendedDidCredentials, RequestPlcOperationSignature, SignPlcOperation, SubmitPlcOperation,
};
use atproto_xrpc::api::com::atproto::repo::{ImportRepo, ListMissingBlobs, UploadBlob};
use atproto_xrpc::api::com::atproto::server::{
    ActivateAccount, CheckAccountStatus, CreateAccount, DeactivateAccount, DescribeServer, GetServiceAuth,
};
use atproto_xrpc::api::com::atproto::sync::{GetBlob, GetLatestCommit, GetRepo};
use atproto_xrpc::auth::{FileStore, Fixed, Login, Secret};
use clap::Parser;
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use systems::connect::{AccountArgs, Anybody, LoggedIn, Temporary as _, lookup, waiting};
use systems::keep::Kept;
use systems::{Done, Stop, run};

/// Moves an account to another host with all that it has: records, blobs, preferences, identity. It can be ended at any time, and goes on.
///
/// Until the new host has everything, nothing changes for anybody. Then the old host sends a token by e-mail, with which it is started
/// again. What is written at the old host in the seconds after is not moved: write nothing there.
#[derive(Parser)]
struct Arguments {
    /// The new host.
    #[arg(long, value_name = "URL")]
    to: String,
    /// The e-mail address for the new host.
    #[arg(long)]
    email: Option<String>,
    /// An invitation of the new host, where it wants one.
    #[arg(long, value_name = "CODE")]
    invite_code: Option<String>,
    /// A file whose first line is the password at the new host.
    #[arg(long, value_name = "FILE")]
    new_password_file: PathBuf,
    /// The token that the old host has sent.
    #[arg(long)]
    token: Option<String>,
    /// Where is kept how far it has come.
    #[arg(long, value_name = "FILE", default_value = "migrate.json")]
    progress: PathBuf,
    #[command(flatten)]
    account: AccountArgs,
}

#[derive(Default, Serialize, Deserialize)]
struct Progress {
    /// The old host, which the identity no longer names after the move.
    from: Option<String>,
    is_token_sent: bool,
    is_moved: bool,
}

/// The most bytes of a repository, and of a blob.
const MAX_REPO: usize = 1 << 30;
const MAX_BLOB: usize = 256 << 20;

fn main() -> ExitCode {
    run(migrate)
}

async fn migrate(arguments: Arguments) -> Done {
    let network = &arguments.account.network;
    let identities = network.identities()?;
    let identity = lookup(&identities, arguments.account.who()).await?;
    let (did, there) = (identity.did().clone(), network.client(&arguments.to)?);
    let is_there = |identity: &Identity| {
        identity.pds().is_ok_and(|pds| ServiceUrl::parse(pds).as_ref() == Ok(there.service()))
    };
    let mut kept: Kept<Progress> = Kept::open(&arguments.progress)?;
    if kept.value.from.is_none() {
        if is_there(&identity) {
            return Err(Stop::new(format!("{did} is at {} already", arguments.to)));
        }
        kept.value.from = Some(identity.pds()?.to_owned());
        kept.save()?;
    }
    let from = kept.value.from.clone().unwrap_or_default();
    let old = arguments.account.log_in_at(&from, &did).await?;
    let new = account_there(&arguments, &old, &there, &identity).await?;

    if !kept.value.is_moved && !is_there(&*identities.refresh(&did).await?) {
        copy(&old, &new).await?;
        println!("{} has everything", arguments.to);
        let Some(token) = arguments.token else {
            if !kept.value.is_token_sent {
                waiting(&from, async || old.send(&RequestPlcOperationSignature).await).await?;
                kept.value.is_token_sent = true;
                kept.save()?;
            }
            return Err(Stop::new(format!("{from} has sent a token by e-mail: start again with --token")));
        };
        if let Err(stop) = move_identity(&old, &new, token).await {
            // One that was used by a start that was killed counts no more.
            kept.value.is_token_sent = false;
            kept.save()?;
            return Err(Stop::new(format!("{stop}; without --token another token is sent")));
        }
    }
    kept.value.is_moved = true;
    kept.save()?;
    waiting(&arguments.to, async || new.send(&ActivateAccount).await).await?;
    waiting(&from, async || old.send(&DeactivateAccount::default()).await).await?;
    println!("{did} is at {}", arguments.to);
    Ok(())
}

/// The account at the new host, which is made where it is not there yet.
async fn account_there(
    arguments: &Arguments,
    old: &LoggedIn,
    there: &Anybody,
    identity: &Identity,
) -> Done<LoggedIn> {
    let path = &arguments.new_password_file;
    let password =
        fs::read_to_string(path).map_err(|error| Stop::new(format!("{}: {error}", path.display())))?;
    let password = password.lines().next().unwrap_or_default();
    let did = identity.did();
    let login = Login::new(did.as_str(), password);
    let store = || FileStore::new(arguments.progress.with_extension("session"));
    let log_in = async || there.clone().login_with(&login, store()).await;
    match waiting(&arguments.to, log_in).await {
        Ok(client) => return Ok(client.with_service(there.service().clone())),
        Err(error) if error.is_temporary() => return Err(error.into()),
        // There is no such account yet, or the password is another one: which of them, the next step shows.
        Err(_) => {}
    }
    let server = waiting(&arguments.to, async || there.send(&DescribeServer).await).await?.output;
    let mut ask = GetServiceAuth::new(server.did.to_string());
    ask.lxm = Some("com.atproto.server.createAccount".parse()?);
    let token = waiting("the old host", async || old.send(&ask).await).await?.output.token;
    let mut create = CreateAccount::new(old.auth().handle());
    create.did = Some(did.clone());
    create.email = arguments.email.clone();
    create.password = Some(password.to_owned());
    create.invite_code = arguments.invite_code.clone();
    let proof = Fixed::bearer(&Secret::new(token)).ok_or_else(|| Stop::new("the old host gave no token"))?;
    let made = there.clone().with_auth(proof).send(&create).await;
    match (waiting(&arguments.to, log_in).await, made) {
        // Also when it was made for a start before this one, which was ended before the answer came.
        (Ok(client), _) => Ok(client.with_service(there.service().clone())),
        (Err(_), Err(refused)) => Err(refused.into()),
        (Err(error), Ok(_)) => Err(error.into()),
    }
}

/// Copies until the new host has what the old one has.
async fn copy(old: &LoggedIn, new: &LoggedIn) -> Done {
    let did = old.auth().did();
    let (from, to) = (old.service().to_string(), new.service().to_string());
    let latest = GetLatestCommit { did: did.clone() };
    loop {
        let before = waiting(&from, async || old.send(&latest).await).await?.output;
        let ask = GetRepo::new(did.clone());
        let repo = waiting(&from, async || old.download(&ask).await).await?.output.read_all(MAX_REPO).await?;
        let car = "application/vnd.ipld.car";
        waiting(&to, async || new.send_bytes(&ImportRepo, car, repo.clone()).await).await?;
        copy_blobs(old, new, &did).await?;
        let preferences = waiting(&from, async || old.send(&GetPreferences).await).await?.output.preferences;
        let put = PutPreferences::new(preferences);
        waiting(&to, async || new.send(&put).await).await?;
        let status = waiting(&to, async || new.send(&CheckAccountStatus).await).await?.output;
        if status.imported_blobs < status.expected_blobs {
            return Err(Stop::new("the new host does not have all blobs"));
        }
        let after = waiting(&from, async || old.send(&latest).await).await?.output;
        if before == after {
            return Ok(());
        }
        println!("something was written meanwhile; once more");
    }
}

async fn copy_blobs(old: &LoggedIn, new: &LoggedIn, did: &Did) -> Done {
    let (from, to) = (old.service().to_string(), new.service().to_string());
    let mut cursor = None;
    loop {
        let ask = ListMissingBlobs { cursor, limit: Some(100) };
        let missing = waiting(&to, async || new.send(&ask).await).await?.output;
        for blob in missing.blobs {
            let ask = GetBlob { did: did.clone(), cid: blob.cid.clone() };
            let reply = waiting(&from, async || old.download(&ask).await).await?;
            let kind = reply.head.headers.get("content-type").and_then(|kind| kind.to_str().ok());
            let kind = kind.unwrap_or("application/octet-stream").to_owned();
            let bytes = reply.output.read_all(MAX_BLOB).await?;
            waiting(&to, async || new.send_bytes(&UploadBlob, &kind, bytes.clone()).await).await?;
        }
        cursor = missing.cursor;
        if cursor.is_none() {
            return Ok(());
        }
    }
}

/// From here on everybody looks for the account at the new host.
async fn move_identity(old: &LoggedIn, new: &LoggedIn, token: String) -> Done {
    let (from, to) = (old.service().to_string(), new.service().to_string());
    let wanted = waiting(&to, async || new.send(&GetRecommendedDidCredentials).await).await?.output;
    let sign = SignPlcOperation {
        also_known_as: wanted.also_known_as,
        rotation_keys: wanted.rotation_keys,
        services: wanted.services,
        verification_methods: wanted.verification_methods,
        token: Some(token),
        extra: wanted.extra,
    };
    let operation = waiting(&from, async || old.send(&sign).await).await?.output.operation;
    let submit = SubmitPlcOperation::new(operation);
    waiting(&to, async || new.send(&submit).await).await?;
    Ok(())
}
