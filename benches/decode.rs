//! Reading records beside `serde_ipld_dagcbor` alone: `cargo bench -p benches --bench decode`.
//!
//! The typed decode (which begins with the validating pass) beside the library's, which checks less; that pass alone, and a
//! `Value`, beside the library's `Ipld`.
#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    reason = "a benchmark may panic"
)]

use atproto_lexicon::data::{Value, cbor};
use corpus::Corpus;
use ipld_core::ipld::Ipld;
use serde::Deserialize;
use std::hint::black_box;
use timing::{paired, report};

#[allow(dead_code, reason = "other benchmarks use more of it")]
mod corpus;
#[allow(dead_code, reason = "other benchmarks use more of it")]
mod timing;

/// A post, without the image that some have.
#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Post<'a> {
    text: &'a str,
    created_at: &'a str,
    langs: Vec<&'a str>,
    #[serde(borrow)]
    reply: Option<Reply<'a>>,
    #[serde(borrow, default)]
    facets: Vec<Facet<'a>>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Reply<'a> {
    #[serde(borrow)]
    root: Reference<'a>,
    parent: Reference<'a>,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Reference<'a> {
    cid: &'a str,
    uri: &'a str,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Facet<'a> {
    #[serde(borrow)]
    features: Vec<Feature<'a>>,
    index: Index,
}

#[derive(Debug, PartialEq, Deserialize)]
struct Feature<'a> {
    uri: &'a str,
}

#[derive(Debug, PartialEq, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Index {
    byte_start: u32,
    byte_end: u32,
}

fn main() {
    let corpus = Corpus::of(20_000);
    let is_post = |path: &str| path.starts_with("app.bsky.feed.post/");
    let records: Vec<&[u8]> = corpus.records.iter().map(Vec::as_slice).collect();
    let posts: Vec<&[u8]> = corpus
        .paths
        .iter()
        .zip(&records)
        .filter(|(path, _)| is_post(path))
        .map(|(_, record)| *record)
        .collect();
    println!("{} records, {} of them posts", records.len(), posts.len());
    let library_typed = || {
        for post in &posts {
            black_box(serde_ipld_dagcbor::from_slice::<Post<'_>>(post).unwrap());
        }
    };
    let library_any = || {
        for record in &records {
            black_box(serde_ipld_dagcbor::from_slice::<Ipld>(record).unwrap());
        }
    };
    let validate = || records.iter().for_each(|record| cbor::validate(black_box(record)).unwrap());
    let typed = || {
        for post in &posts {
            black_box(cbor::from_slice::<Post<'_>>(post).unwrap());
        }
    };
    let value = || {
        for record in &records {
            black_box(cbor::to_value(record).unwrap());
        }
    };
    let (.., ratio) = paired(21, library_any, validate);
    report("validating pass, × serde_ipld_dagcbor into Ipld", ratio, 0.5);
    let (.., ratio) = paired(51, library_typed, typed);
    report("strict decode of a type, × serde_ipld_dagcbor", ratio, 1.5);
    let (.., ratio) = paired(21, library_any, value);
    report("strict decode of a Value, × serde_ipld_dagcbor into Ipld", ratio, 1.0);
    for record in records {
        let ipld: Ipld = serde_ipld_dagcbor::from_slice(record).unwrap();
        assert_eq!(
            Value::try_from(ipld).unwrap(),
            cbor::to_value(record).unwrap(),
            "both read the same values"
        );
    }
    for post in posts {
        let theirs: Post<'_> = serde_ipld_dagcbor::from_slice(post).unwrap();
        assert_eq!(theirs, cbor::from_slice(post).unwrap(), "both read the same posts");
    }
}
