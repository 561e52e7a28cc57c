//! Catalogs that no one has written: generated code for them compiles without a warning, and does what their schemas say.

#[allow(dead_code, reason = "it is for the program that `compile` makes")]
mod compare;
mod compile;

use atproto_lexicon::codegen::{Code, CodegenError, Config};
use atproto_lexicon::schema::{Catalog, Document};
use atproto_lexicon::testing::schemas::{Choices, catalog};

fn read(documents: &[serde_json::Value]) -> Catalog {
    let mut catalog = Catalog::new();
    for document in documents {
        let read = Document::from_json(document.to_string().as_bytes());
        let read = read.unwrap_or_else(|error| panic!("{error}: {document}"));
        catalog.insert(read).unwrap();
    }
    catalog
}

fn generate(catalog: Catalog, descriptions: bool) -> Result<Code, CodegenError> {
    let roots = roots(&catalog);
    Config::new().catalog(catalog).roots(roots).descriptions(descriptions).generate()
}

/// Those of the roots that are there.
fn roots(catalog: &Catalog) -> Vec<String> {
    let mut roots: Vec<_> = catalog
        .documents()
        .filter_map(|document| document.id.as_str().split('.').next().map(Into::into))
        .collect();
    roots.dedup();
    roots
}

/// Two generations of a catalog, in which the documents come in other orders, are the same.
#[test]
fn any_catalog_has_one_code() {
    let mut generated = 0;
    for seed in 0..300 {
        let (mut documents, _) = catalog(Choices::new(seed), 7);
        let first = generate(read(&documents), seed % 2 == 0);
        documents.reverse();
        let second = generate(read(&documents), seed % 2 == 0);
        match (first, second) {
            (Ok(first), Ok(second)) => {
                assert!(first == second && first.to_text() == second.to_text(), "seed {seed}");
                generated += 1;
            }
            (Err(first), Err(second)) => assert_eq!(first.to_string(), second.to_string()),
            _ => panic!("seed {seed}"),
        }
    }
    assert!(generated > 200, "{generated}");
}
