//! Schemas where their authors publish them.

use super::session::SessionArguments;
use super::{Stop, run, to_json};
use crate::input::read_file;
use crate::lex::{Deny, Printer};
use crate::network::{Network, NetworkArguments, with_sources};
use crate::output::{Failure, Outcome, Output, printable};
use atproto_lexicon::data::{Limits, Object, Value, json};
use atproto_lexicon::lint::{ChangeRule, Rule, breaking, lint};
use atproto_lexicon::schema::Catalog;
use atproto_lexicon::syntax::{Did, Nsid, RecordKey};
use atproto_xrpc::api::com::atproto::repo::PutRecord;
use atproto_xrpc::lexicon::{COLLECTION, LexiconError, Published};
use clap::Args;
use serde_json::json as object;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The most schemas that are fetched for what others refer to.
const MAX_PULLED: usize = 1000;

#[derive(Args)]
pub(crate) struct Resolve {
    /// The schema.
    nsid: Nsid,
    #[command(flatten)]
    source: Source,
}

#[derive(Args)]
struct Source {
    /// Ask this account, whatever DNS says.
    #[arg(long, value_name = "DID")]
    authority: Option<Did>,
    #[command(flatten)]
    network: NetworkArguments,
}

impl Source {
    fn open(self) -> Result<(Network, Option<Did>), Failure> {
        Ok((Network::open(self.network)?, self.authority))
    }
}

impl Resolve {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let (network, authority) = self.source.open()?;
        match network.schema(&self.nsid, authority.as_ref()) {
            Ok(published) => {
                let json = document_json(&published.record)?;
                let uri = published.uri().map(|uri| uri.to_string());
                let line = object!({"uri": uri, "cid": published.cid.to_string(), "document": json});
                output.line(format!("{json:#}"), &line)?;
                Ok(Outcome::Done)
            }
            Err(error) => refuse(output, &self.nsid, &error),
        }
    }
}

#[derive(Args)]
pub(crate) struct Pull {
    /// The schemas.
    #[arg(required = true)]
    nsids: Vec<Nsid>,
    /// Where they go: `com/example/note.json` in this folder. Files that are there are written anew.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    source: Source,
}

impl Pull {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let (network, authority) = self.source.open()?;
        let mut wanted: BTreeSet<Nsid> = self.nsids.into_iter().collect();
        let (mut seen, mut outcome) = (BTreeSet::new(), Outcome::Done);
        let mut catalog = Catalog::new();
        while let Some(nsid) = wanted.pop_first() {
            if seen.len() >= MAX_PULLED {
                output.note(format!("more than {MAX_PULLED} schemas"));
                return Ok(outcome.max(Outcome::Incomplete));
            }
            seen.insert(nsid.clone());
            match network.schema(&nsid, authority.as_ref()) {
                Ok(published) => {
                    let path = save(&self.output, &published)?;
                    let path = path.display().to_string();
                    output
                        .line(&path, &object!({"nsid": nsid.as_str(), "file": path, "did": published.did}))?;
                    // Each name is fetched once.
                    catalog.insert(published.document).unwrap_or_default();
                    let missing = catalog.missing().into_iter().map(|missing| missing.to.nsid);
                    wanted.extend(missing.filter(|nsid| !seen.contains(nsid)));
                }
                Err(error) => outcome = outcome.max(refuse(output, &nsid, &error)?),
            }
        }
        Ok(outcome)
    }
}

/// Exit status 1 means that there is an error, or what is denied: then nothing is published.
#[derive(Args)]
pub(crate) struct Publish {
    /// Documents, or folders with documents (`*.json`) at any depth.
    #[arg(required = true, value_name = "FILE|DIR")]
    paths: Vec<PathBuf>,
    /// Let these be errors, too, and all that is worse.
    #[arg(long, value_name = "SEVERITY")]
    deny: Option<Deny>,
    /// Only say what would be done.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    session: SessionArguments,
    #[command(flatten)]
    network: NetworkArguments,
}

