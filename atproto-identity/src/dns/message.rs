//! As much of DNS messages (RFC 1035) as a question for TXT records and its answer need.

use super::DnsError;

const TXT: u16 = 16;
const CNAME: u16 = 5;
const INTERNET: u16 = 1;
const HEADER: usize = 12;

/// A recursive query for a name's TXT records, with the identifier 0 so that HTTP caches it; `None` where the name cannot be
/// asked for.
pub(super) fn query(name: &str) -> Option<Vec<u8>> {
    let mut message = vec![0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        message.push(u8::try_from(label.len()).ok().filter(|len| (1..=63).contains(len))?);
        message.extend_from_slice(label.as_bytes());
    }
    message.push(0);
    let is_short = message.len() <= HEADER.saturating_add(255);
    message.extend_from_slice(&[0, 16, 0, 1]);
    is_short.then_some(message)
}

/// The texts of the TXT records that answer a query of [`query`], the strings of each joined. Records of another name count where
/// aliases lead to it.
pub(super) fn texts(message: &[u8], query: &[u8]) -> Result<Vec<Vec<u8>>, DnsError> {
    parse(message, query).unwrap_or(Err(DnsError::Malformed))
}

/// `None` where the message ends too early or is malformed.
fn parse(message: &[u8], query: &[u8]) -> Option<Result<Vec<Vec<u8>>, DnsError>> {
    let mut reader = Reader { message, at: 0 };
    let (_id, flags, questions, answers) = (reader.u16()?, reader.u16()?, reader.u16()?, reader.u16()?);
    reader.take(4)?;
    let (is_response, is_truncated, code) = (flags & 0x8000 != 0, flags & 0x0200 != 0, flags & 0x000f);
    if !is_response || is_truncated || questions != 1 {
        return None;
    }
    match code {
        0 => {}
        // The name does not exist.
        3 => return Some(Ok(Vec::new())),
        _ => return Some(Err(DnsError::Failed)),
    }
    let asked = Reader { message: query, at: HEADER }.name()?;
    if reader.name()? != asked || reader.u16()? != TXT || reader.u16()? != INTERNET {
        return None;
    }
    let mut wanted = asked;
    let mut found = Vec::new();
    for _ in 0..answers {
        let name = reader.name()?;
        let (kind, class) = (reader.u16()?, reader.u16()?);
        // The time to live is not used: the cache has times of its own.
        reader.take(4)?;
        let len = usize::from(reader.u16()?);
        let start = reader.at;
        let data = reader.take(len)?;
        match kind {
            TXT if class == INTERNET && name == wanted => found.push(join(data)?),
            CNAME if class == INTERNET && name == wanted => {
                // The target may be compressed, so that it is read where it stands.
                wanted = Reader { message, at: start }.name()?;
            }
            _ => {}
        }
    }
    Some(Ok(found))
}

/// The strings of one record, one after the other.
fn join(mut data: &[u8]) -> Option<Vec<u8>> {
    let mut text = Vec::new();
    while let Some((len, rest)) = data.split_first() {
        let (string, rest) = rest.split_at_checked((*len).into())?;
        text.extend_from_slice(string);
        data = rest;
    }
    Some(text)
}

