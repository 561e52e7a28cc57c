use super::walk::Paths;
use super::{CommitReason, Error, Invalid, Missing, UnsignedRepo};
use crate::car::{CarWriter, MemoryCar};
use crate::mst::{Progress, TreeEntry, Walk, search};
use crate::store::Blocks;
use atproto_lexicon::data::Cid;
use std::io::{self, Write};

/// Why a repository could not be exported.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ExportError<E> {
    /// The repository could not be read.
    #[error(transparent)]
    Repo(#[from] Error<E>),
    /// The output could not be written.
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl<B: Blocks> UnsignedRepo<'_, B> {
    /// Writes the whole repository as a CAR in pre-order: the commit, the root node, then depth first, each record right after the
    /// entry that links it (<https://atproto.com/specs/repository#car-file-serialization>). It holds one path of the tree. A record is
    /// written as often as it is linked, so that whoever reads it needs no more memory either: of strangers' repositories, bound the
    /// output.
    ///
    /// # Errors
    /// [`ExportError`]; the output is not a whole file then.
    pub fn export<W: Write>(&self, out: W) -> Result<W, ExportError<B::Error>> {
        self.export_range(out, None, None)
    }

    /// Writes the records whose paths begin with `prefix`, with the nodes that prove that these are all; a collection's is
    /// `com.example.note/`.
    ///
    /// # Errors
    /// [`ExportError`]; the output is not a whole file then.
    pub fn export_prefix<W: Write>(&self, out: W, prefix: &str) -> Result<W, ExportError<B::Error>> {
        let end = crate::mst::end_of_prefix(prefix.as_bytes());
        self.export_walk(out, Walk::range(self.commit().data, Some(prefix.as_bytes()), end.as_deref()))
    }

    /// Writes the records with paths from `start`, inclusive, to `end`, exclusive, with the nodes that prove that these are all:
    /// [`walk_range`](Self::walk_range) over the file comes to its end.
    ///
    /// # Errors
    /// [`ExportError`]; the output is not a whole file then.
    pub fn export_range<W: Write>(
        &self,
        out: W,
        start: Option<&str>,
        end: Option<&str>,
    ) -> Result<W, ExportError<B::Error>> {
        let (start, end) = (start.map(str::as_bytes), end.map(str::as_bytes));
        self.export_walk(out, Walk::range(self.commit().data, start, end))
    }

    fn export_walk<W: Write>(&self, out: W, walk: Walk) -> Result<W, ExportError<B::Error>> {
        let mut car = CarWriter::new(out, &[*self.commit_cid()])?;
        self.each_link(walk, |cid, block| Ok::<_, ExportError<_>>(car.write(cid, block)?))?;
        Ok(car.into_inner())
    }

    /// Takes the commit and the blocks that a walk comes through in pre-order, each once for every link, after it was hashed.
    pub(crate) fn each_link<E: From<Error<B::Error>>>(
        &self,
        mut walk: Walk,
        mut take: impl FnMut(&Cid, &[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut buf = Vec::new();
        take(self.commit_cid(), self.commit_block(&mut buf)?)?;
        let mut paths = Paths::default();
        loop {
            match walk.advance() {
                Progress::Done => return Ok(()),
                Progress::Need => {
                    let Some(cid) = walk.needed().copied() else { continue };
                    let block = self.blocks().get(&cid, &mut buf).map_err(Error::Source)?;
                    let block = block.ok_or(Error::Incomplete(Missing::Node(cid)))?;
                    let supplied = if B::HASHED { walk.supply_unchecked(block) } else { walk.supply(block) };
                    supplied.map_err(|fault| Error::Invalid(fault.into()))?;
                    take(&cid, block)?;
                }
                Progress::Entry => {
                    let Some(entry) = walk.entry() else { continue };
                    paths.check(entry.key).map_err(Error::Invalid)?;
                    let record = super::walk::record(self.blocks(), entry, &mut buf)?;
                    take(&record.cid, record.bytes)?;
                }
            }
        }
    }

    /// The proof of what is at a path, a record or none, as a CAR: the commit, the nodes on the way, and the record
    /// (`com.atproto.sync.getRecord`). Whoever has it reads it as any repository: [`Repo::verify`](super::Repo::verify), then
    /// [`get`](Self::get).
    ///
    /// # Errors
    /// [`Error`]; a text that is no path gives [`Invalid::Path`](super::Invalid::Path).
    pub fn prove(&self, path: &str) -> Result<Vec<u8>, Error<B::Error>> {
        Paths::check_path(path)
            .map_err(|reason| Error::Invalid(Invalid::Path { path: path.into(), reason }))?;
        let mut car = MemoryCar::new(self.commit_cid());
        let (blocks, mut buf) = (self.blocks(), Vec::new());
        car.push(self.commit_cid(), self.commit_block(&mut buf)?);
        let found = search(blocks, &self.commit().data, path.as_bytes(), true, &mut |cid, block| {
            car.push(cid, block);
        })?;
        if let Some(cid) = found {
            let record =
                super::walk::record(blocks, TreeEntry { key: path.as_bytes(), value: &cid }, &mut buf)?;
            car.push(&cid, record.bytes);
        }
        Ok(car.into_bytes())
    }

    fn commit_block<'a>(&'a self, buf: &'a mut Vec<u8>) -> Result<&'a [u8], Error<B::Error>> {
        let cid = *self.commit_cid();
        let block = self.blocks().get(&cid, buf).map_err(Error::Source)?;
        let block = block.ok_or(Error::Incomplete(Missing::Commit(cid)))?;
        if !B::HASHED && !cid.matches(block) {
            return Err(Invalid::Commit { commit: cid, reason: CommitReason::Hash }.into());
        }
        Ok(block)
    }
}

/// Verifies the proof of what is at a path: the record, or `None` where it is proven that there is none. From the CAR, the account
/// and its key alone; blocks that are not needed are hashed, and count for nothing else.
///
/// # Errors
/// [`ProofError`].
pub fn verify_proof(
    proof: &[u8],
    did: &atproto_lexicon::syntax::Did,
    key: &atproto_crypto::PublicKey,
    path: &str,
) -> Result<Option<super::OwnedEntry>, ProofError> {
    let car = crate::car::Car::parse(proof)?;
    Ok(super::Repo::verify(&car, did, key)?.get(path)?)
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// It is not a CAR.
    #[error(transparent)]
    Car(#[from] crate::car::CarError),
    /// It is invalid, or incomplete.
    #[error(transparent)]
    Repo(#[from] Error),
}
