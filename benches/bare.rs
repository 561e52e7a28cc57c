//! Bare hashing: to frame a CAR, hash every block and compare it with its CID, and hash every key. What the verification of a
//! repository costs at the least.

use sha2::{Digest as _, Sha256};
use std::hint::black_box;

/// The number of blocks.
pub(crate) fn hash(bytes: &[u8], keys: &[String]) -> usize {
    let mut blocks = 0;
    for section in sections(bytes) {
        check(section);
        blocks += 1;
    }
    keys.iter().for_each(hash_key);
    blocks
}

pub(crate) fn check(section: &[u8]) {
    assert_eq!(Sha256::digest(&section[36..]).as_slice(), &section[4..36]);
}

pub(crate) fn hash_key(key: &String) {
    black_box(Sha256::digest(key));
}

/// The CID and block of each section.
pub(crate) fn sections(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = &bytes[bytes[0] as usize + 1..];
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (mut length, mut at) = (0_usize, 0);
        loop {
            length |= usize::from(rest[at] & 0x7f) << (7 * at);
            at += 1;
            if rest[at - 1] < 0x80 {
                break;
            }
        }
        let section = &rest[at..at + length];
        rest = &rest[at + length..];
        Some(section)
    })
}
