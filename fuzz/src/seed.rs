//! Writes the corpora from which fuzzing starts, `corpus/TARGET/*`: small valid inputs, made here.

use crate::events;
use crate::model::{Repository, paths};
use crate::{lexicon_value, plc_log, random_documents, resolution, typed_values};
use atproto_lexicon::data::{Value, cbor, json};
use std::io::Result;
use std::path::{Path, PathBuf};

/// Writes all of them.
pub fn write() -> Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for (target, seeds) in all() {
        let folder: PathBuf = corpus.join(target);
        std::fs::create_dir_all(&folder)?;
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(folder.join(format!("seed-{number:02}")), seed)?;
        }
    }
    Ok(())
}

type Seeds = Vec<Vec<u8>>;

fn all() -> Vec<(&'static str, Seeds)> {
    let dids = ["did:plc:ewvi7nxzyoun6zhxrhs64oiz", "did:web:example.com", "did:key:zQ3sh:%20-_.a"];
    let handles = ["alice.example.com", "XN--a.b-c.0.net"];
    let nsids = ["com.example.note", "a-0.4.x.fooBar3"];
    let keys = ["3jzfcijpj2z2a", "self", "a:b_c~d-e.f", "..."];
    let uris = [
        "at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/com.example.note/3jzfcijpj2z2a",
        "at://alice.example.com/com.example.note",
        "at://alice.example.com",
    ];
    let datetimes = [
        "1985-04-12T23:20:50.123Z",
        "2000-02-29T00:00:00+01:45",
        "0000-01-01T00:00:00-00:01",
        "9999-12-31T23:59:59.999999999-23:59",
    ];
    let languages = ["en", "zh-cmn-Hans-CN", "de-CH-1901", "en-a-bbb-x-a-ccc", "x-private", "i-klingon"];
    let cids = ["bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a", "mAXASIA=="];
    let repositories = [0, 1, 6, 30].map(|count| Repository::of(&paths(count)));
    let after = |prefix: &[u8], bytes: &[u8]| [prefix, bytes].concat();
    let cars = repositories.iter().flat_map(|repository| {
        let car = repository.car();
        [after(&[0, 3, 90, 255, 0], &car), after(&[1, 1, 1, 7, 1], &car)]
    });
    let is_commit = |repository: &Repository, block: &[u8]| repository.commit.matches(block);
    let blocks = || {
        repositories
            .iter()
            .flat_map(|repository| repository.blocks.0.iter().map(move |(_, block)| (repository, block)))
    };
    let commits = blocks().filter(|(repository, block)| is_commit(repository, block));
    let commits = commits.flat_map(|(_, block)| [after(&[0], block), after(&[1], block)]);
    let nodes = blocks()
        .filter(|(repository, block)| block.starts_with(b"\xa2\x61e") && !is_commit(repository, block));
    let bodies = events::each();
    let texts_with_facets = [
        "@alice.example.com, see https://example.com/a_(b)?c#d and example.com. #tag #größe $ABC",
        "🦋 @XN--a.b-c.0.net\n(#a) #👩\u{200d}👩\u{200d}👧 http://ä.example",
    ];
    let events = bodies.iter().enumerate().flat_map(|(kind, (t, body))| {
        let changes = after(&[7, kind as u8], &choices(kind as u8));
        [after(&[kind as u8], &events::encode(body)), after(&[6], &events::frame(t, body)), changes]
    });
    vec![
        ("syntax_did", texts(&dids)),
        ("syntax_handle", texts(&handles)),
        ("syntax_at_identifier", texts(&[&dids[..], &handles].concat())),
        ("syntax_nsid", texts(&nsids)),
        ("syntax_record_key", texts(&keys)),
        ("syntax_tid", texts(&["3jzfcijpj2z2a", "2222222222222", "jzzzzzzzzzzzz"])),
        ("syntax_at_uri", texts(&uris)),
        ("syntax_uri", texts(&["https://example.com/ä?b#c", "a+b-c.d:x"])),
        ("syntax_datetime", texts(&datetimes)),
        ("syntax_language", texts(&languages)),
        ("syntax_cid", texts(&cids)),
        ("json", texts(&VALUES)),
        ("cbor", VALUES.iter().map(|text| cbor::to_vec(&json::from_str(text).unwrap()).unwrap()).collect()),
        ("car", cars.collect()),
        ("commit", commits.collect()),
        ("repo", (0..24).map(choices).collect()),
        ("event", events.collect()),
        ("frame", bodies.iter().map(|(t, body)| events::frame(t, body)).collect()),
        ("label", (0..24).map(|kind| after(&[kind], &choices(kind))).collect()),
        ("rich_text", texts_with_facets.iter().map(|text| [text.as_bytes(), &choices(3)].concat()).collect()),
        ("token", (0..24).map(|kind| after(&[kind], &choices(kind))).collect()),
        ("sync_commit", (0..24).map(choices).collect()),
        ("proof", (0..24).map(choices).collect()),
        ("mst_model", (0..24).map(choices).collect()),
        ("mst_node", nodes.map(|(_, block)| block.clone()).collect()),
        ("lexicon_document", documents()),
        ("lexicon_value", lexicon_values()),
        ("typed_values", typed_values()),
        ("plc_log", plc_log::seeds()),
        ("resolution", resolution::seeds()),
    ]
}

