use super::fetch::{Account, account};
use super::open::{Task, with_archive};
use super::target::Target;
use crate::output::{Failure, Outcome, Output};
use atproto_repo::car::CarError;
use atproto_repo::repo::{ExportError, UnsignedRepo};
use atproto_repo::store::Archive;
use clap::Args;
use serde_json::json;
use std::fmt::Display;
use std::path::PathBuf;

#[derive(Args)]
pub(crate) struct Export {
    /// CAR file, or `-`; where there is no such file, the handle or DID of an account.
    #[arg(value_name = "FILE|HANDLE|DID")]
    source: PathBuf,
    #[command(flatten)]
    account: Account,
    #[command(flatten)]
    part: Part,
    #[command(flatten)]
    target: Target,
}

#[derive(Args)]
struct Part {
    /// Only paths that begin with this, such as `app.bsky.feed.post/`.
    #[arg(long, conflicts_with_all = ["start", "end"])]
    prefix: Option<String>,
    /// Only paths from this one on.
    #[arg(long)]
    start: Option<String>,
    /// Only paths before this one.
    #[arg(long)]
    end: Option<String>,
}

impl Export {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        if let Some(identifier) = account(&self.source) {
            if self.part.is_any() {
                return Err(Failure::Usage("of an account, the whole repository is exported".into()));
            }
            return self.account.fetch(&identifier, &self.target, output);
        }
        self.target.check(output)?;
        with_archive(&self.source, Run { part: self.part, target: self.target, output })
    }
}

impl Part {
    fn is_any(&self) -> bool {
        self.prefix.is_some() || self.start.is_some() || self.end.is_some()
    }
}

struct Run<'o> {
    part: Part,
    target: Target,
    output: &'o mut Output,
}

impl Task for Run<'_> {
    fn run<A: Archive<Error: Display>>(self, archive: &A, _: usize) -> Result<Outcome, Failure> {
        let Self { part, target, output } = self;
        let repo = match UnsignedRepo::open(archive) {
            Ok(repo) => repo,
            Err(error) => return target.refuse(output, &error),
        };
        let written = target.write(output, |out| {
            match &part.prefix {
                Some(prefix) => repo.export_prefix(out, prefix),
                None => repo.export_range(out, part.start.as_deref(), part.end.as_deref()),
            }
            .map(drop)
        })?;
        match written {
            Ok(()) => {}
            Err(ExportError::Repo(error)) => return target.refuse(output, &error),
            Err(ExportError::Io(error)) => return Err(target.failure(error)),
            Err(error) => return Err(Failure::File(error.to_string())),
        }
        let file = target.name();
        let (commit, rev) = (repo.commit_cid().to_string(), repo.commit().rev.to_string());
        let text = format!("commit {commit} in {}; signature not verified", file.as_deref().unwrap_or("-"));
        target.report(output, text, &json!({"commit": commit, "rev": rev, "file": file}))?;
        Ok(Outcome::Done)
    }

    fn refuse(self, error: CarError) -> Result<Outcome, Failure> {
        self.target.refuse_car(self.output, error)
    }
}
