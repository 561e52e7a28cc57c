//! Prints what happens in the network, verified.

use atproto_lexicon::data::cbor;
use atproto_lexicon::syntax::Nsid;
use atproto_xrpc::stream::firehose::{Report, Verdict};
use clap::Parser;
use serde_json::json;
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;
use systems::connect::NetworkArgs;
use systems::follow::Followed;
use systems::{Done, run};

/// Prints each change of a record as a line of JSON, once it is verified: signed by the account, and all that changed.
///
/// Whoever reads the lines may see one again after a restart, and misses none that the host still has.
#[derive(Parser)]
struct Arguments {
    /// The relay or host.
    #[arg(long, value_name = "URL", default_value = "https://relay1.us-east.bsky.network")]
    host: String,
    /// Only records of this collection; may be given more than once.
    #[arg(long = "collection", value_name = "NSID")]
    collections: Vec<Nsid>,
    /// Where the place in the stream is kept.
    #[arg(long, value_name = "FILE", default_value = "firehose.cursor")]
    cursor: PathBuf,
    /// End after so many lines.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<usize>,
    #[command(flatten)]
    network: NetworkArgs,
}

fn main() -> ExitCode {
    run(watch)
}

async fn watch(arguments: Arguments) -> Done {
    let identities = arguments.network.identities()?;
    let mut stream = Followed::new(&arguments.network, &identities, &arguments.host, &arguments.cursor)?;
    let mut left = arguments.limit.unwrap_or(usize::MAX);
    while left > 0 {
        let report = stream.next().await?;
        left = left.saturating_sub(print(&report, &arguments.collections)?);
        // What was printed counts once whoever reads it has it.
        stream.handled(&report).await?;
    }
    stream.save().await
}

/// Prints the changes of an event that are asked for; their number.
fn print(report: &Report, collections: &[Nsid]) -> Done<usize> {
    let mut out = io::stdout().lock();
    let Verdict::Commit(commit) = &report.verdict else {
        if let Verdict::Invalid(_) | Verdict::Incomplete(_) = &report.verdict {
            eprintln!("{} at {:?}: {:?}", report.did, report.seq, report.verdict);
        }
        return Ok(0);
    };
    let mut printed = 0_usize;
    for op in &commit.ops {
        if !collections.is_empty() && !collections.iter().any(|wanted| wanted.as_str() == op.collection()) {
            continue;
        }
        // A record that breaks the data model is told without what it says.
        let record = op.record.as_ref().and_then(|bytes| cbor::to_value(bytes).ok());
        let line = json!({
            "seq": report.seq,
            "did": report.did,
            "rev": commit.head.rev.to_string(),
            "action": op.action.as_str(),
            "path": op.path,
            "cid": op.cid.map(|cid| cid.to_string()),
            "record": record,
        });
        writeln!(out, "{line}")?;
        printed = printed.saturating_add(1);
    }
    out.flush()?;
    Ok(printed)
}
