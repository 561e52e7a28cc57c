//! String formats beside regular expressions written from their grammars.

use atproto_lexicon::syntax::SyntaxError;
use jiff::civil::{Date, Time};
use jiff::tz::Offset;
use regex::Regex;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::{Debug, Display};
use std::str::FromStr;
use std::sync::LazyLock;

/// A text is of the format where the oracle says so, keeps its form, and a fault lies inside of it.
pub fn check<T>(data: &[u8], oracle: fn(&str) -> bool)
where
    T: FromStr<Err = SyntaxError> + Display + Debug + PartialEq + Serialize + DeserializeOwned,
{
    let Ok(text) = std::str::from_utf8(data) else { return };
    match text.parse::<T>() {
        Ok(value) => {
            assert!(oracle(text), "{text:?} is accepted");
            assert_eq!(value.to_string(), text);
            let json = serde_json::to_string(&value).unwrap();
            assert_eq!(serde_json::from_str::<T>(&json).unwrap(), value);
        }
        Err(error) => {
            assert!(!oracle(text), "{text:?}: {error}");
            assert!(error.offset <= text.len(), "{text:?}: {error}");
        }
    }
}

macro_rules! matches_regex {
    ($text:expr, $regex:expr) => {{
        static REGEX: LazyLock<Regex> = LazyLock::new(|| Regex::new(&$regex).unwrap());
        REGEX.is_match($text)
    }};
}

const DID: &str = r"did:[a-z]+:[a-zA-Z0-9._:%-]*[a-zA-Z0-9._-]";
const HANDLE: &str =
    r"([a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?\.)+[a-zA-Z]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?";
const NSID: &str = r"[a-zA-Z]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?)+\.[a-zA-Z][a-zA-Z0-9]{0,62}";
const RECORD_KEY: &str = "[a-zA-Z0-9_~.:-]{1,512}";

pub fn is_did(text: &str) -> bool {
    text.len() <= 2048 && matches_regex!(text, format!("^(?:{DID})$"))
}

pub fn is_handle(text: &str) -> bool {
    text.len() <= 253 && matches_regex!(text, format!("^(?:{HANDLE})$"))
}

pub fn is_at_identifier(text: &str) -> bool {
    is_did(text) || is_handle(text)
}

pub fn is_nsid(text: &str) -> bool {
    text.len() <= 317 && matches_regex!(text, format!("^(?:{NSID})$"))
}

pub fn is_record_key(text: &str) -> bool {
    !matches!(text, "." | "..") && matches_regex!(text, format!("^(?:{RECORD_KEY})$"))
}

pub fn is_tid(text: &str) -> bool {
    matches_regex!(text, "^[2-7a-j][2-7a-z]{12}$")
}

pub fn is_at_uri(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("at://").filter(|_| text.len() <= 8192) else { return false };
    match *rest.split('/').collect::<Vec<_>>() {
        [authority] => is_at_identifier(authority),
        [authority, collection] => is_at_identifier(authority) && is_nsid(collection),
        [authority, collection, key] => {
            is_at_identifier(authority) && is_nsid(collection) && is_record_key(key)
        }
        _ => false,
    }
}

pub fn is_cid(text: &str) -> bool {
    !text.starts_with("Qm") && matches_regex!(text, "^[a-zA-Z0-9+=]{8,256}$")
}

pub fn is_uri(text: &str) -> bool {
    text.len() <= 8192 && matches_regex!(text, r"^[a-zA-Z][a-zA-Z0-9+.-]{0,79}:[^\s\p{Cc}]+$")
}

pub fn is_datetime(text: &str) -> bool {
    static REGEX: LazyLock<Regex> = LazyLock::new(|| {
        let regex = r"^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?(?:Z|([+-])([0-9]{2}):([0-9]{2}))$";
        Regex::new(regex).unwrap()
    });
    let Some(parts) = REGEX.captures(text).filter(|_| text.len() <= 64) else { return false };
    let number = |index: usize| parts.get(index).map_or(0, |part| part.as_str().parse::<i16>().unwrap());
    let small = |index: usize| i8::try_from(number(index)).unwrap();
    let (Ok(date), Ok(time)) =
        (Date::new(number(1), small(2), small(3)), Time::new(small(4), small(5), small(6), 0))
    else {
        return false;
    };
    if number(8) > 23 || number(9) > 59 {
        return false;
    }
    let east = i32::from(number(8)) * 3600 + i32::from(number(9)) * 60;
    let west = parts.get(7).is_some_and(|sign| sign.as_str() == "-");
    if west && east == 0 {
        return false;
    }
    let offset = Offset::from_seconds(if west { -east } else { east }).unwrap();
    let least = Offset::UTC.to_timestamp(Date::new(0, 1, 1).unwrap().at(0, 0, 0, 0)).unwrap();
    // What lies at the end of the year 9999 may be beyond what the library holds, but is not before the year 0.
    offset.to_timestamp(date.to_datetime(time)).map_or(number(1) == 9999, |instant| instant >= least)
}

pub fn is_language(text: &str) -> bool {
    const REGULAR: &str = "[a-z]{2,3}(-[a-zA-Z]{3}){0,3}(-[a-zA-Z]{4})?(-[a-zA-Z]{2}|-[0-9]{3})?(-([a-zA-Z0-9]{5,8}|[0-9][a-zA-Z0-9]{3}))*(-[0-9A-WY-Za-wy-z](-[a-zA-Z0-9]{2,8})+)*(-[xX](-[a-zA-Z0-9]{1,8})+)?";
    const OLD: &str = "en-GB-oed|i-ami|i-bnn|i-default|i-enochian|i-hak|i-klingon|i-lux|i-mingo|i-navajo|i-pwn|i-tao|i-tay|i-tsu|sgn-BE-FR|sgn-BE-NL|sgn-CH-DE|art-lojban|cel-gaulish|no-bok|no-nyn|zh-guoyu|zh-hakka|zh-min|zh-min-nan|zh-xiang";
    matches_regex!(text, format!("^(?:{REGULAR}|[xX](-[a-zA-Z0-9]{{1,8}})+|{OLD})$"))
}
