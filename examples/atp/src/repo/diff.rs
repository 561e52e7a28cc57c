//! How two repositories differ.

use super::open::{Task, refuse, refuse_car, with_archive};
use super::signer::{Refusal, Signer, SignerArguments};
use crate::output::{Failure, Outcome, Output, printable};
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Did;
use atproto_repo::car::CarError;
use atproto_repo::mst::{Limits, Node, TreeDiff};
use atproto_repo::repo::{Error, UnsignedRepo};
use atproto_repo::store::{Archive, Blocks};
use clap::Args;
use serde_json::json;
use std::fmt::Display;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Diff {
    /// CAR file, or `-`; its root is a commit, or the root of a tree. What both have is not read.
    before: PathBuf,
    /// CAR file, or `-`.
    after: PathBuf,
    /// Name the nodes of the tree, too, that are new and no longer there.
    #[arg(long)]
    nodes: bool,
    /// Without any of these the signatures are not looked at.
    #[command(flatten)]
    signer: Option<SignerArguments>,
    /// The account that both repositories must be of.
    #[arg(long)]
    did: Option<Did>,
}

impl Diff {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        if self.before == Path::new("-") && self.after == Path::new("-") {
            return Err(Failure::Usage("only one of the files can be standard input".into()));
        }
        let signer = self.signer.map_or(Ok(Signer::Nobody), SignerArguments::load)?;
        let options = Options { signer, did: self.did, nodes: self.nodes };
        with_archive(&self.before, Before { after: &self.after, options, output })
    }
}

struct Options {
    signer: Signer,
    did: Option<Did>,
    nodes: bool,
}

struct Before<'o> {
    after: &'o Path,
    options: Options,
    output: &'o mut Output,
}

impl Task for Before<'_> {
    fn run<A: Archive<Error: Display>>(self, archive: &A, _: usize) -> Result<Outcome, Failure> {
        let Self { after, options, output } = self;
        let root = match options.root(archive)? {
            Ok(root) => root,
            Err(refusal) => return print_refusal(output, &refusal),
        };
        with_archive(after, After { before: &Told(archive), root, options, output })
    }

    fn refuse(self, error: CarError) -> Result<Outcome, Failure> {
        refuse_car(self.output, error)
    }
}

struct After<'o, B> {
    before: &'o B,
    root: Cid,
    options: Options,
    output: &'o mut Output,
}

impl<B: Blocks<Error = String>> Task for After<'_, B> {
    fn run<A: Archive<Error: Display>>(self, archive: &A, _: usize) -> Result<Outcome, Failure> {
        let root = match self.options.root(archive)? {
            Ok(root) => root,
            Err(refusal) => return print_refusal(self.output, &refusal),
        };
        let after = Told(archive);
        let mut diff = TreeDiff::new((self.before, Some(self.root)), (&after, Some(root)));
        let (mut lines, mut ops) = (Vec::new(), Vec::new());
        loop {
            let change = match diff.next() {
                Ok(Some(change)) => change,
                Ok(None) => break,
                Err(error) => return refuse(self.output, &Error::from(error)),
            };
            // A key is any bytes.
            let key = String::from_utf8_lossy(change.key);
            let [old, new] = [change.before, change.after].map(|cid| cid.map(ToString::to_string));
            let path = printable(&key);
            match (&old, &new) {
                (Some(old), Some(new)) => lines.push(format!("update  {path}  {old} -> {new}")),
                (Some(old), None) => lines.push(format!("delete  {path}  {old}")),
                (None, new) => {
                    lines.push(format!("create  {path}  {}", new.as_deref().unwrap_or_default()));
                }
            }
            ops.push(json!({"rpath": key, "old_value": old, "new_value": new}));
        }
        let created = sorted(diff.created_nodes());
        let deleted = sorted(diff.removed_nodes());
        if self.options.nodes {
            lines.extend(created.iter().map(|cid| format!("created node  {cid}")));
            lines.extend(deleted.iter().map(|cid| format!("deleted node  {cid}")));
        }
        let json = json!({"record_ops": ops, "created_nodes": created, "deleted_nodes": deleted});
        if !lines.is_empty() || self.output.is_json() {
            self.output.line(lines.join("\n"), &json)?;
        }
        Ok(Outcome::Done)
    }

    fn refuse(self, error: CarError) -> Result<Outcome, Failure> {
        refuse_car(self.output, error)
    }
}

impl Options {
    /// Root of the tree, in a repository that is signed as it should be. Where nobody need have signed, the first root may be that
    /// of a tree.
    fn root<A: Archive<Error: Display>>(&self, archive: &A) -> Result<Result<Cid, Refusal>, Failure> {
        match UnsignedRepo::open(archive) {
            Ok(repo) => {
                let repo = self.signer.verify(repo, self.did.as_ref())?;
                Ok(repo.map(|repo| repo.commit().data))
            }
            Err(error) => match archive.roots().first() {
                Some(root) if self.is_for_trees() && is_node(archive, root) => Ok(Ok(*root)),
                _ => Refusal::of(&error).map(Err),
            },
        }
    }

    fn is_for_trees(&self) -> bool {
        matches!(self.signer, Signer::Nobody) && self.did.is_none()
    }
}

fn is_node<A: Archive>(archive: &A, cid: &Cid) -> bool {
    let mut buf = Vec::new();
    matches!(archive.get(cid, &mut buf), Ok(Some(block)) if Node::decode(block, Limits::default().entries).is_ok())
}

fn print_refusal(output: &mut Output, refusal: &Refusal) -> Result<Outcome, Failure> {
    let Refusal { verdict, outcome, reason } = refusal;
    output.line(format!("{verdict}: {reason}"), &json!({"verdict": verdict, "reason": reason}))?;
    Ok(*outcome)
}

fn sorted<'c>(cids: impl Iterator<Item = &'c Cid>) -> Vec<String> {
    let mut texts: Vec<_> = cids.map(ToString::to_string).collect();
    texts.sort();
    texts
}

/// Blocks whose errors are told as text, so that a file in memory can be compared with one on disk.
struct Told<'a, A>(&'a A);

impl<A: Blocks<Error: Display>> Blocks for Told<'_, A> {
    type Error = String;
    const HASHED: bool = A::HASHED;

    fn get<'a>(&'a self, cid: &Cid, buf: &'a mut Vec<u8>) -> Result<Option<&'a [u8]>, String> {
        self.0.get(cid, buf).map_err(|error| error.to_string())
    }

    fn prepare<'c>(&self, cids: impl Iterator<Item = &'c Cid>) {
        self.0.prepare(cids);
    }
}
