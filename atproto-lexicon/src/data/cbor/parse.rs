use super::head::{ARRAY, BYTES, MAP, NEGATIVE, TAG, TEXT, UNSIGNED};
use super::sink::{Scalar, Sink};
use super::{CborError, CborReason as Reason, Profile};
use crate::data::link::{LinkRef, Parts};
use crate::data::{CidError, LimitError, Limits};

/// Parses `bytes` as exactly one value.
pub(super) fn whole<'a>(
    bytes: &'a [u8],
    profile: Profile,
    limits: &Limits,
    sink: &mut impl Sink<'a>,
) -> Result<(), CborError> {
    if bytes.len() > limits.bytes {
        return Err(CborError { reason: Reason::Limit(LimitError::Bytes), offset: limits.bytes });
    }
    let length = first(bytes, profile, limits, sink)?;
    if length == bytes.len() { Ok(()) } else { Err(CborError { reason: Reason::Trailing, offset: length }) }
}

/// Parses one value at the beginning of `bytes` and returns its length.
pub(super) fn first<'a>(
    bytes: &'a [u8],
    profile: Profile,
    limits: &Limits,
    sink: &mut impl Sink<'a>,
) -> Result<usize, CborError> {
    let allowed = bytes.get(..limits.bytes).unwrap_or(bytes);
    let mut parser = Parser { bytes, rest: allowed, profile, limits };
    parser.value(sink).map_err(|fault| match fault.reason {
        // It goes on, but beyond what is allowed.
        Reason::Truncated if allowed.len() < bytes.len() => {
            CborError { reason: Reason::Limit(LimitError::Bytes), ..fault }
        }
        _ => fault,
    })?;
    Ok(allowed.len().saturating_sub(parser.rest.len()))
}

struct Parser<'a, 'l> {
    bytes: &'a [u8],
    rest: &'a [u8],
    profile: Profile,
    limits: &'l Limits,
}

/// An array or map which is not complete.
#[derive(Clone, Copy, Default)]
struct Frame<'a> {
    /// Items, or pairs, still to come.
    left: usize,
    /// In a map, the key before; `None` in an array.
    map: Option<Option<&'a [u8]>>,
}

/// The arrays and maps around the one that is read. Few values are nested so deep that memory has to be asked for.
#[derive(Default)]
struct Above<'a> {
    depth: usize,
    outer: [Frame<'a>; 6],
    inner: Vec<Frame<'a>>,
}

impl<'a> Above<'a> {
    fn push(&mut self, frame: Frame<'a>) {
        match self.outer.get_mut(self.depth) {
            Some(place) => *place = frame,
            None => self.inner.push(frame),
        }
        self.depth = self.depth.saturating_add(1);
    }

    fn pop(&mut self) -> Option<Frame<'a>> {
        self.depth = self.depth.checked_sub(1)?;
        self.inner.pop().or_else(|| self.outer.get(self.depth).copied())
    }
}

/// The first bytes of an item: its major type, its additional information, and the number that they give.
struct Head {
    major: u8,
    info: u8,
    number: u64,
}

