use super::operation::{print_signed, read};
use super::stop::Stop;
use crate::input::to_hex;
use crate::key::read_secret;
use crate::output::{Outcome, Output};
use atproto_crypto::{PublicKey, Signature};
use atproto_identity::plc::UnsignedOperation;
use clap::Args;
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Args)]
pub(crate) struct Sign {
    #[command(flatten)]
    with: With,
    /// The key that made the signature, as did:key.
    #[arg(long, value_name = "did:key", requires = "signature")]
    public_key: Option<PublicKey>,
    /// The unsigned operation as JSON: a file, or `-`.
    #[arg(value_name = "OPERATION.json", default_value = "-")]
    operation: PathBuf,
}

#[derive(Args)]
#[group(required = true, multiple = false)]
struct With {
    /// File with the secret key as a multikey.
    #[arg(long, value_name = "FILE.key")]
    key_file: Option<PathBuf>,
    /// Attach this signature of the bytes: 64 bytes in base64url.
    #[arg(long, value_name = "BASE64URL", requires = "public_key", value_parser = signature)]
    signature: Option<Signature>,
    /// Print the bytes to be signed, in hexadecimal.
    #[arg(long)]
    bytes: bool,
}

fn signature(text: &str) -> Result<Signature, String> {
    let bytes = data_encoding::BASE64URL_NOPAD.decode(text.trim_end_matches('=').as_bytes());
    let bytes = bytes.ok().and_then(|bytes| bytes.try_into().ok());
    bytes.map(Signature::from_bytes).ok_or_else(|| format!("not {} bytes in base64url", Signature::LEN))
}

impl Sign {
    pub(super) fn run(self, output: &mut Output) -> Result<Outcome, Stop> {
        let input = Path::new("-");
        if self.operation == input && self.with.key_file.as_deref() == Some(input) {
            return Err(Stop::usage("the key and the operation cannot both come from standard input"));
        }
        let (_, operation): (_, UnsignedOperation) = read(&self.operation)?;
        let signed = match (self.with.key_file, self.with.signature, self.public_key) {
            (Some(path), ..) => operation.sign(&read_secret(&path)?).map_err(Stop::refused)?,
            (None, Some(signature), Some(key)) => {
                operation.with_signature(&signature, &key).map_err(Stop::refused)?
            }
            _ => {
                let bytes = to_hex(&operation.to_bytes());
                output.line(&bytes, &json!({"bytes": bytes}))?;
                return Ok(Outcome::Done);
            }
        };
        print_signed(&signed, output)?;
        Ok(Outcome::Done)
    }
}
