use super::open::{Task, refuse, refuse_car};
use crate::output::{Failure, Outcome, Output};
use atproto_repo::car::CarError;
use atproto_repo::repo::UnsignedRepo;
use atproto_repo::store::Archive;
use serde_json::json;
use std::fmt::Display;

pub(crate) struct Inspect<'o> {
    pub(crate) output: &'o mut Output,
}

impl Task for Inspect<'_> {
    fn run<A: Archive<Error: Display>>(self, archive: &A, blocks: usize) -> Result<Outcome, Failure> {
        let repo = match UnsignedRepo::open(archive) {
            Ok(repo) => repo,
            Err(error) => return refuse(self.output, &error),
        };
        let commit = repo.commit();
        let roots: Vec<String> = archive.roots().iter().map(ToString::to_string).collect();
        let prev = commit.prev.map(|prev| prev.to_string());
        let json = json!({
            "roots": roots, "blocks": blocks, "commit": repo.commit_cid().to_string(), "did": commit.did.as_str(),
            "version": 3, "rev": commit.rev.to_string(), "data": commit.data.to_string(), "prev": prev,
            "signature": crate::input::to_hex(&commit.sig),
        });
        let text = format!(
            "commit     {}\ndid        {}\nrev        {}\ndata       {}\nprev       {}\nblocks     {blocks}\n\
             signature  not verified",
            repo.commit_cid(),
            commit.did,
            commit.rev,
            commit.data,
            prev.unwrap_or_else(|| "none".into()),
        );
        self.output.line(text, &json)?;
        Ok(Outcome::Done)
    }

    fn refuse(self, error: CarError) -> Result<Outcome, Failure> {
        refuse_car(self.output, error)
    }
}
