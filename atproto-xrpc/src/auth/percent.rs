//! Percent-encoding (RFC 3986, section 2.1).

/// Writes a text with all but these bytes encoded.
#[cfg(feature = "oauth")]
pub(crate) fn encode(out: &mut String, text: &str, is_kept: impl Fn(u8) -> bool) {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble & 15)).copied().unwrap_or('0');
    for byte in text.bytes() {
        if byte.is_ascii() && is_kept(byte) {
            out.push(char::from(byte));
        } else {
            out.extend(['%', digit(byte >> 4), digit(byte)]);
        }
    }
}

/// Reads a text; `None` where a `%` is not followed by two digits, or what comes out is not UTF-8.
pub(crate) fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => digit(rest.next())? << 4 | digit(rest.next())?,
            byte => byte,
        });
    }
    String::from_utf8(bytes).ok()
}

/// The names and values of a form or a query; `None` where it is not encoded as one.
pub(crate) fn decode_form(text: &str) -> Option<Vec<(String, String)>> {
    let decode = |text: &str| decode(&text.replace('+', " "));
    let pairs = text.split('&').filter(|pair| !pair.is_empty());
    pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode(name)?, decode(value)?))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_malformed_is_refused() {
        for text in ["%", "%1", "%g0", "%0g", "%+1", "%ff", "%é0"] {
            assert_eq!(decode(text), None, "{text}");
        }
        assert_eq!(decode("a%2Bb%c3%A9+").as_deref(), Some("a+bé+"));
        let form = decode_form("a=1&&b=%26+x&c&a=").unwrap();
        let pairs: Vec<_> = form.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("a", "1"), ("b", "& x"), ("c", ""), ("a", "")]);
        assert_eq!(decode_form("a=%"), None);
    }

    proptest! {
        #[test]
        fn what_is_encoded_is_read_again(text in ".*") {
            let mut out = String::new();
            encode(&mut out, &text, |byte| byte.is_ascii_alphanumeric());
            prop_assert_eq!(decode(&out), Some(text));
        }
    }
}
