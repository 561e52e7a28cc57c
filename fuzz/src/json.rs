//! The JSON mapping beside `serde_json`, and through DAG-CBOR and back.

use atproto_lexicon::data::{Limits, Value, cbor, json};

pub fn check(data: &[u8]) {
    match json::from_slice(data, &Limits::default()) {
        Ok(value) => {
            let text = json::to_string(&value).unwrap();
            assert_eq!(json::from_str(&text).as_ref(), Ok(&value), "{text}");
            let bytes = cbor::to_vec(&value).unwrap();
            assert_eq!(cbor::to_value(&bytes).as_ref(), Ok(&value));
            // The library nests one level less deep.
            match serde_json::from_slice::<serde_json::Value>(data) {
                Ok(_) => {}
                Err(error) => assert!(error.to_string().contains("recursion"), "{error}: {text}"),
            }
            if let Ok(theirs) = serde_json::from_slice::<Value>(data) {
                assert_eq!(theirs, value);
            }
        }
        Err(error) => assert!(error.offset <= data.len()),
    }
}
