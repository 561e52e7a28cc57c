//! Texts with facets, edited and cut, beside the text alone.

use arbitrary::{Result, Unstructured};
use atproto_xrpc::bsky::rich_text::{RichText, detect};

/// How many posts' facets were looked at, the number of edits, a text, and the edits.
pub fn check(data: &[u8]) {
    // Too little data edits nothing more.
    let _ = run(&mut Unstructured::new(data));
}

fn run(input: &mut Unstructured<'_>) -> Result<()> {
    let edits = input.int_in_range(0..=8)?;
    let text: String = input.arbitrary()?;
    let mut end = 0;
    for found in detect(&text) {
        assert!(found.range.start >= end && !text.get(found.range.clone()).unwrap().is_empty());
        end = found.range.end;
    }
    let did = "did:web:example.com".parse().unwrap();
    let mut rich = RichText::detect(text.clone(), |_| Some(Clone::clone(&did)));
    assert_eq!(rich.as_str(), text);
    check_facets(&rich);
    for _ in 0..edits {
        let (at, end): (u16, u16) = input.arbitrary()?;
        let (at, end) = (usize::from(at), usize::from(end));
        let before = rich.as_str().to_owned();
        let place =
            |at: usize| (0..=at.min(before.len())).rev().find(|at| before.is_char_boundary(*at)).unwrap();
        let (from, to) = (place(at), place(end));
        if input.arbitrary()? {
            let added: &str = input.arbitrary()?;
            rich.insert(at, added);
            assert_eq!(rich.as_str(), [&before[..from], added, &before[from..]].concat());
        } else {
            rich.delete(at..end);
            assert_eq!(rich.as_str(), [&before[..from], &before[to.max(from)..]].concat());
        }
        check_facets(&rich);
    }
    let words = |text: &str| text.chars().filter(|char| !char.is_whitespace()).collect::<String>();
    let whole = words(rich.as_str());
    let posts = rich.into_posts();
    assert!(posts.len() == 1 || posts.iter().all(|post| !post.is_empty()));
    for post in &posts {
        assert!(post.is_within_post_limits());
        check_facets(post);
    }
    assert_eq!(posts.iter().map(|post| words(post.as_str())).collect::<String>(), whole);
    Ok(())
}

/// Every facet is on some characters, and the parts together are the text.
fn check_facets(rich: &RichText) {
    for facet in rich.facets() {
        let range =
            usize::try_from(facet.index.byte_start).unwrap()..usize::try_from(facet.index.byte_end).unwrap();
        assert!(!rich.as_str().get(range).unwrap().is_empty());
    }
    assert_eq!(rich.segments().map(|segment| segment.text.into_owned()).collect::<String>(), rich.as_str());
}