struct Reader<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let end = self.at.checked_add(len)?;
        let bytes = self.message.get(self.at..end)?;
        self.at = end;
        Some(bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2)?.try_into().ok().map(u16::from_be_bytes)
    }

    /// A name in lower case, its labels with their lengths. Pointers lead backwards only, and a name has at most 255 bytes, so that
    /// this ends.
    fn name(&mut self) -> Option<Vec<u8>> {
        let mut name = Vec::new();
        let mut here = Reader { message: self.message, at: self.at };
        let mut after = None;
        loop {
            let start = here.at;
            let len = *here.take(1)?.first()?;
            match len {
                0 => break,
                1..=63 => {
                    name.push(len);
                    name.extend(here.take(len.into())?.iter().map(u8::to_ascii_lowercase));
                    if name.len() > 254 {
                        return None;
                    }
                }
                0xc0.. => {
                    let low = *here.take(1)?.first()?;
                    let target = usize::from(u16::from_be_bytes([len & 0x3f, low]));
                    after = after.or(Some(here.at));
                    if target >= start {
                        return None;
                    }
                    here.at = target;
                }
                _ => return None,
            }
        }
        self.at = after.unwrap_or(here.at);
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &[u8] = b"\x08_atproto\x07example\x03com\x00";

    /// An answer to the question for [`NAME`] with these records, each after a pointer to the question's name.
    fn answer(flags: u16, records: &[(&[u8], u16, &[u8])]) -> Vec<u8> {
        let mut message = vec![0, 0];
        message.extend(flags.to_be_bytes());
        message.extend([0, 1, 0, u8::try_from(records.len()).unwrap(), 0, 0, 0, 0]);
        message.extend(NAME);
        message.extend([0, 16, 0, 1]);
        for (name, kind, data) in records {
            message.extend(*name);
            message.extend(kind.to_be_bytes());
            message.extend([0, 1, 0, 0, 1, 0]);
            message.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            message.extend(*data);
        }
        message
    }

    fn read(message: &[u8]) -> Result<Vec<Vec<u8>>, DnsError> {
        texts(message, &query("_atproto.example.com").unwrap())
    }

    const SAME: &[u8] = &[0xc0, 12];

    #[test]
    fn a_question_is_the_name() {
        let query = query("_atproto.example.com").unwrap();
        assert_eq!(query[HEADER..], [NAME, &[0, 16, 0, 1]].concat());
        let long = "a".repeat(63);
        for bad in ["", "a..b", &"a".repeat(64), &[&*long; 4].join(".")] {
            assert_eq!(super::query(bad), None, "{bad}");
        }
        assert!(
            super::query(&[&long, &long, &long, &"a".repeat(61)].map(String::as_str).join(".")).is_some()
        );
    }

    #[test]
    fn the_strings_of_a_record_are_joined() {
        let read_one = |data: &[u8]| read(&answer(0x8180, &[(SAME, TXT, data)]));
        assert_eq!(read_one(b"\x03did\x01=\x00\x02xy"), Ok(vec![b"did=xy".to_vec()]));
        assert_eq!(read_one(b""), Ok(vec![Vec::new()]));
        assert_eq!(read_one(b"\x04did"), Err(DnsError::Malformed));
        let two = answer(
            0x8180,
            &[(SAME, TXT, b"\x01a"), (b"\x08_ATPROTO\xc0\x15", TXT, b"\x01b"), (SAME, 1, b"1234")],
        );
        assert_eq!(read(&two), Ok(vec![b"a".to_vec(), b"b".to_vec()]));
    }

    #[test]
    fn aliases_are_followed_and_strangers_are_not() {
        let alias: &[u8] = b"\x01x\xc0\x15";
        let followed = answer(0x8180, &[(SAME, CNAME, alias), (alias, TXT, b"\x01a")]);
        assert_eq!(read(&followed), Ok(vec![b"a".to_vec()]));
        assert_eq!(read(&answer(0x8180, &[(alias, TXT, b"\x01a")])), Ok(Vec::new()));
    }

    #[test]
    fn no_such_name_is_an_answer_and_failure_is_none() {
        assert_eq!(read(&answer(0x8183, &[])), Ok(Vec::new()));
        assert_eq!(read(&answer(0x8180, &[])), Ok(Vec::new()));
        for (flags, error) in [
            (0x8182, DnsError::Failed),
            (0x8185, DnsError::Failed),
            (0x0100, DnsError::Malformed),
            (0x8380, DnsError::Malformed),
        ] {
            assert_eq!(read(&answer(flags, &[])), Err(error), "{flags:x}");
        }
        let other = query("_atproto.example.org").unwrap();
        assert_eq!(texts(&answer(0x8180, &[]), &other), Err(DnsError::Malformed));
    }

    #[test]
    fn no_message_hangs_or_panics() {
        let whole = answer(0x8180, &[(SAME, CNAME, b"\x01x\xc0\x15"), (b"\x01x\xc0\x15", TXT, b"\x01a")]);
        for len in 0..whole.len() {
            assert_eq!(read(&whole[..len]), Err(DnsError::Malformed), "{len}");
        }
        for at in 0..whole.len() {
            for value in [0, 1, 0x3f, 0x40, 0xbf, 0xc0, 0xff] {
                let mut other = whole.clone();
                other[at] = value;
                let _ = read(&other);
            }
        }
        // A pointer to itself, and one forwards.
        for target in [0x2a, 0xff] {
            assert_eq!(read(&answer(0x8180, &[(&[0xc0, target], TXT, b"\x01a")])), Err(DnsError::Malformed));
        }
    }
}
