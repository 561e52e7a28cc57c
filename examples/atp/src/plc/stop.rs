//! Why a command goes no further.

use crate::network::{describe, outcome, reason, word};
use crate::output::{Failure, Outcome, Output, printable};
use atproto_identity::plc::ClientError;
use atproto_lexicon::syntax::Did;
use serde_json::{Value as Json, json};
use std::fmt::Display;

/// Why a command goes no further: it cannot be carried out, or there is something to print.
pub(crate) enum Stop {
    Failure(Failure),
    Print { text: String, json: Json, outcome: Outcome },
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl From<Stop> for crate::remote::Stop {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Failure(failure) => Self::Failure(failure),
            Stop::Print { text, json, outcome } => Self::Print { text, json, outcome },
        }
    }
}

impl Stop {
    /// Because it would not be right.
    pub(super) fn refused(reason: impl Display) -> Self {
        let reason = reason.to_string();
        let json = json!({"verdict": "refused", "reason": reason});
        Self::Print { text: format!("refused: {reason}"), json, outcome: Outcome::Negative }
    }

    /// Because of the arguments.
    pub(super) fn usage(text: impl Into<String>) -> Self {
        Self::Failure(Failure::Usage(text.into()))
    }

    /// Because of what the directory says, or that it says nothing.
    pub(crate) fn client(did: &Did, error: &ClientError) -> Self {
        let (word, reason, outcome, more) = match error {
            ClientError::Fetch(error) => (word(error), reason(error), outcome(error), describe(error)),
            ClientError::Rejected { status, .. } => {
                let more = [("status".to_owned(), Json::from(*status))].into_iter().collect();
                ("rejected", error.to_string(), Outcome::Negative, more)
            }
            ClientError::Log(_) => ("invalid_log", error.to_string(), Outcome::Negative, Default::default()),
            _ => ("malformed", error.to_string(), Outcome::Negative, Default::default()),
        };
        let text = format!("{word}  {did}: {reason}");
        let mut json = more;
        for (name, value) in [("did", did.as_str()), ("error", word), ("reason", &reason)] {
            json.insert(name.into(), value.into());
        }
        Self::Print { text, json: json.into(), outcome }
    }

    pub(super) fn print(self, output: &mut Output) -> Result<Outcome, Failure> {
        match self {
            Self::Failure(failure) => Err(failure),
            Self::Print { text, json, outcome } => {
                output.line(printable(&text), &json)?;
                Ok(outcome)
            }
        }
    }
}