impl Publish {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        run(output, |runtime, output| {
            let (new, outcome) = self.read(output)?;
            let records = records(&self.paths, &new)?;
            let client = self.session.open(runtime)?;
            let did = client.auth().did();
            let network = Network::open(self.network.clone())?;
            let (mut old, mut before) = (Catalog::new(), BTreeMap::new());
            for nsid in records.keys() {
                // What is published is believed with a proof, as anybody else believes it.
                match network.schema(nsid, Some(&did)) {
                    Ok(published) => {
                        before.insert(nsid, (published.cid, published.record));
                        old.insert(published.document).unwrap_or_default();
                    }
                    Err(LexiconError::NotFound) => {}
                    Err(error) => return Ok(refuse(output, nsid, &error)?),
                }
            }
            let mut printer = Printer::new(output, self.deny);
            // What is published and not among the files stays as it is: `old` has only what is.
            printer.findings(&breaking(&old, &new), |rule: &ChangeRule| rule.name())?;
            if outcome.max(printer.outcome) != Outcome::Done {
                return Ok(outcome.max(printer.outcome));
            }
            for (nsid, record) in &records {
                let known = before.get(nsid);
                let change = match known {
                    None => "created",
                    Some((_, known)) if known == record => "unchanged",
                    Some(_) => "updated",
                };
                if change != "unchanged" && !self.dry_run {
                    let rkey: RecordKey = nsid.as_str().parse().map_err(Stop::usage)?;
                    let collection: Nsid = COLLECTION.parse().map_err(Stop::usage)?;
                    let mut put = PutRecord::new((&did).into(), collection, rkey, record.clone());
                    // Nobody has changed it since it was compared.
                    put.swap_record = Some(known.map(|(cid, _)| (*cid).into()));
                    runtime.block_on(client.send(&put))?;
                }
                let line = object!({"nsid": nsid.as_str(), "change": change, "uri": format!("at://{did}/{COLLECTION}/{nsid}")});
                output.line(format!("{nsid} is {change}"), &line)?;
            }
            self.check_dns(&network, &did, records.keys(), output);
            Ok(Outcome::Done)
        })
    }

    /// The documents, if they are in order.
    fn read(&self, output: &mut Output) -> Result<(Catalog, Outcome), Failure> {
        let mut printer = Printer::new(output, self.deny);
        let mut catalog = Catalog::new();
        for path in &self.paths {
            printer.read(&mut catalog, path)?;
        }
        printer.findings(&lint(&catalog), |rule: &Rule| rule.name())?;
        Ok((catalog, printer.outcome))
    }

    /// Says what DNS has to say, so that others find them.
    fn check_dns<'a>(
        &self,
        network: &Network,
        did: &Did,
        nsids: impl Iterator<Item = &'a Nsid>,
        output: &Output,
    ) {
        let authorities: BTreeMap<String, &Nsid> = nsids.map(|nsid| (nsid.authority(), nsid)).collect();
        for (authority, nsid) in authorities {
            if network.lexicon_authority(nsid).ok().as_ref() != Some(did) {
                output.note(format!(
                    "nobody finds them before DNS has a TXT record _lexicon.{authority}: did={did}"
                ));
            }
        }
    }
}

/// The documents as records.
fn records(paths: &[PathBuf], catalog: &Catalog) -> Result<BTreeMap<Nsid, Object>, Failure> {
    let mut records = BTreeMap::new();
    for path in paths {
        for file in Catalog::files(path).map_err(|error| Failure::File(error.to_string()))? {
            let value = json::from_slice(&read_file(&file)?, &Limits::OBJECT);
            let Ok(Value::Object(mut record)) = value else { continue };
            record.insert("$type".into(), COLLECTION.into());
            let nsid = record.get("id").and_then(Value::as_str).and_then(|id| id.parse().ok());
            if let Some(nsid) = nsid.filter(|nsid| catalog.document(nsid).is_some()) {
                records.insert(nsid, record);
            }
        }
    }
    Ok(records)
}

/// A schema without what makes it a record.
fn document_json(record: &Object) -> Result<serde_json::Value, Failure> {
    let mut record = record.clone();
    record.remove("$type");
    to_json(&Value::Object(record))
}

/// Writes a schema to its place in a folder.
fn save(folder: &Path, published: &Published) -> Result<PathBuf, Failure> {
    // The segments of an NSID are letters, digits and hyphens.
    let mut path = folder.to_owned();
    path.extend(published.document.id.as_str().split('.'));
    path.set_extension("json");
    // An extension is what follows the last dot, of which there is none in a segment.
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(Failure::file(folder.display()))?;
    }
    let text = format!("{:#}\n", document_json(&published.record)?);
    fs::write(&path, text).map_err(Failure::file(path.display()))?;
    Ok(path)
}

/// Says why there is no schema.
fn refuse(output: &mut Output, nsid: &Nsid, error: &LexiconError) -> Result<Outcome, Failure> {
    let outcome = match error {
        LexiconError::Identity(error) => crate::network::outcome(error),
        LexiconError::Host(_) | LexiconError::Http(_) => Outcome::Unreached,
        _ => Outcome::Negative,
    };
    let word = match error {
        LexiconError::NotFound => "not_found",
        LexiconError::Identity(error) => crate::network::word(error),
        LexiconError::Host(_) | LexiconError::Http(_) => "unreachable",
        LexiconError::Proof(_) => "unproven",
        _ => "malformed",
    };
    let reason = with_sources(error);
    let text = printable(&format!("{nsid}: {reason}"));
    output.line(text, &object!({"nsid": nsid.as_str(), "error": word, "reason": reason}))?;
    Ok(outcome)
}