impl<'a> Parser<'a, '_> {
    fn value(&mut self, sink: &mut impl Sink<'a>) -> Result<(), CborError> {
        let mut above = Above::default();
        // What holds the one value is like an array of one.
        let mut frame = Frame { left: 1, map: None };
        loop {
            let Some(left) = frame.left.checked_sub(1) else {
                let Some(parent) = above.pop() else { return Ok(()) };
                sink.close().map_err(|reason| self.fault(self.rest, reason))?;
                frame = parent;
                continue;
            };
            frame.left = left;
            let mut at = self.rest;
            if let Some(previous) = &mut frame.map {
                let key = self.key(*previous, sink).map_err(|reason| self.fault(at, reason))?;
                *previous = Some(key);
                at = self.rest;
            }
            if let Some(inner) = self.item(sink).map_err(|reason| self.fault(at, reason))? {
                if above.depth >= self.limits.max_depth() {
                    return Err(self.fault(at, Reason::Limit(LimitError::Depth)));
                }
                above.push(std::mem::replace(&mut frame, inner));
            }
        }
    }

    fn fault(&self, at: &[u8], reason: Reason) -> CborError {
        // `at` and `rest` are tails of the same allowed part.
        let allowed = self.bytes.len().min(self.limits.bytes);
        CborError { reason, offset: allowed.saturating_sub(at.len()) }
    }

    #[inline]
    fn item(&mut self, sink: &mut impl Sink<'a>) -> Result<Option<Frame<'a>>, Reason> {
        let head = self.head()?;
        match head.major {
            UNSIGNED => match i64::try_from(head.number) {
                Ok(number) => sink.scalar(Scalar::Integer(number)),
                Err(_) if self.profile == Profile::Drisl => {}
                Err(_) => return Err(Reason::IntegerRange),
            },
            NEGATIVE => match i64::try_from(head.number) {
                // −1 − n is the bitwise complement.
                Ok(number) => sink.scalar(Scalar::Integer(!number)),
                Err(_) if self.profile == Profile::Drisl => {}
                Err(_) => return Err(Reason::IntegerRange),
            },
            BYTES => {
                let bytes = self.take(head.number)?;
                sink.scalar(Scalar::Bytes(bytes));
            }
            TEXT => {
                if !sink.text(self.take(head.number)?) {
                    return Err(Reason::Utf8);
                }
            }
            ARRAY => {
                let left = self.container(head.number, 1)?;
                sink.open_array(left);
                return Ok(Some(Frame { left, map: None }));
            }
            MAP => {
                let left = self.container(head.number, 2)?;
                sink.open_map(left);
                return Ok(Some(Frame { left, map: Some(None) }));
            }
            TAG => {
                let link = self.link(head.number)?;
                sink.scalar(Scalar::Link(link));
            }
            _ => match head.info {
                20 => sink.scalar(Scalar::Boolean(false)),
                21 => sink.scalar(Scalar::Boolean(true)),
                22 => sink.scalar(Scalar::Null),
                25 | 26 => return Err(Reason::Float),
                27 if self.profile == Profile::Atproto => return Err(Reason::Float),
                27 => {
                    let float = f64::from_bits(head.number);
                    if !float.is_finite() || head.number == (-0.0_f64).to_bits() {
                        return Err(Reason::FloatValue);
                    }
                }
                _ => return Err(Reason::Simple),
            },
        }
        Ok(None)
    }

    #[inline]
    fn head(&mut self) -> Result<Head, Reason> {
        let (&first, rest) = self.rest.split_first().ok_or(Reason::Truncated)?;
        self.rest = rest;
        let (major, info) = (first >> 5, first & 31);
        if info < 24 {
            return Ok(Head { major, info, number: u64::from(info) });
        }
        // Below `least` a shorter form would do; the numbers of floats and simple values are not lengths.
        let (number, least) = match info {
            24 => (u64::from(self.array::<1>().map(u8::from_be_bytes)?), 24),
            25 => (u64::from(self.array().map(u16::from_be_bytes)?), 1 << 8),
            26 => (u64::from(self.array().map(u32::from_be_bytes)?), 1 << 16),
            27 => (self.array().map(u64::from_be_bytes)?, 1 << 32),
            31 => return Err(Reason::Indefinite),
            _ => return Err(Reason::Reserved),
        };
        if number < least && major != 7 {
            return Err(Reason::NotShortest);
        }
        Ok(Head { major, info, number })
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Reason> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(Reason::Truncated)?;
        self.rest = rest;
        Ok(*array)
    }

    #[inline]
    fn take(&mut self, length: u64) -> Result<&'a [u8], Reason> {
        let length = usize::try_from(length).map_err(|_| Reason::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(length).ok_or(Reason::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// Checks a declared number of items, each of at least `least` bytes, before any of them is read.
    fn container(&self, number: u64, least: u64) -> Result<usize, Reason> {
        let number = usize::try_from(number).unwrap_or(usize::MAX);
        if number > self.limits.items {
            return Err(Reason::Limit(LimitError::Items));
        }
        if (number as u64).saturating_mul(least) > self.rest.len() as u64 {
            return Err(Reason::Truncated);
        }
        Ok(number)
    }

    #[inline]
    fn key(&mut self, previous: Option<&[u8]>, sink: &mut impl Sink<'a>) -> Result<&'a [u8], Reason> {
        let head = self.head()?;
        if head.major != TEXT {
            return Err(Reason::KeyType);
        }
        if head.number > self.limits.key as u64 {
            return Err(Reason::Limit(LimitError::Key));
        }
        let key = self.take(head.number)?;
        if !sink.key(key) {
            return Err(Reason::Utf8);
        }
        if let Some(previous) = previous {
            match previous.len().cmp(&key.len()).then_with(|| previous.cmp(key)) {
                std::cmp::Ordering::Less => {}
                std::cmp::Ordering::Equal => return Err(Reason::DuplicateKey),
                std::cmp::Ordering::Greater => return Err(Reason::KeyOrder),
            }
        }
        Ok(key)
    }

    fn link(&mut self, tag: u64) -> Result<LinkRef<'a>, Reason> {
        if tag != 42 {
            return Err(Reason::Tag);
        }
        let head = self.head()?;
        if head.major != BYTES {
            return Err(Reason::TagContent);
        }
        let (&0, bytes) = self.take(head.number)?.split_first().ok_or(Reason::TagContent)? else {
            return Err(Reason::TagContent);
        };
        let link = LinkRef::parse(bytes).map_err(Reason::Cid)?;
        if self.profile == Profile::Drisl && matches!(link, LinkRef::Other(_)) {
            // A CID of the usual form passed above; of the others, DRISL has the ones with BLAKE3.
            let parts = Parts::parse(bytes).map_err(Reason::Cid)?;
            let fault = match parts {
                Parts { codec: 0x55 | 0x71, hash: 0x1e, digest } if digest.len() == 32 => return Ok(link),
                Parts { codec: 0x55 | 0x71, hash: 0x12 | 0x1e, .. } => CidError::Length,
                Parts { codec: 0x55 | 0x71, .. } => CidError::Hash,
                _ => CidError::Codec,
            };
            return Err(Reason::Cid(fault));
        }
        Ok(link)
    }
}
