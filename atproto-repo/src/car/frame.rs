//! The framing that all readers share: where the next piece lies in a buffer. Nothing is hashed here.

use super::CarReason;
use atproto_lexicon::data::{self, Cid, Value, cbor};
use std::ops::Range;

/// How long the parts of a CAR may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Greatest length of the header, in bytes.
    pub header: usize,
    /// Greatest length of a block, in bytes.
    pub block: usize,
}

impl Default for Limits {
    /// 64 KiB and 5 MiB.
    fn default() -> Self {
        Self { header: 64 << 10, block: data::Limits::OBJECT.bytes }
    }
}

/// Where a section lies in a buffer. Its CID was checked for its form, and is not copied out: that would take as long as reading
/// the section.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Section {
    /// Where the CID begins; the block comes right after.
    pub(crate) cid_at: usize,
    /// Where the section ends.
    pub(crate) end: usize,
}

impl Section {
    pub(crate) fn block_at(&self) -> usize {
        self.cid_at.saturating_add(Cid::LEN)
    }

    #[inline]
    pub(crate) fn cid_bytes<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        buffer.get(self.cid_at..self.block_at()).unwrap_or_default()
    }

    pub(crate) fn cid(&self, buffer: &[u8]) -> Result<Cid, CarReason> {
        Cid::from_bytes(self.cid_bytes(buffer)).map_err(CarReason::Cid)
    }

    #[inline]
    pub(crate) fn block<'a>(&self, buffer: &'a [u8]) -> &'a [u8] {
        buffer.get(self.block_at()..self.end).unwrap_or_default()
    }

    /// Compares the block with its CID.
    ///
    /// # Errors
    /// [`CarReason::Hash`].
    #[inline]
    pub(crate) fn check_hash(&self, buffer: &[u8]) -> Result<(), CarReason> {
        let digest = data::sha256(self.block(buffer));
        if self.cid_bytes(buffer).last_chunk() == Some(&digest) {
            return Ok(());
        }
        Err(CarReason::Hash(self.cid(buffer)?))
    }
}

/// The payload at the beginning of `buffer`: `None` where it needs more bytes.
fn payload(buffer: &[u8], limit: usize) -> Result<Option<Range<usize>>, CarReason> {
    let Some((length, start)) = varint(buffer)? else {
        return Ok(None);
    };
    // Refused before the bytes are there, so that nobody waits for them.
    let short = usize::try_from(length).ok().filter(|length| *length <= limit);
    let end = start.saturating_add(short.ok_or(CarReason::TooLong { length })?);
    Ok((end <= buffer.len()).then_some(start..end))
}

/// The header at the beginning of `buffer`: the roots and the header's length.
pub(crate) fn header(buffer: &[u8], limits: &Limits) -> Result<Option<(Vec<Cid>, usize)>, CarReason> {
    if let Some((root, end)) = one_root(buffer).filter(|(_, end)| *end <= limits.header) {
        return Ok(Some((vec![root], end)));
    }
    let Some(range) = payload(buffer, limits.header)? else {
        return Ok(None);
    };
    let end = range.end;
    let header = cbor::to_value(buffer.get(range).unwrap_or_default()).map_err(CarReason::HeaderCbor)?;
    match header.get("version") {
        Some(Value::Integer(1)) => {}
        Some(Value::Integer(version)) => return Err(CarReason::Version(*version)),
        _ => return Err(CarReason::HeaderShape),
    }
    let (Some(Value::Array(links)), Some(2)) =
        (header.get("roots"), header.as_object().map(|object| object.len()))
    else {
        return Err(CarReason::HeaderShape);
    };
    let root = |link: &Value| {
        let link = link.as_link().ok_or(CarReason::HeaderShape)?;
        Cid::from_bytes(link.as_bytes()).map_err(CarReason::Cid)
    };
    let roots = links.iter().map(root).collect::<Result<_, _>>()?;
    Ok(Some((roots, end)))
}

/// The root of a header that has one, as those of nearly all repositories and events, and the header's length. It has one encoding.
fn one_root(buffer: &[u8]) -> Option<(Cid, usize)> {
    let (cid, rest) = buffer.strip_prefix(b"\x3a\xa2\x65roots\x81\xd8\x2a\x58\x25\0")?.split_first_chunk()?;
    let rest = rest.strip_prefix(b"\x67version\x01")?;
    let root = Cid::from_bytes(cid as &[u8; Cid::LEN]).ok()?;
    Some((root, buffer.len().saturating_sub(rest.len())))
}

/// The section at the beginning of `buffer`.
pub(crate) fn section(buffer: &[u8], limits: &Limits) -> Result<Option<Section>, CarReason> {
    let Some(range) = payload(buffer, limits.block.saturating_add(Cid::LEN))? else {
        return Ok(None);
    };
    let content = buffer.get(range.clone()).unwrap_or_default();
    match Cid::from_bytes(content.get(..Cid::LEN).unwrap_or(content)) {
        Ok(_) => Ok(Some(Section { cid_at: range.start, end: range.end })),
        Err(error) => Err(CarReason::Cid(error)),
    }
}

/// An unsigned varint of at most nine bytes in its shortest form, and its length.
fn varint(buffer: &[u8]) -> Result<Option<(u64, usize)>, CarReason> {
    // Nearly all sections have 128 to 16,383 bytes.
    if let [low @ 0x80..=0xff, high @ 1..0x80, ..] = buffer {
        return Ok(Some((u64::from(low & 0x7f) | u64::from(*high) << 7, 2)));
    }
    let mut number = 0_u64;
    for (index, byte) in buffer.iter().enumerate().take(9) {
        number |= u64::from(byte & 0x7f) << index.saturating_mul(7);
        if byte & 0x80 == 0 {
            if *byte == 0 && index > 0 {
                return Err(CarReason::Varint);
            }
            return Ok(Some((number, index.saturating_add(1))));
        }
    }
    if buffer.len() < 9 { Ok(None) } else { Err(CarReason::Varint) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_with_one_root_is_read_at_once() {
        let root = Cid::of_dag_cbor(b"\xf6");
        let with = |roots: &[Cid]| crate::car::CarWriter::new(Vec::new(), roots).unwrap().into_inner();
        let one = with(&[root]);
        assert_eq!(one_root(&one), Some((root, one.len())));
        assert_eq!(header(&one, &Limits::default()), Ok(Some((vec![root], one.len()))));
        for length in 0..one.len() {
            assert_eq!(one_root(&one[..length]), None);
            assert_eq!(header(&one[..length], &Limits::default()), Ok(None));
        }
        for other in [with(&[]), with(&[root, root])] {
            assert_eq!(one_root(&other), None);
            assert_eq!(header(&other, &Limits::default()).unwrap().unwrap().1, other.len());
        }
        // The limit is that of what the length says.
        for limit in 56..60 {
            let length = (one.len() - 1) as u64;
            let expected = if length <= limit {
                Ok(Some((vec![root], one.len())))
            } else {
                Err(CarReason::TooLong { length })
            };
            assert_eq!(header(&one, &Limits { header: limit as usize, ..Limits::default() }), expected);
        }
    }
}
