use crate::output::{Failure, Outcome, Output, printable};
use serde_json::{Value as Json, json};

/// What is printed of an event.
pub(super) struct Report {
    pub(super) seq: Option<u64>,
    pub(super) did: Option<String>,
    pub(super) kind: &'static str,
    pub(super) outcome: &'static str,
    pub(super) reason: Option<String>,
    pub(super) ops: Option<Json>,
    /// What it means for the whole.
    pub(super) counts_as: Outcome,
}

impl Report {
    pub(super) fn new(kind: &'static str, outcome: &'static str) -> Self {
        Self { seq: None, did: None, kind, outcome, reason: None, ops: None, counts_as: Outcome::Done }
    }

    pub(super) fn because(self, counts_as: Outcome, reason: impl ToString) -> Self {
        Self { counts_as, reason: Some(reason.to_string()), ..self }
    }

    pub(super) fn print(self, output: &mut Output) -> Result<(), Failure> {
        let seq = self.seq.map_or("-".into(), |seq| seq.to_string());
        let did = self.did.as_deref().unwrap_or("-");
        let mut text = format!("{seq}  {did}  {}  {}", self.kind, self.outcome);
        if let Some(reason) = &self.reason {
            text.push_str(&format!(": {}", printable(reason)));
        }
        let mut json = json!({"seq": self.seq, "did": self.did, "kind": self.kind, "outcome": self.outcome});
        if let Some(fields) = json.as_object_mut() {
            fields.extend(self.reason.map(|reason| ("reason".into(), reason.into())));
            fields.extend(self.ops.map(|ops| ("ops".into(), ops)));
        }
        output.line(text, &json)
    }
}
