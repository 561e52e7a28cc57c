use crate::input::{each_item, from_hex, to_hex};
use crate::output::{Failure, Outcome, Output};
use atproto_lexicon::data::cbor::{self, Profile};
use atproto_lexicon::data::{Cid, Limits, Value, json as data_json};
use clap::{Subcommand, ValueEnum};
use serde_json::{Value as Json, json};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Say of each block whether it is in canonical form, its CID, and what it holds.
    Check {
        /// Which values are allowed.
        #[arg(long, value_enum, default_value_t = ProfileName::Atproto)]
        profile: ProfileName,
        /// Blocks in hexadecimal.
        blocks: Vec<String>,
    },
    /// Write JSON of the data model as DAG-CBOR, in hexadecimal.
    Encode {
        /// Take any value, not only an object.
        #[arg(long)]
        any: bool,
        /// JSON texts.
        #[arg(allow_negative_numbers = true)]
        values: Vec<String>,
    },
    /// Write DAG-CBOR as JSON.
    Decode {
        /// Blocks in hexadecimal.
        blocks: Vec<String>,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum ProfileName {
    /// AT Protocol's data model: no floats, integers of 64 bits.
    Atproto,
    /// DRISL: floats, larger integers.
    Drisl,
}

impl Command {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        match self {
            Self::Check { profile, blocks } => each_item(&blocks, |hex| {
                let checked =
                    from_hex(hex).ok_or(NOT_HEX.to_owned()).and_then(|block| check(&block, profile));
                let (text, json, outcome) = match checked {
                    Ok((cid, json)) => (
                        format!("valid    {cid}  {json}"),
                        json!({"valid": true, "cid": cid.to_string(), "json": json}),
                        Outcome::Done,
                    ),
                    Err(reason) => (
                        format!("invalid  {reason}"),
                        json!({"valid": false, "reason": reason, "cid": null, "json": null}),
                        Outcome::Negative,
                    ),
                };
                output.line(text, &json)?;
                Ok(outcome)
            }),
            Self::Encode { any, values } => each_item(&values, |text| {
                let encoded = encode(text, any).map(|block| {
                    let cid = Cid::of_dag_cbor(&block).to_string();
                    (to_hex(&block), json!({"valid": true, "hex": to_hex(&block), "cid": cid}))
                });
                print(output, encoded)
            }),
            Self::Decode { blocks } => each_item(&blocks, |hex| {
                let decoded =
                    decode(hex).map(|json| (json.to_string(), json!({"valid": true, "json": json})));
                print(output, decoded)
            }),
        }
    }
}

const NOT_HEX: &str = "not hexadecimal";

/// Checks a block; what it holds is null where JSON cannot say it.
fn check(block: &[u8], profile: ProfileName) -> Result<(Cid, Json), String> {
    let checked = match profile {
        ProfileName::Atproto => cbor::to_value(block).map(drop),
        ProfileName::Drisl => cbor::validate_with(block, Profile::Drisl, &Limits::default()),
    };
    checked.map_err(|error| error.to_string())?;
    let json = cbor::to_value(block).ok().and_then(|value| to_json(&value).ok());
    Ok((Cid::of_dag_cbor(block), json.unwrap_or_default()))
}

fn encode(text: &[u8], any: bool) -> Result<Vec<u8>, String> {
    let value = if any {
        data_json::from_slice(text, &Limits::default())
    } else {
        data_json::to_record(text).map(Value::Object)
    };
    let value = value.map_err(|error| error.to_string())?;
    cbor::to_vec(&value).map_err(|error| error.to_string())
}

fn decode(hex: &[u8]) -> Result<Json, String> {
    let block = from_hex(hex).ok_or(NOT_HEX)?;
    to_json(&cbor::to_value(&block).map_err(|error| error.to_string())?)
}

/// The value as JSON of the data model.
pub(crate) fn to_json(value: &Value) -> Result<Json, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

fn print(output: &mut Output, result: Result<(String, Json), String>) -> Result<Outcome, Failure> {
    match result {
        Ok((text, json)) => {
            output.line(text, &json)?;
            Ok(Outcome::Done)
        }
        Err(reason) => {
            output.line(format!("invalid  {reason}"), &json!({"valid": false, "reason": reason}))?;
            Ok(Outcome::Negative)
        }
    }
}
