use super::known::read_log;
use super::stop::Stop;
use crate::input::read_file;
use crate::network::{Network, NetworkArguments};
use crate::output::{Failure, Outcome, Output, printable};
use atproto_identity::plc::{ExportEntry, LogEntry, Replay, verify_log};
use atproto_lexicon::syntax::Did;
use clap::Args;
use serde_json::{Map, Value as Json, json};
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::path::Path;

/// The directory's word remains: that there are no further operations, and when it took them.
#[derive(Args)]
pub(crate) struct Verify {
    /// File with an audit log (a JSON array, or an entry a line), `-`, or the DID whose log the directory has.
    #[arg(value_name = "FILE|DID")]
    source: String,
    /// Whose log it must be; by default that of its first entry.
    #[arg(long)]
    did: Option<Did>,
    /// The file is an export of a directory, an entry a line, with the operations of many DIDs.
    #[arg(long, conflicts_with = "did")]
    export: bool,
    #[command(flatten)]
    network: NetworkArguments,
}

/// What is printed of a log.
#[derive(Default)]
struct Verdict {
    did: Option<Did>,
    operations: usize,
    head: Option<String>,
    tombstoned: bool,
    /// Why it is not valid, and which entry shows it.
    fault: Option<(String, Option<usize>)>,
}

impl Verify {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Stop> {
        let source = self.source.as_str();
        if self.export {
            return Ok(Export::default().verify(source, output)?);
        }
        if source.starts_with("did:") {
            let did: Did = source.parse().map_err(|error| Stop::usage(format!("{source:?}: {error}")))?;
            if self.did.is_some_and(|other| other != did) {
                return Err(Stop::usage("two DIDs are given"));
            }
            let network = Network::open(self.network)?;
            let log = network.audit_log(&did).map_err(|error| Stop::client(&did, &error))?;
            return Ok(Verdict::of(Some(did), &log).print(output)?);
        }
        let verdict = match read_log(&read_file(Path::new(source))?) {
            Ok(log) => Verdict::of(self.did, &log),
            Err(reason) => Verdict { did: self.did, fault: Some((reason, None)), ..Verdict::default() },
        };
        Ok(verdict.print(output)?)
    }
}

impl Verdict {
    fn of(did: Option<Did>, log: &[LogEntry]) -> Self {
        let did = did.or_else(|| log.first().map(|entry| entry.did.clone()));
        let mut this = Self { operations: log.len(), did, ..Self::default() };
        let Some(did) = &this.did else {
            this.fault = Some(("there is no operation".into(), None));
            return this;
        };
        match verify_log(did, log) {
            Ok(history) => {
                this.head = history.head().map(ToString::to_string);
                this.tombstoned = history.is_tombstoned();
            }
            Err(error) => this.fault = Some((error.fault.to_string(), Some(error.index))),
        }
        this
    }

    fn print(self, output: &mut Output) -> Result<Outcome, Failure> {
        let did = self.did.as_ref().map(Did::as_str);
        let (verdict, outcome) = match self.fault {
            None => ("valid", Outcome::Done),
            Some(_) => ("invalid", Outcome::Negative),
        };
        let mut json = Map::new();
        let mut set = |name: &str, value: Json| json.insert(name.into(), value);
        set("verdict", verdict.into());
        set("did", did.into());
        set("operations", self.operations.into());
        set("head", self.head.as_deref().into());
        set("tombstoned", self.tombstoned.into());
        let mut text = format!("{verdict}\n  did         {}", did.unwrap_or("unknown"));
        text.push_str(&format!("\n  operations  {}", self.operations));
        if let Some(head) = &self.head {
            text.push_str(&format!("\n  head        {head}"));
        }
        if self.tombstoned {
            text.push_str("\n  ended by a tombstone");
        }
        if let Some((reason, index)) = self.fault {
            set("reason", reason.as_str().into());
            if let Some(index) = index {
                set("index", index.into());
                text.push_str(&format!("\n  entry       {index}"));
            }
            text.push_str(&format!("\n  reason      {}", printable(&reason)));
        }
        output.line(text, &json.into())?;
        Ok(outcome)
    }
}

