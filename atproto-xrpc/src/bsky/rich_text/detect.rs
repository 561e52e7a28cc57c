use super::super::unicode::{is_punctuation, is_space};
use super::domain::is_domain;
use super::facet;
use crate::api::app::bsky::richtext::facet::{Facet, FacetFeaturesItem, Link, Mention, Tag};
use atproto_lexicon::typed::{Did, Handle, Uri, Validate as _};
use std::ops::Range;

/// Something in a text that looks like a mention, a link or a tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// Where it is, in bytes of UTF-8.
    pub range: Range<usize>,
    /// What it is.
    pub kind: CandidateKind,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CandidateKind {
    /// `@` and a handle, as it was written. Whose it is, only a resolver knows; often nobody's.
    Mention(Handle),
    /// A link. A domain that stood without a scheme has got one, `https`.
    Link(Uri),
    /// A tag, without `#`. A symbol of a stock, `$` and one to five letters or digits, is one, too: with its `$`, in upper case.
    Tag(String),
}

impl Candidate {
    /// The facet, with the account in it if this is a mention; `None` for a mention of nobody.
    pub fn into_facet(self, mentioned: Option<Did>) -> Option<Facet> {
        let feature = match self.kind {
            CandidateKind::Mention(_) => FacetFeaturesItem::Mention(Box::new(Mention::new(mentioned?))),
            CandidateKind::Link(uri) => FacetFeaturesItem::Link(Box::new(Link::new(uri))),
            CandidateKind::Tag(tag) => FacetFeaturesItem::Tag(Box::new(Tag::new(tag))),
        };
        Some(facet(self.range, feature))
    }
}

/// Looks for mentions, links and tags; in the order in which they stand there, and none within another: what follows on a
/// parenthesis in a link or tag is part of that.
pub fn detect(text: &str) -> Vec<Candidate> {
    let mut found = Vec::new();
    for find in [mention, link, tag, cashtag] {
        find_all(text, find, &mut found);
    }
    found.sort_by_key(|candidate| candidate.range.start);
    let mut end = 0;
    found.retain(|candidate| {
        let is_apart = candidate.range.start >= end;
        if is_apart {
            end = candidate.range.end;
        }
        is_apart
    });
    found
}

/// What is found where one begins: its length in bytes, and how many of those count as looked at.
struct Found {
    kind: Option<CandidateKind>,
    len: usize,
    seen: usize,
}

/// Tries each place at which something can begin: the first, and those after white space or an opening parenthesis.
fn find_all(text: &str, find: impl Fn(&str, char) -> Option<Found>, found: &mut Vec<Candidate>) {
    let starts = text.char_indices().map(|(at, char)| (at.saturating_add(char.len_utf8()), char));
    let mut seen = 0;
    for (start, before) in std::iter::once((0, ' ')).chain(starts) {
        // What stands before has to be looked at anew, too, save at the very beginning.
        let is_open = is_space(before) || before == '(';
        if !is_open || start.saturating_sub(before.len_utf8()) < seen {
            continue;
        }
        let Some(rest) = text.get(start..) else {
            continue;
        };
        if let Some(Found { kind, len, seen: ahead }) = find(rest, before) {
            seen = start.saturating_add(ahead);
            let range = start..start.saturating_add(len);
            found.extend(kind.map(|kind| Candidate { range, kind }));
        }
    }
}

/// `@` and what a handle may be made of, up to the last place where a word begins or ends.
fn mention(rest: &str, _before: char) -> Option<Found> {
    let name = rest.strip_prefix('@')?;
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'.' || byte == b'-';
    let run = name.bytes().take_while(|byte| in_name(*byte)).count();
    let in_word =
        |at: usize| name.as_bytes().get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let end = (1..=run).rev().find(|end| in_word(*end) != in_word(end.saturating_sub(1)))?;
    let handle = name.get(..end)?.parse::<Handle>().ok();
    let kind = handle.filter(is_mentionable).map(CandidateKind::Mention);
    let len = end.saturating_add(1);
    Some(Found { kind, len, seen: len })
}

/// Whether a resolver may be asked about it: `.test` is for development.
fn is_mentionable(handle: &Handle) -> bool {
    handle.is_allowed_tld() || handle.tld().eq_ignore_ascii_case("test")
}

