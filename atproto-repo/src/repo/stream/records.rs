use super::{Pushed, RepoStream, StreamError, StreamStep};
use crate::car::Limits;
use crate::repo::{Commit, OwnedEntry, Summary};
use atproto_crypto::PublicKey;
use atproto_lexicon::data::Cid;
use atproto_lexicon::syntax::Did;
use futures_core::Stream;
use futures_io::AsyncRead;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// The records of a repository in pre-order, as a [`Stream`] over any [`AsyncRead`].
///
/// Cancel-safe: all state is in the stream itself, so that a `next()` which is dropped before it is ready loses nothing. After
/// an error it ends.
#[derive(Debug)]
pub struct RecordStream<R> {
    reader: R,
    /// `None` after an error.
    repo: Option<RepoStream<Pushed>>,
}

impl<R: AsyncRead + Unpin> RecordStream<R> {
    /// Reads the repository of this account, signed with this key.
    pub fn verify(reader: R, did: Did, key: PublicKey) -> Self {
        Self::new(reader, RepoStream::verify(Pushed::new(), did, key))
    }

    /// Reads a repository of which nobody checks who signed it: anybody can have made it.
    pub fn unsigned(reader: R) -> Self {
        Self::new(reader, RepoStream::unsigned(Pushed::new()))
    }

    /// [`verify`](Self::verify) with other limits.
    pub fn verify_with(reader: R, did: Did, key: PublicKey, limits: Limits) -> Self {
        Self::new(reader, RepoStream::verify(Pushed::with_limits(limits), did, key))
    }

    fn new(reader: R, repo: RepoStream<Pushed>) -> Self {
        Self { reader, repo: Some(repo) }
    }

    /// The commit, once it was read and verified.
    pub fn commit(&self) -> Option<&Commit> {
        self.repo.as_ref()?.commit()
    }

    /// CID of the commit, once that was read and verified.
    pub fn commit_cid(&self) -> Option<&Cid> {
        self.repo.as_ref()?.commit_cid()
    }

    /// What the repository holds; `None` until all of the file was read.
    pub fn summary(&self) -> Option<Summary> {
        self.repo.as_ref()?.summary()
    }

    fn poll_record(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<OwnedEntry>, StreamError>> {
        let Some(repo) = &mut self.repo else { return Poll::Ready(Ok(None)) };
        loop {
            match repo.step()? {
                StreamStep::Entry => return Poll::Ready(Ok(repo.entry().map(|entry| entry.to_owned()))),
                StreamStep::Done => return Poll::Ready(Ok(None)),
                StreamStep::NeedBytes => {
                    match ready!(Pin::new(&mut self.reader).poll_read(cx, repo.source.space())) {
                        Ok(length) => repo.source.filled(length),
                        Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                        Err(error) => return Poll::Ready(Err(error.into())),
                    }
                }
            }
        }
    }
}

impl<R: AsyncRead + Unpin> Stream for RecordStream<R> {
    type Item = Result<OwnedEntry, StreamError>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let item = ready!(self.poll_record(cx));
        if item.is_err() {
            self.repo = None;
        }
        Poll::Ready(item.transpose())
    }
}
