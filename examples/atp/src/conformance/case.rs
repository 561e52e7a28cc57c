use data_encoding::BASE64_NOPAD;
use serde_json::{Value as Json, json};

/// A question, and what must be in the answer.
#[derive(Debug, Clone)]
pub(super) struct Case {
    pub(super) name: String,
    /// An object with `op` and what belongs to it.
    pub(super) request: Json,
    /// What the answer must have; it may have more fields.
    pub(super) expected: Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Judgement {
    Passed,
    Failed,
    Skipped,
}

impl Case {
    pub(super) fn new(name: impl Into<String>, request: Json, expected: Json) -> Self {
        Self { name: name.into(), request, expected }
    }

    /// One of which only the verdict counts.
    pub(super) fn verdict(name: impl Into<String>, request: Json, verdict: &str) -> Self {
        Self::new(name, request, json!({ "verdict": verdict }))
    }

    pub(super) fn judge(&self, answer: &Json) -> Judgement {
        if answer["verdict"] == "unsupported" {
            return Judgement::Skipped;
        }
        if has(answer, &self.expected) { Judgement::Passed } else { Judgement::Failed }
    }
}

/// Whether an answer has what is expected: of an object these fields, of a list as many items, each as it is expected.
fn has(answer: &Json, expected: &Json) -> bool {
    match (answer, expected) {
        (Json::Object(answer), Json::Object(expected)) => {
            expected.iter().all(|(name, value)| answer.get(name).is_some_and(|found| has(found, value)))
        }
        (Json::Array(answer), Json::Array(expected)) => {
            answer.len() == expected.len()
                && answer.iter().zip(expected).all(|(answer, expected)| has(answer, expected))
        }
        (answer, expected) => answer == expected,
    }
}

/// `valid` or `invalid`.
pub(super) fn valid(is_valid: bool) -> &'static str {
    if is_valid { "valid" } else { "invalid" }
}

/// Bytes in JSON, as the data model has them.
pub(super) fn bytes(bytes: &[u8]) -> Json {
    json!({ "$bytes": BASE64_NOPAD.encode(bytes) })
}

/// The bytes that a value is, if it is such; padding is optional.
pub(super) fn as_bytes(value: &Json) -> Option<Vec<u8>> {
    BASE64_NOPAD.decode(value.get("$bytes")?.as_str()?.trim_end_matches('=').as_bytes()).ok()
}
