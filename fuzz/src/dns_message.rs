//! Answers of DNS, and what they say.

use arbitrary::{Result, Unstructured};
use atproto_identity::dns::DnsError;
use std::sync::LazyLock;

type Texts = std::result::Result<Vec<Vec<u8>>, DnsError>;

/// The first one is asked for. The last one is too long.
static NAMES: LazyLock<[String; 6]> = LazyLock::new(|| {
    let long = |last: usize| [63, 63, 63, last].map(|len| "a".repeat(len)).join(".");
    let names = ["_atproto.a.example.com", "b.example.com", "x._atproto.a.example.com", "com"];
    let [asked, other, below, top] = names.map(ToOwned::to_owned);
    [asked, other, below, top, long(61), long(62)]
});
const TOO_LONG: usize = 5;

const TXT: u16 = 16;
const CNAME: u16 = 5;

/// A message under way.
#[derive(Default)]
struct Message {
    bytes: Vec<u8>,
    /// The names that a pointer can mean, in lower case, and where they are.
    places: Vec<(String, usize)>,
}

/// A message, and its texts by the rules of RFC 1035.
pub(crate) fn made(input: &mut Unstructured<'_>) -> Result<(Vec<u8>, Texts)> {
    let flags = *input.choose(&[0x8180, 0x8180, 0x8180, 0x8183, 0x8182, 0x8380, 0x0180])?;
    let (questions, count) = (if input.ratio(1, 16)? { 2_u16 } else { 1 }, input.int_in_range(0..=4_u16)?);
    let more = if input.ratio(1, 16)? { 1 } else { 0 };
    let mut message = Message::default();
    for number in [0, flags, questions, count + more, 0, 0] {
        message.number(number);
    }
    let asked = if input.ratio(1, 16)? { 1 } else { 0 };
    let mut is_malformed = message.name(input, asked)? || asked != 0;
    for expected in [TXT, 1] {
        let number = if input.ratio(1, 16)? { 2 } else { expected };
        message.number(number);
        is_malformed |= number != expected;
    }
    let (mut wanted, mut texts) = (0, Vec::new());
    for _ in 0..count {
        is_malformed |= record(input, &mut message, &mut wanted, &mut texts)?;
    }
    let said = match flags & 0x000f {
        _ if flags & 0x8000 == 0 || flags & 0x0200 != 0 || questions != 1 => Err(DnsError::Malformed),
        3 => Ok(Vec::new()),
        2 => Err(DnsError::Failed),
        _ if is_malformed || more > 0 => Err(DnsError::Malformed),
        _ => Ok(texts),
    };
    Ok((message.bytes, said))
}

/// Writes a record; whether it is malformed to who reads what `wanted` leads to.
fn record(
    input: &mut Unstructured<'_>,
    message: &mut Message,
    wanted: &mut usize,
    texts: &mut Vec<Vec<u8>>,
) -> Result<bool> {
    // Most often of the name that is looked for, so that aliases lead on.
    let owner = if input.ratio(2, 3)? { *wanted } else { input.choose_index(NAMES.len())? };
    let mut is_malformed = message.name(input, owner)?;
    let (kind, class) = (*input.choose(&[TXT, TXT, CNAME, 1])?, *input.choose(&[1, 1, 1, 3])?);
    for number in [kind, class, 0, 60, 0] {
        message.number(number);
    }
    let start = message.bytes.len();
    let counts = owner == *wanted && class == 1;
    match kind {
        TXT => {
            let mut text = Vec::new();
            for _ in 0..input.int_in_range(0..=3)? {
                let string = *input.choose(&["", "did=", "did:web:b.example.com", "x"])?;
                message.bytes.push(string.len() as u8);
                message.bytes.extend(string.bytes());
                text.extend(string.bytes());
            }
            if input.ratio(1, 16)? {
                // A string that ends after its record.
                message.bytes.push(1);
                is_malformed |= counts;
            }
            if counts {
                texts.push(text);
            }
        }
        CNAME => {
            let target = input.choose_index(NAMES.len())?;
            let is_bad = message.name(input, target)?;
            if counts {
                is_malformed |= is_bad;
                *wanted = target;
            }
        }
        _ => message.bytes.extend([1, 2, 3, 4]),
    }
    let len = (message.bytes.len() - start) as u16;
    message.bytes[start - 2..start].copy_from_slice(&len.to_be_bytes());
    Ok(is_malformed)
}

impl Message {
    fn number(&mut self, number: u16) {
        self.bytes.extend(number.to_be_bytes());
    }

    /// Writes a name, in part as a pointer, its letters in any case. Whether it is malformed.
    fn name(&mut self, input: &mut Unstructured<'_>, number: usize) -> Result<bool> {
        let is_astray = input.ratio(1, 32)?;
        let mut rest = &*NAMES[number];
        while !rest.is_empty() {
            let here = self.bytes.len();
            if is_astray {
                // To itself, or forwards.
                let place = here + input.int_in_range(0..=4)?;
                self.number(0xc000 | place as u16);
                return Ok(true);
            }
            let known = self.places.iter().find(|(name, _)| name == rest).map(|(_, place)| *place);
            if let Some(place) = known.filter(|place| *place < 0x4000)
                && input.ratio(2, 3)?
            {
                self.number(0xc000 | place as u16);
                return Ok(number == TOO_LONG);
            }
            self.places.push((rest.to_owned(), here));
            let (label, after) = rest.split_once('.').unwrap_or((rest, ""));
            self.bytes.push(label.len() as u8);
            let is_upper = input.arbitrary()?;
            let case = |byte: u8| if is_upper { byte.to_ascii_uppercase() } else { byte };
            self.bytes.extend(label.bytes().map(case));
            rest = after;
        }
        self.bytes.push(0);
        Ok(number == TOO_LONG)
    }
}
