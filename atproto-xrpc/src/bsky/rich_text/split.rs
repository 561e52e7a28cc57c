//! A text that is too long for one post.

use super::{ByteSlice, Facet, MAX_POST_BYTES, MAX_POST_GRAPHEMES, RichText};
use std::ops::Range;
use unicode_segmentation::UnicodeSegmentation as _;

impl RichText {
    /// The text as posts of a thread, at least one of them, each [within the limits](Self::is_within_post_limits): cut between words, or
    /// within one that no post has room for. White space where it is cut, at the beginning and at the end is left out. Facets stay on what
    /// they are on, and are cut only where a post has no room for one.
    pub fn into_posts(self) -> Vec<Self> {
        let (text, mut posts, mut start) = (self.text.trim_end(), Vec::new(), 0);
        loop {
            let rest = text.get(start..).unwrap_or_default();
            start = start.saturating_add(rest.len().saturating_sub(rest.trim_start().len()));
            let rest = rest.trim_start();
            if rest.is_empty() && !posts.is_empty() {
                return posts;
            }
            let end = start.saturating_add(match room(rest) {
                room if room == rest.len() => room,
                room => self.cut(start, rest.get(..room).unwrap_or_default()),
            });
            posts.push(self.part(start..end));
            start = end;
        }
    }

    /// Where to end a post, of which there is room for `text`, which is at `start`.
    fn cut(&self, start: usize, text: &str) -> usize {
        let is_in_facet = |at: usize| {
            let is_around = |range: Range<usize>| range.start < at && at < range.end;
            self.facets.iter().any(|facet| range_of(facet).is_some_and(is_around))
        };
        let spaces = || text.char_indices().rev().filter(|(_, char)| char.is_whitespace()).map(|(at, _)| at);
        let between = spaces().find(|at| *at > 0 && !is_in_facet(start.saturating_add(*at)));
        between.or_else(|| spaces().find(|at| *at > 0)).unwrap_or(text.len())
    }

    /// A part of the text, less the white space at its end.
    fn part(&self, range: Range<usize>) -> Self {
        let text = self.text.get(range.clone()).unwrap_or_default().trim_end();
        let end = range.start.saturating_add(text.len());
        let facets = self.facets.iter().filter_map(|facet| {
            let of = range_of(facet)?;
            let (from, to) = (of.start.max(range.start), of.end.min(end));
            let place = |at: usize| i64::try_from(at.saturating_sub(range.start)).ok();
            let index = ByteSlice::new(place(from)?, place(to)?);
            (from < to).then(|| Facet { index, ..facet.clone() })
        });
        Self { facets: facets.collect(), text: text.to_owned() }
    }
}

fn range_of(facet: &Facet) -> Option<Range<usize>> {
    Some(usize::try_from(facet.index.byte_start).ok()?..usize::try_from(facet.index.byte_end).ok()?)
}

/// How much of a text a post has room for, in bytes: whole grapheme clusters, unless the first one alone is too long.
fn room(text: &str) -> usize {
    let ends = text.grapheme_indices(true).map(|(at, cluster)| at.saturating_add(cluster.len()));
    let fits = ends.take(MAX_POST_GRAPHEMES).take_while(|end| *end <= MAX_POST_BYTES).last();
    fits.unwrap_or_else(|| {
        let ends = text.char_indices().map(|(at, char)| at.saturating_add(char.len_utf8()));
        ends.take_while(|end| *end <= MAX_POST_BYTES).last().unwrap_or_default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(posts: &[RichText]) -> Vec<&str> {
        posts.iter().map(RichText::as_str).collect()
    }

    #[test]
    fn a_text_is_cut_between_words() {
        let plain = |text: &str| RichText::new().text(text).into_posts();
        assert_eq!(texts(&plain("")), [""]);
        assert_eq!(texts(&plain(" short \n")), ["short"]);
        let (long, short) = ("a".repeat(299), "b ".repeat(100));
        assert_eq!(texts(&plain(&format!("{long} {short}"))), [long.as_str(), short.trim_end()]);
        assert_eq!(texts(&plain(&"x".repeat(700))), ["x".repeat(300), "x".repeat(300), "x".repeat(100)]);
        // One character to people, and more bytes than a post has.
        let tall = format!("a{}", "\u{301}".repeat(2000));
        assert!(plain(&tall).iter().all(RichText::is_within_post_limits));
    }

    #[test]
    fn facets_go_with_their_words() {
        let text =
            RichText::new().text(&"a ".repeat(146)).link("two words", "https://example.com".parse().unwrap());
        let posts = text.text(" and more").into_posts();
        assert_eq!(posts.len(), 2);
        assert_eq!((posts[1].as_str(), posts[0].facets().len()), ("two words and more", 0));
        let index = &posts[1].facets()[0].index;
        assert_eq!((index.byte_start, index.byte_end), (0, 9));
        // One that is longer than a post is cut.
        let long = "word ".repeat(100);
        let posts = RichText::new().link(&long, "https://example.com".parse().unwrap()).into_posts();
        assert_eq!(posts.iter().map(|post| post.facets().len()).collect::<Vec<_>>(), [1, 1]);
    }

    proptest! {
        #[test]
        fn nothing_but_space_is_lost(text in "([a-c]{0,40}[ \n]{0,3}|[é🦋]{0,400}| #tag){0,30}") {
            let posts = RichText::detect(text.clone(), |_| None).into_posts();
            prop_assert!(posts.iter().all(RichText::is_within_post_limits));
            prop_assert!(posts.len() == 1 || posts.iter().all(|post| !post.is_empty()));
            let words = |text: &str| text.chars().filter(|char| !char.is_whitespace()).collect::<String>();
            prop_assert_eq!(words(&posts.iter().map(RichText::as_str).collect::<String>()), words(&text));
            for post in posts {
                for facet in post.facets() {
                    let range = range_of(facet).unwrap();
                    prop_assert!(!post.as_str().get(range).unwrap().is_empty());
                }
            }
        }
    }
}
