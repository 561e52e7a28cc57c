//! Hash tables of CIDs. Digests need no mixing among themselves, only with what nobody outside knows: an account can choose its
//! records until their CIDs collide, but not under keys that it cannot see.

use atproto_lexicon::data::Cid;
use std::collections::HashMap;
use std::hash::{BuildHasher, Hasher, RandomState};

/// A map by CID.
pub(crate) type CidMap<V> = HashMap<Cid, V, CidKeys>;

/// What hashes of CIDs are keyed with.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CidKeys([u64; 4]);

impl Default for CidKeys {
    fn default() -> Self {
        let state = RandomState::new();
        Self([0_u64, 1, 2, 3].map(|number| state.hash_one(number)))
    }
}

impl CidKeys {
    /// Keyed hash of a CID in binary form.
    #[inline]
    pub(crate) fn hash(&self, cid: &[u8; Cid::LEN]) -> u64 {
        let [a, b, c, d] = self.0;
        let ([_, codec, ..], digest) =
            cid.split_last_chunk::<32>().map_or(([0; 4], &[0; 32]), |(head, digest)| {
                (head.first_chunk().copied().unwrap_or_default(), digest)
            });
        let mut words = digest.as_chunks().0.iter().map(|word| u64::from_le_bytes(*word));
        let mut word = |key: u64| u128::from(words.next().unwrap_or_default() ^ key);
        let product = word(a).wrapping_mul(word(b)) ^ word(c).wrapping_mul(word(d)).rotate_left(32);
        (product >> 64) as u64 ^ product as u64 ^ u64::from(codec)
    }
}

impl BuildHasher for CidKeys {
    type Hasher = CidHasher;

    fn build_hasher(&self) -> CidHasher {
        CidHasher { keys: *self, hash: 0 }
    }
}

/// Hashes one CID, and nothing else.
#[derive(Debug)]
pub(crate) struct CidHasher {
    keys: CidKeys,
    hash: u64,
}

impl Hasher for CidHasher {
    #[inline]
    fn write(&mut self, bytes: &[u8]) {
        // All that a CID writes but its length.
        if let Ok(cid) = bytes.try_into() {
            self.hash = self.keys.hash(cid);
        }
    }

    /// The length, which all CIDs have.
    #[inline]
    fn write_usize(&mut self, _: usize) {}

    #[inline]
    fn finish(&self) -> u64 {
        self.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hashes_are_of_the_whole_cid_and_keyed() {
        let (keys, other) = (CidKeys::default(), CidKeys::default());
        let cid = Cid::of_dag_cbor(b"");
        assert_eq!(keys.hash_one(cid), keys.hash(cid.as_bytes()));
        assert_ne!(keys.hash_one(cid), other.hash_one(cid));
        for at in (4..Cid::LEN).chain([1]) {
            let mut bytes = *cid.as_bytes();
            // The other codec, or another digest.
            bytes[at] = if at == 1 { 0x55 } else { bytes[at] ^ 1 };
            let changed = Cid::from_bytes(&bytes).unwrap();
            assert_ne!(keys.hash_one(changed), keys.hash_one(cid), "byte {at}");
        }
    }
}
