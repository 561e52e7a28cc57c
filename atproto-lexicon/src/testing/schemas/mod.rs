//! Lexicon documents with everything that the language has, and values that satisfy their schemas or just miss them.
//!
//! ```
//! use atproto_lexicon::testing::schemas;
//! use atproto_lexicon::validate::Validator;
//! use proptest::prelude::*;
//!
//! proptest!(ProptestConfig::with_cases(16), |((catalog, definition, value) in schemas::with_value())| {
//!     // It is made as its schema says, as far as that is possible.
//!     let _ = Validator::new(&catalog).validate_definition(&definition, &value);
//! });
//! ```

mod choices;
mod documents;
mod names;
mod values;

pub use choices::Choices;
pub use documents::catalog;
pub use values::{anything, of_definition, of_type, spoil};

use crate::data::{Value, json};
use crate::schema::{Catalog, Document, Reference};
use proptest::collection::vec;
use proptest::prelude::*;

/// Documents, as JSON, that are a catalog together: up to seven with names, properties and values that a generator of code, a
/// linter or a form could fall over.
pub fn documents() -> impl Strategy<Value = Vec<serde_json::Value>> {
    (any::<u64>(), vec(any::<u8>(), 0..64)).prop_map(|(seed, bytes)| catalog(Choices::of(seed, &bytes), 7).0)
}

/// Such documents, read.
pub fn catalogs() -> impl Strategy<Value = Catalog> {
    documents().prop_map(|documents| read(&documents))
}

fn read(documents: &[serde_json::Value]) -> Catalog {
    let mut catalog = Catalog::new();
    for document in documents {
        let read = Document::from_json(document.to_string().as_bytes());
        catalog.insert(read.unwrap_or_else(|error| panic!("{error}: {document}"))).unwrap();
    }
    catalog
}

/// A catalog, one of its definitions, and a value that is as it says, as far as such values exist at small depth.
pub fn with_value() -> impl Strategy<Value = (Catalog, Reference, Value)> {
    with_defects(0)
}

/// [`with_value`], the value changed in one to three places: most of them miss the schema there.
pub fn with_near_miss() -> impl Strategy<Value = (Catalog, Reference, Value)> {
    (1..=3_usize).prop_flat_map(with_defects)
}

fn with_defects(count: usize) -> impl Strategy<Value = (Catalog, Reference, Value)> {
    (any::<u64>(), any::<u64>(), 0..5_usize).prop_map(move |(schema, value, depth)| {
        let catalog = read(&catalog(Choices::new(schema), 7).0);
        let mut choices = Choices::new(value);
        let definitions: Vec<Reference> = catalog.defs().map(|(reference, _)| reference).collect();
        let definition = definitions[choices.below(definitions.len())].clone();
        let mut value = of_definition(&mut choices, &catalog, &definition, depth);
        for _ in 0..count {
            spoil(&mut choices, &mut value);
        }
        // What has become none of the data model is another value's defect.
        let is_value = json::to_string(&value).is_ok_and(|text| json::from_str(&text).is_ok());
        (catalog, definition, if is_value { value } else { Value::Null })
    })
}