/// What begins with `http://` or `https://`, or a domain and what follows on it, up to white space.
fn link(rest: &str, _before: char) -> Option<Found> {
    let run = rest.find(is_space).unwrap_or(rest.len());
    let word = rest.get(..run)?;
    let link = if has_scheme(word) {
        // Other schemes, and these in capitals, are not looked at.
        (word.starts_with("http")).then(|| word.to_owned())
    } else {
        let domain = domain(word)?;
        is_domain(domain).then(|| format!("https://{word}"))
    };
    let kind = link.and_then(|mut link| {
        let whole = link.len();
        if link.ends_with(['.', ',', ';', ':', '!', '?']) {
            link.pop();
        }
        if link.ends_with(')') && !link.contains('(') {
            link.pop();
        }
        Some((whole.saturating_sub(link.len()), CandidateKind::Link(link.parse::<Uri>().ok()?)))
    });
    let (cut, kind) = kind.map_or((0, None), |(cut, kind)| (cut, Some(kind)));
    Some(Found { kind, len: run.saturating_sub(cut), seen: run })
}

/// Whether a word begins with `http://` or `https://`, and something comes after.
fn has_scheme(word: &str) -> bool {
    ["http://", "https://"].iter().any(|scheme| {
        word.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            && word.len() > scheme.len()
    })
}

/// The labels at the beginning of a word, at least two, without hyphens; the first begins with a letter.
fn domain(word: &str) -> Option<&str> {
    let label = |text: &str| text.bytes().take_while(u8::is_ascii_alphanumeric).count();
    if !word.starts_with(|char: char| char.is_ascii_alphabetic()) {
        return None;
    }
    let first = label(word);
    let mut end = first;
    while let Some(next) = word.get(end..).and_then(|rest| rest.strip_prefix('.')) {
        let len = label(next);
        if len == 0 {
            break;
        }
        end = end.saturating_add(1).saturating_add(len);
    }
    word.get(..end).filter(|_| end > first)
}

/// `#` or its full-width form, and what follows up to white space or a character without width; not only digits and
/// punctuation, and without punctuation at its end.
fn tag(rest: &str, before: char) -> Option<Found> {
    let hash = rest.chars().next().filter(|char| matches!(char, '#' | '\u{ff03}') && before != '(')?;
    let name = rest.get(hash.len_utf8()..)?;
    let run = name.find(|char| is_space(char) || is_invisible(char)).unwrap_or(name.len());
    let name = name.get(..run)?;
    let is_tag = |char: char| !char.is_ascii_digit() && !is_punctuation(char);
    // The keycap of an emoji is no tag.
    if name.starts_with('\u{fe0f}') || !name.contains(is_tag) {
        return Some(Found { kind: None, len: 0, seen: hash.len_utf8() });
    }
    let tag = name.trim_end_matches(is_punctuation);
    // Its schema says how long it may be.
    let is_short = Tag::new(tag.to_owned()).validate().is_ok();
    Some(Found {
        kind: is_short.then(|| CandidateKind::Tag(tag.to_owned())),
        len: hash.len_utf8().saturating_add(tag.len()),
        seen: hash.len_utf8().saturating_add(run),
    })
}

/// Characters without width, and a mark around others, at which a tag ends.
fn is_invisible(char: char) -> bool {
    matches!(char, '\u{ad}' | '\u{2060}' | '\u{200a}'..='\u{200d}' | '\u{20e2}')
}

/// `$` and a letter, with up to four letters and digits after it, before white space or punctuation.
fn cashtag(rest: &str, _before: char) -> Option<Found> {
    let symbol =
        rest.strip_prefix('$').filter(|name| name.starts_with(|char: char| char.is_ascii_alphabetic()))?;
    let run = symbol.bytes().take_while(u8::is_ascii_alphanumeric).count();
    let (name, after) = symbol.split_at_checked(run).filter(|_| run <= 5)?;
    let ends = |char| is_space(char) || ".,;:!?)\"'\u{2019}".contains(char);
    if !after.chars().next().is_none_or(ends) {
        return None;
    }
    let len = run.saturating_add(1);
    Some(Found { kind: Some(CandidateKind::Tag(format!("${}", name.to_ascii_uppercase()))), len, seen: len })
}
