//! Values against the schemas of a small catalog, beside a slow reading of the schemas' JSON.

use crate::lexicon_oracle::Oracle;
use crate::lexicons::{find, spoilt};
use atproto_lexicon::check::Reason;
use atproto_lexicon::data::{Limits, Value, cbor, json};
use atproto_lexicon::schema::{Catalog, Document, Reference};
use atproto_lexicon::testing::schemas::{Choices, of_definition};
use atproto_lexicon::validate::{ValidateError, Validator};
use std::sync::LazyLock;

static SCHEMAS: LazyLock<(Value, Catalog)> = LazyLock::new(|| {
    let document = json::from_str(include_str!("lexicon_value.json")).unwrap();
    let mut catalog = Catalog::new();
    catalog.insert(Document::from_value(&document).unwrap()).unwrap();
    (document, catalog)
});

fn definition(which: u8) -> Reference {
    let defs: Vec<Reference> = SCHEMAS.1.defs().map(|(reference, _)| reference).collect();
    defs[usize::from(which) % defs.len()].clone()
}

/// A value of a definition with no defect or up to three, as bytes choose it.
pub fn about_right(which: u8, kind: u8, bytes: &[u8]) -> Option<Value> {
    let mut rng = Choices::of(kind.into(), bytes);
    let (depth, defects) = (kind / 2 % 4, kind / 8 % 4);
    let value = of_definition(&mut rng, &SCHEMAS.1, &definition(which), depth.into());
    spoilt(value, defects.into(), &mut rng)
}

/// The first byte chooses a definition; the second says whether the others are the text of a value, or choices for one.
pub fn check(data: &[u8]) {
    let [which, kind, bytes @ ..] = data else { return };
    let (document, catalog) = &*SCHEMAS;
    let reference = &definition(*which);
    let value = if kind % 2 == 0 {
        json::from_slice(bytes, &Limits::default()).ok()
    } else {
        about_right(*which, *kind, bytes)
    };
    let Some(value) = value else { return };
    let block = cbor::to_vec(&value).unwrap();
    let decoded = cbor::to_value(&block).unwrap();
    let strict = Validator::new(catalog);
    let verdicts = [strict, strict.lenient()].map(|validator| {
        let all = verdict(validator.validate_definition(reference, &value));
        assert_eq!(verdict(validator.validate_definition(reference, &decoded)), all);
        let first = verdict(validator.first_only().validate_definition(reference, &value));
        assert_eq!(first[..], all[..all.len().min(1)]);
        for (path, reason) in &all {
            let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
            let place = if *reason == Reason::Missing { parent } else { path };
            assert!(find(&value, place).is_some(), "{path}");
        }
        all
    });
    assert!(verdicts[1].is_empty() || !verdicts[0].is_empty());
    for (found, lenient) in verdicts.iter().zip([false, true]) {
        let mut oracle = Oracle { document, lenient, is_wrong: false, is_unknown: false };
        oracle.definition(&reference.name, &value);
        // A definition that is not known is no fault of the value.
        let is_unknown = |(_, reason): &(String, Reason)| matches!(reason, Reason::UnknownDefinition(_));
        assert_eq!(oracle.is_wrong, !found.iter().all(is_unknown), "{reference}: {value:?}: {found:?}");
        assert!(!oracle.is_unknown || !found.is_empty(), "{reference}: {value:?}");
    }
}

/// All that was found, with the places.
fn verdict(result: Result<(), ValidateError>) -> Vec<(String, Reason)> {
    match result {
        Ok(()) => Vec::new(),
        Err(ValidateError::Invalid(failures) | ValidateError::Incomplete(failures)) => {
            failures.iter().map(|failure| (failure.path.clone(), failure.reason.clone())).collect()
        }
        // A token is no type of data.
        Err(error) => vec![(String::new(), Reason::NoData(error.to_string()))],
    }
}
