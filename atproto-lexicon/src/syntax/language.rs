use super::string_type::string_type;
use super::{Reason, SyntaxError};
use std::collections::BTreeSet;
use std::iter::Peekable;

string_type! {
    /// A language tag, well-formed as BCP 47 says (RFC 5646 §2.1), the primary language in lower case.
    Language, Language
}

/// Tags that were registered before the grammar and do not follow it.
const IRREGULAR: [&str; 17] = [
    "en-GB-oed",
    "i-ami",
    "i-bnn",
    "i-default",
    "i-enochian",
    "i-hak",
    "i-klingon",
    "i-lux",
    "i-mingo",
    "i-navajo",
    "i-pwn",
    "i-tao",
    "i-tay",
    "i-tsu",
    "sgn-BE-FR",
    "sgn-BE-NL",
    "sgn-CH-DE",
];

/// Tags that were registered before the grammar and whose parts it would not place.
const REGULAR: [&str; 9] = [
    "art-lojban",
    "cel-gaulish",
    "no-bok",
    "no-nyn",
    "zh-guoyu",
    "zh-hakka",
    "zh-min",
    "zh-min-nan",
    "zh-xiang",
];

impl Language {
    /// Checks a text without keeping it: the `language` format, which lets duplicate variants and singletons pass.
    ///
    /// # Errors
    /// [`SyntaxError`] with the first fault.
    pub fn check(text: &str) -> Result<(), SyntaxError> {
        check(text, false)
    }

    /// Checks as [`check`](Self::check) does, and that no variant and no extension singleton stands twice (RFC 5646
    /// §2.2.5, §2.2.6).
    ///
    /// # Errors
    /// [`SyntaxError`] with the first fault.
    pub fn check_strict(text: &str) -> Result<(), SyntaxError> {
        check(text, true)
    }

    /// The first subtag, such as `en`.
    pub fn primary(&self) -> &str {
        self.0.split('-').next().unwrap_or_default()
    }
}

fn alpha(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

fn alphanumeric(text: &str, lengths: std::ops::RangeInclusive<usize>) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_region(text: &str) -> bool {
    alpha(text, 2..=2) || (text.len() == 3 && text.bytes().all(|byte| byte.is_ascii_digit()))
}

fn is_variant(text: &str) -> bool {
    alphanumeric(text, 5..=8) || (alphanumeric(text, 4..=4) && text.starts_with(|c: char| c.is_ascii_digit()))
}

fn is_private_use(text: &str) -> bool {
    text.eq_ignore_ascii_case("x")
}

/// Takes subtags while they are `of` a kind, at most `max`; how many there were.
fn take<'a>(
    subtags: &mut Peekable<impl Iterator<Item = (usize, &'a str)>>,
    max: usize,
    of: impl Fn(&str) -> bool,
) -> usize {
    let mut taken = 0_usize;
    while taken < max && subtags.next_if(|(_, subtag)| of(subtag)).is_some() {
        taken = taken.saturating_add(1);
    }
    taken
}

fn check(text: &str, strict: bool) -> Result<(), SyntaxError> {
    if text.is_empty() {
        return Err(Language::error(Reason::Empty, 0));
    }
    if IRREGULAR.contains(&text) || REGULAR.contains(&text) {
        return Ok(());
    }
    let mut subtags = subtags_of(text).peekable();
    let (_, primary) = subtags.next().unwrap_or_default();
    if !is_private_use(primary) {
        if !alpha(primary, 2..=3) || primary.bytes().any(|byte| byte.is_ascii_uppercase()) {
            return Err(Language::error(Reason::Prefix, 0));
        }
        take(&mut subtags, 3, |subtag| alpha(subtag, 3..=3));
        take(&mut subtags, 1, |subtag| alpha(subtag, 4..=4));
        take(&mut subtags, 1, is_region);
        let mut seen = BTreeSet::new();
        let mut once = |offset: usize, subtag: &str| {
            if strict && !seen.insert(subtag.to_ascii_lowercase()) {
                return Err(Language::error(Reason::Duplicate, offset));
            }
            Ok(())
        };
        while let Some((offset, variant)) = subtags.next_if(|(_, subtag)| is_variant(subtag)) {
            once(offset, variant)?;
        }
        while let Some((offset, singleton)) =
            subtags.next_if(|(_, subtag)| alphanumeric(subtag, 1..=1) && !is_private_use(subtag))
        {
            once(offset, singleton)?;
            if take(&mut subtags, usize::MAX, |subtag| alphanumeric(subtag, 2..=8)) == 0 {
                return Err(Language::error(Reason::End, offset.saturating_add(singleton.len())));
            }
        }
        match subtags.next() {
            None => return Ok(()),
            Some((_, subtag)) if is_private_use(subtag) => {}
            Some((offset, _)) => return Err(Language::error(Reason::Character, offset)),
        }
    }
    if take(&mut subtags, usize::MAX, |subtag| alphanumeric(subtag, 1..=8)) == 0 {
        return Err(Language::error(Reason::End, text.len()));
    }
    match subtags.next() {
        None => Ok(()),
        Some((offset, _)) => Err(Language::error(Reason::Character, offset)),
    }
}

/// Each subtag with its byte offset.
fn subtags_of(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut start = 0_usize;
    text.split('-').map(move |subtag| {
        let offset = start;
        start = start.saturating_add(subtag.len()).saturating_add(1);
        (offset, subtag)
    })
}
