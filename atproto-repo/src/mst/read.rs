//! The bytes of a node, as its one encoding has them.

use super::encode::VALUE;
use crate::encode::{BYTES, LINK, NULL, UNSIGNED};
use atproto_lexicon::data::{Cid, Codec};

/// The bytes are not those of a node.
pub(super) struct Unexpected;

/// An entry as it is written.
pub(super) struct RawEntry<'a> {
    pub(super) suffix: &'a [u8],
    pub(super) prefix: u64,
    pub(super) right: Option<RawLink<'a>>,
    pub(super) value: RawLink<'a>,
}

/// A CID, whose digest is copied only once: to where it stays.
#[derive(Clone, Copy)]
pub(super) struct RawLink<'a> {
    codec: Codec,
    digest: &'a [u8; 32],
}

impl<'a> RawLink<'a> {
    /// The binary form of a CID.
    #[inline(always)]
    fn of(bytes: &'a [u8; Cid::LEN]) -> Result<Self, Unexpected> {
        let codec = match bytes {
            [1, 0x71, 0x12, 32, ..] => Codec::DagCbor,
            [1, 0x55, 0x12, 32, ..] => Codec::Raw,
            _ => return Err(Unexpected),
        };
        bytes.last_chunk().map(|digest| Self { codec, digest }).ok_or(Unexpected)
    }

    #[inline(always)]
    pub(super) fn to_cid(self) -> Cid {
        Cid::from_digest(self.codec, *self.digest)
    }
}

/// Reads exactly the bytes that a node's one encoding has.
pub(super) struct Reader<'a> {
    pub(super) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    #[inline]
    pub(super) fn expect(&mut self, bytes: &[u8]) -> Result<(), Unexpected> {
        self.rest = self.rest.strip_prefix(bytes).ok_or(Unexpected)?;
        Ok(())
    }

    #[inline]
    fn take(&mut self, length: u64) -> Result<&'a [u8], Unexpected> {
        let length = usize::try_from(length).map_err(|_| Unexpected)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Unexpected)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Unexpected> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(Unexpected)?;
        self.rest = rest;
        Ok(*array)
    }

    /// A head of this major type, in its shortest form. Nothing in a node needs more than 32 bits.
    #[inline]
    pub(super) fn number(&mut self, major: u8) -> Result<u64, Unexpected> {
        let [first] = self.array()?;
        if first >> 5 != major {
            return Err(Unexpected);
        }
        let (number, least) = match first & 31 {
            info @ 0..24 => (u64::from(info), 0),
            24 => (u64::from(self.array::<1>().map(u8::from_be_bytes)?), 24),
            25 => (u64::from(self.array().map(u16::from_be_bytes)?), 1 << 8),
            26 => (u64::from(self.array().map(u32::from_be_bytes)?), 1 << 16),
            _ => return Err(Unexpected),
        };
        if number < least { Err(Unexpected) } else { Ok(number) }
    }

    #[inline]
    fn link(&mut self) -> Result<RawLink<'a>, Unexpected> {
        self.expect(&LINK)?;
        let (link, rest) = self.rest.split_first_chunk().ok_or(Unexpected)?;
        self.rest = rest;
        RawLink::of(link)
    }

    #[inline]
    pub(super) fn entry(&mut self) -> Result<RawEntry<'a>, Unexpected> {
        self.expect(b"\xa4\x61k")?;
        let length = self.number(BYTES)?;
        let suffix = self.take(length)?;
        self.expect(b"\x61p")?;
        let prefix = self.number(UNSIGNED)?;
        // Most entries have no subtree; what follows has a fixed form then.
        if let Some((after, rest)) = self.rest.split_first_chunk::<{ VALUE.len() + Cid::LEN }>()
            && let Some((VALUE, value)) = after.split_first_chunk()
            && let Ok(value) = value.try_into()
        {
            self.rest = rest;
            return Ok(RawEntry { suffix, prefix, right: None, value: RawLink::of(value)? });
        }
        self.expect(b"\x61t")?;
        let right = self.node_link()?;
        self.expect(b"\x61v")?;
        let value = self.link()?;
        Ok(RawEntry { suffix, prefix, right, value })
    }

    /// The link of a node, or null.
    #[inline]
    pub(super) fn node_link(&mut self) -> Result<Option<RawLink<'a>>, Unexpected> {
        if let Some((&NULL, rest)) = self.rest.split_first() {
            self.rest = rest;
            return Ok(None);
        }
        let link = self.link()?;
        // Of the two codecs, only DAG-CBOR.
        if link.codec == Codec::DagCbor { Ok(Some(link)) } else { Err(Unexpected) }
    }
}
