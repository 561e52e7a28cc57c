use super::{Dice, ask};
use atproto_lexicon::typed::Handle;
use atproto_xrpc::api::app::bsky::richtext::facet::{ByteSlice, Facet, FacetFeaturesItem, Tag};
use atproto_xrpc::bsky::rich_text::{CandidateKind, RichText, detect};
use serde_json::{Value as Json, json};

const PIECES: [&str; 64] = [
    "@alice.test",
    "@bob.example.com",
    "@a-b.bsky.social",
    "@nobody",
    "@x.com_y",
    "@UPPER.Example.com",
    "@a.com-",
    "@",
    "https://example.com",
    "http://example.com/path?q=1#f",
    "https://a.b/(c)",
    "https://пример.рф/путь",
    "HTTP://a.com",
    "https://",
    "example.com",
    "example.com/path",
    "a.b.co.uk:80",
    "index.js",
    "file.txt",
    "docs.rs",
    "Example.COM",
    "EXAMPLE.com",
    "1.com",
    "x-y.com",
    "e.g",
    "#tag",
    "#Tag1",
    "#1",
    "#日本語",
    "＃全角",
    "##",
    "#a#b",
    "#a\u{200b}b",
    "#\u{fe0f}\u{20e3}",
    "#️⃣tag",
    "#👍🏽",
    "#a-b!",
    "#.",
    "#_a_",
    "#١",
    "$AAPL",
    "$aapl",
    "$toolong",
    "$5",
    "$a1,",
    "$",
    "word",
    "/(@in.test",
    "b($IN",
    "é",
    "👨‍👩‍👧‍👦",
    "𝒳",
    ".",
    ",",
    ";",
    "!?",
    ")",
    "(",
    "((",
    "...",
    "\u{2019}",
    "_",
    "-",
    "\u{ad}",
];
const SPACES: [&str; 8] = [" ", "", "", "\n", "\r\n", "\u{a0}", "\u{3000}", "\u{feff}"];

fn some_text(dice: &mut Dice) -> String {
    let mut text = String::new();
    for _ in 0..dice.roll(8) {
        text += dice.pick(&PIECES);
        text += dice.pick(&SPACES);
    }
    text
}

#[test]
#[ignore = "needs node and @atproto/api"]
fn finds_what_the_reference_finds() {
    let mut dice = Dice(2);
    let questions: Vec<Json> =
        (0..20_000).map(|_| json!({ "kind": "facets", "text": some_text(&mut dice) })).collect();
    let mut counts = [0; 3];
    for (question, answer) in questions.iter().zip(ask("facets", &questions)) {
        let text = question["text"].as_str().unwrap();
        // Under which names there are handles it knows from its list, and we from the resolver.
        let is_known = |kind: &CandidateKind| match kind {
            CandidateKind::Mention(handle) => ["com", "rs", "social", "test", "uk"].contains(&handle.tld()),
            _ => true,
        };
        let found: Vec<Json> = detect(text)
            .into_iter()
            .filter(|candidate| is_known(&candidate.kind))
            .map(|candidate| {
                let (kind, value, at) = match candidate.kind {
                    CandidateKind::Mention(handle) => ("mention", handle.to_string(), 0),
                    CandidateKind::Link(uri) => ("link", uri.to_string(), 1),
                    CandidateKind::Tag(tag) => ("tag", tag, 2),
                };
                counts[at] += 1;
                json!([candidate.range.start, candidate.range.end, kind, value])
            })
            .collect();
        // It takes what is no handle, too, and leaves it to the resolver to say so.
        let mut expected = answer["facets"].as_array().unwrap().clone();
        expected.retain(|facet| facet[2] != "mention" || Handle::check(facet[3].as_str().unwrap()).is_ok());
        // And it leaves it to who shows the text to drop what overlaps.
        let mut end = 0;
        expected.retain(|facet| {
            let is_apart = facet[0].as_u64().unwrap() >= end;
            end = if is_apart { facet[1].as_u64().unwrap() } else { end };
            is_apart
        });
        assert_eq!(expected, found, "{text:?}");
    }
    println!("{counts:?} mentions, links and tags");
    assert!(counts.iter().all(|count| *count >= 1000), "{counts:?}");
}

fn rich_text(text: &str, facets: &Json) -> RichText {
    let facets = facets.as_array().unwrap().iter().enumerate().map(|(at, range)| {
        let place = |at: usize| range[at].as_i64().unwrap();
        let feature = FacetFeaturesItem::Tag(Box::new(Tag::new(at.to_string())));
        Facet::new(ByteSlice::new(place(0), place(1)), vec![feature])
    });
    RichText::from_parts(text.to_owned(), facets.collect())
}

fn number(facet: &Facet) -> usize {
    let FacetFeaturesItem::Tag(tag) = &facet.features[0] else { panic!() };
    tag.tag.parse().unwrap()
}

/// Facets anywhere, also backwards, within characters and beyond the end.
fn some_facets(dice: &mut Dice, text: &str) -> Vec<[usize; 2]> {
    (0..dice.roll(4)).map(|_| [dice.roll(text.len() + 3), dice.roll(text.len() + 3)]).collect()
}

/// Edits one after the other, at the bounds of characters; where the reference inserts other text than ASCII it counts wrongly.
fn some_edits(dice: &mut Dice, text: &str) -> Vec<Json> {
    let mut text = text.to_owned();
    (0..=dice.roll(3))
        .map(|_| {
            let places: Vec<usize> = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
            let (one, other) = (dice.pick(&places), dice.pick(&places));
            let (from, to) = (one.min(other), one.max(other));
            if dice.once_in(2) {
                text.insert_str(from, "some");
                json!({ "at": from, "insert": "some" })
            } else {
                text.replace_range(from..to, "");
                json!({ "from": from, "to": to })
            }
        })
        .collect()
}

#[test]
#[ignore = "needs node and @atproto/api"]
fn segments_and_edits_are_those_of_the_reference() {
    let mut dice = Dice(3);
    let mut questions = Vec::new();
    for _ in 0..5000 {
        // It drops a byte order mark at the beginning of a part.
        let text = some_text(&mut dice).replace('\u{feff}', "");
        let facets = some_facets(&mut dice, &text);
        questions.push(json!({ "kind": "segments", "text": text, "facets": facets }));
        let edits = some_edits(&mut dice, &text);
        questions.push(json!({ "kind": "edit", "text": text, "facets": facets, "edits": edits }));
    }
    for (question, expected) in questions.iter().zip(ask("segments", &questions)) {
        let mut text = rich_text(question["text"].as_str().unwrap(), &question["facets"]);
        let place = |json: &Json| json.as_u64().unwrap() as usize;
        let found = if question["kind"] == "segments" {
            let segments = text.segments().map(|segment| json!([segment.text, segment.facet.map(number)]));
            json!({ "segments": segments.collect::<Vec<_>>() })
        } else {
            for edit in question["edits"].as_array().unwrap() {
                match edit["insert"].as_str() {
                    Some(insert) => text.insert(place(&edit["at"]), insert),
                    None => text.delete(place(&edit["from"])..place(&edit["to"])),
                }
            }
            let (text, facets) = text.into_parts();
            let facets: Vec<Json> = facets
                .iter()
                .map(|facet| json!([facet.index.byte_start, facet.index.byte_end, number(facet)]))
                .collect();
            json!({ "text": text, "facets": facets })
        };
        assert_eq!(found, expected, "{question}");
    }
}
