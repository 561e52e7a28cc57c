//! The pieces of DAG-CBOR that nodes, commits and CAR headers are written of.

use atproto_lexicon::data::Cid;

pub(crate) const UNSIGNED: u8 = 0;
pub(crate) const BYTES: u8 = 2;
pub(crate) const TEXT: u8 = 3;
pub(crate) const ARRAY: u8 = 4;
pub(crate) const MAP: u8 = 5;
pub(crate) const NULL: u8 = 0xf6;
/// What stands before the bytes of a CID: tag 42, a byte string of 37, the zero in front.
pub(crate) const LINK: [u8; 5] = [0xd8, 42, 0x58, 37, 0];

/// The head of an item of this major type. No block has a number of more than 32 bits in one.
#[inline]
pub(crate) fn push_head(major: u8, number: usize, out: &mut Vec<u8>) {
    let major = major << 5;
    match (u8::try_from(number), u16::try_from(number)) {
        (Ok(number @ 0..24), _) => out.push(major | number),
        (Ok(number), _) => out.extend([major | 24, number]),
        (_, Ok(number)) => {
            out.push(major | 25);
            out.extend(number.to_be_bytes());
        }
        _ => {
            out.push(major | 26);
            out.extend((number as u32).to_be_bytes());
        }
    }
}

/// A text with its head.
pub(crate) fn push_text(text: &str, out: &mut Vec<u8>) {
    push_head(TEXT, text.len(), out);
    out.extend_from_slice(text.as_bytes());
}

/// A link.
#[inline]
pub(crate) fn push_link(cid: &Cid, out: &mut Vec<u8>) {
    let mut link = [0; LINK.len() + Cid::LEN];
    if let Some((start, rest)) = link.split_first_chunk_mut() {
        *start = LINK;
        rest.copy_from_slice(cid.as_bytes());
    }
    out.extend_from_slice(&link);
}

/// A link, or null.
#[inline]
pub(crate) fn push_optional_link(cid: Option<&Cid>, out: &mut Vec<u8>) {
    match cid {
        Some(cid) => push_link(cid, out),
        None => out.push(NULL),
    }
}

/// An unsigned varint, as it stands before each part of a CAR.
pub(crate) fn push_varint(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}
