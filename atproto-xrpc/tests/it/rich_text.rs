//! Facets keep to the characters of any text, and edits keep facets on what they were on.

use atproto_lexicon::typed::Validate as _;
use atproto_xrpc::api::app::bsky::richtext::facet::{ByteSlice, Facet, FacetFeaturesItem, Tag};
use atproto_xrpc::bsky::rich_text::{RichText, detect};
use futures_executor::block_on;
use proptest::prelude::*;

/// Any characters, and pieces of what is looked for.
fn text() -> impl Strategy<Value = String> {
    const PIECES: [&str; 14] = [
        "@",
        "a.test",
        "https://",
        "example.com",
        "#",
        "＃",
        "$A",
        ".",
        ")",
        "(",
        " ",
        "\u{200b}",
        "👨‍👩‍👧",
        "é",
    ];
    let piece = prop_oneof![
        proptest::sample::select(&PIECES[..]).prop_map(String::from),
        any::<char>().prop_map(String::from)
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

fn tagged(start: usize, end: usize, tag: &str) -> Facet {
    let feature = FacetFeaturesItem::Tag(Box::new(Tag::new(tag.into())));
    Facet::new(ByteSlice::new(start as i64, end as i64), vec![feature])
}

/// The text under each facet.
fn under(text: &RichText) -> Vec<&str> {
    let range = |facet: &Facet| facet.index.byte_start as usize..facet.index.byte_end as usize;
    text.facets().iter().map(|facet| &text.as_str()[range(facet)]).collect()
}

proptest! {
    #[test]
    fn what_is_found_lies_on_characters_and_apart(text in text()) {
        let mut end = 0;
        for candidate in detect(&text) {
            prop_assert!(text.get(candidate.range.clone()).is_some_and(|part| !part.is_empty()));
            prop_assert!(candidate.range.start >= end);
            end = candidate.range.end;
        }
        let did = || "did:web:example.com".parse().ok();
        let rich = RichText::detect(text.as_str(), |_| did());
        prop_assert!(rich.facets().iter().all(|facet| facet.validate().is_ok()));
        let whole: String = rich.segments().map(|segment| segment.text).collect();
        prop_assert_eq!(whole, text.as_str());
        let waited = block_on(RichText::detect_async(text.as_str(), async |_: &_| did()));
        prop_assert_eq!(rich, waited);
    }

    #[test]
    fn any_facets_give_segments(text in text(), ranges in proptest::collection::vec((any::<i64>(), any::<i64>()), 0..4)) {
        let facets = ranges.iter().map(|(start, end)| Facet::new(ByteSlice::new(*start % 40, *end), vec![]));
        let rich = RichText::from_parts(text.clone(), facets.collect());
        let parts: Vec<_> = rich.segments().collect();
        prop_assert!(!parts.is_empty() && parts.len() <= 2 * ranges.len() + 1);
    }

    #[test]
    fn edits_elsewhere_keep_what_is_under_a_facet(before in text(), inside in "\\PC{1,8}", after in text(), new in text(), cut in any::<(usize, usize)>()) {
        let facet = tagged(before.len(), before.len() + inside.len(), "a");
        let whole = format!("{before}{inside}{after}");
        let rich = RichText::from_parts(whole.clone(), vec![facet]);
        prop_assert_eq!(under(&rich), [inside.as_str()]);
        // Before and after it.
        let end = before.len() + inside.len();
        for at in [cut.0 % (before.len() + 1), end + cut.1 % (after.len() + 1)] {
            let mut edited = rich.clone();
            edited.insert(at, &new);
            prop_assert_eq!(under(&edited), [inside.as_str()]);
            prop_assert_eq!(edited.len(), whole.len() + new.len());
        }
        let mut edited = rich.clone();
        edited.delete(end + cut.0 % (after.len() + 1)..usize::MAX);
        edited.delete(0..cut.1 % (before.len() + 1));
        prop_assert_eq!(under(&edited), [inside.as_str()]);
        // Any edit leaves facets on characters.
        let mut edited = rich;
        edited.insert(cut.0 % (whole.len() + 9), &new);
        edited.delete(cut.1 % (whole.len() + 9)..cut.0 % (whole.len() + 9));
        for part in under(&edited) {
            prop_assert!(!part.is_empty());
        }
    }
}
