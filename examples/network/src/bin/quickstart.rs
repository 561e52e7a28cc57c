//! A network in this process, and what can be proven about it: `cargo run --release -p network`.

use atproto_identity::adapters::{ReqwestClient, TokioClock};
use atproto_identity::cache::CachedDirectory;
use atproto_identity::dns::NoDns;
use atproto_identity::plc::verify_log;
use atproto_lexicon::clock::Clock as _;
use atproto_lexicon::syntax::{AtUri, Datetime, Did};
use atproto_repo::car::Car;
use atproto_repo::repo::{Repo, verify_proof};
use atproto_xrpc::adapters::client_with;
use atproto_xrpc::api::app::bsky::embed::images::{Image, Images};
use atproto_xrpc::api::app::bsky::feed::Post;
use atproto_xrpc::api::app::bsky::graph::Follow;
use atproto_xrpc::api::com::atproto::repo::UploadBlob;
use atproto_xrpc::api::com::atproto::server::CreateAccount;
use atproto_xrpc::api::com::atproto::sync::{GetRecord, GetRepo};
use atproto_xrpc::auth::{Login, PasswordSession};
use atproto_xrpc::bsky::rich_text::RichText;
use atproto_xrpc::stream::firehose::{
    Config, Firehose, FirehoseEvent, MemoryAccounts, SubscribeRepos, Verdict,
};
use atproto_xrpc::stream::{MemoryCursor, Subscription, WebSockets};
use atproto_xrpc::{Client, ServiceUrl};
use network::{Network, Storage};
use std::error::Error;

type LoggedIn = Client<ReqwestClient, TokioClock, PasswordSession<ReqwestClient, TokioClock>>;
type Identities = CachedDirectory<ReqwestClient, NoDns, TokioClock>;
type Done<T> = Result<T, Box<dyn Error>>;

const PASSWORD: &str = "correct horse battery staple";
/// A picture of one pixel.
const PICTURE: &[u8] = b"GIF89a\x01\0\x01\0\x80\0\0\xff\xff\xff\0\0\0!\xf9\x04\x01\0\0\0\0,\0\0\0\0\x01\0\x01\0\0\x02\x02D\x01\0;";
const MAX_FILE: usize = 64 << 20;

#[tokio::main]
async fn main() -> Done<()> {
    let network = Network::start(Storage::memory()?).await?;
    let host = network.host(0).url().to_owned();
    say(
        "network",
        format!("a directory of did:plc at {}, a host of accounts at {host}", network.directory_url()),
    );

    let alice = create(&network, "alice").await?;
    let bob = create(&network, "bob").await?;
    let identities = network.resolver()?;
    let bobs = prove_identity(&identities, &bob).await?;
    prove_identity(&identities, &alice).await?;

    let posted = post(&identities, &alice).await?;
    let follow = Follow::new(alice.auth().did(), now()?);
    let follow = bob.create_record(&bob.auth().did().into(), None, &follow).await?.output.uri;
    say("follow", format!("{follow}: bob follows alice"));

    // What bob reads of alice he believes neither her nor the host, but proofs.
    prove_record(&identities, &bob, &posted).await?;
    watch(&network, identities, vec![posted.to_string(), follow.to_string()]).await?;
    let identities = network.resolver()?;
    prove_repository(&identities, &bob, &alice.auth().did()).await?;
    prove_repository(&identities, &alice, &bobs).await?;
    Ok(())
}

fn say(what: &str, text: impl std::fmt::Display) {
    println!("{what:<10} {text}");
}

fn now() -> Done<Datetime> {
    let micros = i64::try_from(TokioClock::new().unix_time().as_micros())?;
    Ok(Datetime::from_unix_micros(micros).ok_or("a clock beyond the year 9999")?)
}

/// An account that is logged in by its handle: the handle says the DID, the DID the host.
async fn create(network: &Network, name: &str) -> Done<LoggedIn> {
    let client = client_with(network.policy(), ServiceUrl::parse(network.host(0).url())?)?;
    let mut create = CreateAccount::new(format!("{name}.test").parse()?);
    create.password = Some(PASSWORD.to_owned());
    client.send(&create).await?;
    let identity = network.resolver()?.lookup(&format!("{name}.test").parse()?).await?;
    let client = client_with(network.policy(), ServiceUrl::parse(identity.pds()?)?)?;
    let client = client.login(&Login::new(format!("{name}.test"), PASSWORD)).await?;
    say(
        "account",
        format!(
            "{} is {}, and logged in at {}",
            client.auth().handle(),
            client.auth().did(),
            client.service()
        ),
    );
    Ok(client)
}

/// Handle and document name each other, and the document follows from a log whose every signature and hash is right.
async fn prove_identity(identities: &Identities, client: &LoggedIn) -> Done<Did> {
    let identity = identities.lookup(&client.auth().handle().into()).await?;
    let (did, handle) =
        (identity.did(), identity.verified_handle().ok_or("a handle that is not the account's")?);
    let log = identities.directory().plc().audit_log(did).await?;
    let history = verify_log(did, &log)?;
    if history.document().as_ref() != Some(identity.document()) {
        return Err("the document is not what the log says".into());
    }
    say(
        "proven",
        format!("{handle} is {did}: both say so, and the log of {} operation(s) hashes to it", log.len()),
    );
    Ok(did.clone())
}

