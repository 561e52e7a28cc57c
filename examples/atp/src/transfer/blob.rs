use crate::remote::Stop;
use crate::save::Staged;
use atproto_lexicon::data::{Cid, Codec};
use atproto_lexicon::http::Body;
use sha2::{Digest as _, Sha256};
use std::io::Write as _;

/// The most bytes of a blob: 1 GiB.
const MAX_BLOB: u64 = 1 << 30;

/// Why a blob is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlobFault {
    TooLarge,
    /// The host has sent other bytes.
    Hash,
}

/// Receives a blob, and says how many bytes it has. Unless they are those of the CID, what was written is to be thrown away.
pub(crate) async fn receive_blob(
    mut body: impl Body,
    cid: &Cid,
    out: &mut Staged,
) -> Result<Result<u64, BlobFault>, Stop> {
    let (mut hash, mut size) = (Hash::default(), 0_u64);
    while let Some(piece) = body.chunk().await? {
        size = size.saturating_add(u64::try_from(piece.len()).unwrap_or(u64::MAX));
        if size > MAX_BLOB {
            return Ok(Err(BlobFault::TooLarge));
        }
        hash.add(&piece);
        out.write_all(&piece).map_err(|error| out.failure(error))?;
    }
    Ok(if hash.finish() == *cid { Ok(size) } else { Err(BlobFault::Hash) })
}

impl BlobFault {
    /// What a script calls it.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::TooLarge => "too_large",
            Self::Hash => "hash_mismatch",
        }
    }
}

impl std::fmt::Display for BlobFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::TooLarge => write!(f, "it has more than {MAX_BLOB} bytes"),
            Self::Hash => f.write_str("the host sent other bytes"),
        }
    }
}

/// The CID of a blob whose bytes come in pieces.
#[derive(Default)]
pub(super) struct Hash(Sha256);

impl Hash {
    pub(super) fn add(&mut self, piece: &[u8]) {
        self.0.update(piece);
    }

    pub(super) fn finish(self) -> Cid {
        Cid::from_digest(Codec::Raw, self.0.finalize().into())
    }
}
