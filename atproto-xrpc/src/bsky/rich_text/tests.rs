use super::*;

fn found(text: &str) -> Vec<(&str, String)> {
    let kind = |kind| match kind {
        CandidateKind::Mention(handle) => format!("@{handle}"),
        CandidateKind::Link(uri) => uri.to_string(),
        CandidateKind::Tag(tag) => format!("#{tag}"),
    };
    detect(text).into_iter().map(|candidate| (&text[candidate.range.clone()], kind(candidate.kind))).collect()
}

fn one(text: &str) -> (&str, String) {
    let mut found = found(text);
    assert_eq!(found.len(), 1, "{text}: {found:?}");
    found.remove(0)
}

#[test]
fn mentions() {
    assert_eq!(one("hi @alice.example.com!"), ("@alice.example.com", "@alice.example.com".into()));
    assert_eq!(one("👨‍👩‍👧 (@alice.test)"), ("@alice.test", "@alice.test".into()));
    assert_eq!(one("@a-b.xn--ls8h.com.").0, "@a-b.xn--ls8h.com");
    for text in ["x@alice.test", "@alice", "@alice.local", "@alice.com_", "@-a.com", "@", "@.", "@a..com"] {
        assert!(found(text).is_empty(), "{text}");
    }
}

#[test]
fn links() {
    assert_eq!(one("https://example.com/a?b#c.").0, "https://example.com/a?b#c");
    assert_eq!(one("(https://example.com/a)").0, "https://example.com/a");
    assert_eq!(one("https://example.com/a_(b)").0, "https://example.com/a_(b)");
    assert_eq!(one("(see example.com/x).").1, "https://example.com/x");
    assert_eq!(one("é\u{3000}example.co.uk,").1, "https://example.co.uk");
    assert_eq!(one("https://примеры.рф/путь").0, "https://примеры.рф/путь");
    assert_eq!(one("httpbin.org").1, "https://httpbin.org");
    for text in
        ["a.b", "file.txt", "index.js", "x-y.com", "1.com", "HTTPS://example.com", "http://", "e.g. this"]
    {
        assert!(found(text).is_empty(), "{text}");
    }
}

#[test]
fn tags() {
    assert_eq!(one("#tag!?"), ("#tag", "#tag".into()));
    assert_eq!(one("a ＃日本語。").1, "#日本語");
    assert_eq!(one("#a\u{200b}b"), ("#a", "#a".into()));
    assert_eq!(one("##a").1, "##a");
    assert_eq!(one("#1st").1, "#1st");
    assert_eq!(one("#👍").1, "#👍");
    assert_eq!(one(&format!("#{}", "a".repeat(64))).1.len(), 65);
    assert_eq!(one(&format!("#{}", "👍🏽".repeat(64))).1.len(), 1 + 64 * 8);
    let long =
        [format!("#{}", "a".repeat(65)), format!("#{}", format!("e{}", "\u{301}".repeat(10)).repeat(40))];
    for text in ["#", "#1", "#1.2", "#\u{fe0f}\u{20e3}", "(#a", "a#b", "# a", "#."]
        .map(String::from)
        .iter()
        .chain(&long)
    {
        assert!(found(text).is_empty(), "{text}");
    }
    assert_eq!(one("($aapl)"), ("$aapl", "#$AAPL".into()));
    for text in ["$", "$5", "$toolong", "$a_b", "a$b", "$ab-c"] {
        assert!(found(text).is_empty(), "{text}");
    }
}

#[test]
fn order_is_that_of_the_text() {
    let text = "#a @b.test c.com $D";
    let all: Vec<_> = found(text).into_iter().map(|(part, _)| part).collect();
    assert_eq!(all, ["#a", "@b.test", "c.com", "$D"]);
    assert_eq!(one("https://a.com/(@b.test").0, "https://a.com/(@b.test");
    assert_eq!(one("#a(c.com").0, "#a(c.com");
}

fn tagged(text: &str, ranges: &[(i64, i64)]) -> RichText {
    let facets = ranges.iter().map(|(start, end)| {
        let tag = Tag::new(format!("{start}"));
        Facet::new(ByteSlice::new(*start, *end), vec![FacetFeaturesItem::Tag(Box::new(tag))])
    });
    RichText::from_parts(text.into(), facets.collect())
}

