use super::string_type;
use super::{Format, Reason, SyntaxError};
use std::sync::atomic::{AtomicU64, Ordering};
use std::{fmt, str::FromStr};

/// A timestamp identifier: 53 bits of microseconds since 1970 and 10 bits of clock identifier, written as 13
/// characters which sort as the numbers do (<https://atproto.com/specs/tid>).
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Tid(u64);

const ALPHABET: &[u8; 32] = b"234567abcdefghijklmnopqrstuvwxyz";
const LEN: usize = 13;
const MICROS_BITS: u32 = 53;
const CLOCK_BITS: u32 = 10;

impl Tid {
    /// The identifier of a time and a clock. `None` where `micros` needs more than 53 bits or `clock` more than 10.
    pub const fn from_parts(micros: u64, clock: u16) -> Option<Self> {
        if micros >= 1 << MICROS_BITS || clock >= 1 << CLOCK_BITS {
            return None;
        }
        Some(Self((micros << CLOCK_BITS) | clock as u64))
    }

    /// The identifier with this number. Its highest bit should be zero, but the syntax does not ask for that.
    pub const fn from_u64(number: u64) -> Self {
        Self(number)
    }

    /// The number: microseconds shifted left by ten bits, with the clock identifier below.
    pub const fn to_u64(self) -> u64 {
        self.0
    }

    /// Microseconds since 1970; more than 53 bits where the number's highest bit is set, so that such an identifier lies
    /// in the future of every clock.
    pub const fn micros(self) -> u64 {
        self.0 >> CLOCK_BITS
    }

    /// The clock identifier, 0 to 1023.
    pub const fn clock(self) -> u16 {
        (self.0 & ((1 << CLOCK_BITS) - 1)) as u16
    }

    /// Parses the 13 characters as bytes, as they stand in a commit or an MST key.
    ///
    /// # Errors
    /// [`SyntaxError`] with the first fault.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, SyntaxError> {
        let fail = |reason, offset| Err(SyntaxError::new(Format::Tid, reason, offset));
        if bytes.len() < LEN {
            return fail(Reason::TooShort { min: LEN }, bytes.len());
        }
        if bytes.len() > LEN {
            return fail(Reason::TooLong { max: LEN }, LEN);
        }
        let mut number = 0_u64;
        for (offset, byte) in bytes.iter().enumerate() {
            let digit = match byte {
                b'2'..=b'7' => byte.wrapping_sub(b'2'),
                b'a'..=b'z' => byte.wrapping_sub(b'a').wrapping_add(6),
                _ => return fail(Reason::Character, offset),
            };
            // 13 × 5 bits are two more than a number has: the first character must leave the top ones clear.
            if offset == 0 && digit >= 16 {
                return fail(Reason::Range, 0);
            }
            number = (number << 5) | u64::from(digit);
        }
        Ok(Self(number))
    }

    fn to_ascii(self) -> [u8; LEN] {
        let mut text = [0; LEN];
        let mut rest = self.0;
        for byte in text.iter_mut().rev() {
            *byte = ALPHABET.get((rest & 31) as usize).copied().unwrap_or_default();
            rest >>= 5;
        }
        text
    }
}

impl FromStr for Tid {
    type Err = SyntaxError;

    fn from_str(text: &str) -> Result<Self, SyntaxError> {
        Self::from_bytes(text.as_bytes())
    }
}

impl fmt::Display for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(std::str::from_utf8(&self.to_ascii()).unwrap_or_default())
    }
}

impl fmt::Debug for Tid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tid({self})")
    }
}

impl serde::Serialize for Tid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Tid {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        string_type::deserialize(deserializer)
    }
}

/// Makes identifiers that strictly increase, over all threads that share the source, whatever the clock does.
#[derive(Debug)]
pub struct TidSource {
    last_micros: AtomicU64,
    clock: u16,
}

impl TidSource {
    /// A source with this clock identifier, of which the lower ten bits count; choose it at random per process.
    pub const fn new(clock: u16) -> Self {
        Self { last_micros: AtomicU64::new(0), clock: clock & ((1 << CLOCK_BITS) - 1) }
    }

    /// A source whose identifiers are all greater than `last`, for one that goes on after a restart.
    pub const fn after(last: Tid, clock: u16) -> Self {
        Self { last_micros: AtomicU64::new(last.micros()), clock: clock & ((1 << CLOCK_BITS) - 1) }
    }

    /// The next identifier, where it is `now_micros` microseconds since 1970: that time, or one microsecond after
    /// the identifier before, whichever is later. `None` where that needs more than 53 bits.
    pub fn next(&self, now_micros: u64) -> Option<Tid> {
        // One time too far ahead must not use up all that come after it.
        let later =
            |last: u64| Some(now_micros.max(last.saturating_add(1))).filter(|next| *next < 1 << MICROS_BITS);
        let last = self.last_micros.fetch_update(Ordering::AcqRel, Ordering::Acquire, later).ok()?;
        Tid::from_parts(later(last)?, self.clock)
    }
}
