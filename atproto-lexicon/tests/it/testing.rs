//! What is made for tests is what it says.

use arbitrary::Unstructured;
use atproto_lexicon::data::cbor::{self, Profile};
use atproto_lexicon::data::frame::Frame;
use atproto_lexicon::data::{BlobRef, Limits, Link, Object, Value, json};
use atproto_lexicon::schema::{Catalog, Document};
use atproto_lexicon::syntax::{
    AtIdentifier, AtUri, CidString, Datetime, Did, Format, Handle, Language, Nsid, RecordKey, Tid, Uri,
};
use atproto_lexicon::testing::{Hostile, hostile, schemas, strings, values};
use atproto_lexicon::validate::Validator;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::{BTreeSet, HashSet};

/// Each is judged as it must be, and no two have the same name.
fn judge<T: std::fmt::Debug, E: std::fmt::Display>(
    cases: Vec<Hostile<T>>,
    at_least: usize,
    check: impl Fn(&T) -> Result<(), E>,
) {
    let (mut names, mut wrong) = (BTreeSet::new(), Vec::new());
    for case in &cases {
        assert!(names.insert(&case.name), "{} stands twice", case.name);
        let found = check(&case.artefact);
        if found.is_ok() != case.verdict.is_valid() {
            let found = found.err().map(|error| error.to_string());
            wrong.push(format!("{}: {found:?} instead of {:?}", case.name, case.verdict));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(cases.len() >= at_least, "{}", cases.len());
    // Neither to accept all nor to refuse all is right.
    assert!([true, false].iter().all(|valid| cases.iter().any(|case| case.verdict.is_valid() == *valid)));
}

#[test]
fn hostile_strings() {
    judge(hostile::strings(), 150, |(format, text)| format.check(text));
}

#[test]
fn hostile_blocks() {
    judge(hostile::blocks(), 70, |block| cbor::validate(block));
    judge(hostile::drisl_blocks(), 60, |block| {
        cbor::validate_with(block, Profile::Drisl, &Limits::default())
    });
    judge(hostile::records(), 12, |block| cbor::validate_record(block));
    judge(hostile::json_records(), 50, |text| json::to_record(text.as_bytes()).map(drop));
    judge(hostile::frames(), 20, |frame| Frame::parse(frame, &Limits::OBJECT).map(drop));
}

#[test]
fn hostile_documents_and_records() {
    judge(hostile::documents(), 45, |document| {
        Document::from_json(document.to_string().as_bytes()).map(drop)
    });
    let (document, records) = hostile::record_cases();
    let mut catalog = Catalog::new();
    catalog.insert(Document::from_json(document.to_string().as_bytes()).unwrap()).unwrap();
    let nsid: Nsid = "com.example.thing".parse().unwrap();
    judge(records, 40, |(key, record)| {
        let record = json::from_str(&record.to_string()).unwrap();
        Validator::new(&catalog).validate_record(&nsid, key, &record)
    });
}

/// One for each format, from a fuzzer's bytes.
#[test]
fn a_fuzzer_has_every_type() {
    let bytes: Vec<u8> = (0..4096_u32).map(|at| ((at * 167) >> 3) as u8).collect();
    let mut texts = HashSet::new();
    for start in 0..64 {
        let mut input = Unstructured::new(&bytes[start * 40..]);
        macro_rules! texts {
            ($($type:ty),*) => {$( texts.insert(input.arbitrary::<$type>().unwrap().to_string()); )*};
        }
        texts!(AtIdentifier, AtUri, CidString, Datetime, Did, Handle, Language, Nsid, RecordKey, Tid, Uri);
        let value: Value = input.arbitrary().unwrap();
        value.check().unwrap();
        input.arbitrary::<Object>().unwrap().check().unwrap();
        let _: (Link, BlobRef) = input.arbitrary().unwrap();
    }
    assert!(texts.len() > 200, "{}", texts.len());
    // No bytes are an input, too.
    let _: (AtUri, Value) = Unstructured::new(&[]).arbitrary().unwrap();
}

#[test]
fn near_misses_miss() {
    let missed = Cell::new(0);
    proptest!(ProptestConfig::with_cases(400), |((catalog, definition, value) in schemas::with_near_miss())| {
        missed.set(missed.get() + u32::from(Validator::new(&catalog).validate_definition(&definition, &value).is_err()));
    });
    let missed = missed.get();
    assert!((100..400).contains(&missed), "{missed}");
}

#[test]
fn values_of_schemas_satisfy_them() {
    let satisfied = Cell::new(0);
    proptest!(ProptestConfig::with_cases(400), |((catalog, definition, value) in schemas::with_value())| {
        satisfied.set(satisfied.get() + u32::from(Validator::new(&catalog).validate_definition(&definition, &value).is_ok()));
    });
    assert!(satisfied.get() > 200, "{satisfied:?}");
}

proptest! {
    #[test]
    fn strings_are_of_their_formats(
        (format, text) in prop::sample::select(Format::ALL.to_vec())
            .prop_flat_map(|format| strings::of(format).prop_map(move |text| (format, text)))
    ) {
        prop_assert_eq!(format.check(&text), Ok(()));
    }

    #[test]
    fn values_are_of_the_data_model(record in values::record(), blob: BlobRef) {
        let block = cbor::to_vec(&record).unwrap();
        prop_assert_eq!(cbor::to_record(&block).unwrap(), record.clone());
        let text = json::to_string(&record.clone().into()).unwrap();
        prop_assert_eq!(json::to_record(text.as_bytes()).unwrap(), record);
        let object = Object::try_from(&blob).unwrap();
        prop_assert_eq!(BlobRef::try_from(object).unwrap(), blob);
    }

    #[test]
    fn catalogs_are_read(catalog in schemas::catalogs()) {
        prop_assert!(catalog.documents().count() > 0);
    }
}
