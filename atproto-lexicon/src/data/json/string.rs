use super::JsonReason as Reason;

/// Reads the string whose opening quote is at `start` and returns it with the offset after its closing quote; an error
/// comes with the offset of the fault.
pub(super) fn parse(text: &str, start: usize) -> Result<(String, usize), (Reason, usize)> {
    let mut out = String::new();
    let mut at = start.saturating_add(1);
    loop {
        let rest = text.get(at..).unwrap_or_default();
        let plain = rest.find(['"', '\\']).ok_or((Reason::End, text.len()))?;
        let (run, rest) = rest.split_at_checked(plain).unwrap_or_default();
        if let Some(control) = run.bytes().position(|byte| byte < 0x20) {
            return Err((Reason::Character, at.saturating_add(control)));
        }
        out.push_str(run);
        at = at.saturating_add(plain).saturating_add(1);
        if rest.starts_with('"') {
            return Ok((out, at));
        }
        let (character, length) =
            escape(rest.get(1..).unwrap_or_default()).map_err(|reason| (reason, at.saturating_sub(1)))?;
        out.push(character);
        at = at.saturating_add(length);
    }
}

/// Reads what follows a backslash and returns it with its length.
fn escape(text: &str) -> Result<(char, usize), Reason> {
    let character = match text.as_bytes().first() {
        Some(byte @ (b'"' | b'\\' | b'/')) => char::from(*byte),
        Some(b'b') => '\u{8}',
        Some(b'f') => '\u{c}',
        Some(b'n') => '\n',
        Some(b'r') => '\r',
        Some(b't') => '\t',
        Some(b'u') => return unicode(text),
        Some(_) => return Err(Reason::Character),
        None => return Err(Reason::End),
    };
    Ok((character, 1))
}

/// Reads `u` with four hexadecimal digits, or the two of a surrogate pair.
fn unicode(text: &str) -> Result<(char, usize), Reason> {
    let high = hex(text.get(1..5))?;
    if let Some(character) = char::from_u32(high) {
        return Ok((character, 5));
    }
    if text.get(5..7) != Some("\\u") {
        return Err(Reason::Surrogate);
    }
    let low = hex(text.get(7..11))?;
    match char::decode_utf16([high as u16, low as u16]).next() {
        Some(Ok(character)) => Ok((character, 11)),
        _ => Err(Reason::Surrogate),
    }
}

fn hex(digits: Option<&str>) -> Result<u32, Reason> {
    let digits = digits.ok_or(Reason::Character)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(Reason::Character);
    }
    u32::from_str_radix(digits, 16).map_err(|_| Reason::Character)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes() {
        let text = r#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00é" tail"#;
        assert_eq!(parse(text, 0), Ok(("a\"\\/\u{8}\u{c}\n\r\té😀é".into(), text.len() - 5)));
    }

    #[test]
    fn faults() {
        for (text, reason, at) in [
            ("\"abc", Reason::End, 4),
            (r#""\ud83d""#, Reason::Surrogate, 1),
            (r#""\ude00""#, Reason::Surrogate, 1),
            (r#""\ud83d\ud83d""#, Reason::Surrogate, 1),
            (r#""\ud83d\u0041""#, Reason::Surrogate, 1),
            (r#""a\x""#, Reason::Character, 2),
            (r#""\u+123""#, Reason::Character, 1),
            (r#""\u12é4""#, Reason::Character, 1),
            (r#""\u12""#, Reason::Character, 1),
            ("\"a\nb\"", Reason::Character, 2),
        ] {
            assert_eq!(parse(text, 0), Err((reason, at)), "{text}");
        }
    }
}
