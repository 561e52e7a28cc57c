//! Text with mentions, links and tags in it, as posts and descriptions have it
//! (<https://docs.bsky.app/docs/advanced-guides/post-richtext>).
//!
//! A text is plain, and [facets](Facet) say beside it which part of it is what; they count in bytes of UTF-8. [`RichText`] keeps
//! both together: it is built piece by piece, made from a text by [looking for](detect) what stands there, or taken from a
//! record. Nothing is resolved here: whose a handle is, a function says that is passed in.
//!
//! It finds what `@atproto/api` finds, with these differences. Domains without a scheme are links if they end in the code of a
//! country or one of two hundred common other names, of more than a thousand that there are. Any handle is a mention that could
//! be one by its syntax, without a list of domains, and one that nobody answers to becomes no facet. What is found within a link or
//! a tag is left out, since facets must not overlap. A bare domain that begins with `http` gets a scheme. A tag of more than
//! 640 bytes, which no record may have, is none. Text of any script is counted in bytes where it is inserted, and edits never cut
//! a character.
//!
//! ```
//! use atproto_xrpc::api::app::bsky::feed::post::Post;
//! use atproto_xrpc::bsky::rich_text::RichText;
//!
//! let text = RichText::new().text("Hi ").mention(&"alice.example.com".parse()?, "did:web:alice.example.com".parse()?);
//! let text = text.text("! See ").link("this page", "https://example.com".parse()?).text(" ").tag("rust");
//! assert_eq!(text.as_str(), "Hi @alice.example.com! See this page #rust");
//! assert!(text.is_within_post_limits());
//!
//! let (text, facets) = text.into_parts();
//! let mut post = Post::new(text, "2026-01-02T03:04:05.678Z".parse()?);
//! post.facets = Some(facets);
//!
//! // The same from what somebody typed.
//! let typed = RichText::detect("Hi @alice.example.com #rust", |_| "did:web:alice.example.com".parse().ok());
//! let segments: Vec<_> = typed.segments().map(|segment| segment.text).collect();
//! assert_eq!(segments, ["Hi ", "@alice.example.com", " ", "#rust"]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod detect;
mod domain;
mod split;

pub use detect::{Candidate, CandidateKind, detect};

use super::unicode::is_space;
pub use crate::api::app::bsky::richtext::facet::Facet;
use crate::api::app::bsky::richtext::facet::{ByteSlice, FacetFeaturesItem, Link, Mention, Tag};
use atproto_lexicon::typed::{Did, Handle, Uri};
use std::borrow::Cow;
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation as _;

/// The greatest length of a post's text, in grapheme clusters.
pub const MAX_POST_GRAPHEMES: usize = 300;
/// The greatest length of a post's text, in bytes.
pub const MAX_POST_BYTES: usize = 3000;

/// A text and its facets, by their starts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RichText {
    text: String,
    facets: Vec<Facet>,
}

/// A part of a text that is under one facet, or under none.
#[derive(Debug, Clone, PartialEq)]
pub struct Segment<'a> {
    /// The part. Borrowed, unless a facet cuts a character in two: then U+FFFD stands on both sides.
    pub text: Cow<'a, str>,
    /// What it is under.
    pub facet: Option<&'a Facet>,
}

impl RichText {
    /// Without any text.
    pub const fn new() -> Self {
        Self { text: String::new(), facets: Vec::new() }
    }

    /// From a record. Facets that end before they begin, or begin before the text, are left out; those that go beyond its end, cut
    /// characters or overlap stay.
    pub fn from_parts(text: String, mut facets: Vec<Facet>) -> Self {
        facets.retain(|facet| 0 <= facet.index.byte_start && facet.index.byte_start <= facet.index.byte_end);
        facets.sort_by_key(|facet| facet.index.byte_start);
        Self { text, facets }
    }

    /// From what somebody typed, with the facets of what [`detect`] finds. `resolve` says whose a handle is.
    pub fn detect(text: impl Into<String>, mut resolve: impl FnMut(&Handle) -> Option<Did>) -> Self {
        let text = text.into();
        let facets = detect(&text).into_iter().filter_map(|candidate| {
            let did = candidate.handle().and_then(&mut resolve);
            candidate.into_facet(did)
        });
        Self { facets: facets.collect(), text }
    }

    /// [`detect`](Self::detect) where resolving takes a while; one handle after the other is asked about. Dropped before it
    /// is done, it leaves nothing behind.
    pub async fn detect_async(
        text: impl Into<String>,
        mut resolve: impl AsyncFnMut(&Handle) -> Option<Did>,
    ) -> Self {
        let text = text.into();
        let mut facets = Vec::new();
        for candidate in detect(&text) {
            let did = match candidate.handle() {
                Some(handle) => resolve(handle).await,
                None => None,
            };
            facets.extend(candidate.into_facet(did));
        }
        Self { text, facets }
    }

    /// With this text after it.
    pub fn text(mut self, text: &str) -> Self {
        self.text.push_str(text);
        self
    }

    /// With a mention after it: `@` and the handle.
    pub fn mention(self, handle: &Handle, did: Did) -> Self {
        let feature = FacetFeaturesItem::Mention(Box::new(Mention::new(did)));
        self.with(&format!("@{handle}"), feature)
    }

    /// With a link after it, which shows this text.
    pub fn link(self, text: &str, uri: Uri) -> Self {
        self.with(text, FacetFeaturesItem::Link(Box::new(Link::new(uri))))
    }

    /// With a tag after it: `#` and the tag, of at most 64 grapheme clusters and 640 bytes.
    pub fn tag(self, tag: &str) -> Self {
        self.with(&format!("#{tag}"), FacetFeaturesItem::Tag(Box::new(Tag::new(tag.to_owned()))))
    }

