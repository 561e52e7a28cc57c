use super::keys::{KeyArguments, Keys};
use super::report::Report;
use crate::output::{Failure, Outcome, Output};
use crate::tid::now_micros;
use atproto_crypto::PublicKey;
use atproto_lexicon::syntax::Did;
use atproto_repo::sync::{
    Account, Event, EventError, Limits, Outcome as EventOutcome, Policy, RepoOp, VerifyError,
};
use clap::Args;
use serde_json::{Value as Json, json};
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Verify {
    /// File of messages, or `-`: each its length, four bytes big-endian, and then the message of the WebSocket.
    #[arg(value_name = "FILE.frames")]
    file: PathBuf,
    #[command(flatten)]
    keys: KeyArguments,
    /// Let pass what old hosts send: no `prevData`, no `prev`. Then nothing proves that the operations are all that changed.
    #[arg(long)]
    lenient: bool,
    /// The time in microseconds since 1970, from which on revisions are of the future; by default the system's.
    #[arg(long, value_name = "MICROS")]
    now: Option<u64>,
}

impl Verify {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let name = self.file.display().to_string();
        let policy = Policy { allow_unproven: self.lenient, ..Policy::default() };
        let mut stream = Stream {
            keys: Keys::load(self.keys)?,
            policy,
            now: self.now,
            accounts: HashMap::new(),
            counts: BTreeMap::new(),
            outcome: Outcome::Done,
        };
        if self.file == Path::new("-") {
            stream.play(&mut io::stdin().lock(), "standard input", output)?;
        } else {
            let file = File::open(&self.file).map_err(Failure::file(&name))?;
            stream.play(&mut BufReader::new(file), &name, output)?;
        }
        stream.summary(output)
    }
}

/// A stream, as far as it was read.
struct Stream {
    keys: Keys,
    policy: Policy,
    now: Option<u64>,
    accounts: HashMap<Did, Account>,
    /// How many events have come to each outcome.
    counts: BTreeMap<&'static str, u64>,
    outcome: Outcome,
}

/// What was read of the next message.
enum Frame {
    Whole,
    TooLong(EventError),
    Cut,
    End,
}

impl Stream {
    fn play(&mut self, file: &mut impl Read, name: &str, output: &mut Output) -> Result<(), Failure> {
        let mut frame = Vec::new();
        loop {
            let report = match read_frame(file, &mut frame).map_err(Failure::file(name))? {
                Frame::Whole => self.event(&frame),
                Frame::TooLong(error) => refused(&error),
                Frame::Cut => {
                    Report::new("unknown", "incomplete").because(Outcome::Incomplete, "message is cut off")
                }
                Frame::End => return Ok(()),
            };
            self.outcome = self.outcome.max(report.counts_as);
            let count = self.counts.entry(report.outcome).or_default();
            *count = count.saturating_add(1);
            report.print(output)?;
        }
    }

    /// Gives a message to the account that it is of.
    fn event(&mut self, frame: &[u8]) -> Report {
        let event = match Event::from_frame(frame) {
            Ok(Some(event)) => event,
            Ok(None) => return Report::new("unknown", "ignored"),
            Err(error) => return refused(&error),
        };
        let (seq, did) = (event.seq(), event.did().cloned());
        let report = match (event, &did) {
            (Event::Info(info), _) => {
                let text = [Some(info.name), info.message].into_iter().flatten().collect::<Vec<_>>();
                Report::new("info", "unchanged").because(Outcome::Done, text.join(": "))
            }
            (Event::Identity(_), _) => Report::new("identity", "unchanged"),
            (Event::Account(event), Some(did)) => {
                self.account(did).account(&event);
                let report = Report::new("account", "unchanged");
                match (event.active, event.status) {
                    (true, _) => report,
                    (false, status) => report.because(
                        Outcome::Done,
                        status.map_or_else(
                            || "not active".into(),
                            |status| format!("not active: {}", status.as_str()),
                        ),
                    ),
                }
            }
            (event @ (Event::Commit(_) | Event::Sync(_)), Some(did)) => self.verify(event, frame, did),
            _ => Report::new("unknown", "ignored"),
        };
        Report { seq, did: did.map(|did| did.to_string()), ..report }
    }