/// An export, as far as it was read.
#[derive(Default)]
struct Export {
    replay: Replay,
    operations: u64,
    faults: u64,
    /// Those of which a fault has been printed: what builds on it is at fault, too.
    at_fault: BTreeSet<Did>,
}

impl Export {
    fn verify(mut self, source: &str, output: &mut Output) -> Result<Outcome, Failure> {
        if source == "-" {
            self.read(&mut io::stdin().lock(), "standard input", output)?;
        } else {
            let file = File::open(source).map_err(Failure::file(source))?;
            self.read(&mut BufReader::new(file), source, output)?;
        }
        self.summary(output)
    }

    fn read(&mut self, file: &mut impl BufRead, name: &str, output: &mut Output) -> Result<(), Failure> {
        let longest = u64::try_from(ExportEntry::MAX_LINE).unwrap_or(u64::MAX);
        let mut line = Vec::new();
        let mut number: u64 = 0;
        loop {
            line.clear();
            // No more of a line is kept than an entry can have.
            let read = file.by_ref().take(longest).read_until(b'\n', &mut line);
            if read.map_err(Failure::file(name))? == 0 {
                return Ok(());
            }
            number = number.saturating_add(1);
            if line.len() >= ExportEntry::MAX_LINE && !line.ends_with(b"\n") {
                file.skip_until(b'\n').map_err(Failure::file(name))?;
                let reason = format!("more than {} bytes", ExportEntry::MAX_LINE);
                self.fault(None, Some(number), None, &reason, output)?;
                continue;
            }
            match ExportEntry::parse_line(&line) {
                Ok(None) => {}
                Ok(Some(entry)) => {
                    self.operations = self.operations.saturating_add(1);
                    if let Err(fault) = self.replay.apply(&entry) {
                        let cid = entry.cid.to_string();
                        let reason = fault.to_string();
                        self.fault(Some(&entry.did), Some(number), Some(cid), &reason, output)?;
                    }
                }
                Err(error) => self.fault(None, Some(number), None, &error.to_string(), output)?,
            }
        }
    }

    fn fault(
        &mut self,
        did: Option<&Did>,
        line: Option<u64>,
        cid: Option<String>,
        reason: &str,
        output: &mut Output,
    ) -> Result<(), Failure> {
        self.faults = self.faults.saturating_add(1);
        if did.is_some_and(|did| !self.at_fault.insert(did.clone())) {
            return Ok(());
        }
        let json = json!({
            "verdict": "invalid", "did": did.map(Did::as_str), "line": line, "cid": cid, "reason": reason,
        });
        let place = line.map(|line| format!("  line {line}")).unwrap_or_default();
        let did = did.map(|did| format!("  {did}")).unwrap_or_default();
        output.line(printable(&format!("invalid{did}{place}: {reason}")), &json)
    }

    fn summary(mut self, output: &mut Output) -> Result<Outcome, Failure> {
        let mut unexplained: Vec<(Did, String)> =
            self.replay.unexplained().map(|(did, cid)| (did.clone(), cid.to_string())).collect();
        unexplained.sort();
        for (did, cid) in unexplained {
            let reason = format!("{cid} is said to be nullified, and nothing undoes it");
            self.fault(Some(&did), None, Some(cid), &reason, output)?;
        }
        let (verdict, outcome) =
            if self.faults == 0 { ("valid", Outcome::Done) } else { ("invalid", Outcome::Negative) };
        let tombstoned = self.replay.iter().filter(|history| history.is_tombstoned()).count();
        let (dids, operations, faults) = (self.replay.len(), self.operations, self.faults);
        let json = json!({
            "verdict": verdict, "dids": dids, "operations": operations, "tombstoned": tombstoned,
            "faults": faults,
        });
        let text =
            format!("{verdict}: {operations} operations, {faults} at fault; {dids} DIDs, {tombstoned} ended");
        output.line(text, &json)?;
        Ok(outcome)
    }
}