async fn post(identities: &Identities, client: &LoggedIn) -> Done<AtUri> {
    let text = "Hello @bob.test, all of this is proven: https://atproto.com #atproto 🦋";
    let text = RichText::detect_async(text, async |handle| {
        identities.lookup_handle(handle).await.ok().map(|identity| identity.did().clone())
    });
    let (text, facets) = text.await.into_parts();
    let blob = client.send_bytes(&UploadBlob, "image/gif", PICTURE).await?.output.blob;
    let mut post = Post::new(text, now()?);
    let facets_count = facets.len();
    post.facets = Some(facets);
    post.embed = Some(Images::new(vec![Image::new(blob, "one pixel".to_owned())]).into());
    let uri = client.create_record(&client.auth().did().into(), None, &post).await?.output.uri;
    say("post", format!("{uri} with {facets_count} facets, and a picture of {} bytes", PICTURE.len()));
    Ok(uri)
}

/// A record with the blocks that prove it: hashes from the record up to a commit, which the account's key has signed.
async fn prove_record(identities: &Identities, client: &LoggedIn, uri: &AtUri) -> Done<()> {
    let did = uri.authority().as_did().ok_or("no DID")?;
    let (collection, rkey) = (uri.collection().ok_or("no collection")?, uri.record_key().ok_or("no key")?);
    let key = identities.lookup_did(&did).await?.signing_key()?;
    let ask = GetRecord { did: did.clone(), collection: collection.clone(), rkey: rkey.clone() };
    let proof = client.download(&ask).await?.output.read_all(MAX_FILE).await?;
    let path = format!("{collection}/{rkey}");
    let found =
        verify_proof(&proof, &did, &key, &path)?.ok_or("it is proven that there is no such record")?;
    let post: Post = atproto_lexicon::data::cbor::from_record(&found.bytes)?;
    say(
        "proven",
        format!(
            "{} of {} bytes, in {} bytes of proof: {:?}",
            found.cid,
            found.bytes.len(),
            proof.len(),
            post.text
        ),
    );

    let ask = GetRecord { rkey: "nothing".parse()?, ..ask };
    let proof = client.download(&ask).await?.output.read_all(MAX_FILE).await?;
    if verify_proof(&proof, &did, &key, &format!("{collection}/nothing"))?.is_some() {
        return Err("there is what should not be there".into());
    }
    say("proven", format!("there is no record {collection}/nothing, in {} bytes", proof.len()));
    let mut forged = proof.to_vec();
    if let Some(last) = forged.last_mut() {
        *last ^= 1;
    }
    match verify_proof(&forged, &did, &key, &format!("{collection}/nothing")) {
        Ok(_) => Err("a forged proof was believed".into()),
        Err(error) => {
            say("refused", format!("the same with one bit changed: {error}"));
            Ok(())
        }
    }
}

/// All that has happened, from the first event on until these records are there. Events of different accounts come in any order.
async fn watch(network: &Network, identities: Identities, mut awaited: Vec<String>) -> Done<()> {
    let clock = TokioClock::new();
    let sockets = WebSockets::new(network.policy());
    let repos = SubscribeRepos::new(network.host(0).url())?;
    let stream = Subscription::with_store(repos, sockets, clock, MemoryCursor::new(Some(0)), 1);
    let mut config = Config::default();
    config.is_pds = true;
    let mut firehose = Firehose::with_config(stream, identities, MemoryAccounts::default(), clock, config);
    let (mut events, mut commits) = (0_u32, 0_u32);
    while !awaited.is_empty() {
        let FirehoseEvent::Report(report) = firehose.next().await? else {
            return Err("the firehose is not what it should be".into());
        };
        events = events.saturating_add(1);
        match &report.verdict {
            Verdict::Commit(commit) if commit.is_proven => {
                commits = commits.saturating_add(1);
                let is_there = |uri: &String| {
                    commit.ops.iter().any(|op| *uri == format!("at://{}/{}", report.did, op.path))
                };
                awaited.retain(|uri| !is_there(uri));
            }
            Verdict::Account { .. } | Verdict::Identity { .. } | Verdict::Unchanged => {}
            verdict => return Err(format!("event {:?} does not verify: {verdict:?}", report.seq).into()),
        }
        firehose.handled(&report).await?;
    }
    say(
        "proven",
        format!("{events} events, {commits} commits among them: each is signed, and says all that changed"),
    );
    Ok(())
}

/// The whole of a repository: every block is hashed, and the tree is the one of its records.
async fn prove_repository(identities: &Identities, client: &LoggedIn, did: &Did) -> Done<()> {
    let key = identities.lookup_did(did).await?.signing_key()?;
    let file = client.download(&GetRepo::new(did.clone())).await?.output.read_all(MAX_FILE).await?;
    let car = Car::parse(&file)?;
    let repo = Repo::verify(&car, did, &key)?;
    let mut faults = 0_u32;
    let summary = repo.check_records(|_, _| faults = faults.saturating_add(1))?;
    let (records, rev, length) = (summary.records, repo.commit().rev, file.len());
    say(
        "proven",
        format!("{did} at {rev}: {records} record(s) in {length} bytes, signed, whole, {faults} faults"),
    );
    Ok(())
}