/// Documents of the random catalogs as texts, and choices for such catalogs with two names of our own.
fn documents() -> Seeds {
    let texts = (0..8).flat_map(|kind| random_documents::of(4 * kind + 3, &choices(kind)));
    let texts = texts.map(|document| [&[0], json::to_string(&document).unwrap().as_bytes()].concat());
    let catalogs = (0..24).map(|kind| {
        let [first, second] = ["a-b", "größe"].map(|name| [&[kind * 10], name.as_bytes()].concat());
        let choices = choices(kind).into_iter().map(|byte| byte.min(254)).collect();
        [vec![kind], [choices, vec![kind], first, second].join(&255)].concat()
    });
    texts.chain(catalogs).collect()
}

/// Values as texts, and choices for values with a few defects.
fn lexicon_values() -> Seeds {
    let text = |which: u8| {
        let value = lexicon_value::about_right(which, 7, &choices(which)).unwrap_or(Value::Null);
        [&[which, 0], json::to_string(&value).unwrap().as_bytes()].concat()
    };
    (0..24).map(text).chain(defects(4)).collect()
}

fn typed_values() -> Seeds {
    let good = typed_values::GOOD.iter().zip(typed_values::FIRST..);
    let texts = good.map(|(value, which)| [&[which, 0], json::to_string(value).unwrap().as_bytes()].concat());
    texts.chain(defects(8)).collect()
}

/// Choices for values of any kind, with so many of each.
fn defects(each: u8) -> impl Iterator<Item = Vec<u8>> {
    (0..96_u8).map(move |number| {
        let kind = number.wrapping_mul(38) | 1;
        [&[number / each, kind][..], &choices(number)].concat()
    })
}

/// Any bytes are a repository; the last one says how many records there are.
fn choices(count: u8) -> Vec<u8> {
    let byte = |at: u8| at.wrapping_mul(31).wrapping_add(count.wrapping_mul(7)) ^ (at >> 3);
    (0..160).map(byte).chain([count]).collect()
}

const VALUES: [&str; 6] = [
    "null",
    r#"["\u0000\u001f\"\\\/\b\f",-0,123.0]"#,
    r#"{"a":[true,false,-1,256,65536,9007199254740993,-9223372036854775808],"":"ä\n","$x":1e2}"#,
    r#"{"link":{"$link":"bafyreidfayvfuwqa7qlnopdjiqrxzs6blmoeu4rujcjtnci5beludirz2a"},"bytes":{"$bytes":"AAEC"}}"#,
    r#"{"$type":"blob","ref":{"$link":"bafkreicomoqeqtj4vknopqugd6kp4p5wbjfbzplpnsevbifzm3ojaqzjm4"},"mimeType":"image/png","size":1}"#,
    r#"[[[[{"a":{"b":{"c":[1,[2,"\ud83d\ude00"]]}}}]]]]"#,
];

fn texts(texts: &[&str]) -> Seeds {
    texts.iter().map(|text| text.as_bytes().to_vec()).collect()
}