    fn with(mut self, text: &str, feature: FacetFeaturesItem) -> Self {
        let start = self.text.len();
        self.text.push_str(text);
        self.facets.push(facet(start..self.text.len(), feature));
        self
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The facets, by their starts.
    pub fn facets(&self) -> &[Facet] {
        &self.facets
    }

    /// Text and facets, as records have them.
    pub fn into_parts(self) -> (String, Vec<Facet>) {
        (self.text, self.facets)
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.text.len()
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Length in grapheme clusters, what people take for characters.
    pub fn grapheme_len(&self) -> usize {
        self.text.graphemes(true).count()
    }

    /// Whether a post may have it: at most 300 grapheme clusters and 3000 bytes.
    pub fn is_within_post_limits(&self) -> bool {
        self.len() <= MAX_POST_BYTES && self.grapheme_len() <= MAX_POST_GRAPHEMES
    }

    /// The text in parts. Of facets that overlap the one that begins first counts; what goes beyond the end of the text is
    /// cut there; a facet over nothing but white space does not count. Where no facet cuts a character, the parts together are the text.
    pub fn segments(&self) -> impl Iterator<Item = Segment<'_>> {
        let mut segments = Vec::new();
        let mut cursor = 0;
        for facet in &self.facets {
            let Range { start, end } = range(facet);
            if cursor > start {
                continue;
            }
            if cursor < start {
                segments.push(Segment { text: self.slice(cursor..start), facet: None });
            }
            if start < end {
                let text = self.slice(start..end);
                let is_blank = text.chars().all(is_space);
                segments.push(Segment { text, facet: (!is_blank).then_some(facet) });
            }
            cursor = end;
        }
        if cursor < self.len() || self.facets.is_empty() {
            segments.push(Segment { text: self.slice(cursor..self.len()), facet: None });
        }
        segments.into_iter()
    }

    /// Inserts text at a place in bytes. What begins there or later moves, what lies around it grows. A place within a
    /// character is the one before it, and one beyond the text is its end.
    pub fn insert(&mut self, at: usize, text: &str) {
        let at = self.boundary(at);
        self.text.insert_str(at, text);
        let (at, added) = (to_i64(at), to_i64(text.len()));
        for ByteSlice { byte_start, byte_end, .. } in self.facets.iter_mut().map(|facet| &mut facet.index) {
            if at <= *byte_start {
                *byte_start = byte_start.saturating_add(added);
                *byte_end = byte_end.saturating_add(added);
            } else if at < *byte_end {
                *byte_end = byte_end.saturating_add(added);
            }
        }
    }

    /// Deletes a part of the text, in bytes. What comes after moves, what it is in shrinks, and facets under which nothing is left
    /// are gone. Places are taken as in [`insert`](Self::insert); a range that ends before it begins is empty.
    pub fn delete(&mut self, range: Range<usize>) {
        let from = self.boundary(range.start);
        let to = self.boundary(range.end).max(from);
        self.text.replace_range(from..to, "");
        let (from, to) = (to_i64(from), to_i64(to));
        let moved = |place: i64| {
            if place >= to { place.saturating_sub(to.saturating_sub(from)) } else { place.min(from) }
        };
        for index in self.facets.iter_mut().map(|facet| &mut facet.index) {
            index.byte_start = moved(index.byte_start);
            index.byte_end = moved(index.byte_end);
        }
        self.facets.retain(|facet| facet.index.byte_start < facet.index.byte_end);
    }

    fn slice(&self, range: Range<usize>) -> Cow<'_, str> {
        let range = range.start.min(self.len())..range.end.min(self.len());
        String::from_utf8_lossy(self.text.as_bytes().get(range).unwrap_or_default())
    }

    fn boundary(&self, at: usize) -> usize {
        let at = at.min(self.len());
        (0..=at).rev().find(|at| self.text.is_char_boundary(*at)).unwrap_or(0)
    }
}

impl Candidate {
    fn handle(&self) -> Option<&Handle> {
        match &self.kind {
            CandidateKind::Mention(handle) => Some(handle),
            _ => None,
        }
    }
}

impl<'a> Segment<'a> {
    /// The first mention that it is under.
    pub fn mention(&self) -> Option<&'a Mention> {
        self.features().find_map(|feature| match feature {
            FacetFeaturesItem::Mention(mention) => Some(&**mention),
            _ => None,
        })
    }

    /// The first link that it is under.
    pub fn link(&self) -> Option<&'a Link> {
        self.features().find_map(|feature| match feature {
            FacetFeaturesItem::Link(link) => Some(&**link),
            _ => None,
        })
    }

    /// The first tag that it is under.
    pub fn tag(&self) -> Option<&'a Tag> {
        self.features().find_map(|feature| match feature {
            FacetFeaturesItem::Tag(tag) => Some(&**tag),
            _ => None,
        })
    }

    fn features(&self) -> impl Iterator<Item = &'a FacetFeaturesItem> + use<'a> {
        self.facet.into_iter().flat_map(|facet| &facet.features)
    }
}

fn facet(range: Range<usize>, feature: FacetFeaturesItem) -> Facet {
    Facet::new(ByteSlice::new(to_i64(range.start), to_i64(range.end)), vec![feature])
}

fn range(facet: &Facet) -> Range<usize> {
    let place = |place: i64| usize::try_from(place).unwrap_or(usize::MAX);
    place(facet.index.byte_start)..place(facet.index.byte_end)
}

fn to_i64(place: usize) -> i64 {
    i64::try_from(place).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
