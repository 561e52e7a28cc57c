//! Bare hashing: to frame a CAR, hash every block and compare it with its CID, and hash every key. What the verification of a
//! repository costs at the least.

use sha2::{Digest as _, Sha256};
use std::hint::black_box;
use std::io::Read;

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

/// [`hash`] of a file that is read, 64 KiB at once: what reading costs is no part of verifying.
pub(crate) fn hash_reader(mut reader: impl Read, keys: &[String]) -> usize {
    let (mut buffer, mut filled, mut read, mut blocks) = (vec![0; 1 << 20], 0, 0, 0);
    let mut is_header = true;
    loop {
        buffer.copy_within(read..filled, 0);
        (filled, read) = (filled - read, 0);
        let length = reader.read(&mut buffer[filled..][..64 << 10]).unwrap();
        if length == 0 {
            assert_eq!(filled, 0, "the file ends with a section");
            break;
        }
        filled += length;
        while let Some(content) = content(&buffer[read..filled]) {
            if !std::mem::take(&mut is_header) {
                check(&buffer[read..][content.clone()]);
                blocks += 1;
            }
            read += content.end;
        }
    }
    keys.iter().for_each(hash_key);
    blocks
}

/// Where the content of the section at the beginning lies, if it is complete.
fn content(bytes: &[u8]) -> Option<std::ops::Range<usize>> {
    let (mut length, mut at) = (0, 0);
    loop {
        let byte = *bytes.get(at)?;
        length |= usize::from(byte & 0x7f) << (7 * at);
        at += 1;
        if byte < 0x80 {
            break;
        }
    }
    (at + length <= bytes.len()).then_some(at..at + length)
}

pub(crate) fn check(section: &[u8]) {
    assert_eq!(Sha256::digest(&section[36..]).as_slice(), &section[4..36]);
}

pub(crate) fn hash_key(key: &String) {
    black_box(Sha256::digest(key));
}

/// The CID and block of each section.
pub(crate) fn sections(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = &bytes[content(bytes).map_or(0, |header| header.end)..];
    std::iter::from_fn(move || {
        let content = content(rest)?;
        let section = &rest[content.clone()];
        rest = &rest[content.end..];
        Some(section)
    })
}
