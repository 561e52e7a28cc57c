//! Reading records beside `serde_ipld_dagcbor` alone: `cargo bench -p benches --bench decode`.
//!
//! The validating pass and the typed decode (which begins with it) beside the library's typed decode, which checks less; a
//! `Value` beside the library's `Ipld`.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a benchmark may panic"
)]

use atproto_lexicon::data::{Cid, Object, Value, cbor};
use ipld_core::ipld::Ipld;
use serde::Deserialize;
use std::hint::black_box;
use timing::paired;

#[allow(dead_code, reason = "other benchmarks use more of it")]
mod timing;

/// A post, with a field that it does not know.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "only read")]
struct Post<'a> {
    text: &'a str,
    created_at: &'a str,
    langs: Vec<&'a str>,
    reply: Reply<'a>,
    facets: Vec<Facet<'a>>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only read")]
struct Reply<'a> {
    #[serde(borrow)]
    root: Reference<'a>,
    parent: Reference<'a>,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only read")]
struct Reference<'a> {
    cid: &'a str,
    uri: &'a str,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only read")]
struct Facet<'a> {
    #[serde(borrow)]
    features: Vec<Feature<'a>>,
    index: Index,
}

#[derive(Deserialize)]
#[allow(dead_code, reason = "only read")]
struct Feature<'a> {
    uri: &'a str,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(dead_code, reason = "only read")]
struct Index {
    byte_start: u32,
    byte_end: u32,
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    Value::Object(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect::<Object>())
}

fn post(number: u32) -> Vec<u8> {
    let cid = Cid::of_dag_cbor(&number.to_le_bytes()).to_string();
    let reference = || {
        object([
            ("cid", cid.as_str().into()),
            ("uri", format!("at://did:plc:ewvi7nxzyoun6zhxrhs64oiz/com.example.post/{number}").into()),
        ])
    };
    let facet = object([
        ("features", Value::Array(vec![object([("uri", "https://example.com/somewhere".into())])])),
        ("index", object([("byteStart", 4_u32.into()), ("byteEnd", 24_u32.into())])),
    ]);
    let post = object([
        ("$type", "com.example.post".into()),
        ("text", format!("See example.com/somewhere, number {number}, ☀").into()),
        ("createdAt", "2026-01-02T03:04:05.678Z".into()),
        ("langs", Value::Array(vec!["en".into(), "de".into()])),
        ("reply", object([("root", reference()), ("parent", reference())])),
        ("facets", Value::Array(vec![facet])),
        ("unknown", object([("image", Cid::of_dag_cbor(b"image").into())])),
    ]);
    cbor::to_vec(&post).unwrap()
}

fn main() {
    let posts: Vec<Vec<u8>> = (0..2_000).map(post).collect();
    println!("{} records, {} bytes", posts.len(), posts.iter().map(Vec::len).sum::<usize>());
    let library_typed = || {
        for post in &posts {
            black_box(serde_ipld_dagcbor::from_slice::<Post<'_>>(post).unwrap());
        }
    };
    let report = |name: &str, base: &str, (theirs, ours, ratio): (_, _, f64)| {
        println!("{name:<16} {ours:>10.3?}   {base:<26} {theirs:>10.3?}   ratio {ratio:.2}");
    };
    let validate = || posts.iter().for_each(|post| cbor::validate(black_box(post)).unwrap());
    report("validating pass", "serde_ipld_dagcbor typed", paired(51, library_typed, validate));
    let typed = || {
        for post in &posts {
            black_box(cbor::from_slice::<Post<'_>>(post).unwrap());
        }
    };
    report("typed", "serde_ipld_dagcbor typed", paired(51, library_typed, typed));
    let library_any = || {
        for post in &posts {
            black_box(serde_ipld_dagcbor::from_slice::<Ipld>(post).unwrap());
        }
    };
    let value = || {
        for post in &posts {
            black_box(cbor::to_value(post).unwrap());
        }
    };
    report("Value", "serde_ipld_dagcbor Ipld", paired(51, library_any, value));
    let same = |post: &Vec<u8>| {
        let ipld: Ipld = serde_ipld_dagcbor::from_slice(post).unwrap();
        Value::try_from(ipld).unwrap() == cbor::to_value(post).unwrap()
    };
    assert!(posts.iter().all(same), "both read the same values");
}