fn parts(text: &RichText) -> Vec<(String, bool)> {
    text.segments().map(|segment| (segment.text.to_string(), segment.tag().is_some())).collect()
}

#[test]
fn segments_of_odd_facets() {
    let parts = |text, ranges: &[_]| parts(&tagged(text, ranges));
    let part = |text: &str, under| (text.to_owned(), under);
    assert_eq!(parts("", &[]), [part("", false)]);
    assert_eq!(parts("abc", &[(1, 2)]), [part("a", false), part("b", true), part("c", false)]);
    // Overlapping, empty, blank, beyond the end, backwards and before the text.
    assert_eq!(parts("abcd", &[(2, 4), (0, 3)]), [part("abc", true), part("d", false)]);
    assert_eq!(parts("abcd", &[(2, 2)]), [part("ab", false), part("cd", false)]);
    assert_eq!(parts("a b", &[(1, 2)]), [part("a", false), part(" ", false), part("b", false)]);
    assert_eq!(parts("abcd", &[(2, 99)]), [part("ab", false), part("cd", true)]);
    assert_eq!(parts("abcd", &[(9, 99)]), [part("abcd", false), part("", false)]);
    assert_eq!(parts("abcd", &[(3, 2), (-2, 3), (i64::MIN, i64::MAX)]), [part("abcd", false)]);
    // A cut character.
    assert_eq!(parts("é", &[(1, 2)]), [part("\u{fffd}", false), part("\u{fffd}", true)]);
}

#[test]
fn edits_move_facets() {
    let after = |edit: fn(&mut RichText)| {
        let mut text = tagged("hello world", &[(2, 7)]);
        edit(&mut text);
        let facet = text.facets.first().map(|facet| (facet.index.byte_start, facet.index.byte_end));
        (text.text, facet)
    };
    assert_eq!(after(|text| text.insert(0, "é")), ("éhello world".into(), Some((4, 9))));
    assert_eq!(after(|text| text.insert(2, "test")), ("hetestllo world".into(), Some((6, 11))));
    assert_eq!(after(|text| text.insert(4, "test")), ("helltesto world".into(), Some((2, 11))));
    assert_eq!(after(|text| text.insert(7, "test")), ("hello wtestorld".into(), Some((2, 7))));
    assert_eq!(after(|text| text.insert(99, "!")), ("hello world!".into(), Some((2, 7))));
    assert_eq!(after(|text| text.delete(0..9)), ("ld".into(), None));
    assert_eq!(after(|text| text.delete(7..11)), ("hello w".into(), Some((2, 7))));
    assert_eq!(after(|text| text.delete(4..11)), ("hell".into(), Some((2, 4))));
    assert_eq!(after(|text| text.delete(3..5)), ("hel world".into(), Some((2, 5))));
    assert_eq!(after(|text| text.delete(1..5)), ("h world".into(), Some((1, 3))));
    assert_eq!(after(|text| text.delete(0..2)), ("llo world".into(), Some((0, 5))));
    let backwards = Range { start: 5, end: 1 };
    let mut text = tagged("hello world", &[(2, 7)]);
    text.delete(backwards);
    assert_eq!(text, tagged("hello world", &[(2, 7)]));
    let mut text = tagged("aéb", &[]);
    text.insert(2, "-");
    text.delete(3..99);
    assert_eq!(text.as_str(), "a-");
}

#[test]
fn limits_of_posts() {
    assert!(RichText::new().text(&"e\u{301}".repeat(300)).is_within_post_limits());
    assert!(!RichText::new().text(&"a".repeat(301)).is_within_post_limits());
    // 120 grapheme clusters.
    let family = RichText::new().text(&"👨‍👩‍👧‍👦".repeat(121));
    assert_eq!((family.grapheme_len(), family.len()), (121, 3025));
    assert!(!family.is_within_post_limits());
}

#[test]
fn mentions_of_nobody_are_no_facets() {
    let text = RichText::detect("@a.test @b.test #c", |handle| {
        (handle.as_str() == "b.test").then(|| "did:web:b.test".parse().unwrap())
    });
    let segments: Vec<_> = text.segments().collect();
    assert_eq!(segments.len(), 4);
    assert_eq!(segments[1].mention().unwrap().did.as_str(), "did:web:b.test");
    assert_eq!(segments[3].tag().unwrap().tag, "c");
    assert_eq!(segments[3].link(), None);
}
