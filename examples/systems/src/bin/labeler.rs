//! Labels accounts and records, and lets everybody know.

use atproto_crypto::{Curve, SecretKey};
use atproto_identity::DidDocument;
use atproto_lexicon::data::cbor;
use atproto_lexicon::syntax::{Did, Uri};
use atproto_lexicon::typed::AnyError;
use atproto_xrpc::api::com::atproto::label::defs::Label;
use atproto_xrpc::api::com::atproto::label::query_labels::{QueryLabels, QueryLabelsOutput};
use atproto_xrpc::api::com::atproto::label::subscribe_labels::{
    Labels, SubscribeLabels, SubscribeLabelsError,
};
use atproto_xrpc::label;
use atproto_xrpc::server::{Asked, Events, LogLimits, RedbLog, Refusal, ServeError, XrpcRouter};
use clap::Parser;
use redb::{ReadableDatabase as _, TableDefinition};
use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use systems::keep::now;
use systems::{Done, Stop, run, service};
use tokio::io::{AsyncBufReadExt as _, BufReader};

/// Reads labels from standard input, signs them, keeps them, and serves them: `com.atproto.label.queryLabels` and `subscribeLabels`.
///
/// A line is `URI VALUE`, for a label, or `URI -VALUE`, for one that no longer holds.
#[derive(Parser)]
struct Arguments {
    /// The name of the machine where it is reached by HTTPS, through a proxy.
    #[arg(long, value_name = "NAME")]
    hostname: String,
    /// A file with the key that signs, in hexadecimal; one is made where there is none.
    #[arg(long, value_name = "FILE", default_value = "labeler.key")]
    key: PathBuf,
    /// Where it listens.
    #[arg(long, default_value_t = 8081)]
    port: u16,
    /// Where the labels are kept.
    #[arg(long, value_name = "FILE", default_value = "labels.redb")]
    data: PathBuf,
}

/// Labels by their numbers, in DAG-CBOR.
const LABELS: TableDefinition<'static, u64, &[u8]> = TableDefinition::new("labels");

struct Labeler {
    did: Did,
    key: SecretKey,
    /// In its database are the labels, too.
    log: Arc<RedbLog>,
}

fn main() -> ExitCode {
    run(serve)
}

async fn serve(arguments: Arguments) -> Done {
    let did = service::did_of(&arguments.hostname)?;
    let database = Arc::new(service::open(&arguments.data)?);
    let all = LogLimits { events: usize::MAX, bytes: usize::MAX };
    let log = Arc::new(RedbLog::open(database, all, LogLimits::default())?);
    let labeler = Arc::new(Labeler { did: did.clone(), key: own_key(&arguments.key)?, log });
    let listener = service::listen(arguments.port).await?;
    println!("{did} at port {}", listener.local_addr()?.port());
    let endpoint = format!("https://{}", arguments.hostname);
    let document = DidDocument::new(did).with_key("atproto_label", &labeler.key.public_key()).with_service(
        "atproto_labeler",
        "AtprotoLabeler",
        &endpoint,
    );
    let router = XrpcRouter::new(Arc::clone(&labeler))
        .serve(query)
        .subscription(subscribe)
        .with_did_document(&document)
        .with_cors()
        .on_failure(|endpoint, error| eprintln!("{endpoint}: {error}"));
    let read = async {
        let mut lines = BufReader::new(tokio::io::stdin()).lines();
        while let Some(line) = lines.next_line().await? {
            match labeler.take(&line) {
                Ok(seq) => println!("{seq} {line}"),
                Err(stop) => eprintln!("{line:?}: {stop}"),
            }
        }
        // Without its input it still serves.
        std::future::pending::<Done>().await
    };
    tokio::select! {
        served = axum::serve(listener, router.into_router()) => Ok(served?),
        ended = read => ended,
    }
}

fn own_key(path: &PathBuf) -> Done<SecretKey> {
    if !path.exists() {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes)?;
        let key = SecretKey::from_bytes(Curve::K256, &bytes)?;
        systems::keep::replace_secret(path, key.to_hex().as_bytes())?;
    }
    let text = fs::read_to_string(path).map_err(|error| Stop::new(format!("{}: {error}", path.display())))?;
    Ok(SecretKey::from_hex(Curve::K256, text.trim())?)
}

impl Labeler {
    /// Takes the labels after a number, oldest first, until `take` says that it is enough.
    fn each(&self, after: u64, mut take: impl FnMut(u64, Label) -> Done<bool>) -> Done {
        let transaction = self.log.database().begin_read()?;
        let labels = match transaction.open_table(LABELS) {
            Err(redb::TableError::TableDoesNotExist(_)) => return Ok(()),
            labels => labels?,
        };
        for row in labels.range(after.saturating_add(1)..)? {
            let (seq, label) = row?;
            if !take(seq.value(), cbor::from_slice(label.value())?)? {
                break;
            }
        }
        Ok(())
    }

    /// Makes the label that a line asks for, keeps it, and then tells of it; its number.
    fn take(&self, line: &str) -> Done<u64> {
        let (uri, value) = line.trim().split_once(' ').ok_or_else(|| Stop::new("a line is `URI VALUE`"))?;
        let uri: Uri = uri.parse()?;
        if !uri.as_str().starts_with("at://") && !uri.as_str().starts_with("did:") {
            return Err(Stop::new("labels are of accounts and records"));
        }
        let (value, is_off) = value.strip_prefix('-').map_or((value, false), |value| (value, true));
        let mut label = Label::new(self.did.clone(), uri, value.to_owned(), now()?);
        label.neg = is_off.then_some(true);
        label::sign(&mut label, &self.key)?;
        let row = cbor::to_vec(&label)?;
        let mut write = self.log.begin()?;
        let seq = write.append::<SubscribeLabels>(|seq| Labels::new(seq, vec![label]).into())?;
        write.transaction().open_table(LABELS)?.insert(seq, row.as_slice())?;
        write.commit()?;
        Ok(seq)
    }
}

/// Whether a URI is meant by a pattern, which may end in `*`.
fn is_meant(uri: &str, pattern: &str) -> bool {
    pattern.strip_suffix('*').map_or(uri == pattern, |start| uri.starts_with(start))
}

async fn query(
    labeler: Arc<Labeler>,
    asked: Asked<QueryLabels>,
) -> Result<QueryLabelsOutput, ServeError<AnyError>> {
    let limit = usize::try_from(asked.params.limit_or_default())?;
    let QueryLabels { uri_patterns, cursor, sources, .. } = asked.params;
    let cursor = cursor.map_or(Ok(0), |cursor| cursor.parse::<u64>());
    let cursor = cursor.map_err(|_| Refusal::invalid_request("cursor: not one that was given here"))?;
    let mut output = QueryLabelsOutput::new(Vec::new());
    if sources.is_some_and(|sources| !sources.contains(&labeler.did)) {
        return Ok(output);
    }
    let read = labeler.each(cursor, |seq, label| {
        if uri_patterns.iter().any(|pattern| is_meant(label.uri.as_str(), pattern)) {
            output.labels.push(label);
        }
        let is_full = output.labels.len() == limit;
        output.cursor = is_full.then(|| seq.to_string());
        Ok(!is_full)
    });
    read.map_err(|stop| ServeError::internal(stop.to_string()))?;
    Ok(output)
}

async fn subscribe(
    labeler: Arc<Labeler>,
    asked: Asked<SubscribeLabels>,
) -> Result<Events<RedbLog>, ServeError<SubscribeLabelsError>> {
    Ok(Events::new(Arc::clone(&labeler.log), asked.params.cursor)?)
}
