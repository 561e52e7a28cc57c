use crate::input::each_item;
use crate::output::{Failure, Outcome, Output};
use atproto_lexicon::syntax::Format;
use clap::Subcommand;
use serde_json::json;

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say of each value whether it is of the format.
    Check {
        /// at-identifier, at-uri, cid, datetime, did, handle, language, nsid, record-key, tid or uri
        format: Format,
        /// The texts to check; after `--` where one begins with a hyphen.
        values: Vec<String>,
    },
}

impl Command {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let Self::Check { format, values } = self;
        each_item(&values, |bytes| {
            let value = String::from_utf8_lossy(bytes);
            let checked = match std::str::from_utf8(bytes) {
                Ok(text) => format.check(text).map_err(|error| error.to_string()),
                Err(error) => Err(format!("not UTF-8: {error}")),
            };
            match checked {
                Ok(()) => {
                    output.line(format!("valid    {value}"), &json!({"value": value, "valid": true}))?
                }
                Err(reason) => {
                    let json = json!({"value": value, "valid": false, "reason": reason});
                    output.line(format!("invalid  {value}: {reason}"), &json)?;
                    return Ok(Outcome::Negative);
                }
            }
            Ok(Outcome::Done)
        })
    }
}