    /// Verifies a `#commit` or `#sync` with each key that the account is known to have until one fits.
    fn verify(&mut self, event: Event<'_>, frame: &[u8], did: &Did) -> Report {
        let kind = if matches!(event, Event::Commit(_)) { "commit" } else { "sync" };
        let now = self.now.unwrap_or_else(now_micros);
        let keys = self.keys.of(did).to_vec();
        let account = self.account(did);
        let mut report = Report::new(kind, "refresh-identity")
            .because(Outcome::Incomplete, format!("no signing key of {did} is given"));
        let mut next = Some(event);
        for key in &keys {
            // An event is taken by the account that it is given to.
            let Some(event) = next.take().or_else(|| Event::from_frame(frame).ok().flatten()) else { break };
            let Some(outcome) = take(account, event, key, now) else { break };
            let is_other_key = matches!(outcome, EventOutcome::RefreshIdentity(_));
            report = describe(kind, outcome);
            if !is_other_key {
                break;
            }
        }
        report
    }

    fn account(&mut self, did: &Did) -> &mut Account {
        let policy = self.policy;
        self.accounts
            .entry(did.clone())
            .or_insert_with(|| Account::new(did.clone(), None).with_policy(policy))
    }

    fn summary(self, output: &mut Output) -> Result<Outcome, Failure> {
        let events = self.counts.values().fold(0_u64, |sum, count| sum.saturating_add(*count));
        let counts: Vec<_> =
            self.counts.iter().map(|(outcome, count)| format!("{count} {outcome}")).collect();
        let accounts = self.accounts.len();
        let json = json!({"summary": {"events": events, "accounts": accounts, "outcomes": self.counts}});
        output.line(format!("{events} events of {accounts} accounts: {}", counts.join(", ")), &json)?;
        Ok(self.outcome)
    }
}

fn take<'a>(account: &mut Account, event: Event<'a>, key: &PublicKey, now: u64) -> Option<EventOutcome<'a>> {
    // The bodies matter where events wait for a repository to be fetched, which is not done here.
    match event {
        Event::Commit(event) => Some(account.commit(event, &[], key, now)),
        Event::Sync(event) => Some(account.sync(&event, &[], key, now)),
        _ => None,
    }
}

fn describe(kind: &'static str, outcome: EventOutcome<'_>) -> Report {
    let report = |outcome| Report::new(kind, outcome);
    match outcome {
        EventOutcome::Commit(commit) => {
            let ops = commit.ops().iter().map(op_json).collect();
            let report = Report { ops: Some(Json::Array(ops)), ..report("commit") };
            if commit.is_proven() {
                report
            } else {
                report.because(Outcome::Done, "operations are not proven")
            }
        }
        EventOutcome::Unchanged => report("unchanged"),
        EventOutcome::Ignored => report("ignored"),
        EventOutcome::Queued => report("queued"),
        EventOutcome::Invalid(error) => report("invalid").because(Outcome::Negative, error),
        // Of all keys that there are to try, none has signed it.
        EventOutcome::RefreshIdentity(error) => report("refresh-identity").because(Outcome::Negative, error),
        EventOutcome::Desynchronized(None) => report("desynchronized")
            .because(Outcome::Incomplete, "host says that the repository is elsewhere"),
        EventOutcome::Desynchronized(Some(error)) => {
            // What is at fault by itself, and what does not follow on what was seen.
            let counts_as = match error {
                VerifyError::ChainBreak(_) | VerifyError::Incomplete(_) => Outcome::Incomplete,
                _ => Outcome::Negative,
            };
            report("desynchronized").because(counts_as, error)
        }
        _ => report("ignored"),
    }
}

pub(super) fn op_json(op: &RepoOp<'_>) -> Json {
    let text = |cid: Option<atproto_lexicon::data::Cid>| cid.map(|cid| cid.to_string());
    json!({"action": op.action.as_str(), "path": op.path, "cid": text(op.cid), "prev": text(op.prev)})
}

/// A message that is no event. One by which the server reports an error is as it should be.
fn refused(error: &EventError) -> Report {
    match error {
        EventError::Stream { .. } => Report::new("error", "ignored").because(Outcome::Done, error),
        error => Report::new("unknown", "invalid").because(Outcome::Negative, error),
    }
}

/// Reads the next message. One that is too long for an event is passed over, not kept.
fn read_frame(file: &mut impl Read, frame: &mut Vec<u8>) -> io::Result<Frame> {
    frame.clear();
    match file.by_ref().take(4).read_to_end(frame)? {
        0 => return Ok(Frame::End),
        4 => {}
        _ => return Ok(Frame::Cut),
    }
    let length = frame.iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
    frame.clear();
    let mut message = file.by_ref().take(length);
    let limit = Limits::default().frame;
    let size = usize::try_from(length).unwrap_or(usize::MAX);
    if size > limit {
        let is_whole = io::copy(&mut message, &mut io::sink())? == length;
        let error = EventError::FrameSize { length: size, limit };
        return Ok(if is_whole { Frame::TooLong(error) } else { Frame::Cut });
    }
    Ok(if message.read_to_end(frame)? == size { Frame::Whole } else { Frame::Cut })
}
