use crate::input::{each_item, from_hex, read_file, to_hex};
use crate::output::{Failure, Outcome, Output};
use atproto_crypto::rand_core::UnwrapErr;
use atproto_crypto::{Curve, PublicKey, SecretKey, Signature};
use clap::{Args, Subcommand, ValueEnum};
use serde_json::json;
use std::path::{Path, PathBuf};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Make a key; the secret is printed as a multikey.
    New {
        /// The curve.
        #[arg(long, value_enum, default_value_t = CurveName::K256)]
        curve: CurveName,
    },
    /// Show public keys, given as did:key or multikey, in all their forms.
    Inspect {
        /// The keys.
        keys: Vec<String>,
    },
    /// Sign a message; the signature is printed in hexadecimal.
    Sign {
        /// File with the secret key as a multikey.
        #[arg(long)]
        secret_file: PathBuf,
        /// The message: a file, or `-`.
        #[arg(default_value = "-")]
        message: PathBuf,
    },
    /// Verify a signature.
    Verify(Verify),
}

#[derive(Args)]
pub(crate) struct Verify {
    /// The public key, as did:key.
    #[arg(long)]
    key: String,
    /// The signature: 64 bytes in hexadecimal.
    #[arg(long)]
    signature: String,
    /// Accept a high-S signature, as in JWTs.
    #[arg(long)]
    malleable: bool,
    /// The message: a file, or `-`.
    #[arg(default_value = "-")]
    message: PathBuf,
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum CurveName {
    P256,
    K256,
}

impl Command {
    pub(crate) fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        match self {
            Self::New { curve } => {
                let curve = match curve {
                    CurveName::P256 => Curve::P256,
                    CurveName::K256 => Curve::K256,
                };
                // Without the system's randomness no key can be made: then it panics.
                let secret = SecretKey::generate(curve, &mut UnwrapErr(getrandom::SysRng));
                let (did, multikey) = (secret.public_key().to_did_key(), secret.to_multikey());
                let json = json!({"curve": curve.to_string(), "key": did, "secret": multikey.as_str()});
                output.line(format!("key     {did}\nsecret  {}", multikey.as_str()), &json)?;
                Ok(Outcome::Done)
            }
            Self::Inspect { keys } => each_item(&keys, |text| inspect(text, output)),
            Self::Sign { secret_file, message } => {
                let secret = read_secret(&secret_file)?;
                let signature = to_hex(secret.sign(&read_file(&message)?).as_bytes());
                let json = json!({"key": secret.public_key().to_did_key(), "signature": signature});
                output.line(&signature, &json)?;
                Ok(Outcome::Done)
            }
            Self::Verify(arguments) => arguments.run(output),
        }
    }
}

/// Reads a file with a secret key as a multikey.
pub(crate) fn read_secret(path: &Path) -> Result<SecretKey, Failure> {
    let text = String::from_utf8(read_file(path)?).unwrap_or_default();
    SecretKey::from_multikey(text.trim())
        .map_err(|error| Failure::Usage(format!("{}: {error}", path.display())))
}

fn inspect(text: &[u8], output: &mut Output) -> Result<Outcome, Failure> {
    let text = String::from_utf8_lossy(text);
    let key = if text.starts_with("did:") { text.parse() } else { PublicKey::from_multikey(&text) };
    match key {
        Ok(key) => {
            let curve = key.curve();
            let (did, legacy) = (key.to_did_key(), key.to_legacy_multibase());
            let jwk = key.to_jwk();
            let json = json!({
                "valid": true, "curve": curve.to_string(), "key": did, "multikey": key.to_multikey(),
                "legacy": {"type": curve.legacy_method(), "publicKeyMultibase": legacy},
                "jwk": {"kty": jwk.kty, "crv": jwk.crv, "x": jwk.x, "y": jwk.y, "alg": jwk.alg},
                "hex": to_hex(&key.to_compressed()),
            });
            let text = format!(
                "key       {did}\ncurve     {curve} ({})\nmultikey  {}\nlegacy    {legacy} ({})\npoint     {}",
                curve.jwt_algorithm(),
                key.to_multikey(),
                curve.legacy_method(),
                to_hex(&key.to_compressed()),
            );
            output.line(text, &json)?;
            Ok(Outcome::Done)
        }
        Err(error) => {
            let json = json!({"value": text, "valid": false, "reason": error.to_string()});
            output.line(format!("invalid  {text}: {error}"), &json)?;
            Ok(Outcome::Negative)
        }
    }
}

impl Verify {
    fn run(self, output: &mut Output) -> Result<Outcome, Failure> {
        let key: PublicKey = self.key.parse().map_err(|error| Failure::Usage(format!("--key: {error}")))?;
        let signature = from_hex(self.signature.as_bytes()).ok_or_else(|| {
            Failure::Usage(format!("--signature is not hexadecimal, {} bytes of it", Signature::LEN))
        })?;
        let message = read_file(&self.message)?;
        let verdict = if self.malleable {
            key.verify_malleable(&message, &signature)
        } else {
            key.verify(&message, &signature)
        };
        match verdict {
            Ok(()) => {
                output.line("valid", &json!({"valid": true}))?;
                Ok(Outcome::Done)
            }
            Err(error) => {
                let json = json!({"valid": false, "reason": error.to_string()});
                output.line(format!("invalid  {error}"), &json)?;
                Ok(Outcome::Negative)
            }
        }
    }
}
